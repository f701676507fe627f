/** The worker thread's end of runtime/pool.ts, in Node, Bun and Deno. */
import { parentPort } from "node:worker_threads";
import { serveTasks, type TaskMessage, type Tasks } from "../../runtime/tasks.js";

export function serve(tasks: Tasks): void {
  const run = serveTasks((message) => parentPort?.postMessage(message), tasks);
  parentPort?.on("message", (message: TaskMessage) => void run(message));
}
