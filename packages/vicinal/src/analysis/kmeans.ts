/**
 * Clusters of a collection's vectors by k-means, with a number of clusters that is given or found.
 *
 * Method: k-means as in lloyd.ts; the number by the simplified silhouette: Hruschka, de Castro, Campello, "Evolutionary
 * algorithms for clustering gene-expression data" (2004), after Rousseeuw, "Silhouettes" (1987). For each k a sample is
 * clustered; a row's silhouette is (b - a) / max(a, b), a its distance to its own centroid and b to the next one; the k with
 * the largest mean wins, of equals the smallest.
 *
 * Parameters: above 100,000 vectors 100 mini-batches and 2 full rounds, since full rounds to a standstill would pass over
 * everything dozens of times; a sample of 2,048 for the choice of k, enough for 100 rows in each of 20 clusters.
 * Cost: count x k x dimensions per round; the choice sample x kMax^2 / 2 x dimensions x (rounds, at most 15).
 */
import { seededRandom } from "../runtime/random.js";
import { drawRows, lloyd, miniBatches, type Rows, seedCentroids, squaredDistance, toUnit } from "./lloyd.js";
import { Pace } from "./pace.js";
import { type Breath, NOBODY, type Vectors } from "./types.js";

export interface KmeansOptions {
  /** Number of clusters, 2..count (brought into 1..count). Absent: chosen by the silhouette. */
  k?: number;
  /** Largest number that the choice looks at, from 2; default 20. */
  kMax?: number;
  /** Default 0. The same vectors, options and seed give the same clusters. */
  seed?: number;
  /** Most rounds of Lloyd, from 1; default 50. Above 100,000 vectors: mini-batches, default 100. */
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

/** Above so many vectors, mini-batches. */
const BATCHES_ABOVE = 100_000;
const SAMPLE_ROWS = 2048;
const SAMPLE_ROUNDS = 15;
const TOLERANCE = 1e-5;

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
  const rows = directions(vectors);
  pace.part(0, 0.5);
  const wanted = options.k ?? (await chooseK(rows, options.kMax ?? 20, random, pace));
  const k = Math.min(count, Math.max(1, Math.floor(wanted)));
  pace.part(options.k === undefined ? 0.5 : 0, options.k === undefined ? 0.55 : 0.1);
  const centroids = await seedCentroids(rows, k, random, pace);
  if (count > BATCHES_ABOVE) {
    pace.part(0.55, 0.8);
    await miniBatches(rows, centroids, options.iterations ?? 100, random, pace);
  }
  const iterations = count > BATCHES_ABOVE ? 2 : (options.iterations ?? 50);
  pace.part(options.k === undefined || count > BATCHES_ABOVE ? 0.8 : 0.1, 1);
  const found = await lloyd(rows, centroids, { iterations, tolerance: TOLERANCE }, pace);
  const representatives = new Uint32Array(k).fill(NOBODY);
  for (let i = 0; i < count; i++) {
    const before = representatives[found.labels[i]];
    if (before === NOBODY || found.distances[i] < found.distances[before])
      representatives[found.labels[i]] = i;
  }
  await pace.now(1);
  const { labels, sizes, inertia } = found;
  return { k, labels, centroids: Float32Array.from(centroids), sizes, inertia, representatives };
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

/** Mean of the simplified silhouettes, -1..1, of rows that were assigned to `centroids`; larger is better. */
export function simplifiedSilhouette(rows: Rows, centroids: Float64Array, labels: Int32Array): number {
  const k = centroids.length / rows.dimensions;
  let sum = 0;
  for (let i = 0; i < rows.count; i++) {
    const own = Math.sqrt(squaredDistance(rows, i, centroids, labels[i]));
    let next = Number.POSITIVE_INFINITY;
    for (let c = 0; c < k; c++)
      if (c !== labels[i]) next = Math.min(next, squaredDistance(rows, i, centroids, c));
    next = Math.sqrt(next);
    const larger = Math.max(own, next);
    if (larger > 0) sum += (next - own) / larger;
  }
  return sum / rows.count;
}

async function chooseK(rows: Rows, kMax: number, random: () => number, pace: Pace): Promise<number> {
  const sample = take(rows, drawRows(rows.count, Math.min(rows.count, SAMPLE_ROWS), random));
  const last = Math.min(Math.floor(kMax), sample.count - 1);
  let best = { k: Math.min(2, rows.count), silhouette: Number.NEGATIVE_INFINITY };
  for (let k = 2; k <= last; k++) {
    // The work for k grows with k, so that of all below k with its square.
    pace.part(0.5 * ((k - 1) / last) ** 2, 0.5 * (k / last) ** 2);
    const centroids = await seedCentroids(sample, k, random, pace);
    const options = { iterations: SAMPLE_ROUNDS, tolerance: TOLERANCE };
    const found = await lloyd(sample, centroids, options, pace);
    // Fewer different rows than clusters: more of them say nothing.
    if (found.sizes.some((size) => size === 0)) break;
    const silhouette = simplifiedSilhouette(sample, centroids, found.labels);
    if (silhouette > best.silhouette) best = { k, silhouette };
  }
  return best.k;
}

/** Rows to cluster: of Dot the directions, in a copy; others as they are. */
function directions(vectors: Vectors): Rows {
  const { count, dimensions, metric } = vectors;
  const spherical = metric === "Cosine" || metric === "Dot";
  if (metric !== "Dot") return { count, dimensions, data: vectors.data, spherical };
  const data = vectors.data.slice(0, count * dimensions);
  for (let i = 0; i < count; i++) toUnit(data, i * dimensions, dimensions);
  return { count, dimensions, data, spherical };
}

function take(rows: Rows, chosen: Uint32Array): Rows {
  const { dimensions, spherical } = rows;
  const data = new Float32Array(chosen.length * dimensions);
  chosen.forEach((row, i) => {
    data.set(rows.data.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  });
  return { count: chosen.length, dimensions, data, spherical };
}
