/**
 * Search: the nearest points of a collection under a filter. The planner looks at each segment alone (how many rows
 * match, what its index was measured to do) and picks the cheaper way that keeps the promises: at least the recall
 * that was asked for, and k points whenever k match.
 */
import type { IndexTraits, Metric, SearchResult, SearchStats, VectorIndex } from "../index/contract.js";
import type { SparseVector } from "../index/sparse/index.js";
import { countBits } from "../runtime/bits.js";
import type { Segment } from "../segment/segment.js";
import { SparseColumn } from "../segment/sparse-column.js";
import type { CollectionState } from "../segment/state.js";
import type { FileHome, MemoryHome, VectorColumn } from "../segment/vector-column.js";
import { matchingRows, type RowFilter } from "./matching.js";
import {
  EFFORT_STEP,
  expectedRecall,
  type PlannedEffort,
  plannedEffort,
  type SearchWish,
  type Share,
  speaksFor,
} from "./plan.js";
import { denseQuery, type QueryVector } from "./query-vector.js";

export { DEFAULT_RECALL } from "./plan.js";

export interface NearestRequest extends SearchWish {
  /** Name of the vector; `""` for the unnamed one. */
  using: string;
  /** Of the kind of the vectors; of unit length where the metric is Cosine. */
  query: QueryVector;
  /** Hits wanted, offset included. */
  k: number;
  filter?: RowFilter;
  /** Measure the time of each stage and look up the recall to be expected. Default false. */
  explain?: boolean;
  /** Ends searches of files with CANCELLED. */
  signal?: AbortSignal;
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

/**
 * Segments in memory are searched at once; those on files side by side, all as they are when this is called. Only where there
 * are such is the result a promise: then nothing of the segments is taken away before `read` has used it.
 */
export function nearest<R>(
  state: CollectionState,
  request: NearestRequest,
  read: (found: NearestResult) => R | Promise<R>,
): R | Promise<R> {
  const hits: Hit[] = [];
  const plan: SegmentPlan[] = [];
  const late: Promise<void>[] = [];
  const now = request.explain ? () => performance.now() : () => 0;
  let parts = 0;
  for (const segment of state.segments()) {
    const column = segment.column(request.using);
    if (!column || column.count === 0 || segment.liveCount === 0) continue;
    const step = emptyPlan(segment, column);
    plan.push(step);
    const began = now();
    const bits = matchingBits(state, segment, column, request.filter);
    const searching = now();
    step.filterMs = searching - began;
    if (column instanceof SparseColumn) {
      const result = searchSparse(column, bits, request, step);
      step.searchMs = now() - searching;
      if (takeHits(hits, { segment, column }, result)) parts++;
      continue;
    }
    const part: Part = { state, segment, column, bits, request, query: denseQuery(request.query), step };
    if (column.file) {
      const searched = searchFiles(part).then((result) => {
        step.searchMs = now() - searching;
        if (takeHits(hits, part, result)) parts++;
      });
      late.push(searched);
      continue;
    }
    const result = searchMemory(part, column.memory as MemoryHome);
    step.searchMs = now() - searching;
    if (takeHits(hits, part, result)) parts++;
  }
  const merge = () => {
    const merging = now();
    if (parts > 1) hits.sort((a, b) => a.distance - b.distance);
    if (hits.length > request.k) hits.length = request.k;
    return read({ hits, plan, mergeMs: now() - merging });
  };
  return late.length === 0 ? merge() : whenDone(late, state.segments(), merge);
}

/** Until then no segment goes, from memory or from disk. A failure is reported when nothing runs any more. */
export async function whenDone<R>(
  late: readonly Promise<unknown>[],
  segments: readonly Segment[],
  next: () => R | Promise<R>,
): Promise<R> {
  const leave = segments.map(({ readers }) => readers.enter());
  try {
    await Promise.allSettled(late);
    await Promise.all(late);
    return await next();
  } finally {
    for (const done of leave) done();
  }
}

/** The search of one segment. */
interface Part {
  state: CollectionState;
  segment: Segment;
  column: VectorColumn;
  bits: Uint32Array | undefined;
  request: NearestRequest;
  query: Float32Array;
  step: SegmentPlan;
}

/** True when there were any. */
function takeHits(
  hits: Hit[],
  { segment, column }: { segment: Segment; column: VectorColumn | SparseColumn },
  result: SearchResult | undefined,
): boolean {
  if (!result || result.ordinals.length === 0) return false;
  for (let i = 0; i < result.ordinals.length; i++)
    hits.push({ segment, row: column.row(result.ordinals[i]), distance: result.distances[i] });
  return true;
}

/** To be filled in; all of one shape, since every query makes some. */
function emptyPlan(segment: Segment, column: VectorColumn | SparseColumn): SegmentPlan {
  return {
    segment: segment.id,
    count: column.count,
    path: "none",
    family: column instanceof SparseColumn ? "sparse" : column.index.family,
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

/** By postings, which are exact; undefined when nothing can be answered. */
function searchSparse(
  column: SparseColumn,
  bits: Uint32Array | undefined,
  { query, k }: NearestRequest,
  step: SegmentPlan,
): SearchResult | undefined {
  step.matching = bits ? countBits(bits) : column.count;
  if (step.matching === 0) return undefined;
  step.path = "index";
  step.recall = 1;
  const result = column.search({ query: query as SparseVector, k: Math.min(k, step.matching), bits });
  note(step, result.stats);
  return result;
}

/** Ordinals that may be answered; undefined for all. */
function matchingBits(
  state: CollectionState,
  segment: Segment,
  column: VectorColumn | SparseColumn,
  filter: RowFilter | undefined,
): Uint32Array | undefined {
  if (filter) return column.ordinalBits(matchingRows(state, segment, filter));
  if (segment.deadCount === 0) return undefined;
  // A search that has to wait must not see later deletions: k are promised of those that live now.
  return column.ordinalBits(column.file ? segment.live.slice() : segment.live);
}

/** How a segment is to be searched; undefined when nothing of it can be answered. */
function planSegment({ segment, column, bits, request, step }: Part): Planned | undefined {
  const { count } = step;
  const matching = bits ? countBits(bits) : count;
  step.matching = matching;
  if (matching === 0) return undefined;
  const k = Math.min(request.k, matching);
  const share: Share = { k, matching, count, dead: segment.deadCount };
  const planned = plannedEffort(column.index, request, share);
  return { k, share, planned, effort: planned?.effort };
}

interface Planned {
  k: number;
  share: Share;
  planned: PlannedEffort | undefined;
  /** Of the next search of the index; undefined for a scan. */
  effort: number | undefined;
}

/** A search costs about effort / selectivity units of work, scanning one distance per matching row. */
function isWorthIndex({ share: { matching, count } }: Planned, index: IndexTraits, effort: number): boolean {
  return matching * (matching / count) > effort * index.effort.scored;
}

function searchMemory(part: Part, { index, scan }: MemoryHome): SearchResult | undefined {
  const plan = planSegment(part);
  if (!plan) return undefined;
  const { bits, query, step } = part;
  const { k } = plan;
  while (plan.effort !== undefined && isWorthIndex(plan, index, plan.effort)) {
    const result = index.search({ query, k, effort: plan.effort, bits });
    if (!isEnough(part, plan, result)) continue;
    watch(part, plan, index, result);
    return result;
  }
  return scanned(step, scan.search({ query, k, bits }));
}

/** As `searchMemory`, of a column on files. What lies there is not watched: the exact scan would read all of it. */
async function searchFiles(part: Part): Promise<SearchResult | undefined> {
  const plan = planSegment(part);
  if (!plan) return undefined;
  const { column, bits, query, step, request } = part;
  const { signal } = request;
  const { index, store } = column.file as FileHome;
  const { k } = plan;
  while (plan.effort !== undefined && isWorthIndex(plan, index, plan.effort)) {
    const result = await index.search({ query, k, effort: plan.effort, bits, signal });
    if (isEnough(part, plan, result)) return result;
  }
  return scanned(step, await store.scan({ query, k, bits, signal }));
}

/** Notes what a search of the index came to; true when it found as many as were wanted, else it plans the next. */
function isEnough({ column, request, step }: Part, plan: Planned, result: SearchResult): boolean {
  const { k, share, planned } = plan;
  const effort = plan.effort as number;
  const { index } = column;
  step.effort = effort;
  step.effortFrom = planned?.from;
  step.raise = planned?.raise;
  step.dial = index.effort.name;
  note(step, result.stats);
  if (result.ordinals.length < k) {
    plan.effort = result.exhausted ? undefined : effort * EFFORT_STEP;
    return false;
  }
  if (planned?.from === "recall" && request.filter && !speaksFor(index, share, result)) {
    plan.effort = undefined;
    return false;
  }
  step.path = "index";
  if (request.explain) step.recall = expectedRecall(index, effort, share);
  return true;
}

function watch(
  { state, segment, column, bits, request, query }: Part,
  plan: Planned,
  index: VectorIndex,
  result: SearchResult,
) {
  const { k, planned, share } = plan;
  if (planned?.from !== "recall" || !request.watch?.isDue(index, result.stats.scored, share.matching)) return;
  const { scan } = column.memory as MemoryHome;
  const alive = () => column.index === index && state.segments().includes(segment);
  const asked = { query, k, effort: plan.effort as number, bits };
  request.watch.check({
    index,
    scan,
    count: column.count,
    request: asked,
    result,
    recall: request.recall,
    alive,
  });
}

function scanned(step: SegmentPlan, result: SearchResult): SearchResult {
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
