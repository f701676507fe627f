/**
 * How a node's rows are parted: into two by a line between two means (ball tree), or into clusters (k-means tree). A
 * splitter reorders the node's part of the list and says how long the parts are; each has at least one row.
 */
import { type KMeansJob, kMeansBytes, kMeansSteps, TRAINING_ROWS_PER_CENTROID } from "../../codec/kmeans.js";
import type { VectorStore } from "../vector-store.js";

/** Can be posted to a worker. */
export type SplitRule =
  | { kind: "halves"; leafSize: number }
  | { kind: "clusters"; leafSize: number; branching: number; iterations: number };

/** The metric of the kernels by which balls are round: Manhattan for itself, Euclid for the others. */
export function geometryOf(store: VectorStore): number {
  return store.metric === "Manhattan" ? store.metricNumber : 0;
}

/** Rows by which two means are found, and the rounds for it: they only give a direction. */
const HALVING_ROWS = 512;
const HALVING_ROUNDS = 5;
/** Rows that one step assigns to their clusters. */
const ASSIGNED_ROWS = 8192;
/** Least share of the rows that a half gets, so that a tree's depth is bounded. */
const LEAST_SHARE = 1 / 4;

/**
 * Memory of a build, taken by the store's owner:
 *
 *   [ list: count u32 ][ assignment: count u32 ][ distances: count f32 ][ sample u32 ][ centroids f32 ][ work of k-means ]
 *   [ pivot: dimensions f32 ]
 */
export interface TreeWork {
  list: number;
  assignment: number;
  distances: number;
  sample: number;
  centroids: number;
  kMeans: number;
  pivot: number;
}

/** Most parts of a node. */
export function mostParts(rule: SplitRule): number {
  return rule.kind === "halves" ? 2 : rule.branching;
}

/** Lays the work of a build over `count` rows out from `start`. */
export function layOutWork(
  store: VectorStore,
  rule: SplitRule,
  count: number,
  start: number,
): TreeWork & { bytes: number } {
  let end = start;
  const part = (bytes: number) => {
    const at = end;
    end = Math.ceil((end + bytes) / 64) * 64;
    return at;
  };
  const { dimensions, kernels } = store;
  const parts = mostParts(rule);
  const sampled = Math.min(count, sampleLength(rule, parts));
  const work = {
    list: part(count * 4),
    assignment: part(count * 4),
    distances: part(count * 4),
    sample: part(sampled * 4),
    centroids: part(parts * dimensions * 4),
    kMeans: part(kMeansBytes(kernels, sampled, dimensions, parts)),
    pivot: part(dimensions * 4),
  };
  return { ...work, bytes: end - start };
}

function sampleLength(rule: SplitRule, parts: number): number {
  return rule.kind === "halves" ? HALVING_ROWS : TRAINING_ROWS_PER_CENTROID * parts;
}

/** Parts the rows start..start+length-1 of the list, more than `leafSize` of them, in steps; returns the parts' lengths. */
export function* splitRows(
  store: VectorStore,
  rule: SplitRule,
  work: TreeWork,
  start: number,
  length: number,
  seed: number,
): Generator<number, number[]> {
  const list = work.list + start * 4;
  // Fewer clusters than `branching` where their rows would not half fill the leaves.
  const wanted = Math.floor(length / Math.max(1, rule.leafSize / 2));
  const parts = Math.max(2, Math.min(mostParts(rule), wanted, length));
  const sampled = sampleRows(store, work, list, length, sampleLength(rule, parts));
  const job: KMeansJob = {
    rows: store.rows,
    rowBytes: store.dimensions * 4,
    list: sampled === length ? list : work.sample,
    count: sampled,
    dimensions: store.dimensions,
    k: parts,
    iterations: rule.kind === "halves" ? HALVING_ROUNDS : rule.iterations,
    seed,
    centroids: work.centroids,
    assignment: work.assignment,
    work: work.kMeans,
  };
  yield* kMeansSteps(store.kernels, store.arena, job);
  if (rule.kind === "halves") return halve(store, work, list, length);
  return yield* cluster(store, work, list, length, parts);
}

/** Puts about evenly spaced rows of the list into the sample, unless all are few enough; returns how many. */
function sampleRows(store: VectorStore, work: TreeWork, list: number, length: number, limit: number): number {
  if (length <= limit) return length;
  const { u32 } = store.arena;
  for (let i = 0; i < limit; i++)
    u32[(work.sample >>> 2) + i] = u32[(list >>> 2) + Math.floor((i * length) / limit)];
  return limit;
}

/** Nearer to the first mean, nearer to the second; the border is moved until neither half is too small. */
function halve(store: VectorStore, work: TreeWork, list: number, length: number): number[] {
  const { arena, kernels, dimensions, rows } = store;
  const distancesTo = (centroid: number) => {
    kernels.scoreList(0, centroid, rows, dimensions, list, length, work.distances);
    return arena.f32.slice(work.distances >>> 2, (work.distances >>> 2) + length);
  };
  const margins = distancesTo(work.centroids);
  const others = distancesTo(work.centroids + dimensions * 4);
  let border = 0;
  for (let i = 0; i < length; i++) {
    margins[i] -= others[i];
    if (margins[i] < 0) border++;
  }
  const least = Math.max(1, Math.floor(length * LEAST_SHARE));
  border = Math.min(length - least, Math.max(least, border));
  const ordinals = arena.u32.subarray(list >>> 2, (list >>> 2) + length);
  selectFirst(margins, ordinals, border);
  return [border, length - border];
}

/** Brings the `wanted` least keys to the front, with their values (Hoare's selection). */
export function selectFirst(keys: Float32Array, values: Uint32Array, wanted: number): void {
  let low = 0;
  let high = keys.length - 1;
  while (low < high) {
    const middle = keys[(low + high) >>> 1];
    let i = low;
    let j = high;
    while (i <= j) {
      while (keys[i] < middle) i++;
      while (keys[j] > middle) j--;
      if (i > j) break;
      const key = keys[i];
      keys[i] = keys[j];
      keys[j] = key;
      const value = values[i];
      values[i++] = values[j];
      values[j--] = value;
    }
    if (wanted - 1 <= j) high = j;
    else if (wanted >= i) low = i;
    else return;
  }
}

/** Rows to their nearest centroid, cluster by cluster; equal parts where all rows are nearest to the same. */
function* cluster(
  store: VectorStore,
  work: TreeWork,
  list: number,
  length: number,
  parts: number,
): Generator<number, number[]> {
  const { arena, kernels, dimensions, rows } = store;
  for (let from = 0; from < length; from += ASSIGNED_ROWS) {
    kernels.assignRows(
      rows,
      dimensions * 4,
      list,
      from,
      Math.min(length, from + ASSIGNED_ROWS),
      dimensions,
      work.centroids,
      parts,
      work.assignment,
      work.distances,
      work.kMeans,
    );
    yield from;
  }
  const assignment = arena.u32.subarray(work.assignment >>> 2, (work.assignment >>> 2) + length);
  const lengths = new Array<number>(parts).fill(0);
  for (let i = 0; i < length; i++) lengths[assignment[i]]++;
  if (lengths.includes(length)) {
    const edge = (part: number) => Math.floor((part * length) / parts);
    return lengths.map((_, part) => edge(part + 1) - edge(part));
  }
  const next = new Array<number>(parts).fill(0);
  for (let part = 1; part < parts; part++) next[part] = next[part - 1] + lengths[part - 1];
  const before = arena.u32.slice(list >>> 2, (list >>> 2) + length);
  for (let i = 0; i < length; i++) arena.u32[(list >>> 2) + next[assignment[i]]++] = before[i];
  return lengths.filter((rowCount) => rowCount > 0);
}
