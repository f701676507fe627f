/**
 * Search: the nearest points of a collection under a filter. The planner looks at each segment alone (how many rows
 * match, what its index was measured to do) and picks the cheaper way that keeps the promises: at least the recall
 * that was asked for, and k points whenever k match.
 */
import { effortFor } from "../index/calibration.js";
import type { Metric, SearchResult } from "../index/contract.js";
import type { CompiledFilter } from "../payload/filter.js";
import { countBits } from "../runtime/bits.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";
import type { VectorColumn } from "../segment/vector-column.js";
import { matchingRows } from "./matching.js";

/** What the caller gets who names neither a recall nor an effort. */
export const DEFAULT_RECALL = 0.97;
/** A search that came back short is repeated with this many times the effort before it becomes a scan. */
const EFFORT_STEP = 4;

export interface NearestRequest {
  /** Name of the vector; `""` for the unnamed one. */
  using: string;
  /** Of unit length where the metric is Cosine. */
  query: Float32Array;
  /** Hits wanted, offset included. */
  k: number;
  filter?: CompiledFilter;
  /** Scan, whatever there is of indexes. */
  exact: boolean;
  /** The index's own dial; wins over `recall`. */
  effort?: number;
  /** Least recall wanted, 0..1. */
  recall: number;
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
  path: "scan" | "index" | "none";
  family: string;
  /** Rows that could be answered, where it was counted. */
  matching: number;
  effort: number;
  scored: number;
  visited: number;
}

export interface NearestResult {
  /** Nearest first. */
  hits: Hit[];
  plan: SegmentPlan[];
}

export function nearest(state: CollectionState, request: NearestRequest): NearestResult {
  const hits: Hit[] = [];
  const plan: SegmentPlan[] = [];
  let parts = 0;
  for (const segment of state.segments()) {
    const column = segment.vectors.get(request.using);
    if (!column || column.store.count === 0 || segment.liveCount === 0) continue;
    const { result, ...step } = searchSegment(state, segment, column, request);
    plan.push({ segment: segment.id, family: column.index.family, ...step });
    if (!result || result.ordinals.length === 0) continue;
    parts++;
    for (let i = 0; i < result.ordinals.length; i++)
      hits.push({ segment, row: column.row(result.ordinals[i]), distance: result.distances[i] });
  }
  if (parts > 1) hits.sort((a, b) => a.distance - b.distance);
  if (hits.length > request.k) hits.length = request.k;
  return { hits, plan };
}

type Step = Omit<SegmentPlan, "segment" | "family"> & { result?: SearchResult };

function searchSegment(
  state: CollectionState,
  segment: Segment,
  column: VectorColumn,
  request: NearestRequest,
): Step {
  const count = column.store.count;
  let bits: Uint32Array | undefined;
  let matching = count;
  if (request.filter) bits = column.ordinalBits(matchingRows(state, segment, request.filter));
  else if (segment.deadCount > 0) bits = column.ordinalBits(segment.live);
  if (bits) matching = countBits(bits);
  if (matching === 0) return { path: "none", matching, effort: 0, scored: 0, visited: 0 };
  const k = Math.min(request.k, matching);
  const selectivity = matching / count;
  let effort =
    column.index.exact || request.exact ? undefined : wantedEffort(column, request, k, selectivity);
  let scored = 0;
  let visited = 0;
  // A search costs about effort / selectivity units of work, scanning one distance per matching row.
  while (effort !== undefined && matching * selectivity > effort * column.index.effort.scored) {
    const result = column.index.search({ query: request.query, k, effort, bits });
    scored += result.stats.scored;
    visited += result.stats.visited;
    if (result.ordinals.length >= k) return { path: "index", matching, effort, scored, visited, result };
    effort = result.exhausted ? undefined : effort * EFFORT_STEP;
  }
  const result = column.scan.search({ query: request.query, k, bits });
  return { path: "scan", matching, effort: 0, scored: scored + result.stats.scored, visited, result };
}

/** The effort that keeps the promise, or undefined when only a scan does. */
function wantedEffort(
  column: VectorColumn,
  request: NearestRequest,
  k: number,
  selectivity: number,
): number | undefined {
  const { index } = column;
  if (request.effort !== undefined) return Math.max(request.effort, k);
  if (!index.calibration) return Math.max(index.effort.default, k);
  return effortFor(index.calibration, { recall: request.recall, k, selectivity });
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
