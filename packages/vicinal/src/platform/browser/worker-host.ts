/** Starts workers in a page. */
import type { TaskReply, WorkerHandle } from "../../runtime/tasks.js";

export const parallelism: number = navigator.hardwareConcurrency || 2;

export function startWorker(
  onReply: (reply: TaskReply) => void,
  onFailure: (reason: unknown) => void,
): WorkerHandle {
  const worker = new Worker(new URL("../../worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", (event: MessageEvent<TaskReply>) => onReply(event.data));
  worker.addEventListener("error", (event) => onFailure(event.error ?? new Error(event.message)));
  return {
    post: (message) => worker.postMessage(message),
    keepAlive: () => {},
    end: () => worker.terminate(),
  };
}
