/** The parameters of Vamana, their ranges and defaults, each with its reason. */
import type { Metric } from "../contract.js";
import { checkedParameters, type EncodingParameter } from "../tree/parameters.js";

export interface VamanaParameters extends EncodingParameter {
  /** R: most neighbours per node. 32 are two cache lines, as HNSW's layer 0 has with m = 16. */
  degree: number;
  /**
   * How much nearer to a candidate than its owner an occluder must be, in the second pass. More keeps more long links:
   * fewer steps to the query, longer lists. 1.2 is the paper's.
   */
  alpha: number;
  /** L: beam while building. 100 is the middle of the paper's 75 to 125. */
  searchListSize: number;
}

export const VAMANA_DEFAULTS: VamanaParameters = {
  degree: 32,
  alpha: 1.2,
  searchListSize: 100,
  encoding: "auto",
};

/** While building, lists grow to this many times the degree before they are pruned; DiskANN's GRAPH_SLACK_FACTOR. */
export const SLACK = 1.3;

export const ranges = {
  degree: { low: 4, high: 128, whole: true },
  alpha: { low: 1, high: 2, whole: false },
  searchListSize: { low: 4, high: 4096, whole: true },
};

/** Checks given parameters (also by their snake_case names) and fills in the defaults. */
export function vamanaParameters(given: unknown): VamanaParameters {
  return checkedParameters("vamana", given, VAMANA_DEFAULTS, ranges);
}

/**
 * By what the kernels multiply a candidate's distance before they compare it with the distance to an occluder: alpha is
 * meant for lengths, and Euclid's distances are squared, as is 1 - cosine (half the squared distance of unit vectors).
 * Inner products have no such rule in the paper; as in DiskANN, an occluder's product with the candidate must be alpha
 * times the owner's.
 */
export function occlusionFactor(metric: Metric, alpha: number): number {
  if (metric === "Dot") return alpha;
  return metric === "Manhattan" ? 1 / alpha : 1 / (alpha * alpha);
}
