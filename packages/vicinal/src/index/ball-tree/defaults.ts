/** The parameters of the ball tree, their ranges and defaults, each with its reason. */
import { checkedParameters, type EncodingParameter } from "../tree/parameters.js";

export interface BallTreeParameters extends EncodingParameter {
  /**
   * Most vectors in a leaf. Small leaves prune more and cost more pivots: 40 keeps the pivots near a twentieth of the
   * vectors, and is what the libraries take.
   */
  leafSize: number;
}

export const BALL_TREE_DEFAULTS: BallTreeParameters = { leafSize: 40, encoding: "auto" };

const ranges = { leafSize: { low: 2, high: 4096, whole: true } };

/** Checks given parameters (also by their snake_case names) and fills in the defaults. */
export function ballTreeParameters(given: unknown): BallTreeParameters {
  return checkedParameters("ball-tree", given, BALL_TREE_DEFAULTS, ranges);
}
