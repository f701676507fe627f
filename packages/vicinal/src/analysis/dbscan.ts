/**
 * DBSCAN: Ester, Kriegel, Sander, Xu (1996), "A Density-Based Algorithm for Discovering Clusters".
 *
 * The idea: a vector with `minPoints` vectors within `maxDistance`, itself counted, is a core; cores within reach
 * of each other are of one cluster; others within reach of a core are on its border, and the rest is noise.
 * Parameters: the paper gives a border vector to the cluster that comes first; here it goes to its nearest core
 * (of equal ones the lowest number), so that the order of the vectors does not matter.
 * Cost: O(n k) but for the nearly constant find; about 25 bytes a vector.
 */
import { checkDistance, checkInteger, checkWithinGraph } from "./checks.js";
import { labelsBySize, NOISE } from "./labels.js";
import { inSlices } from "./slices.js";
import { type Breath, type Neighbours, NOBODY } from "./types.js";
import { UnionFind } from "./union-find.js";

export interface DbscanOptions {
  /** The reach of a vector, in the distances of the graph; at least 0, and itself within reach. */
  readonly maxDistance: number;
  /** How many within reach, itself counted, make a core: an integer of at least 1. */
  readonly minPoints: number;
}

export interface DbscanResult {
  /** count labels: 0..clusters - 1, the biggest cluster first, or -1 for noise. */
  readonly labels: Int32Array;
  readonly clusters: number;
}

/**
 * Clusters of one density. With k smaller than `minPoints` the graph knows too few neighbours to tell a core
 * from others, so that is refused (unless the graph is complete, k = count - 1). Who is a core is then exact;
 * where more than k vectors are within reach of both ends of an edge, it may be missing, and a cluster that hangs
 * together by such edges alone comes apart: take k well above `minPoints`.
 */
export async function dbscan(
  neighbours: Neighbours,
  options: DbscanOptions,
  breath: Breath,
): Promise<DbscanResult> {
  const { minPoints } = options;
  // In the precision of the graph, so that a distance read from it includes its pair.
  const maxDistance = Math.fround(options.maxDistance);
  checkDistance("maxDistance", options.maxDistance);
  checkInteger("minPoints", minPoints, 1);
  checkWithinGraph("minPoints", minPoints, neighbours);
  const { count, k, numbers, distances } = neighbours;

  const cores = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const place = i * k + minPoints - 2;
    if (minPoints === 1) cores[i] = 1;
    else if (minPoints - 1 <= k && numbers[place] !== NOBODY && distances[place] <= maxDistance) cores[i] = 1;
  }

  const sets = new UnionFind(count);
  const nearest = new Uint32Array(count).fill(NOBODY);
  const nearestDistances = new Float32Array(count);
  const border = (i: number, core: number, distance: number) => {
    const nearer = distance < nearestDistances[i] || (distance === nearestDistances[i] && core < nearest[i]);
    if (nearest[i] !== NOBODY && !nearer) return;
    nearest[i] = core;
    nearestDistances[i] = distance;
  };
  const walk = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      for (let place = i * k; place < (i + 1) * k; place++) {
        const j = numbers[place];
        if (j === NOBODY || distances[place] > maxDistance) break;
        if (cores[i] && cores[j]) sets.union(i, j);
        else if (cores[j]) border(i, j, distances[place]);
        else if (cores[i]) border(j, i, distances[place]);
      }
    }
  };
  await inSlices(count, walk, breath, 0, 1, k);

  const keys = new Int32Array(count).fill(NOISE);
  for (let i = 0; i < count; i++) {
    if (cores[i]) keys[i] = sets.find(i);
    else if (nearest[i] !== NOBODY) keys[i] = sets.find(nearest[i]);
  }
  await breath(1);
  return labelsBySize(keys, count);
}
