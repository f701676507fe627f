/** How HNSW's graph grows: node by node or in batches, in layers or flat; see graph/build-steps.ts for the rest. */
import { type GraphJob, type GraphMethod, graphSteps } from "../graph/build-steps.js";
import { partStart, share } from "../graph/crew.js";
import { linkAll } from "../graph/flat-graph.js";
import type { VectorStore } from "../vector-store.js";

export interface HnswWork {
  m: number;
  flat: boolean;
}

/**
 * The nodes of a batch do not see each other, so that a batch is a small part of the graph that they are put into
 * (ParlayANN's 2 % lose 0.001 to 0.002 of recall on 100,000 words; half of that is taken); the first nodes come one by one.
 */
const BATCH_SHARE = 0.01;
const LEAST_GRAPH = 1000;
const LARGEST_BATCH = 512;

/** The halves of an insertion; see the kernels' insert.ts. */
const PLACE = 0;
const GIVE_BACK = 1;
/** Nodes of a part of the first half; parts of the second. */
const PLACED_PER_PART = 8;
const SHARES = 32;

/** Inserts into layers, in batches that threads share. */
function* insert(
  store: VectorStore,
  job: GraphJob<HnswWork>,
  first: number,
  count: number,
): Generator<number, void> {
  const { layout, crew, ef } = job;
  const { kernels, arena } = store;
  const { u32, u8 } = arena;
  const before = layout.count - job.bodyCount - job.withheldCount + first;
  const perform = performer(store, job);
  const rises = (place: number) =>
    u8[layout.levels + u32[(job.order >>> 2) + first + place]] > kernels.graphTop(layout.head);
  for (let done = 0; done < count; ) {
    const inserted = before + done;
    const wanted = inserted < LEAST_GRAPH ? 1 : Math.min(LARGEST_BATCH, Math.floor(inserted * BATCH_SHARE));
    let length = 0;
    while (length < wanted && done + length < count && !rises(done + length)) length++;
    if (length <= 1) {
      // One alone: it is the only one yet, or it makes a new top.
      length = 1;
      kernels.graphInsert(layout.head, job.slot, job.order + (first + done) * 4, 1, ef);
    } else {
      const batch = { first: first + done, count: length };
      const parts = Math.ceil(length / PLACED_PER_PART);
      for (const _ of share(crew, perform, { ...batch, kind: PLACE, parts })) yield done;
      for (const _ of share(crew, perform, { ...batch, kind: GIVE_BACK, parts: SHARES })) yield done;
    }
    done += length;
    yield done;
  }
}

function performer(store: VectorStore, job: GraphJob<HnswWork>) {
  const { head } = job.layout;
  const { kernels } = store;
  return (kind: number, first: number, count: number, part: number, parts: number) => {
    if (kind === GIVE_BACK) {
      kernels.graphGiveBack(head, job.slot, job.order + first * 4, count, part, parts);
      return;
    }
    const from = partStart(count, part, parts);
    const length = partStart(count, part + 1, parts) - from;
    kernels.graphPlace(head, job.slot, job.order + (first + from) * 4, length, job.ef);
  };
}

function* add(
  store: VectorStore,
  job: GraphJob<HnswWork>,
  first: number,
  count: number,
): Generator<number, void> {
  const { layout, ef, own } = job;
  if (!own.flat) {
    yield* insert(store, job, first, count);
    return;
  }
  const rule = { ef, width: ef, visited: false, most: own.m, keep: layout.slots, factor: 1 };
  yield* linkAll(store, job, layout.head, job.order + first * 4, count, rule);
}

export const hnswMethod: GraphMethod<HnswWork> = {
  grow: (store, job) => add(store, job, 0, job.bodyCount),
  add,
  perform: performer,
};

export const hnswSteps = graphSteps(hnswMethod);
