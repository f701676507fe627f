/**
 * Measures recall against effort at the end of a build, with vectors that the index was trained without and that no
 * search of the measurement may answer: a query that is itself in the index looks easier than it is.
 */
import { seededRandom } from "../runtime/random.js";
import type { Calibration, CalibrationCurve, VectorIndex } from "./contract.js";
import { FlatIndex } from "./flat/index.js";
import { recallCurves } from "./recall-curve.js";

/** Queries withheld at most, and their share of small stores. */
export const WITHHELD = 1000;
export const WITHHELD_SHARE = 0.04;
/** Stores with fewer vectors are not measured: the planner scans them, or takes the default effort. */
export const LEAST_MEASURED = 2500;
/** Exact neighbours per query: 100, and room for withheld vectors among them. */
export const TRUTH_LENGTH = 150;

export interface MeasureWork {
  /** u32 each: the withheld ordinals. */
  list: number;
  queries: number;
  /** Region for the exact neighbours, of `searchManyBytes(dimensions, queries, TRUTH_LENGTH)` bytes. */
  truth: number;
  seed: number;
}

const selectivities = [0.5, 0.1, 0.02];
/** For 100 neighbours and under filters fewer queries do: they cost more and scatter less. */
const HUNDRED_QUERIES = 200;
const FILTERED_QUERIES = 100;
/** Efforts beyond the one that reached this are not measured. */
const ENOUGH = 0.999;

/** 1, 2, 3, 4, 6, 8, 12, ... and the largest effort. */
function ladder(most: number): number[] {
  const efforts = [1];
  for (let effort = 2; effort < most; effort *= 2) {
    efforts.push(effort);
    if (effort * 1.5 < most) efforts.push(effort * 1.5);
  }
  if (most > 1) efforts.push(most);
  return efforts;
}

/** Yields `progress` again and again, to be interrupted. */
export function* measureRecall(
  index: VectorIndex,
  work: MeasureWork,
  progress: number,
): Generator<number, Calibration> {
  const { store } = index;
  const { dimensions, count } = store;
  const ordinals = store.arena.u32.slice(work.list >>> 2, (work.list >>> 2) + work.queries);
  const present = new Uint32Array((count + 31) >>> 5).fill(0xffffffff);
  if (count & 31) present[present.length - 1] = (1 << (count & 31)) - 1;
  for (const ordinal of ordinals) present[ordinal >>> 5] &= ~(1 << (ordinal & 31));
  const queries = new Float32Array(work.queries * dimensions);
  ordinals.forEach((ordinal, i) => {
    queries.set(store.view(ordinal), i * dimensions);
  });

  const truth = yield* exact(index, queries, work, present, progress);
  const trial: Trial = { index, queries, bits: present, truth, progress };
  const curves: CalibrationCurve[] = [];
  curves.push(...(yield* measureCurves(trial, [1, 10], 1, work.queries)));
  curves.push(...(yield* measureCurves(trial, [100], 1, HUNDRED_QUERIES)));
  for (const selectivity of selectivities) {
    const random = seededRandom(work.seed + selectivity * 1000);
    const bits = present.slice();
    for (let i = 0; i < count; i++) if (random() >= selectivity) bits[i >>> 5] &= ~(1 << (i & 31));
    const matching = yield* exactFiltered(index, queries, bits, progress);
    const filtered = { ...trial, bits, truth: matching };
    curves.push(...(yield* measureCurves(filtered, [10], selectivity, FILTERED_QUERIES)));
  }
  return { queries: work.queries, curves };
}

function* exact(
  index: VectorIndex,
  queries: Float32Array,
  work: MeasureWork,
  present: Uint32Array,
  progress: number,
): Generator<number, Float32Array[]> {
  const scan = new FlatIndex(index.store).searchMany(queries, TRUTH_LENGTH, work.truth);
  let step = scan.next();
  while (!step.done) {
    yield progress;
    step = scan.next();
  }
  const { k, ordinals, distances } = step.value;
  return Array.from({ length: work.queries }, (_, query) =>
    distances.slice(query * k, (query + 1) * k).filter((_distance, i) => {
      const ordinal = ordinals[query * k + i];
      return (present[ordinal >>> 5] >>> (ordinal & 31)) & 1;
    }),
  );
}

function* exactFiltered(
  index: VectorIndex,
  queries: Float32Array,
  bits: Uint32Array,
  progress: number,
): Generator<number, Float32Array[]> {
  const scan = new FlatIndex(index.store);
  const { dimensions } = index.store;
  const truth: Float32Array[] = [];
  for (let at = 0; at < queries.length && truth.length < FILTERED_QUERIES; at += dimensions) {
    truth.push(scan.search({ query: queries.subarray(at, at + dimensions), k: 10, bits }).distances);
    yield progress;
  }
  return truth;
}

interface Trial {
  index: VectorIndex;
  queries: Float32Array;
  bits: Uint32Array;
  /** Distances of the exact neighbours of each query, rising. */
  truth: Float32Array[];
  progress: number;
}

/** One curve per k, from searches for the largest of them. */
function* measureCurves(
  trial: Trial,
  ks: number[],
  selectivity: number,
  limit: number,
): Generator<number, CalibrationCurve[]> {
  const { index, queries, bits, truth, progress } = trial;
  const { dimensions } = index.store;
  const query = (i: number) => queries.subarray(i * dimensions, (i + 1) * dimensions);
  const asked = () => Math.min(truth.length, limit);
  const efforts = ladder(index.effort.max);
  return yield* recallCurves(
    { index, query, truth, bits, progress, asked, enough: ENOUGH },
    ks,
    efforts,
    selectivity,
  );
}
