/**
 * The first half of a build: centroids, and each vector's list. k-means on a sample, then all vectors go to their
 * nearest centroid, then lists that grew too large are split by k-means among their own members.
 *
 * Runs on a worker or in slices; all memory was laid out by the owner.
 */
import { kMeansBytes, kMeansSteps } from "../../codec/kmeans.js";
import type { Kernels } from "../../runtime/kernels.js";
import { relay } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { LARGEST_LIST } from "./defaults.js";

export interface TrainJob {
  /** Rows to learn from: u32 each. */
  sample: number;
  sampleCount: number;
  lists: number;
  /** Room for centroids: splitting at most doubles their number. */
  mostLists: number;
  iterations: number;
  seed: number;
  /** (mostLists + 1) x dimensions f32: one more while a list is split. */
  centroids: number;
  /** count u32: the list of each vector. */
  assignment: number;
  /** count f32, count u32 (members of a list that is split), count u32 (their new lists). */
  distances: number;
  members: number;
  parts: number;
  /** dimensions f32 and dimensions f64. */
  origin: number;
  sums: number;
  /** `trainWorkBytes` bytes. */
  work: number;
}

/** Distances that a step computes, about. */
const STEP_NUMBERS = 1 << 24;
/** Rows that the mean is taken of, at most. */
const MEAN_ROWS = 20_000;
const SPLIT_ITERATIONS = 6;

/** Bytes of `work`: for k-means over all vectors, into as many lists as there may be. */
export function trainWorkBytes(kernels: Kernels, store: VectorStore, mostLists: number): number {
  return kMeansBytes(kernels, store.count, store.dimensions, Math.max(1, mostLists));
}

/** Yields vectors done, of `count`, roughly; returns the number of lists. */
export function* trainSteps(store: VectorStore, job: TrainJob): Generator<number, number> {
  const { kernels, arena, dimensions, count, rows } = store;
  const rowBytes = dimensions * 4;
  const step = Math.max(1, Math.floor(count / MEAN_ROWS));
  kernels.meanOf(rows, dimensions, count, step, job.sums, job.origin);
  const training = kMeansSteps(kernels, arena, {
    rows,
    rowBytes,
    list: job.sample,
    count: job.sampleCount,
    dimensions,
    k: job.lists,
    iterations: job.iterations,
    seed: job.seed,
    centroids: job.centroids,
    assignment: job.parts,
    work: job.work,
  });
  const rounds = job.iterations + 1;
  yield* relay(training, (round) => Math.floor((count * 0.6 * (round + 0.5)) / rounds));
  const perStep = Math.max(64, Math.floor(STEP_NUMBERS / (job.lists * dimensions)));
  for (let from = 0; from < count; from += perStep) {
    const to = Math.min(count, from + perStep);
    kernels.assignRows(
      rows,
      rowBytes,
      0,
      from,
      to,
      dimensions,
      job.centroids,
      job.lists,
      job.assignment,
      job.distances,
      job.work,
    );
    yield Math.floor(count * 0.6 + to * 0.3);
  }
  return yield* splitLarge(store, job);
}

/** Splits every list of more than `LARGEST_LIST` times the mean into lists of about the mean. */
function* splitLarge(store: VectorStore, job: TrainJob): Generator<number, number> {
  const { kernels, arena, dimensions, count, rows } = store;
  const assignment = job.assignment >>> 2;
  const sizes = new Uint32Array(job.lists);
  for (let i = 0; i < count; i++) sizes[arena.u32[assignment + i]]++;
  const mean = count / job.lists;
  let lists = job.lists;
  for (let list = 0; list < job.lists; list++) {
    const size = sizes[list];
    const k = Math.min(Math.floor(size / mean), job.mostLists - lists + 1);
    if (size <= mean * LARGEST_LIST || k < 2) continue;
    let members = job.members >>> 2;
    for (let i = 0; i < count; i++) if (arena.u32[assignment + i] === list) arena.u32[members++] = i;
    // The first part keeps the list's number, the others follow behind all lists.
    const centroids = job.centroids + lists * dimensions * 4;
    const splitting = kMeansSteps(kernels, arena, {
      rows,
      rowBytes: dimensions * 4,
      list: job.members,
      count: size,
      dimensions,
      k,
      iterations: SPLIT_ITERATIONS,
      seed: job.seed + list,
      centroids,
      assignment: job.parts,
      work: job.work,
    });
    const { counts } = yield* relay(splitting, () => Math.floor(count * 0.9));
    const filled = [...counts.keys()].filter((part) => counts[part] > 0);
    if (filled.length < 2) continue;
    lists = takeParts(store, job, { list, lists, size, centroids, filled });
  }
  return lists;
}

/** Gives the parts of a split list their numbers and centroids; returns the number of lists. */
function takeParts(
  store: VectorStore,
  job: TrainJob,
  split: { list: number; lists: number; size: number; centroids: number; filled: number[] },
): number {
  const { u8, u32 } = store.arena;
  const bytes = store.dimensions * 4;
  const { list, lists, size, centroids, filled } = split;
  const numbers = new Map(filled.map((part, i) => [part, i === 0 ? list : lists + i - 1]));
  for (let i = 0; i < size; i++) {
    const vector = u32[(job.members >>> 2) + i];
    u32[(job.assignment >>> 2) + vector] = numbers.get(u32[(job.parts >>> 2) + i]) as number;
  }
  // Parts without members leave gaps in front of later ones, so centroids move forwards, the first one last.
  const first = u8.slice(centroids + filled[0] * bytes, centroids + (filled[0] + 1) * bytes);
  filled.slice(1).forEach((part, i) => {
    u8.copyWithin(centroids + i * bytes, centroids + part * bytes, centroids + (part + 1) * bytes);
  });
  u8.set(first, job.centroids + list * bytes);
  return lists + filled.length - 1;
}
