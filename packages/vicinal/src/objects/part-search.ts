/**
 * Searches one part of an index object: a store and the index over it. The promises are the query planner's: the recall
 * that was asked for, by what was measured when the index was built, and k hits whenever so many vectors may be answered.
 */
import type { VectorIndex } from "../index/contract.js";
import { FlatIndex } from "../index/flat/index.js";
import { DEFAULT_RECALL, EFFORT_STEP, plannedEffort, type Share, speaksFor } from "../query/plan.js";
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
  /** Whether the caller chose what may be answered: the bits then may have to do with the query. */
  filtered: boolean;
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
  const share: Share = { k, matching, count, dead: request.removed };
  const effort = firstEffort(index, request, share);
  const promised = request.filtered && request.effort === undefined;
  const one = (i: number) => searchOne(index, scan, part, { query: query(i), bits, effort, share, promised });
  const batch = { ...request, k, effort };
  if (worthThreads(index, batch)) {
    await searchShares(index, part, batch);
    for (let i = 0; i < total; i++) if (part.hits[i].ordinals.length < k) part.hits[i] = one(i);
    return part;
  }
  if (effort === undefined && !bits && total > 1) {
    await scanBatch(scan, part, { ...request, k });
    return part;
  }
  const breath = new Breath(request.signal);
  for (let i = 0; i < total; i++) {
    part.hits.push(one(i));
    if (breath.due) await breath.take();
  }
  return part;
}

/**
 * The effort to begin with, or undefined when only a scan keeps the promise, or costs less. Unlike in a database an index
 * that was not measured is searched all the same, unless a recall is asked for.
 */
function firstEffort(index: VectorIndex, request: PartRequest, share: Share): number | undefined {
  const { exact, effort: given, recall } = request;
  if (given !== undefined) return plannedEffort(index, { exact, effort: given, recall: 0 }, share)?.effort;
  const unmeasured = !index.calibration && recall === undefined && !exact && !index.exact;
  const effort = unmeasured
    ? index.effort.default
    : plannedEffort(index, { exact, recall: recall ?? DEFAULT_RECALL }, share)?.effort;
  const scanned = share.matching * (share.matching / share.count);
  return effort !== undefined && scanned > effort * index.effort.scored ? effort : undefined;
}

interface OneRequest {
  query: Float32Array;
  bits: Uint32Array | undefined;
  /** Undefined: scan. */
  effort: number | undefined;
  share: Share;
  /** What was measured must speak for the answer under a filter. */
  promised: boolean;
}

function searchOne(index: VectorIndex, scan: FlatIndex, part: PartHits, request: OneRequest): Hits {
  const { query, bits, share, promised } = request;
  const { k } = share;
  let { effort } = request;
  while (effort !== undefined) {
    const result = index.search({ query, k, effort, bits });
    part.scored += result.stats.scored;
    part.visited += result.stats.visited;
    const complete = result.ordinals.length >= k;
    if (complete && promised && !speaksFor(index, share, result)) break;
    if (complete) return result;
    effort = result.exhausted || effort >= index.effort.max ? undefined : effort * EFFORT_STEP;
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
