/**
 * k centroids for rows that lie in ordinary memory, from a start to a standstill.
 *
 * Method: Lloyd, "Least squares quantization in PCM" (1957, 1982), seeded by k-means++: Arthur, Vassilvitskii, "k-means++:
 * the advantages of careful seeding" (2007); mini-batches: Sculley, "Web-scale k-means clustering" (2010); the spherical
 * kind: Dhillon, Modha, "Concept decompositions for large sparse text data using clustering" (2001).
 * Rows go to their nearest centroid and centroids to the mean of their rows, until nothing moves. A mini-batch moves each
 * centroid towards the few rows drawn, by 1 / (rows it has seen). The spherical kind brings centroids to length 1.
 *
 * Parameters: of 2 + ln k rows drawn for each seed the best is taken (greedy k-means++, by the same paper: a single draw
 * puts two seeds into one cluster too often); seeds are drawn from at most 256 rows per centroid, since more hardly move
 * them. A centroid without rows moves to the row that is farthest from its own centroid.
 * Cost: rows x k x dimensions per round; the seeding about (2 + ln k) rounds over its rows.
 *
 * codec/kmeans.ts does the same inside the memory of the kernels, for codes and lists; here rows stay where they are.
 */
import { Pace } from "./pace.js";

/** Rows side by side; `spherical`: of unit length, and so are the centroids. */
export interface Rows {
  readonly count: number;
  readonly dimensions: number;
  readonly data: Float32Array;
  readonly spherical: boolean;
}

export interface Assignment {
  /** count: the nearest centroid of each row. */
  labels: Int32Array;
  /** count: squared Euclidean distance to it. */
  distances: Float64Array;
  /** k: rows of each centroid. */
  sizes: Uint32Array;
  /** The sum of `distances`. */
  inertia: number;
}

const SEED_ROWS_PER_CENTROID = 256;
/** Rows of a mini-batch: enough that each of some tens of centroids sees dozens. */
const BATCH_ROWS = 4096;

/** Squared Euclidean distance of row `row` to centroid `c`. */
export function squaredDistance(rows: Rows, row: number, centroids: Float64Array, c: number): number {
  const { data, dimensions } = rows;
  const a = row * dimensions;
  const b = c * dimensions;
  const whole = dimensions & ~3;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let j = 0;
  for (; j < whole; j += 4) {
    const d0 = data[a + j] - centroids[b + j];
    const d1 = data[a + j + 1] - centroids[b + j + 1];
    const d2 = data[a + j + 2] - centroids[b + j + 2];
    const d3 = data[a + j + 3] - centroids[b + j + 3];
    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
  }
  for (; j < dimensions; j++) {
    const d = data[a + j] - centroids[b + j];
    s0 += d * d;
  }
  return s0 + s1 + (s2 + s3);
}

/** k seeds (k * dimensions) by greedy k-means++. Rows that are all the same give seeds that are all the same. */
export async function seedCentroids(
  rows: Rows,
  k: number,
  random: () => number,
  pace: Pace,
): Promise<Float64Array> {
  const { dimensions } = rows;
  const centroids = new Float64Array(k * dimensions);
  const pool = drawRows(rows.count, Math.min(rows.count, Math.max(k, k * SEED_ROWS_PER_CENTROID)), random);
  const tries = 2 + Math.floor(Math.log(k));
  let nearest: Float64Array = new Float64Array(pool.length).fill(Number.POSITIVE_INFINITY);
  let total = Number.POSITIVE_INFINITY;
  for (let c = 0; c < k; c++) {
    let best: { row: number; nearest: Float64Array; total: number } | undefined;
    for (let t = 0; t < (c === 0 ? 1 : tries); t++) {
      const row = pool[c === 0 ? Math.floor(random() * pool.length) : pick(nearest, total * random())];
      copyRow(rows, row, centroids, c);
      const after = new Float64Array(pool.length);
      let sum = 0;
      for (let i = 0; i < pool.length; i++) {
        after[i] = Math.min(nearest[i], squaredDistance(rows, pool[i], centroids, c));
        sum += after[i];
      }
      if (!best || sum < best.total) best = { row, nearest: after, total: sum };
      await pace.spend(pool.length * dimensions, c / k);
    }
    if (!best) break;
    copyRow(rows, best.row, centroids, c);
    ({ nearest, total } = best);
  }
  return centroids;
}

/** The nearest centroid of every row; equal ones: the first. */
export async function assignRows(
  rows: Rows,
  centroids: Float64Array,
  pace: Pace,
  share = 0,
): Promise<Assignment> {
  const k = centroids.length / Math.max(1, rows.dimensions);
  const labels = new Int32Array(rows.count);
  const distances = new Float64Array(rows.count);
  const sizes = new Uint32Array(k);
  const block = Pace.rows(k * rows.dimensions);
  let inertia = 0;
  for (let from = 0; from < rows.count; from += block) {
    const to = Math.min(rows.count, from + block);
    for (let i = from; i < to; i++) {
      const [label, distance] = nearestCentroid(rows, i, centroids, k);
      labels[i] = label;
      distances[i] = distance;
      sizes[label]++;
      inertia += distance;
    }
    await pace.spend((to - from) * k * rows.dimensions, share);
  }
  return { labels, distances, sizes, inertia };
}

/**
 * Lloyd's rounds from `centroids`, which are moved. Stops when no row changes its centroid, when a round lowers the inertia
 * by less than `tolerance` of it, or after `iterations` rounds. The assignment answered is that to the final centroids.
 */
export async function lloyd(
  rows: Rows,
  centroids: Float64Array,
  options: { iterations: number; tolerance: number },
  pace: Pace,
): Promise<Assignment> {
  let now = await assignRows(rows, centroids, pace, 0);
  for (let round = 0; round < options.iterations; round++) {
    moveToMeans(rows, centroids, now);
    const next = await assignRows(rows, centroids, pace, (round + 1) / options.iterations);
    const same = next.labels.every((label, i) => label === now.labels[i]);
    const slow = now.inertia - next.inertia <= options.tolerance * now.inertia;
    const full = next.sizes.every((size) => size > 0);
    now = next;
    if (same || (slow && full && options.tolerance > 0)) break;
  }
  return now;
}

/** `batches` mini-batches from `centroids`, which are moved. */
export async function miniBatches(
  rows: Rows,
  centroids: Float64Array,
  batches: number,
  random: () => number,
  pace: Pace,
): Promise<void> {
  const { data, dimensions } = rows;
  const k = centroids.length / dimensions;
  const seen = new Float64Array(k);
  const batch = new Uint32Array(BATCH_ROWS);
  const labels = new Int32Array(BATCH_ROWS);
  for (let b = 0; b < batches; b++) {
    // All rows of a batch are assigned before any moves a centroid, as in the paper.
    for (let i = 0; i < BATCH_ROWS; i++) {
      batch[i] = Math.floor(random() * rows.count);
      labels[i] = nearestCentroid(rows, batch[i], centroids, k)[0];
    }
    for (let i = 0; i < BATCH_ROWS; i++) {
      const rate = 1 / ++seen[labels[i]];
      const at = labels[i] * dimensions;
      for (let j = 0; j < dimensions; j++)
        centroids[at + j] += rate * (data[batch[i] * dimensions + j] - centroids[at + j]);
    }
    if (rows.spherical) for (let c = 0; c < k; c++) toUnit(centroids, c * dimensions, dimensions);
    await pace.spend(BATCH_ROWS * k * dimensions, b / batches);
  }
}

/** A seeded choice of `wanted` different ones of 0..count-1, rising (Knuth, volume 2, algorithm S). */
export function drawRows(count: number, wanted: number, random: () => number): Uint32Array {
  const chosen = new Uint32Array(wanted);
  for (let row = 0, taken = 0; taken < wanted; row++)
    if (random() * (count - row) < wanted - taken) chosen[taken++] = row;
  return chosen;
}

/** Brings numbers to length 1; zeros stay. */
export function toUnit(numbers: Float64Array | Float32Array, at: number, dimensions: number): void {
  let sum = 0;
  for (let j = at; j < at + dimensions; j++) sum += numbers[j] * numbers[j];
  if (sum === 0) return;
  const factor = 1 / Math.sqrt(sum);
  for (let j = at; j < at + dimensions; j++) numbers[j] *= factor;
}

function nearestCentroid(rows: Rows, row: number, centroids: Float64Array, k: number): [number, number] {
  let label = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let c = 0; c < k; c++) {
    const distance = squaredDistance(rows, row, centroids, c);
    if (distance < least) {
      least = distance;
      label = c;
    }
  }
  return [label, least];
}

function moveToMeans(rows: Rows, centroids: Float64Array, now: Assignment): void {
  const { data, dimensions } = rows;
  centroids.fill(0);
  for (let i = 0; i < rows.count; i++) {
    const at = now.labels[i] * dimensions;
    for (let j = 0; j < dimensions; j++) centroids[at + j] += data[i * dimensions + j];
  }
  const taken = new Set<number>();
  for (let c = 0; c < now.sizes.length; c++) {
    const at = c * dimensions;
    if (now.sizes[c] === 0) {
      let farthest = 0;
      let most = -1;
      for (let i = 0; i < rows.count; i++)
        if (now.distances[i] > most && !taken.has(i)) {
          farthest = i;
          most = now.distances[i];
        }
      taken.add(farthest);
      copyRow(rows, farthest, centroids, c);
      continue;
    }
    for (let j = at; j < at + dimensions; j++) centroids[j] /= now.sizes[c];
    if (rows.spherical) toUnit(centroids, at, dimensions);
  }
}

function copyRow(rows: Rows, row: number, centroids: Float64Array, c: number): void {
  const { data, dimensions } = rows;
  for (let j = 0; j < dimensions; j++) centroids[c * dimensions + j] = data[row * dimensions + j];
}

function pick(weights: Float64Array, at: number): number {
  let rest = at;
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return weights.length - 1;
}
