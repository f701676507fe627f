/**
 * The condensed tree of a single linkage hierarchy: Campello, Moulavi, Sander (2013), "Density-Based
 * Clustering Based on Hierarchical Density Estimates".
 *
 * The idea: walk down from the root, the density lambda = 1 / height rising. Where a cluster falls apart into at
 * least two parts of `minClusterSize`, they are new clusters; a smaller part merely leaves the cluster. How much
 * density a cluster lives through, summed over its members, is its stability.
 * Parameters: all joins of one height are undone together, as the paper has it (mutual reachability has many
 * ties, and one after the other the answer would depend on the order of the vectors). A height of 0 counts as
 * half of the smallest above 0: so vectors that are equal are denser than all others, by a finite lambda.
 * Cost: O(n).
 */
import { inSlices } from "./slices.js";
import type { Hierarchy } from "./spanning-forest.js";
import type { Breath } from "./types.js";

/** Clusters 0..clusters - 1; 0 is the root (all vectors), and a parent comes before its children. */
export interface CondensedTree {
  readonly clusters: number;
  /** The parent of each cluster; of the root 0. */
  readonly parents: Uint32Array;
  /** Sum over members of (lambda at which the member leaves - lambda at which the cluster began), at least 0. */
  readonly stabilities: Float64Array;
  /** The largest lambda at which anything left the cluster itself. */
  readonly deaths: Float64Array;
  /** Of each vector: the last (deepest) cluster that it was in. */
  readonly lastClusters: Uint32Array;
  /** Of each vector: the lambda at which it left that cluster. */
  readonly lambdas: Float64Array;
}

/** What height 0 counts as. */
function heightOfEquals(heights: Float32Array): number {
  for (const height of heights) if (height > 0) return height < Number.POSITIVE_INFINITY ? height / 2 : 1;
  return 1;
}

/** Condenses; `minClusterSize` is at least 2. Breathes with shares `start`..`end`. */
export async function condense(
  hierarchy: Hierarchy,
  minClusterSize: number,
  breath: Breath,
  start: number,
  end: number,
): Promise<CondensedTree> {
  const { count, left, right, heights, sizes } = hierarchy;
  // Leaf clusters are disjoint, and inner ones have two children or more.
  const most = 2 * Math.floor(count / minClusterSize) + 2;
  const parents = new Uint32Array(most);
  const births = new Float64Array(most);
  const stabilities = new Float64Array(most);
  const deaths = new Float64Array(most);
  const lastClusters = new Uint32Array(count);
  const lambdas = new Float64Array(count);
  const floor = heightOfEquals(heights);
  let clusters = 1;

  // Nodes that wait with their clusters; they are disjoint, so never more than there are vectors.
  const waiting = new Uint32Array(count);
  const owners = new Uint32Array(count);
  let waitingCount = 0;
  const stack = new Uint32Array(count);
  const parts = new Uint32Array(count);
  const sizeOf = (node: number) => (node < count ? 1 : sizes[node - count]);

  const wait = (node: number, cluster: number) => {
    waiting[waitingCount] = node;
    owners[waitingCount++] = cluster;
  };

  /** The parts that remain of a node when all its joins of the top height are undone. */
  const undo = (node: number): number => {
    const height = heights[node - count];
    let depth = 0;
    let found = 0;
    stack[depth++] = node;
    while (depth > 0) {
      const at = stack[--depth];
      if (at < count || heights[at - count] < height) parts[found++] = at;
      else {
        stack[depth++] = left[at - count];
        stack[depth++] = right[at - count];
      }
    }
    return found;
  };

  /** All vectors below `node` leave `cluster` for good. */
  const leave = (node: number, cluster: number, lambda: number) => {
    let depth = 0;
    stack[depth++] = node;
    while (depth > 0) {
      const at = stack[--depth];
      if (at < count) {
        lastClusters[at] = cluster;
        lambdas[at] = lambda;
      } else {
        stack[depth++] = left[at - count];
        stack[depth++] = right[at - count];
      }
    }
  };

  const split = (node: number, cluster: number) => {
    const lambda = 1 / Math.max(floor, heights[node - count]);
    const found = undo(node);
    let big = 0;
    for (let i = 0; i < found; i++) if (sizeOf(parts[i]) >= minClusterSize) big++;
    for (let i = 0; i < found; i++) {
      const part = parts[i];
      const size = sizeOf(part);
      if (size >= minClusterSize && big === 1) {
        wait(part, cluster);
        continue;
      }
      stabilities[cluster] += size * (lambda - births[cluster]);
      deaths[cluster] = lambda;
      if (size < minClusterSize) leave(part, cluster, lambda);
      else {
        parents[clusters] = cluster;
        births[clusters] = lambda;
        wait(part, clusters++);
      }
    }
  };

  if (count > 1) wait(2 * count - 2, 0);
  // No more splits than there are joins.
  const some = (from: number, to: number) => {
    for (let i = from; i < to && waitingCount > 0; i++) split(waiting[--waitingCount], owners[waitingCount]);
  };
  await inSlices(count, some, breath, start, end);
  return {
    clusters,
    parents: parents.subarray(0, clusters),
    stabilities: stabilities.subarray(0, clusters),
    deaths: deaths.subarray(0, clusters),
    lastClusters,
    lambdas,
  };
}

/**
 * Of each cluster the selected one that it lies in, itself or an ancestor, -1 for none: those clusters, none
 * within another, whose stabilities have the largest sum (excess of mass). The root is not to be selected, and
 * of a cluster and its descendants of equal stability the cluster is.
 */
export function selectByExcessOfMass(tree: CondensedTree): Int32Array {
  const { clusters, parents, stabilities } = tree;
  const below = new Float64Array(clusters);
  const better = new Uint8Array(clusters);
  for (let c = clusters - 1; c > 0; c--) {
    better[c] = stabilities[c] >= below[c] ? 1 : 0;
    below[parents[c]] += Math.max(stabilities[c], below[c]);
  }
  const selected = new Int32Array(clusters).fill(-1);
  for (let c = 1; c < clusters; c++) {
    const above = selected[parents[c]];
    selected[c] = above >= 0 ? above : better[c] === 1 ? c : -1;
  }
  return selected;
}
