/** Starts worker threads, in Node, Bun and Deno. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { TaskReply, WorkerHandle } from "../../runtime/tasks.js";

export const parallelism: number = availableParallelism();

/** Starts a worker that does not keep the process alive until told so. */
export function startWorker(
  onReply: (reply: TaskReply) => void,
  onFailure: (reason: unknown) => void,
): WorkerHandle {
  const worker = new Worker(new URL("../../worker.js", import.meta.url), { execArgv: [] });
  worker.on("message", onReply);
  worker.on("error", onFailure);
  worker.on("exit", (code) => onFailure(new Error(`The worker ended with code ${code}`)));
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    keepAlive: (wanted) => (wanted ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}
