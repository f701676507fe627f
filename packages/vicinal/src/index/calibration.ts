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

/** By the curve of the same k, else of the next larger k measured (finding fewer is easier), else stretched. */
function effortForK(curves: CalibrationCurve[], k: number, recall: number): number | undefined {
  const rising = [...curves].sort((a, b) => a.k - b.k);
  const curve = rising.find((candidate) => candidate.k >= k) ?? rising.at(-1);
  if (!curve || k > curve.k * LARGEST_STRETCH) return undefined;
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
