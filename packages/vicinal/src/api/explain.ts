/** From the planner's notes to what an answer says of how it was found. */
import type { NearestResult, SegmentPlan } from "../query/search.js";
import type { QueryExplanation, SegmentExplanation } from "./schema/index.js";

/** Milliseconds of the clock of `performance.now()`: when the query began, when its points were read, and when it ended. */
export interface QueryClock {
  began: number;
  reading: number;
  ended: number;
}

export function explanation(
  { plan, mergeMs }: Pick<NearestResult, "plan" | "mergeMs">,
  { began, reading, ended }: QueryClock,
): QueryExplanation {
  const sum = (part: (step: SegmentPlan) => number) => plan.reduce((total, step) => total + part(step), 0);
  return {
    segments: plan.map(explainedSegment),
    scored: sum(({ scored }) => scored),
    visited: sum(({ visited }) => visited),
    filter_us: microseconds(sum(({ filterMs }) => filterMs)),
    search_us: microseconds(sum(({ searchMs }) => searchMs)),
    merge_us: microseconds(mergeMs),
    payload_us: microseconds(ended - reading),
    total_us: microseconds(ended - began),
  };
}

function explainedSegment(step: SegmentPlan): SegmentExplanation {
  const {
    segment,
    count,
    matching,
    family,
    path,
    effort,
    effortFrom,
    raise,
    dial,
    recall,
    scored,
    visited,
    readBytes,
  } = step;
  return {
    segment,
    vectors: count,
    matching,
    family,
    path,
    ...(effort === undefined ? {} : { effort, effort_from: effortFrom }),
    ...(raise === undefined ? {} : { raise }),
    ...(dial === undefined ? {} : { dial }),
    ...(recall === undefined ? {} : { recall }),
    scored,
    visited,
    ...(readBytes === undefined ? {} : { read_bytes: readBytes }),
    filter_us: microseconds(step.filterMs),
    search_us: microseconds(step.searchMs),
  };
}

/** To a tenth: no clock says more. */
function microseconds(ms: number): number {
  return Math.round(ms * 10_000) / 10;
}
