/**
 * Measures recall against effort with vectors that are not in the index. As hnsw/measure.ts does, with a longer ladder:
 * trees compare far more vectors than a graph for the same recall, each at less cost.
 */

import { seededRandom } from "../../runtime/random.js";
import type { Calibration, CalibrationCurve, VectorIndex } from "../contract.js";
import { FlatIndex } from "../flat/index.js";
import { recallCurves } from "../recall-curve.js";

/** Exact neighbours per query: 100, and room for withheld vectors among them, which the index cannot find. */
export const TRUTH_LENGTH = 150;

const DEAR_EFFORT = 2048;
const DEAR_QUERIES = 300;
const HUNDRED_QUERIES = 150;
const FILTERED_QUERIES = 100;
const selectivities = [0.5, 0.1, 0.02];
/** Efforts beyond the one that reached this are not measured. */
const ENOUGH = 0.998;

/** 10, 16, 24, 32, 48, 64 ... : powers of two and what lies between them, and `count` itself, where an answer is exact. */
function ladder(least: number, count: number): number[] {
  const efforts = [10];
  for (let effort = 16; effort < count; effort *= 2) efforts.push(effort, effort * 1.5);
  return [...efforts.filter((effort) => effort >= least && effort < count), count];
}

/**
 * `ordinals`: the withheld vectors, which serve as queries; `present`: how many vectors the index has.
 * `truth`: a region of `searchManyBytes(dimensions, queries, TRUTH_LENGTH)` bytes. Yields to be interrupted.
 */
export function* measureRecall(
  index: VectorIndex,
  ordinals: Uint32Array,
  present: number,
  truth: number,
  seed: number,
): Generator<number, Calibration> {
  const { store } = index;
  const absent = new Uint32Array((store.count + 31) >>> 5);
  for (const ordinal of ordinals) absent[ordinal >>> 5] |= 1 << (ordinal & 31);
  const queries = Array.from(ordinals, (ordinal) => store.get(ordinal));
  const trial: Trial = { index, queries, truth: yield* exact(store, ordinals, truth, absent) };
  const all = ladder(10, present);
  const curves: CalibrationCurve[] = yield* curve(trial, [1, 10], all, 1);
  const hundred = { ...trial, queries: queries.slice(0, HUNDRED_QUERIES) };
  curves.push(...(yield* curve(hundred, [100], ladder(Math.min(100, present), present), 1)));
  for (const selectivity of selectivities) {
    const random = seededRandom(seed + selectivity * 1000);
    const bits = new Uint32Array(absent.length);
    for (let i = 0; i < store.count; i++) if (random() < selectivity) bits[i >>> 5] |= 1 << (i & 31);
    for (let i = 0; i < bits.length; i++) bits[i] &= ~absent[i];
    const few = queries.slice(0, FILTERED_QUERIES);
    const scan = new FlatIndex(store);
    const matching: Float32Array[] = [];
    for (const query of few) {
      matching.push(scan.search({ query, k: 10, bits }).distances);
      yield 0;
    }
    const efforts = ladder(10, Math.max(10, Math.floor(present * selectivity)));
    curves.push(
      ...(yield* curve({ index, queries: few, truth: matching, bits }, [10], efforts, selectivity)),
    );
  }
  // The withheld vectors will make each leaf longer, and the same effort will reach fewer leaves.
  const longer = store.count / present;
  for (const line of curves)
    line.efforts = line.efforts.map((effort) => Math.min(store.count, Math.ceil(effort * longer)));
  return { queries: ordinals.length, curves };
}

interface Trial {
  index: VectorIndex;
  queries: Float32Array[];
  /** Distances of the exact neighbours of each query, rising. */
  truth: Float32Array[];
  bits?: Uint32Array;
}

function* exact(
  store: VectorIndex["store"],
  ordinals: Uint32Array,
  work: number,
  absent: Uint32Array,
): Generator<number, Float32Array[]> {
  const { dimensions } = store;
  const queries = new Float32Array(ordinals.length * dimensions);
  ordinals.forEach((ordinal, i) => {
    queries.set(store.view(ordinal), i * dimensions);
  });
  const scan = new FlatIndex(store).searchMany(queries, TRUTH_LENGTH, work);
  let step = scan.next();
  for (; !step.done; step = scan.next()) yield 0;
  const { k, ordinals: found, distances } = step.value;
  return Array.from(ordinals, (_, query) => {
    const present: number[] = [];
    for (let i = query * k; i < (query + 1) * k; i++)
      if (!((absent[found[i] >>> 5] >>> (found[i] & 31)) & 1)) present.push(distances[i]);
    return Float32Array.from(present);
  });
}

/** One curve per k, from searches for the largest of them. */
function* curve(
  trial: Trial,
  ks: number[],
  efforts: number[],
  selectivity: number,
): Generator<number, CalibrationCurve[]> {
  const { index, queries, truth, bits } = trial;
  const asked = (effort: number) =>
    Math.min(queries.length, effort > DEAR_EFFORT ? DEAR_QUERIES : queries.length);
  const query = (i: number) => queries[i];
  return yield* recallCurves(
    { index, query, truth, bits, progress: 0, asked, enough: ENOUGH },
    ks,
    efforts,
    selectivity,
  );
}
