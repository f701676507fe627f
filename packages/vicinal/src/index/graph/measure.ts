/**
 * Measures recall against effort while an index is built, with vectors that were withheld from it as queries: a query
 * that is itself in the index looks easier than it is.
 */

import { seededRandom } from "../../runtime/random.js";
import type { Calibration, CalibrationCurve } from "../contract.js";
import { FlatIndex } from "../flat/index.js";
import { recallCurves } from "../recall-curve.js";
import type { GraphIndex } from "./graph-index.js";

/**
 * Queries withheld at most, and their share of small stores: recall falls as a graph grows, so a graph that lacks
 * many of its vectors looks better than it will be (4,000 vectors, a tenth withheld: 0.02 better at ef 10).
 */
export const WITHHELD = 1000;
export const WITHHELD_SHARE = 0.04;
/** Stores with fewer vectors are not measured: the planner scans them, or takes the default effort. */
export const LEAST_MEASURED = 2500;

/** Beams up to this long are measured; the slot of a build must hold them. */
export const MEASURED_POOL = 16384;

/** Exact neighbours per query: 100, and room for withheld vectors among them, which the index cannot find. */
export const TRUTH_LENGTH = 150;

export interface MeasureWork {
  /** Region for the exact neighbours, of `searchManyBytes(dimensions, queries, TRUTH_LENGTH)` bytes. */
  truth: number;
  queries: number;
  seed: number;
}

const efforts = [10, 12, 16, 24, 32, 48, 64, 96, 100, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
const filteredEfforts = [10, 16, 32, 64, 128, 256];
const selectivities = [0.5, 0.1, 0.02];
/** Above this effort, for 100 neighbours, and under filters fewer queries do: they cost more and scatter less. */
const DEAR_EFFORT = 128;
const DEAR_QUERIES = 400;
const HUNDRED_QUERIES = 200;
const FILTERED_QUERIES = 100;
/** Efforts beyond the one that reached this are not measured. */
const ENOUGH = 0.998;

/** `withheld`: address of the ordinals that serve as queries. Yields `progress` again and again, to be interrupted. */
export function* measureRecall(
  index: GraphIndex,
  work: MeasureWork,
  withheld: number,
  progress: number,
): Generator<number, Calibration> {
  const { store } = index;
  const { dimensions } = store;
  const ordinals = store.arena.u32.slice(withheld >>> 2, (withheld >>> 2) + work.queries);
  const absent = new Uint32Array((store.count + 31) >>> 5);
  for (const ordinal of ordinals) absent[ordinal >>> 5] |= 1 << (ordinal & 31);
  const queries = new Float32Array(work.queries * dimensions);
  ordinals.forEach((ordinal, i) => {
    queries.set(store.view(ordinal), i * dimensions);
  });

  const truth = yield* exact(store, queries, work, absent, progress);
  const trial: Trial = { index, queries, progress };
  const curves: CalibrationCurve[] = [];
  curves.push(...(yield* curve(trial, [1, 10], efforts, 1, truth)));
  const wide = efforts.filter((effort) => effort >= 100);
  curves.push(...(yield* curve({ ...trial, limit: HUNDRED_QUERIES }, [100], wide, 1, truth)));
  for (const selectivity of selectivities) {
    const random = seededRandom(work.seed + selectivity * 1000);
    const bits = new Uint32Array(absent.length);
    for (let i = 0; i < store.count; i++) if (random() < selectivity) bits[i >>> 5] |= 1 << (i & 31);
    for (let i = 0; i < bits.length; i++) bits[i] &= ~absent[i];
    const limit = Math.min(work.queries, FILTERED_QUERIES);
    const matching = yield* exactFiltered(index, queries, bits, limit, progress);
    const filtered = { ...trial, limit, bits };
    curves.push(...(yield* curve(filtered, [10], filteredEfforts, selectivity, matching)));
  }
  return { queries: work.queries, curves };
}

/** Distances of the exact neighbours of each query, rising. */
type Truth = Float32Array[];

function* exact(
  store: GraphIndex["store"],
  queries: Float32Array,
  work: MeasureWork,
  absent: Uint32Array,
  progress: number,
): Generator<number, Truth> {
  const scan = new FlatIndex(store).searchMany(queries, TRUTH_LENGTH, work.truth);
  let step = scan.next();
  while (!step.done) {
    yield progress;
    step = scan.next();
  }
  const { k, ordinals, distances } = step.value;
  return Array.from({ length: work.queries }, (_, query) => {
    const present: number[] = [];
    for (let i = query * k; i < (query + 1) * k; i++) {
      const ordinal = ordinals[i];
      if (!((absent[ordinal >>> 5] >>> (ordinal & 31)) & 1)) present.push(distances[i]);
    }
    return Float32Array.from(present);
  });
}

function* exactFiltered(
  index: GraphIndex,
  queries: Float32Array,
  bits: Uint32Array,
  limit: number,
  progress: number,
): Generator<number, Truth> {
  const scan = new FlatIndex(index.store);
  const { dimensions } = index.store;
  const truth: Truth = [];
  for (let i = 0; i < limit; i++) {
    const query = queries.subarray(i * dimensions, (i + 1) * dimensions);
    truth.push(scan.search({ query, k: 10, bits }).distances);
    yield progress;
  }
  return truth;
}

interface Trial {
  index: GraphIndex;
  queries: Float32Array;
  progress: number;
  limit?: number;
  bits?: Uint32Array;
}

/** One curve per k, from searches for the largest of them. */
function* curve(
  trial: Trial,
  ks: number[],
  ladder: number[],
  selectivity: number,
  truth: Truth,
): Generator<number, CalibrationCurve[]> {
  const { index, queries, bits, progress } = trial;
  const { dimensions, count } = index.store;
  const beyond = ladder.findIndex(
    (effort) => effort > count || (bits && effort / selectivity > MEASURED_POOL / 2),
  );
  const asked = (effort: number) =>
    Math.min(truth.length, trial.limit ?? (effort > DEAR_EFFORT ? DEAR_QUERIES : truth.length));
  const query = (i: number) => queries.subarray(i * dimensions, (i + 1) * dimensions);
  const efforts = beyond < 0 ? ladder : ladder.slice(0, beyond);
  return yield* recallCurves(
    { index, query, truth, bits, progress, asked, enough: ENOUGH },
    ks,
    efforts,
    selectivity,
  );
}
