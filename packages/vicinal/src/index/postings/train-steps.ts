/**
 * Finds heads: clusters of at most `size` vectors, by k-means of few clusters that are split again until they are small
 * enough, which costs n log n where k-means into all of them at once would cost n^2 / size. Clusters come in the order of a
 * walk through the tree of splits, so that postings which lie side by side are near each other.
 *
 * Runs on a worker or in slices; all memory was laid out by the owner.
 */
import { kMeansBytes, kMeansSteps } from "../../codec/kmeans.js";
import type { Kernels } from "../../runtime/kernels.js";
import type { VectorStore } from "../vector-store.js";

export interface TrainJob {
  /** `listed` u32: the vectors to learn from, rearranged by the steps; count u32 of room. */
  list: number;
  listed: number;
  size: number;
  seed: number;
  /** `trainBytes` bytes, and `count` u32. */
  work: number;
  assignment: number;
  /** BRANCHING x dimensions f32. */
  centroids: number;
  /** count u32: the cluster of each vector that was learned from. */
  clusters: number;
  /** dimensions f64 and dimensions f32: the mean of a sample. */
  sums: number;
  mean: number;
}

/** Clusters of one split. More make better clusters, fewer are found sooner. */
export const BRANCHING = 16;
const ITERATIONS = 8;
/** Rows that a split learns from; all its rows are assigned. */
const SAMPLE = 256 * BRANCHING;
const MEAN_ROWS = 20_000;
/** Marks vectors that no cluster was learned from. */
export const NO_CLUSTER = 0xffffffff;

export function trainBytes(kernels: Kernels, count: number, dimensions: number): number {
  return kMeansBytes(kernels, Math.max(1, count), dimensions, BRANCHING);
}

interface Range {
  from: number;
  to: number;
  centroid: Float32Array;
}

/** Yields vectors done; returns the heads, one after the other. */
export function* trainSteps(store: VectorStore, job: TrainJob): Generator<number, Float32Array> {
  const { kernels, arena, dimensions, count, rows } = store;
  const step = Math.max(1, Math.floor(count / MEAN_ROWS));
  kernels.meanOf(rows, dimensions, count, step, job.sums, job.mean);
  arena.u32.fill(NO_CLUSTER, job.clusters >>> 2, (job.clusters >>> 2) + count);
  const heads: Float32Array[] = [];
  const open: Range[] = [{ from: 0, to: job.listed, centroid: meanOf(store, job, 0, job.listed) }];
  let done = 0;
  for (let range = open.pop(); range; range = open.pop()) {
    const size = range.to - range.from;
    if (size > job.size) {
      open.push(...(yield* split(store, job, range, done)).reverse());
      continue;
    }
    const { u32 } = arena;
    for (let i = range.from; i < range.to; i++)
      u32[(job.clusters >>> 2) + u32[(job.list >>> 2) + i]] = heads.length;
    if (size > 0) heads.push(range.centroid);
    done += size;
    yield done;
  }
  const all = new Float32Array(heads.length * dimensions);
  heads.forEach((head, i) => {
    all.set(head, i * dimensions);
  });
  return all;
}

/** Parts of a range, whose vectors come to lie together in the list. */
function* split(store: VectorStore, job: TrainJob, range: Range, done: number): Generator<number, Range[]> {
  const { kernels, arena, dimensions, rows } = store;
  const size = range.to - range.from;
  const k = Math.min(BRANCHING, Math.ceil(size / job.size));
  const list = job.list + range.from * 4;
  const sampled = Math.min(size, SAMPLE);
  // A sample at the list's front: a rearrangement like any other.
  for (let i = 0; i < sampled && sampled < size; i++)
    swap(arena.u32, list >>> 2, i, Math.floor((i * size) / sampled));
  const steps = kMeansSteps(kernels, arena, {
    rows,
    rowBytes: dimensions * 4,
    list,
    count: sampled,
    dimensions,
    k,
    iterations: ITERATIONS,
    seed: job.seed + range.from,
    centroids: job.centroids,
    assignment: job.assignment,
    work: job.work,
  });
  for (let step = steps.next(); !step.done; step = steps.next()) yield done;
  if (sampled < size) {
    const distances = job.work;
    const scratch = job.work + Math.ceil((size * 4) / 64) * 64;
    const perStep = Math.max(64, Math.floor(2 ** 24 / (k * dimensions)));
    for (let from = 0; from < size; from += perStep) {
      const to = Math.min(size, from + perStep);
      kernels.assignRows(
        ...([rows, dimensions * 4, list, from, to, dimensions] as const),
        ...([job.centroids, k, job.assignment, distances, scratch] as const),
      );
      yield done;
    }
  }
  return partition(store, job, range, k);
}

function swap(words: Uint32Array, start: number, a: number, b: number): void {
  const value = words[start + a];
  words[start + a] = words[start + b];
  words[start + b] = value;
}

/** Sorts the range's part of the list by cluster. Vectors that no k-means tells apart are cut into equal parts. */
function partition(store: VectorStore, job: TrainJob, { from, to, centroid }: Range, k: number): Range[] {
  const { u32, f32 } = store.arena;
  const { dimensions } = store;
  const members = u32.slice((job.list >>> 2) + from, (job.list >>> 2) + to);
  const clusters = u32.slice(job.assignment >>> 2, (job.assignment >>> 2) + members.length);
  const ends = new Uint32Array(k + 1);
  for (const cluster of clusters) ends[cluster + 1]++;
  if (ends.includes(members.length)) {
    const parts: Range[] = [];
    for (let at = from; at < to; at += job.size)
      parts.push({ from: at, to: Math.min(to, at + job.size), centroid });
    return parts;
  }
  for (let i = 0; i < k; i++) ends[i + 1] += ends[i];
  const next = ends.slice();
  members.forEach((member, i) => {
    u32[(job.list >>> 2) + from + next[clusters[i]]++] = member;
  });
  const centroids = job.centroids >>> 2;
  return Array.from({ length: k }, (_, i) => ({
    from: from + ends[i],
    to: from + ends[i + 1],
    centroid: f32.slice(centroids + i * dimensions, centroids + (i + 1) * dimensions),
  }));
}

function meanOf(store: VectorStore, job: TrainJob, from: number, to: number): Float32Array {
  const { arena, dimensions, rows } = store;
  const mean = new Float64Array(dimensions);
  const step = Math.max(1, Math.floor((to - from) / MEAN_ROWS));
  let taken = 0;
  for (let i = from; i < to; i += step, taken++) {
    const row = (rows >>> 2) + arena.u32[(job.list >>> 2) + i] * dimensions;
    for (let j = 0; j < dimensions; j++) mean[j] += arena.f32[row + j];
  }
  return Float32Array.from(mean, (sum) => sum / Math.max(1, taken));
}
