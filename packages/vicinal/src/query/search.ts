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
import {
  EFFORT_STEP,
  expectedRecall,
  type PlannedEffort,
  plannedEffort,
  type SearchWish,
  type Share,
  speaksFor,
} from "./plan.js";

export { DEFAULT_RECALL } from "./plan.js";

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
  effort: number | undefined;
  effortFrom: PlannedEffort["from"] | undefined;
  /** The factor that checks of live searches put on the effort, where there is one. */
  raise: number | undefined;
  /** What the index's effort is called. */
  dial: string | undefined;
  scored: number;
  visited: number;
  /** Read from files, where the segment lies there. */
  readBytes: number | undefined;
  /** The rest with `explain` alone. Recall that was measured at this effort; 1 for a scan. */
  recall: number | undefined;
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
  const late: Promise<void>[] = [];
  let parts = 0;
  for (const segment of state.segments()) {
    const column = segment.vectors.get(request.using);
    if (!column || column.store.count === 0 || segment.liveCount === 0) continue;
    const step = emptyPlan(segment, column);
    plan.push(step);
    const began = now();
    const bits = matchingBits(state, segment, column, request.filter);
    const searching = now();
    step.filterMs = searching - began;
    const take = (result: SearchResult | undefined) => {
      step.searchMs = now() - searching;
      if (!result || result.ordinals.length === 0) return;
      parts++;
      for (let i = 0; i < result.ordinals.length; i++)
        hits.push({ segment, row: column.row(result.ordinals[i]), distance: result.distances[i] });
    };
    const result = runWaiting(searchSegment(state, segment, column, bits, request, step));
    if (result instanceof Promise) late.push(result.then(take));
    else take(result);
  }
  if (late.length > 0) yield* untilAllAreDone(late, state.segments());
  const merging = now();
  if (parts > 1) hits.sort((a, b) => a.distance - b.distance);
  if (hits.length > request.k) hits.length = request.k;
  return { hits, plan, mergeMs: now() - merging };
}

/** Until then no segment is taken away, in memory or on disk. A failure is reported when nothing runs any more. */
function* untilAllAreDone(late: readonly Promise<void>[], segments: readonly Segment[]): Waiting<void> {
  const leave = segments.map(({ readers }) => readers.enter());
  try {
    yield* waitFor(Promise.allSettled(late).then(() => Promise.all(late)));
  } finally {
    for (const done of leave) done();
  }
}

/** To be filled in; all of one shape, since every query makes some. */
function emptyPlan(segment: Segment, column: VectorColumn): SegmentPlan {
  return {
    segment: segment.id,
    count: column.store.count,
    path: "none",
    family: column.index.family,
    matching: 0,
    effort: undefined,
    effortFrom: undefined,
    raise: undefined,
    dial: undefined,
    scored: 0,
    visited: 0,
    readBytes: undefined,
    recall: undefined,
    filterMs: 0,
    searchMs: 0,
  };
}

/** Ordinals that may be answered; undefined for all. */
function matchingBits(
  state: CollectionState,
  segment: Segment,
  column: VectorColumn,
  filter: CompiledFilter | undefined,
): Uint32Array | undefined {
  if (filter) return column.ordinalBits(matchingRows(state, segment, filter));
  if (segment.deadCount === 0) return undefined;
  // A search that has to wait must not see later deletions: k are promised of those that live now.
  return column.ordinalBits(column.file ? segment.live.slice() : segment.live);
}

function* searchSegment(
  state: CollectionState,
  segment: Segment,
  column: VectorColumn,
  bits: Uint32Array | undefined,
  request: NearestRequest,
  step: SegmentPlan,
): Waiting<SearchResult | undefined> {
  const { index, memory } = column;
  const { count } = step;
  const { query } = request;
  const matching = bits ? countBits(bits) : count;
  step.matching = matching;
  if (matching === 0) return undefined;
  const k = Math.min(request.k, matching);
  const share: Share = { k, matching, count, dead: segment.deadCount };
  const planned = plannedEffort(index, request, share);
  let effort = planned?.effort;
  // A search costs about effort / selectivity units of work, scanning one distance per matching row.
  while (effort !== undefined && matching * (matching / count) > effort * index.effort.scored) {
    const searching = column.search({ query, k, effort, bits });
    const result = searching instanceof Promise ? yield* waitFor(searching) : searching;
    step.effort = effort;
    step.effortFrom = planned?.from;
    step.raise = planned?.raise;
    step.dial = index.effort.name;
    note(step, result.stats);
    const complete = result.ordinals.length >= k;
    if (complete && planned?.from === "recall" && request.filter && !speaksFor(index, share, result)) break;
    if (complete) {
      // What lies in files is not checked: the exact scan would read all of it.
      if (
        memory &&
        planned?.from === "recall" &&
        request.watch?.isDue(index, result.stats.scored, matching)
      ) {
        const alive = () => column.index === index && state.segments().includes(segment);
        const asked = { query, k, effort, bits };
        request.watch.check({ index: memory.index, request: asked, result, recall: request.recall, alive });
      }
      step.path = "index";
      if (request.explain) step.recall = expectedRecall(index, effort, share);
      return result;
    }
    effort = result.exhausted ? undefined : effort * EFFORT_STEP;
  }
  const scanning = column.scan({ query, k, bits });
  const result = scanning instanceof Promise ? yield* waitFor(scanning) : scanning;
  step.path = "scan";
  step.recall = 1;
  note(step, result.stats);
  return result;
}

/** Adds what a search cost to what those before it did. */
function note(step: SegmentPlan, { scored, visited, readBytes }: SearchStats): void {
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
