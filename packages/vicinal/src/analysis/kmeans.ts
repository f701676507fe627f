/**
 * Clusters of a collection's vectors by k-means, with a number of clusters that is given or found.
 *
 * Method: k-means as in codec/kmeans.ts; the number by the simplified silhouette: Hruschka, de Castro, Campello, "Evolutionary
 * algorithms for clustering gene-expression data" (2004), after Rousseeuw, "Silhouettes" (1987). For each k a sample is
 * clustered; a row's silhouette is (b - a) / max(a, b), a its distance to its own centroid and b to the next one; the k with
 * the largest mean wins, of equals the smallest.
 *
 * Parameters: a sample of 65,536 or 256 a cluster for the centroids, since more hardly move them; 2,048 for the choice of k, enough
 * for 100 rows in each of 20 clusters.
 * Cost: sample x k x dimensions per round, from four starts, and twice all vectors; the choice 2,048 x kMax^2 / 2 x dimensions
 * x rounds (at most 15) from each start.
 */
import { TRAINING_ROWS_PER_CENTROID, trainingRows } from "../codec/kmeans.js";
import { loadKernels } from "../runtime/kernels.js";
import { seededRandom } from "../runtime/random.js";
import { Pace } from "./pace.js";
import { RowClusters } from "./row-clusters.js";
import { type Breath, NOBODY, type Vectors } from "./types.js";

export interface KmeansOptions {
  /** Number of clusters, 2..count (brought into 1..count). Absent: chosen by the silhouette. */
  k?: number;
  /** Largest number that the choice looks at, from 2; default 20. */
  kMax?: number;
  /** Default 0. The same vectors, options and seed give the same clusters. */
  seed?: number;
  /** Most rounds from each start, from 1; default 50. */
  iterations?: number;
}

export interface KmeansClusters {
  /** Number of clusters. */
  k: number;
  /** count: the cluster of each vector, 0..k - 1. */
  labels: Int32Array;
  /** k * dimensions; of unit length where the metric is Cosine or Dot. */
  centroids: Float32Array;
  /** k: vectors of each cluster; 0 only where there are fewer different vectors than clusters. */
  sizes: Uint32Array;
  /** Sum of squared Euclidean distances of the vectors (Cosine, Dot: of their directions) to their centroids. */
  inertia: number;
  /** k: of each cluster the vector that is nearest to the centroid; NOBODY for an empty one. */
  representatives: Uint32Array;
}

/** Vectors that the centroids are found from, however few there are of these. */
const TRAINING_ROWS_MIN = 65_536;
const CHOICE_ROWS = 2048;
const CHOICE_ROUNDS = 15;
/** The part of the work that the choice of k is taken to be. */
const CHOICE_SHARE = 0.5;

/**
 * Clusters the vectors. Cosine and Dot are clustered by direction (spherical k-means); Euclid and Manhattan by squared
 * Euclidean distance, to which a mean belongs.
 */
export async function kmeansClusters(
  vectors: Vectors,
  options: KmeansOptions,
  breath: Breath,
): Promise<KmeansClusters> {
  const { count } = vectors;
  const random = seededRandom(options.seed ?? 0);
  const pace = new Pace(breath);
  await pace.now(0);
  if (count === 0) return nothing();
  const wanted = options.k ?? (await chooseK(vectors, options.kMax ?? 20, random, pace));
  const k = Math.min(count, Math.max(1, Math.floor(wanted)));
  const begun = options.k === undefined ? CHOICE_SHARE : 0;
  const sampled = Math.max(TRAINING_ROWS_MIN, k * TRAINING_ROWS_PER_CENTROID);
  const clusters = new RowClusters(await loadKernels(), vectors, trainingRows(count, sampled, random), k);
  try {
    pace.part(begun, 0.9);
    const centroids = await clusters.train(k, options.iterations ?? 50, random, pace);
    pace.part(0.9, 1);
    const { labels, distances, sizes } = await clusters.finish(centroids, pace);
    const representatives = new Uint32Array(k).fill(NOBODY);
    let inertia = 0;
    for (let i = 0; i < count; i++) {
      const before = representatives[labels[i]];
      if (before === NOBODY || distances[i] < distances[before]) representatives[labels[i]] = i;
      inertia += distances[i];
    }
    return { k, labels, centroids, sizes, inertia, representatives };
  } finally {
    clusters.close();
  }
}

function nothing(): KmeansClusters {
  return {
    k: 0,
    labels: new Int32Array(0),
    centroids: new Float32Array(0),
    sizes: new Uint32Array(0),
    inertia: 0,
    representatives: new Uint32Array(0),
  };
}

/**
 * Mean of the simplified silhouettes, -1..1, of some vectors, each in the cluster of its nearest centroid; larger is better. Undefined
 * where a centroid is nobody's nearest: more clusters than different vectors say nothing.
 */
export function simplifiedSilhouette(
  vectors: Vectors,
  chosen: Uint32Array,
  centroids: Float32Array,
): number | undefined {
  const k = centroids.length / vectors.dimensions;
  const sizes = new Uint32Array(k);
  let sum = 0;
  for (const vector of chosen) {
    let own = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    let nearest = 0;
    for (let c = 0; c < k; c++) {
      const distance = distanceTo(vectors, vector, centroids, c);
      if (distance < own) {
        next = own;
        own = distance;
        nearest = c;
      } else if (distance < next) next = distance;
    }
    sizes[nearest]++;
    if (next > 0) sum += (next - own) / next;
  }
  return sizes.every((size) => size > 0) ? sum / chosen.length : undefined;
}

/** Euclidean, of directions where those are clustered. */
function distanceTo(vectors: Vectors, vector: number, centroids: Float32Array, c: number): number {
  const { data, dimensions, metric } = vectors;
  const a = vector * dimensions;
  const b = c * dimensions;
  let squares = 0;
  let product = 0;
  let length = 0;
  for (let j = 0; j < dimensions; j++) {
    const difference = data[a + j] - centroids[b + j];
    squares += difference * difference;
    product += data[a + j] * centroids[b + j];
    length += data[a + j] * data[a + j];
  }
  if (metric !== "Dot") return Math.sqrt(squares);
  return length === 0 ? 1 : Math.sqrt(Math.max(0, 2 - (2 * product) / Math.sqrt(length)));
}

async function chooseK(vectors: Vectors, kMax: number, random: () => number, pace: Pace): Promise<number> {
  const chosen = trainingRows(vectors.count, CHOICE_ROWS, random);
  const last = Math.min(Math.floor(kMax), chosen.length - 1);
  let best = { k: Math.min(2, vectors.count), silhouette: Number.NEGATIVE_INFINITY };
  if (last < 2) return best.k;
  const clusters = new RowClusters(await loadKernels(), vectors, chosen, last);
  try {
    for (let k = 2; k <= last; k++) {
      // The work for k grows with k, so that of all below k with its square.
      pace.part(CHOICE_SHARE * ((k - 1) / last) ** 2, CHOICE_SHARE * (k / last) ** 2);
      const centroids = await clusters.train(k, CHOICE_ROUNDS, random, pace);
      const silhouette = simplifiedSilhouette(vectors, chosen, centroids);
      if (silhouette === undefined) break;
      if (silhouette > best.silhouette) best = { k, silhouette };
      await pace.now(1);
    }
  } finally {
    clusters.close();
  }
  return best.k;
}
