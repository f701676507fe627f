/** From the planner's notes to what an answer says of how it was found. */
import type { SegmentPlan } from "../../query/search.js";
import type { QueryExplanation, SegmentExplanation, StageExplanation } from "../schema/index.js";
import type { Stage } from "./prefetch.js";

/** Milliseconds of the clock of `performance.now()`: when the query began, when its points were read, and when it ended. */
export interface QueryClock {
  began: number;
  reading: number;
  ended: number;
}

export function explanation(stage: Stage, { began, reading, ended }: QueryClock): QueryExplanation {
  return {
    ...explainedStage(stage),
    payload_us: microseconds(ended - reading),
    total_us: microseconds(ended - began),
  };
}

/** The numbers are of the query itself, but for the whole time, in which those before it are. */
function explainedStage({ kind, count, plan, mergeMs, ms, before }: Stage): StageExplanation {
  const sum = (part: (step: SegmentPlan) => number) => plan.reduce((total, step) => total + part(step), 0);
  return {
    query: kind,
    found: count,
    segments: plan.map(explainedSegment),
    scored: sum(({ scored }) => scored),
    visited: sum(({ visited }) => visited),
    filter_us: microseconds(sum(({ filterMs }) => filterMs)),
    search_us: microseconds(sum(({ searchMs }) => searchMs)),
    merge_us: microseconds(mergeMs),
    total_us: microseconds(ms),
    ...(before.length === 0 ? {} : { prefetch: before.map(explainedStage) }),
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
