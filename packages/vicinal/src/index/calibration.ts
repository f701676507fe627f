/**
 * Calibration: from a recall that is wanted to the effort that reaches it, by the curves that were measured when the
 * index was built. Answers carefully: it reads the lower end of each measurement's confidence interval, and where no
 * measurement speaks it says nothing, so that the planner scans.
 */
import type { Calibration, CalibrationCurve } from "./contract.js";

export interface RecallWish {
  /** Mean recall@k wanted, 0..1. */
  recall: number;
  k: number;
  /** Share of vectors that the filter lets through; default 1. */
  selectivity?: number;
}

/**
 * Share of the vectors that may come or go until a measurement is not trusted any more. A deleted vector is like one that
 * a filter leaves out, and an index keeps working while some of it is gone; how well is known up to here.
 */
export const EXPIRY_SHARE = 0.3;

/** Whether too much has changed since measuring; `dead`: vectors that were deleted from the index's segment. */
export function isExpired({ count, changed = 0 }: Calibration, dead: number): boolean {
  return count !== undefined && changed + dead > count * EXPIRY_SHARE;
}

/** What was measured, for an index that grew from the measured one by less than can be measured anew. */
export function carriedOver(calibration: Calibration | undefined, changed: number): Calibration | undefined {
  return calibration && { ...calibration, changed: (calibration.changed ?? 0) + changed };
}

/**
 * Standard errors that a measured recall is read below itself: one-sided 98 %. Of 700 promises for stores of 4,000 vectors, six
 * families, 0.4 % were missed by more than 0.01; with 1.28 (90 %) 0.7 %, at 0.004 less overshoot.
 */
const CONFIDENCE = 2;
/** A curve for 100 neighbours speaks for at most this many times as many, with its effort in proportion. */
const LARGEST_STRETCH = 10;

/** The least effort that reaches the wish, or undefined where the measurements do not promise it. */
export function effortFor(calibration: Calibration, wish: RecallWish): number | undefined {
  const open = calibration.curves.filter((curve) => curve.selectivity === 1);
  const plain = effortForK(open, wish.k, wish.recall);
  const selectivity = wish.selectivity ?? 1;
  if (selectivity >= 1 || plain === undefined) return plain;

  // Under a filter: the dearer of the two measured selectivities that lie around the wanted one (1 among them).
  const filtered = calibration.curves.filter((curve) => curve.k === 10 && curve.selectivity < 1);
  const below = nearestBelow(filtered, selectivity);
  if (!below) return undefined;
  const above = nearestAbove(filtered, selectivity);
  const ten = effortForK(open, 10, wish.recall) ?? plain;
  const stretch = Math.max(1, plain / ten);
  let effort = above ? wish.k : plain;
  for (const curve of above ? [below, above] : [below]) {
    const own = effortOn(curve, wish.recall);
    if (own === undefined) return undefined;
    effort = Math.max(effort, Math.ceil(own * stretch));
  }
  return effort;
}

function curveForK(curves: CalibrationCurve[], k: number): CalibrationCurve | undefined {
  const rising = [...curves].sort((a, b) => a.k - b.k);
  const curve = rising.find((candidate) => candidate.k >= k) ?? rising.at(-1);
  return curve && k <= curve.k * LARGEST_STRETCH ? curve : undefined;
}

/** By the curve of the same k, else of the next larger k measured (finding fewer is easier), else stretched. */
function effortForK(curves: CalibrationCurve[], k: number, recall: number): number | undefined {
  const curve = curveForK(curves, k);
  if (!curve) return undefined;
  const effort = effortOn(curve, recall);
  if (effort === undefined) return undefined;
  return k > curve.k ? Math.ceil((effort * k) / curve.k) : effort;
}

/** Where the lower bound of a curve, made monotone, crosses the recall; between two efforts on a logarithmic scale. */
function effortOn(curve: CalibrationCurve, recall: number): number | undefined {
  let reached = 0;
  for (let i = 0; i < curve.efforts.length; i++) {
    const bound = Math.max(reached, curve.recalls[i] - CONFIDENCE * curve.errors[i]);
    if (bound >= recall) {
      if (i === 0 || bound === reached) return curve.efforts[i];
      const share = (recall - reached) / (bound - reached);
      const low = Math.log(curve.efforts[i - 1]);
      return Math.ceil(Math.exp(low + share * (Math.log(curve.efforts[i]) - low)) - 1e-9);
    }
    reached = bound;
  }
  return undefined;
}

/** The mean recall measured at an effort, by the curve that `effortFor` would read; undefined where none was. */
export function recallAt(
  calibration: Calibration,
  { effort, k, selectivity }: { effort: number; k: number; selectivity: number },
): number | undefined {
  const filtered = calibration.curves.filter((curve) => curve.k === 10 && curve.selectivity < 1);
  if (selectivity < 1) {
    const curve = nearestBelow(filtered, selectivity);
    return curve && recallOn(curve, effort);
  }
  const curve = curveForK(
    calibration.curves.filter((candidate) => candidate.selectivity === 1),
    k,
  );
  return curve && recallOn(curve, k > curve.k ? (effort * curve.k) / k : effort);
}

function recallOn({ efforts, recalls }: CalibrationCurve, effort: number): number | undefined {
  const next = efforts.findIndex((measured) => measured >= effort);
  if (efforts.length === 0 || next === 0) return recalls[0];
  if (next < 0) return recalls.at(-1);
  const low = Math.log(efforts[next - 1]);
  const share = (Math.log(effort) - low) / (Math.log(efforts[next]) - low);
  return recalls[next - 1] + share * (recalls[next] - recalls[next - 1]);
}

function nearestBelow(curves: CalibrationCurve[], selectivity: number): CalibrationCurve | undefined {
  return curves
    .filter((curve) => curve.selectivity <= selectivity)
    .sort((a, b) => b.selectivity - a.selectivity)[0];
}

function nearestAbove(curves: CalibrationCurve[], selectivity: number): CalibrationCurve | undefined {
  return curves
    .filter((curve) => curve.selectivity > selectivity)
    .sort((a, b) => a.selectivity - b.selectivity)[0];
}
