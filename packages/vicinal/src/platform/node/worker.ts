/** The worker thread's end of runtime/pool.ts, in Node, Bun and Deno. */
import { parentPort } from "node:worker_threads";
import { serveTasks, type TaskMessage } from "../../runtime/tasks.js";

const port = parentPort;
if (port) {
  const serve = serveTasks((message) => port.postMessage(message));
  port.on("message", (message: TaskMessage) => void serve(message));
}
