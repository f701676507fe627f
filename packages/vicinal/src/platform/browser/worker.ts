/** The worker's end of runtime/pool.ts, in a page. */
import { serveTasks, type TaskMessage, type TaskReply } from "../../runtime/tasks.js";

const scope = globalThis as unknown as {
  postMessage(message: TaskReply): void;
  addEventListener(type: "message", listener: (event: { data: TaskMessage }) => void): void;
};
const serve = serveTasks((message) => scope.postMessage(message));
scope.addEventListener("message", (event) => void serve(event.data));
