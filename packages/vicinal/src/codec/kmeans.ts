/**
 * k-means: k centroids such that the sum of squared distances of the rows to their nearest one is small.
 *
 * Method: Lloyd, "Least squares quantization in PCM" (1957, 1982), seeded by k-means++: Arthur, Vassilvitskii, "k-means++:
 * the advantages of careful seeding" (2007). Rows go to their nearest centroid, centroids to the mean of their rows,
 * again and again; a first centroid is drawn evenly, each next one with a chance in proportion to its squared distance
 * to those there are.
 * Deviations: seeds are drawn from at most 32 rows per centroid; a centroid without rows takes half of the largest
 * cluster (its centroid is split by a small push in opposite directions, as Faiss does).
 * Cost: rows x k distances per round, in blocks of rows that stay in the cache; the seeding less than one round.
 *
 * It runs in memory that the caller lays out, as a sequence of short steps, so that a worker with borrowed memory and a
 * thread that must breathe can both run it. The same job gives the same centroids on the same build of the kernels.
 *
 *   work:  [ distances: count f32 ][ tried: count f32 ][ counts: k u32 ][ sums: k x dimensions f64 ][ scratch of the kernel ]
 *          each 64-byte aligned
 */
import { assert } from "../runtime/assert.js";
import type { Kernels } from "../runtime/kernels.js";
import type { Arena } from "../runtime/memory.js";
import { seededRandom } from "../runtime/random.js";

/** Where rows lie. Addresses are bytes in the arena's memory. */
export interface RowSource {
  /** Address of row 0. */
  rows: number;
  /** Bytes from one row to the next: dimensions x 4, or more where rows are parts of longer vectors. */
  rowBytes: number;
  /** Address of `count` u32, the rows that take part; 0 for the rows 0..count-1. */
  list: number;
  count: number;
  dimensions: number;
}

export interface KMeansJob extends RowSource {
  /** Number of centroids, 1..count. */
  k: number;
  /** Most rounds of assigning and moving; 25 are plenty, 11 do for a tree. */
  iterations: number;
  /** Keeps centroids at length 1: for unit vectors whose angle matters. */
  spherical?: boolean;
  seed: number;
  /**
   * Rows drawn for each seed, of which the one that lowers the error most is taken (greedy k-means++, by the same paper);
   * default 1. 2 + ln k are worth it where k is small and the clusters themselves are the answer.
   */
  tries?: number;
  /** Address for the answer: k x dimensions f32, 16-byte aligned where the caller can. */
  centroids: number;
  /** Address for the answer: count u32, the centroid of each position of the list. */
  assignment: number;
  /** Address of `kMeansBytes` bytes, 8-byte aligned. */
  work: number;
}

export interface KMeansResult {
  /** Rounds that were needed. */
  iterations: number;
  /** Sum of squared distances of the rows to their centroids. */
  error: number;
  /** Rows per centroid; 0 only where there are fewer different rows than centroids. */
  counts: Uint32Array;
}

/** Rows per centroid that training looks at: more hardly move a centroid (Faiss takes 256 too). */
export const TRAINING_ROWS_PER_CENTROID = 256;
const SEED_ROWS_PER_CENTROID = 32;
/** Numbers (rows x centroids x dimensions) that a step passes over: some milliseconds. */
const STEP_NUMBERS = 1 << 24;
/** A split centroid's halves move so far apart, as a share of each component. */
const PUSH = 1 / 1024;
/** No centroid yet. */
const NONE = 0xffffffff;

interface Work {
  distances: number;
  tried: number;
  counts: number;
  sums: number;
  scratch: number;
  bytes: number;
}

function layOut(kernels: Kernels, job: { count: number; dimensions: number; k: number; work: number }): Work {
  const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;
  const tried = job.work + aligned(job.count * 4);
  const counts = tried + aligned(job.count * 4);
  const sums = counts + aligned(job.k * 4);
  const scratch = sums + aligned(job.k * job.dimensions * 8);
  return {
    distances: job.work,
    tried,
    counts,
    sums,
    scratch,
    bytes: scratch + kernels.assignBytes() - job.work,
  };
}

/** Bytes of `work`. */
export function kMeansBytes(kernels: Kernels, count: number, dimensions: number, k: number): number {
  return layOut(kernels, { count, dimensions, k, work: 0 }).bytes;
}

/**
 * Finds centroids, in steps of some milliseconds; yields the number of rounds done so far. Afterwards the assignment is
 * that to the final centroids.
 */
export function* kMeansSteps(
  kernels: Kernels,
  arena: Arena,
  job: KMeansJob,
): Generator<number, KMeansResult> {
  const { count, dimensions, k } = job;
  assert(k >= 1 && k <= count, "k-means finds 1 to `count` centroids");
  const work = layOut(kernels, job);
  yield* seedCentroids(kernels, arena, job, work);
  arena.u32.fill(NONE, job.assignment >>> 2, (job.assignment >>> 2) + count);
  const counts = work.counts >>> 2;
  let iterations = 0;
  while (iterations < job.iterations) {
    const changed = yield* assignSteps(kernels, job, work, iterations);
    if (changed === 0) break;
    arena.u8.fill(0, work.sums, work.sums + k * dimensions * 8);
    arena.u32.fill(0, counts, counts + k);
    kernels.sumRows(
      job.rows,
      job.rowBytes,
      job.list,
      0,
      count,
      dimensions,
      job.assignment,
      work.sums,
      work.counts,
    );
    const { spherical } = job;
    kernels.moveCentroids(work.sums, work.counts, k, dimensions, job.centroids, spherical ? 1 : 0);
    fillEmpty(arena, job, arena.u32.slice(counts, counts + k));
    iterations++;
  }
  yield* assignSteps(kernels, job, work, iterations);
  const result = new Uint32Array(k);
  let error = 0;
  for (let i = 0; i < count; i++) {
    result[arena.u32[(job.assignment >>> 2) + i]]++;
    error += arena.f32[(work.distances >>> 2) + i];
  }
  return { iterations, error, counts: result };
}

/** All steps at once. */
export function kMeans(kernels: Kernels, arena: Arena, job: KMeansJob): KMeansResult {
  const steps = kMeansSteps(kernels, arena, job);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** A seeded choice of rows to train on: at most `limit` different ones of 0..count-1, rising. */
export function trainingRows(count: number, limit: number, random: () => number): Uint32Array {
  const wanted = Math.min(count, limit);
  const chosen = new Uint32Array(wanted);
  // Selection sampling (Knuth, volume 2, algorithm S).
  for (let row = 0, taken = 0; taken < wanted; row++)
    if (random() * (count - row) < wanted - taken) chosen[taken++] = row;
  return chosen;
}

function* assignSteps(kernels: Kernels, job: KMeansJob, work: Work, done: number): Generator<number, number> {
  const rowsPerStep = Math.max(64, Math.floor(STEP_NUMBERS / (job.k * job.dimensions)));
  let changed = 0;
  for (let from = 0; from < job.count; from += rowsPerStep) {
    changed += kernels.assignRows(
      job.rows,
      job.rowBytes,
      job.list,
      from,
      Math.min(job.count, from + rowsPerStep),
      job.dimensions,
      job.centroids,
      job.k,
      job.assignment,
      work.distances,
      work.scratch,
    );
    yield done;
  }
  return changed;
}

function* seedCentroids(kernels: Kernels, arena: Arena, job: KMeansJob, work: Work): Generator<number, void> {
  const { dimensions, k, list } = job;
  const random = seededRandom(job.seed);
  const step = Math.max(1, Math.floor(job.count / (k * SEED_ROWS_PER_CENTROID)));
  const count = Math.floor(job.count / step);
  const copy = (centroid: number, position: number) => {
    const row = list ? arena.u32[(list >>> 2) + position] : position;
    const source = job.rows + row * job.rowBytes;
    const target = job.centroids + centroid * dimensions * 4;
    arena.u8.copyWithin(target, source, source + dimensions * 4);
    return target;
  };
  const [kept, tried] = [work.distances >>> 2, work.tried >>> 2];
  const keep = () => arena.f32.copyWithin(kept, tried, tried + count);
  const { rows, rowBytes, tries = 1 } = job;
  const totalWith = (seed: number) =>
    kernels.seedDistances(rows, rowBytes, list, count, step, dimensions, seed, work.tried);
  const tryAgain = () => arena.f32.copyWithin(tried, kept, kept + count);
  arena.f32.fill(Number.POSITIVE_INFINITY, tried, tried + count);
  let total = totalWith(copy(0, Math.floor(random() * count) * step));
  keep();
  const seedsPerStep = Math.max(1, Math.floor(STEP_NUMBERS / (count * dimensions * tries)));
  for (let centroid = 1; centroid < k; centroid++) {
    let best = { picked: 0, total: Number.POSITIVE_INFINITY };
    for (let draw = 0; draw < tries; draw++) {
      // Only copies of the seeds are left: any row will do.
      const picked =
        total > 0
          ? kernels.pickWeighted(work.distances, count, random() * total)
          : Math.floor(random() * count);
      tryAgain();
      const totalThen = totalWith(copy(centroid, picked * step));
      if (totalThen < best.total) best = { picked, total: totalThen };
    }
    if (tries > 1) {
      tryAgain();
      totalWith(copy(centroid, best.picked * step));
    }
    total = best.total;
    keep();
    if (centroid % seedsPerStep === 0) yield 0;
  }
}

/** Each centroid without rows becomes one half of the largest cluster. */
function fillEmpty(arena: Arena, job: KMeansJob, counts: Uint32Array): void {
  const { f32 } = arena;
  const { dimensions } = job;
  for (let empty = 0; empty < counts.length; empty++) {
    if (counts[empty] > 0) continue;
    let largest = 0;
    for (let c = 1; c < counts.length; c++) if (counts[c] > counts[largest]) largest = c;
    if (counts[largest] < 2) return;
    const source = (job.centroids >>> 2) + largest * dimensions;
    const target = (job.centroids >>> 2) + empty * dimensions;
    for (let j = 0; j < dimensions; j++) {
      const push = (j & 1 ? -PUSH : PUSH) * f32[source + j];
      f32[target + j] = f32[source + j] + push;
      f32[source + j] -= push;
    }
    counts[empty] = counts[largest] >>> 1;
    counts[largest] -= counts[empty];
  }
}
