/** How HNSW's graph grows: node by node, in layers or flat; see graph/build-steps.ts for what comes before and after. */
import { type GraphJob, type GraphMethod, graphSteps, inParts } from "../graph/build-steps.js";
import { linkAll } from "../graph/flat-graph.js";
import type { VectorStore } from "../vector-store.js";

export interface HnswWork {
  m: number;
  flat: boolean;
}

function* add(
  store: VectorStore,
  job: GraphJob<HnswWork>,
  first: number,
  count: number,
): Generator<number, void> {
  const { layout, ef, own } = job;
  const list = job.order + first * 4;
  if (own.flat) {
    const rule = { ef, width: ef, visited: false, most: own.m, keep: layout.slots, factor: 1 };
    yield* linkAll(store, job, layout.head, list, count, rule);
    return;
  }
  yield* inParts(count, ef * layout.slots, (done, length) => {
    store.kernels.graphInsert(layout.head, job.slot, list + done * 4, length, ef);
  });
}

const method: GraphMethod<HnswWork> = {
  grow: (store, job) => add(store, job, 0, job.bodyCount),
  add,
};

export const hnswSteps = graphSteps(method);
