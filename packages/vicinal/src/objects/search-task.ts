/** A worker's share of a batch: the same search for each of some queries, on a store and an index that it was lent. */
import { familyNamed } from "../index/families.js";
import { FlatIndex } from "../index/flat/index.js";
import { type StoreHandle, VectorStore } from "../index/vector-store.js";
import { VicinalError } from "../runtime/errors.js";
import type { TaskContext } from "../runtime/tasks.js";

export interface ShareInput {
  store: StoreHandle;
  /** What the index lent; undefined: all vectors are compared. */
  index: { family: string; handle: unknown; effort: number } | undefined;
  /** One after the other. */
  queries: Float32Array;
  k: number;
  /** Over the store's ordinals; for scans only. */
  bits: Uint32Array | undefined;
  /** Region of a batched scan, where there are no bits. */
  work: number;
}

/** Hits of the queries one after the other: `found` of each. */
export interface ShareHits {
  found: Uint32Array;
  ordinals: Uint32Array;
  distances: Float32Array;
  scored: number;
  visited: number;
}

export function run(input: unknown, context: TaskContext): ShareHits {
  const share = input as ShareInput;
  const store = VectorStore.attach(share.store);
  return share.index || share.bits
    ? oneByOne(store, share, context)
    : together(new FlatIndex(store), share, context);
}

function oneByOne(store: VectorStore, share: ShareInput, context: TaskContext): ShareHits {
  const { queries, k, bits, index } = share;
  const { dimensions } = store;
  const searched = index ? familyNamed(index.family).attach?.(store, index.handle) : new FlatIndex(store);
  if (!searched) throw new VicinalError("INTERNAL", `${index?.family} lends what it cannot attach`);
  const effort = index?.effort ?? 1;
  const count = queries.length / dimensions;
  const hits: ShareHits = {
    found: new Uint32Array(count),
    ordinals: new Uint32Array(count * k),
    distances: new Float32Array(count * k),
    scored: 0,
    visited: 0,
  };
  let at = 0;
  for (let i = 0; i < count; i++) {
    stopIfCancelled(context);
    const query = queries.subarray(i * dimensions, (i + 1) * dimensions);
    const { ordinals, distances, stats } = searched.search({ query, k, effort, bits });
    hits.found[i] = ordinals.length;
    hits.ordinals.set(ordinals, at);
    hits.distances.set(distances, at);
    at += ordinals.length;
    hits.scored += stats.scored;
    hits.visited += stats.visited;
  }
  return hits;
}

/** All rows are read once for all queries. */
function together(scan: FlatIndex, { queries, k, work }: ShareInput, context: TaskContext): ShareHits {
  const steps = scan.searchMany(queries, k, work);
  let step = steps.next();
  for (; !step.done; step = steps.next()) stopIfCancelled(context);
  const { k: each, ordinals, distances } = step.value;
  const count = queries.length / scan.store.dimensions;
  const found = new Uint32Array(count).fill(each);
  return { found, ordinals, distances, scored: count * scan.store.count, visited: 0 };
}

function stopIfCancelled(context: TaskContext): void {
  if (context.cancelled()) throw new VicinalError("CANCELLED", "The search was cancelled");
}
