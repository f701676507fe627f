/**
 * HDBSCAN*: Campello, Moulavi, Sander (2013), "Density-Based Clustering Based on Hierarchical Density Estimates".
 *
 * The idea: a vector is as sparse as its `minSamples`-th neighbour is far (its core distance); two vectors are
 * as far apart as the largest of their distance and their two core distances. The hierarchy of single linkage
 * under that distance holds the clusters of DBSCAN for every radius at once; the most stable ones are answered.
 * Parameters: `minClusterSize` is the one that matters; `minSamples` follows it unless given, larger is more
 * cautious (more noise). A graph of k neighbours in place of all pairs: the short edges decide.
 * Cost: O(n k) time (sort by bits) but for the nearly constant find; about 12 bytes an edge, 80 a vector.
 */
import { checkInteger, checkWithinGraph } from "./checks.js";
import { condense, selectByExcessOfMass } from "./condensed-tree.js";
import { labelsBySize, NOISE } from "./labels.js";
import { inSlices } from "./slices.js";
import { spanningHierarchy } from "./spanning-forest.js";
import { type Breath, type Neighbours, NOBODY } from "./types.js";

export interface HdbscanOptions {
  /** The fewest vectors that make a cluster: an integer of at least 2. */
  readonly minClusterSize: number;
  /**
   * The core distance is that to the neighbour of this rank, the vector itself not counted: 1..k. Default
   * `minClusterSize`. More than k is refused unless the graph is complete (then nobody is dense enough).
   */
  readonly minSamples?: number;
}

export interface HdbscanResult {
  /** count labels: 0..clusters - 1, the biggest cluster first, or -1 for noise. */
  readonly labels: Int32Array;
  /** count numbers 0..1: how deep in its cluster the vector is; 1 in the densest part, 0 for noise. */
  readonly probabilities: Float32Array;
  readonly clusters: number;
}

/** Mutual reachability of every edge of the graph, Infinity for none. */
async function mutualReachability(neighbours: Neighbours, minSamples: number, breath: Breath, end: number) {
  const { count, k, numbers, distances } = neighbours;
  const cores = new Float32Array(count).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < count && minSamples <= k; i++) {
    const place = i * k + minSamples - 1;
    if (numbers[place] !== NOBODY) cores[i] = distances[place];
  }
  const weights = new Float32Array(count * k).fill(Number.POSITIVE_INFINITY);
  const weigh = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      for (let place = i * k; place < (i + 1) * k; place++) {
        const j = numbers[place];
        // The 0 turns a -0 around: weights are sorted by their bits.
        if (j !== NOBODY) weights[place] = Math.max(0, cores[i], cores[j], distances[place]);
      }
    }
  };
  await inSlices(count, weigh, breath, 0, end, k);
  return weights;
}

/**
 * Clusters of any shape and number, and noise. All vectors as one cluster is never an answer; parts that the
 * graph does not connect count as infinitely far apart. Exact for a complete graph (k = count - 1); for smaller
 * k the edges of the k nearest, both directions, stand for all, and a stray vector may hang on to the cluster it
 * is connected to where all pairs would call it noise: with a probability near 0.
 */
export async function hdbscan(
  neighbours: Neighbours,
  options: HdbscanOptions,
  breath: Breath,
): Promise<HdbscanResult> {
  const { minClusterSize, minSamples = minClusterSize } = options;
  checkInteger("minClusterSize", minClusterSize, 2);
  checkInteger("minSamples", minSamples, 1);
  checkWithinGraph("minSamples", minSamples, neighbours);
  const { count } = neighbours;
  const weights = await mutualReachability(neighbours, minSamples, breath, 0.15);
  const hierarchy = await spanningHierarchy(neighbours, weights, breath, 0.15, 0.9);
  const tree = await condense(hierarchy, minClusterSize, breath, 0.9, 1);
  const selected = selectByExcessOfMass(tree);

  const keys = new Int32Array(count).fill(NOISE);
  const probabilities = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const cluster = selected[tree.lastClusters[i]];
    if (cluster < 0) continue;
    keys[i] = cluster;
    // Of a member that went on into a cluster further down lambda is the larger: it stayed to the end.
    probabilities[i] = Math.min(1, tree.lambdas[i] / tree.deaths[cluster]);
  }
  await breath(1);
  return { ...labelsBySize(keys, tree.clusters), probabilities };
}
