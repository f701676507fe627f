/** A large batch of queries in shares, each on a worker: the store and the index are lent, nothing large is copied. */
import type { VectorIndex } from "../index/contract.js";
import { searchManyBytes } from "../index/flat/index.js";
import { canRunTasks, runTask, workerCount } from "../runtime/pool.js";
import type { Hits, PartHits } from "./hits.js";
import type { ShareHits, ShareInput } from "./search-task.js";

/** Products of components that a batch must cost: below it, starting workers takes longer than they save. */
const LEAST_WORK = 1e9;
/** Queries of one share at least. */
const LEAST_QUERIES = 16;
/** Queries of one share at most: they have heaps in the store's memory at a time. */
const MOST_QUERIES = 256;
/** Hits that a lent scratch has room for: the best of these are measured again on the floats. */
const REFINED = 4;
const LEAST_ROOM = 1024;

export interface BatchRequest {
  queries: Float32Array;
  k: number;
  bits: Uint32Array | undefined;
  /** Undefined: all vectors are compared. */
  effort: number | undefined;
  signal: AbortSignal | undefined;
}

/** Whether workers would answer the batch sooner. */
export function worthThreads(index: VectorIndex, { queries, bits, effort }: BatchRequest): boolean {
  const { store } = index;
  if (!store.shared || !canRunTasks() || queries.length / store.dimensions < 2 * LEAST_QUERIES) return false;
  if (effort !== undefined && (bits || !index.lend)) return false;
  const scored = effort === undefined ? store.count : effort * index.effort.scored;
  return scored * queries.length >= LEAST_WORK;
}

/** Adds the hits of all queries to the part, in their order. */
export async function searchShares(index: VectorIndex, part: PartHits, request: BatchRequest): Promise<void> {
  const { dimensions } = index.store;
  const threads = await workerCount();
  const each = Math.ceil(request.queries.length / dimensions / threads);
  const length = Math.min(MOST_QUERIES, Math.max(LEAST_QUERIES, each)) * dimensions;
  const shares: Float32Array[] = [];
  for (let at = 0; at < request.queries.length; at += length)
    shares.push(request.queries.slice(at, at + length));
  const answers: ShareHits[] = [];
  let next = 0;
  const lanes = Array.from({ length: Math.min(threads, shares.length) }, () =>
    searchLane(index, request, async (search) => {
      while (next < shares.length) {
        const share = next++;
        answers[share] = await search(shares[share]);
      }
    }),
  );
  // All must have ended before what was lent may go.
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
  for (const answer of answers) {
    part.hits.push(...hitsOf(answer));
    part.scored += answer.scored;
    part.visited += answer.visited;
  }
}

/** Lends the index to one thread for as long as `use` has shares for it. */
async function searchLane(
  index: VectorIndex,
  request: BatchRequest,
  use: (search: (queries: Float32Array) => Promise<ShareHits>) => Promise<void>,
): Promise<void> {
  const { k, bits, effort, signal } = request;
  const { store, family } = index;
  const { arena } = store;
  const scan = effort === undefined;
  const lent = store.lend(Math.max(LEAST_ROOM, REFINED * k));
  const handle = scan ? undefined : index.lend?.(Math.max(LEAST_ROOM, k, Math.ceil(effort)));
  const work = scan && !bits ? arena.allocate(searchManyBytes(store.dimensions, MOST_QUERIES, k)) : 0;
  try {
    const shared = { store: lent, index: scan ? undefined : { family, handle, effort }, k, bits, work };
    await use((queries) => {
      const input: ShareInput = { ...shared, queries };
      return runTask<ShareHits>("batch-search", input, { signal });
    });
  } finally {
    if (work) arena.release(work);
    if (!scan) index.takeBack?.(handle);
    store.takeBack(lent);
  }
}

function hitsOf({ found, ordinals, distances }: ShareHits): Hits[] {
  let at = 0;
  return Array.from(found, (length) => {
    const from = at;
    at += length;
    return { ordinals: ordinals.subarray(from, at), distances: distances.subarray(from, at) };
  });
}
