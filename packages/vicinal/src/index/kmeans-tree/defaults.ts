/** The parameters of the priority-search k-means tree, their ranges and defaults, each with its reason. */
import { checkedParameters, type EncodingParameter } from "../tree/parameters.js";

export interface KMeansTreeParameters extends EncodingParameter {
  /** Clusters per node. 32 is FLANN's: few levels, and a node's pivots are eight steps of SIMD. */
  branching: number;
  /** Rounds of k-means per node. 11 is FLANN's; more hardly change the clusters. */
  iterations: number;
  /**
   * By which share of its variance a wide cluster seems nearer than its centre is. 0.2 is FLANN's; 0 visits clusters
   * in the order of their centres.
   */
  boundaryFactor: number;
  /** Most vectors in a leaf: as many as `branching`, as in FLANN. */
  leafSize: number;
}

export const KMEANS_TREE_DEFAULTS: KMeansTreeParameters = {
  branching: 32,
  iterations: 11,
  boundaryFactor: 0.2,
  leafSize: 32,
  encoding: "auto",
};

/** Vectors compared where nothing was measured; FLANN's 32 is for recall of about a half. */
export const KMEANS_TREE_EFFORT = 2048;

const ranges = {
  branching: { low: 2, high: 1024, whole: true },
  iterations: { low: 1, high: 1000, whole: true },
  boundaryFactor: { low: 0, high: 10, whole: false },
  leafSize: { low: 2, high: 4096, whole: true },
};

/** Checks given parameters (also by their snake_case names) and fills in the defaults. */
export function kMeansTreeParameters(given: unknown): KMeansTreeParameters {
  return checkedParameters("kmeans-tree", given, KMEANS_TREE_DEFAULTS, ranges);
}
