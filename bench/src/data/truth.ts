/** Exact neighbours on all processors: this file is both the caller and the code of its worker threads. */
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type ExactTask, exactSearcher } from "./exact.js";
import type { Report } from "./sources.js";

interface Block {
  first: number;
  last: number;
}

interface Answer extends Block {
  ids: Int32Array;
}

/** Queries per message: enough to stay in the cache's favour, few enough for a moving progress bar. */
const blockQueries = 20;

/** Exact `depth` nearest ids of each query, row-major. `base` and `queries` must lie in shared memory. */
export async function exactNeighbors(task: ExactTask, report: Report): Promise<Int32Array> {
  if (task.dimensions % 4 !== 0) throw new Error(`dimensions ${task.dimensions} is no multiple of 4`);
  const queryCount = task.queries.length / task.dimensions;
  const neighbors = new Int32Array(queryCount * task.depth);
  let next = 0;
  let done = 0;

  const run = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: task });
      const give = () => {
        if (next >= queryCount) {
          void worker.terminate();
          resolve();
          return;
        }
        const block: Block = { first: next, last: Math.min(queryCount, next + blockQueries) };
        next = block.last;
        worker.postMessage(block);
      };
      worker.on("message", ({ first, last, ids }: Answer) => {
        neighbors.set(ids, first * task.depth);
        done += last - first;
        report(done, queryCount);
        give();
      });
      worker.on("error", reject);
      give();
    });
  await Promise.all(Array.from({ length: availableParallelism() }, run));
  return neighbors;
}

if (!isMainThread && parentPort) {
  const port = parentPort;
  const search = exactSearcher(workerData as ExactTask);
  port.on("message", ({ first, last }: Block) => {
    const ids = search(first, last);
    port.postMessage({ first, last, ids } satisfies Answer, [ids.buffer as ArrayBuffer]);
  });
}
