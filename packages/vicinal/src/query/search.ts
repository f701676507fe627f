/**
 * Search: the nearest points of a collection under a filter. The planner looks at each segment alone (how many rows
 * match, what its index was measured to do) and picks the cheaper way that keeps the promises: at least the recall
 * that was asked for, and k points whenever k match.
 */
import type { Metric, SearchResult, SearchStats } from "../index/contract.js";
import type { CompiledFilter } from "../payload/filter.js";
import { countBits } from "../runtime/bits.js";
import { runWaiting, type Waiting, waitFor } from "../runtime/waiting.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";
import type { VectorColumn } from "../segment/vector-column.js";
import { matchingRows } from "./matching.js";
import { expectedRecall, type PlannedEffort, plannedEffort, type SearchWish, type Share } from "./plan.js";

/** What the caller gets who names neither a recall nor an effort. */
export const DEFAULT_RECALL = 0.97;
/** A search that came back short is repeated with this many times the effort before it becomes a scan. */
const EFFORT_STEP = 4;

export interface NearestRequest extends SearchWish {
  /** Name of the vector; `""` for the unnamed one. */
  using: string;
  /** Of unit length where the metric is Cosine. */
  query: Float32Array;
  /** Hits wanted, offset included. */
  k: number;
  filter?: CompiledFilter;
  /** Measure the time of each stage and look up the recall to be expected. Default false. */
  explain?: boolean;
}

export interface Hit {
  segment: Segment;
  row: number;
  /** Smaller is nearer. */
  distance: number;
}

/** How one segment was searched. */
export interface SegmentPlan {
  segment: number;
  /** Vectors in the segment, dead ones included. */
  count: number;
  path: "scan" | "index" | "none";
  family: string;
  /** Vectors that could be answered. */
  matching: number;
  /** The effort of the last search of the index, where there was one, and where it came from. */
  effort?: number;
  effortFrom?: PlannedEffort["from"];
  /** What the index's effort is called. */
  dial?: string;
  scored: number;
  visited: number;
  /** Read from files; absent where the segment lies in memory. */
  readBytes?: number;
  /** The rest with `explain` alone. Recall that was measured at this effort; 1 for a scan. */
  recall?: number;
  filterMs: number;
  searchMs: number;
}

export interface NearestResult {
  /** Nearest first. */
  hits: Hit[];
  plan: SegmentPlan[];
  mergeMs: number;
}

/** Segments in memory are searched at once; those on files side by side, all as they are when this is called. */
export function* nearest(state: CollectionState, request: NearestRequest): Waiting<NearestResult> {
  const hits: Hit[] = [];
  const plan: SegmentPlan[] = [];
  const now = request.explain ? () => performance.now() : () => 0;
  const searched: (Searched | Promise<Searched>)[] = [];
  let waits = false;
  for (const segment of state.segments()) {
    const column = segment.vectors.get(request.using);
    if (!column || column.store.count === 0 || segment.liveCount === 0) continue;
    const began = now();
    let bits = matchingBits(state, segment, column, request.filter);
    // What is awaited must not see later deletions: k were promised of those that live now.
    if (column.file && !request.filter) bits = bits?.slice();
    const searching = now();
    const one = runWaiting(searchSegment(segment, column, bits, request));
    const timed = ({ result, ...step }: Step): Searched => {
      const { id } = segment;
      const times = { filterMs: searching - began, searchMs: now() - searching };
      const { count } = column.store;
      return { segment, column, result, step: { segment: id, count, ...times, ...step } };
    };
    const isLate = one instanceof Promise;
    waits ||= isLate;
    searched.push(isLate ? one.then(timed) : timed(one));
  }
  const done = waits ? yield* finished(searched, state.segments()) : (searched as Searched[]);
  const merging = now();
  let parts = 0;
  for (const { segment, column, result, step } of done) {
    plan.push(step);
    if (!result || result.ordinals.length === 0) continue;
    parts++;
    for (let i = 0; i < result.ordinals.length; i++)
      hits.push({ segment, row: column.row(result.ordinals[i]), distance: result.distances[i] });
  }
  if (parts > 1) hits.sort((a, b) => a.distance - b.distance);
  if (hits.length > request.k) hits.length = request.k;
  return { hits, plan, mergeMs: now() - merging };
}

/** Waits for the answers; until then no segment is taken away, in memory or on disk. */
function* finished(
  searched: readonly (Searched | Promise<Searched>)[],
  segments: readonly Segment[],
): Waiting<Searched[]> {
  const leave = segments.map(({ readers }) => readers.enter());
  try {
    return yield* waitFor(allSettled(searched));
  } finally {
    for (const done of leave) done();
  }
}

/** As `Promise.all`, but a failure is reported only when nothing runs any more. */
async function allSettled<T>(work: readonly (T | Promise<T>)[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** One segment's answer. */
interface Searched {
  segment: Segment;
  column: VectorColumn;
  result: SearchResult | undefined;
  step: SegmentPlan;
}

/** Ordinals that may be answered; undefined for all. */
function matchingBits(
  state: CollectionState,
  segment: Segment,
  column: VectorColumn,
  filter: CompiledFilter | undefined,
): Uint32Array | undefined {
  if (filter) return column.ordinalBits(matchingRows(state, segment, filter));
  return segment.deadCount > 0 ? column.ordinalBits(segment.live) : undefined;
}

type Step = Omit<SegmentPlan, "segment" | "count" | "filterMs" | "searchMs"> & { result?: SearchResult };

function* searchSegment(
  segment: Segment,
  column: VectorColumn,
  bits: Uint32Array | undefined,
  request: NearestRequest,
): Waiting<Step> {
  const { index, store } = column;
  const { query } = request;
  const { count } = store;
  const matching = bits ? countBits(bits) : count;
  const step: Step = { path: "none", family: index.family, matching, scored: 0, visited: 0 };
  if (matching === 0) return step;
  const k = Math.min(request.k, matching);
  const share: Share = { k, matching, count, dead: segment.deadCount };
  const planned = plannedEffort(index, request, share);
  let effort = planned?.effort;
  // A search costs about effort / selectivity units of work, scanning one distance per matching row.
  while (effort !== undefined && matching * (matching / count) > effort * index.effort.scored) {
    const searching = column.search({ query, k, effort, bits });
    const result = searching instanceof Promise ? yield* waitFor(searching) : searching;
    Object.assign(step, { effort, effortFrom: planned?.from, dial: index.effort.name });
    note(step, result.stats);
    if (result.ordinals.length >= k) {
      const recall = request.explain ? expectedRecall(index, effort, share) : undefined;
      return { ...step, path: "index", recall, result };
    }
    effort = result.exhausted ? undefined : effort * EFFORT_STEP;
  }
  const scanning = column.scan({ query, k, bits });
  const result = scanning instanceof Promise ? yield* waitFor(scanning) : scanning;
  note(step, result.stats);
  return { ...step, path: "scan", recall: 1, result };
}

/** Adds what a search cost to what those before it did. */
function note(step: Step, { scored, visited, readBytes }: SearchStats): void {
  step.scored += scored;
  step.visited += visited;
  if (readBytes !== undefined) step.readBytes = (step.readBytes ?? 0) + readBytes;
}

/** A distance of the engine as the score that users of the metric expect. */
export function scoreOf(metric: Metric, distance: number): number {
  switch (metric) {
    case "Cosine":
      return 1 - distance;
    case "Dot":
      return -distance;
    case "Euclid":
      return Math.sqrt(Math.max(0, distance));
    case "Manhattan":
      return distance;
  }
}

/** Whether a larger score is nearer. */
export function largerIsNearer(metric: Metric): boolean {
  return metric === "Cosine" || metric === "Dot";
}
