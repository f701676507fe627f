/** The planner's choice for one segment: with which effort its index keeps the promise, if it can. */
import { effortFor, isExpired, recallAt } from "../index/calibration.js";
import type { IndexTraits, SearchResult } from "../index/contract.js";
import { isWithinReach } from "../index/reach.js";
import type { RecallWatch } from "./recall-watch.js";

/** What the caller gets who names neither a recall nor an effort. */
export const DEFAULT_RECALL = 0.97;
/** A search that came back short is repeated with this many times the effort before it becomes a scan. */
export const EFFORT_STEP = 4;

/** What the caller says of how hard to search. */
export interface SearchWish {
  /** Scan, whatever there is of indexes. */
  exact: boolean;
  /** The index's own dial; wins over `recall`. */
  effort?: number;
  /** The dial of graphs (`ef`); passed over by other indexes. */
  ef?: number;
  /** Least recall wanted, 0..1. */
  recall: number;
  /** Checks a share of what is answered from the curve, and knows what the curve does not. */
  watch?: RecallWatch;
}

/** The part of a segment that may be answered. */
export interface Share {
  /** Hits wanted, at most `matching`. */
  k: number;
  /** Vectors that may be answered, and all of the segment. */
  matching: number;
  count: number;
  /** Points deleted since the segment was written. */
  dead: number;
}

/** An effort, and what it comes from: the dial that the caller set, or the measured curve. */
export interface PlannedEffort {
  effort: number;
  from: "params" | "recall";
  /** The factor that checks of live searches put on what the curve says; absent for none. */
  raise?: number;
}

/**
 * Undefined when only a scan keeps the promise: the index was not measured (its segment is small, and a scan cheap), what
 * was measured does not reach as far as is asked, or too much has changed since.
 */
export function plannedEffort(index: IndexTraits, wish: SearchWish, share: Share): PlannedEffort | undefined {
  if (index.exact || wish.exact) return undefined;
  const { min, max, name } = index.effort;
  const given = wish.effort ?? (name === "ef" ? wish.ef : undefined);
  if (given !== undefined) return { effort: Math.min(max, Math.max(min, given)), from: "params" };
  const { calibration } = index;
  if (!calibration || isExpired(calibration, share.dead)) return undefined;
  const { k, matching, count } = share;
  const effort = effortFor(calibration, { recall: wish.recall, k, selectivity: matching / count });
  if (effort === undefined) return undefined;
  const raise = wish.watch?.raiseOf(index) ?? 1;
  if (raise === 1) return { effort, from: "recall" };
  // A dial that is at its end already cannot be raised: only a scan is left.
  return effort < max
    ? { effort: Math.min(max, Math.ceil(effort * raise)), from: "recall", raise }
    : undefined;
}

/** The mean recall that was measured at an effort; undefined where nothing was. */
export function expectedRecall(index: IndexTraits, effort: number, share: Share): number | undefined {
  const { k, matching, count } = share;
  return index.calibration && recallAt(index.calibration, { effort, k, selectivity: matching / count });
}

/**
 * Whether what was measured speaks for an answer under a filter: not where the points that pass lie elsewhere than the
 * query, as those of another category do.
 */
export function speaksFor({ calibration }: IndexTraits, share: Share, { distances }: SearchResult): boolean {
  const { k, matching, count } = share;
  return (
    !calibration ||
    isWithinReach(calibration, { k, selectivity: matching / count, distance: distances[k - 1] })
  );
}
