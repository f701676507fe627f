/**
 * Outlier scores: mean distance to the k nearest (Angiulli and Pizzuti 2002), and the local outlier factor of
 * Breunig, Kriegel, Ng, Sander (2000), "LOF: Identifying Density-Based Local Outliers".
 *
 * The idea: whoever is far from its neighbours is an outlier; for LOF, whoever is farther from its neighbours
 * than these are from theirs. LOF's distance from a neighbour is never less than the neighbour's own k-th, so
 * that scores do not jump inside of a cluster.
 * Parameters: the k of the graph; the paper's advice is 10 or more. Exactly k neighbours also at ties. A mean
 * of 0 (k equal vectors) counts as half of the smallest above 0, so that no score is infinite.
 * Cost: O(n k); 12 bytes a vector.
 */
import { checkWord } from "./checks.js";
import { inSlices } from "./slices.js";
import { type Breath, type Neighbours, NOBODY } from "./types.js";

export interface OutlierOptions {
  /**
   * "distance": the mean distance to the neighbours, at least 0, in the graph's distances: outliers of the whole.
   * "lof": about 1 within a cluster of any density, the more above 1 the more of an outlier.
   */
  readonly method: "distance" | "lof";
}

const LARGEST = 3.4028234663852886e38;

/** Means over each neighbour list of `value(place)`, NaN for a list without anybody. */
async function listMeans(
  { count, k, numbers }: Neighbours,
  value: (place: number, i: number) => number,
  breath: Breath,
  start: number,
  end: number,
): Promise<Float64Array> {
  const means = new Float64Array(count);
  const walk = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      let sum = 0;
      let n = 0;
      for (; n < k && numbers[i * k + n] !== NOBODY; n++) sum += value(i * k + n, i);
      means[i] = sum / n;
    }
  };
  await inSlices(count, walk, breath, start, end, k);
  return means;
}

/** Finite scores; who has no neighbours at all gets the largest score found (`usual` if nobody has any). */
function scoresOf(means: Float64Array, usual: number): Float32Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (const mean of means) if (mean > largest) largest = mean;
  if (largest === Number.NEGATIVE_INFINITY) largest = usual;
  const scores = new Float32Array(means.length);
  for (let i = 0; i < means.length; i++) {
    scores[i] = Math.min(LARGEST, Number.isNaN(means[i]) ? largest : means[i]);
  }
  return scores;
}

async function localOutlierFactors(neighbours: Neighbours, breath: Breath): Promise<Float32Array> {
  const { count, k, numbers, distances } = neighbours;
  /** Distance of the last neighbour. */
  const reach = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let last = k - 1;
    while (last >= 0 && numbers[i * k + last] === NOBODY) last--;
    if (last >= 0) reach[i] = distances[i * k + last];
  }
  // The mean reachability distance, 1 / local reachability density.
  const reachable = (place: number) => Math.max(reach[numbers[place]], distances[place]);
  const means = await listMeans(neighbours, reachable, breath, 0, 0.5);
  let smallest = Number.POSITIVE_INFINITY;
  for (const mean of means) if (mean > 0 && mean < smallest) smallest = mean;
  const floor = smallest < Number.POSITIVE_INFINITY ? smallest / 2 : 1;
  for (let i = 0; i < count; i++) if (means[i] === 0) means[i] = floor;
  // A neighbour without neighbours of its own says nothing: it counts as no denser and no sparser.
  const ratio = (place: number, i: number) => {
    const theirs = means[numbers[place]];
    return Number.isNaN(theirs) ? 1 : means[i] / theirs;
  };
  return scoresOf(await listMeans(neighbours, ratio, breath, 0.5, 1), 1);
}

/** count scores, finite, larger is more of an outlier. */
export async function outlierScores(
  neighbours: Neighbours,
  options: OutlierOptions,
  breath: Breath,
): Promise<Float32Array> {
  checkWord("method", options.method, ["distance", "lof"]);
  const scores =
    options.method === "lof"
      ? await localOutlierFactors(neighbours, breath)
      : scoresOf(await listMeans(neighbours, (place) => neighbours.distances[place], breath, 0, 1), 0);
  await breath(1);
  return scores;
}
