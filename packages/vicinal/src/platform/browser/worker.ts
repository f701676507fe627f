/** The worker's end of runtime/pool.ts, in a page. */
import { serveTasks, type TaskMessage, type TaskReply, type Tasks } from "../../runtime/tasks.js";

const scope = globalThis as unknown as {
  postMessage(message: TaskReply): void;
  addEventListener(type: "message", listener: (event: { data: TaskMessage }) => void): void;
};

export function serve(tasks: Tasks): void {
  const run = serveTasks((message) => scope.postMessage(message), tasks);
  scope.addEventListener("message", (event) => void run(event.data));
}
