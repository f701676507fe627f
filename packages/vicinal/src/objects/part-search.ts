/**
 * Searches one part of an index object: a store and the index over it. The promises are the query planner's: the recall
 * that was asked for, by what was measured when the index was built, and k hits whenever so many vectors may be answered.
 */
import type { VectorIndex } from "../index/contract.js";
import { FlatIndex } from "../index/flat/index.js";
import { DEFAULT_RECALL, EFFORT_STEP, plannedEffort } from "../query/plan.js";
import { countBits } from "../runtime/bits.js";
import { searchShares, worthThreads } from "./batch-threads.js";
import { Breath } from "./breath.js";
import type { Hits, PartHits } from "./hits.js";

/** Queries that a batched scan keeps heaps for at a time. */
const SCAN_QUERIES = 256;

export interface PartRequest {
  /** One after the other; of unit length for Cosine. */
  queries: Float32Array;
  k: number;
  /** Over the part's ordinals; undefined: all may be answered. */
  bits: Uint32Array | undefined;
  recall: number | undefined;
  effort: number | undefined;
  exact: boolean;
  /** Vectors that were removed since the index was built. */
  removed: number;
  signal: AbortSignal | undefined;
}

/** Searches the part whose ordinal 0 has the label `first`. */
export async function searchPart(index: VectorIndex, first: number, request: PartRequest): Promise<PartHits> {
  const { bits } = request;
  const { count, dimensions } = index.store;
  const matching = bits ? countBits(bits) : count;
  const k = Math.min(request.k, matching);
  const part: PartHits = { first, hits: [], scored: 0, visited: 0 };
  const total = request.queries.length / dimensions;
  const query = (i: number) => request.queries.subarray(i * dimensions, (i + 1) * dimensions);
  if (k === 0) {
    const none = { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    part.hits = Array.from({ length: total }, () => none);
    return part;
  }
  const scan = new FlatIndex(index.store);
  const effort = firstEffort(index, request, k, matching);
  const batch = { ...request, k, effort };
  if (worthThreads(index, batch)) {
    await searchShares(index, part, batch);
    for (let i = 0; i < total; i++)
      if (part.hits[i].ordinals.length < k)
        part.hits[i] = searchOne(index, scan, part, { query: query(i), k, bits, effort });
    return part;
  }
  if (effort === undefined && !bits && total > 1) {
    await scanBatch(scan, part, { ...request, k });
    return part;
  }
  const breath = new Breath(request.signal);
  for (let i = 0; i < total; i++) {
    part.hits.push(searchOne(index, scan, part, { query: query(i), k, bits, effort }));
    if (breath.due) await breath.take();
  }
  return part;
}

/**
 * The effort to begin with, or undefined when only a scan keeps the promise, or costs less. Unlike in a database an index
 * that was not measured is searched all the same, unless a recall is asked for.
 */
function firstEffort(
  index: VectorIndex,
  request: PartRequest,
  k: number,
  matching: number,
): number | undefined {
  const { exact, effort: given, recall, removed: dead } = request;
  const { count } = index.store;
  const unmeasured = !index.calibration && recall === undefined && !exact && !index.exact;
  const effort =
    given === undefined && unmeasured
      ? index.effort.default
      : plannedEffort(
          index,
          { exact, effort: given, recall: recall ?? DEFAULT_RECALL },
          { k, matching, count, dead },
        )?.effort;
  const scanned = matching * (matching / count);
  return effort === undefined || (given === undefined && scanned <= effort * index.effort.scored)
    ? undefined
    : effort;
}

interface OneRequest {
  query: Float32Array;
  k: number;
  bits: Uint32Array | undefined;
  effort: number | undefined;
}

function searchOne(index: VectorIndex, scan: FlatIndex, part: PartHits, request: OneRequest): Hits {
  const { query, k, bits } = request;
  let { effort } = request;
  while (effort !== undefined) {
    const { stats, exhausted, ...hits } = index.search({ query, k, effort, bits });
    part.scored += stats.scored;
    part.visited += stats.visited;
    if (hits.ordinals.length >= k) return hits;
    effort = exhausted || effort >= index.effort.max ? undefined : effort * EFFORT_STEP;
  }
  const { stats, ordinals, distances } = scan.search({ query, k, bits });
  part.scored += stats.scored;
  return { ordinals, distances };
}

/** All rows are read once for many queries. */
async function scanBatch(scan: FlatIndex, part: PartHits, request: PartRequest): Promise<void> {
  const { queries, k } = request;
  const { dimensions, count } = scan.store;
  const breath = new Breath(request.signal);
  for (let at = 0; at < queries.length; at += SCAN_QUERIES * dimensions) {
    const some = queries.subarray(at, at + SCAN_QUERIES * dimensions);
    const steps = scan.searchMany(some, k);
    let step = steps.next();
    try {
      for (; !step.done; step = steps.next()) if (breath.due) await breath.take();
    } finally {
      if (!step.done) steps.return({ k, ordinals: new Uint32Array(0), distances: new Float32Array(0) });
    }
    const { ordinals, distances } = step.value;
    for (let from = 0; from < ordinals.length; from += k)
      part.hits.push({
        ordinals: ordinals.subarray(from, from + k),
        distances: distances.subarray(from, from + k),
      });
    part.scored += (some.length / dimensions) * count;
  }
}
