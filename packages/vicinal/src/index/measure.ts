/**
 * Measures recall against effort while an index is built, with vectors that were withheld from it as queries: a query
 * that is itself in the index looks easier than it is. Where withholding would change nothing (a hash function does not
 * depend on the vectors), the index may hold them, and they are masked: no search of the measurement answers them.
 */
import { seededRandom } from "../runtime/random.js";
import type { Calibration, CalibrationCurve, VectorIndex } from "./contract.js";
import { FlatIndex } from "./flat/index.js";
import { type ReachPoint, reachPoint } from "./reach.js";
import { recallCurves } from "./recall-curve.js";
import { relay } from "./steps-runner.js";
import type { VectorStore } from "./vector-store.js";
import { type MeasureWork, TRUTH_LENGTH } from "./withheld.js";

/** What a family says about its measuring. */
export interface MeasureOptions {
  /** True when the index holds the withheld vectors. */
  masked: boolean;
  /** True when effort counts vectors or what holds them: what reaches a recall grows with the number of vectors. */
  growing: boolean;
  /**
   * Efforts to try for k neighbours, rising, when that share of the vectors passes a filter (1: there is none). Below
   * what a search for k does in any case an effort would promise what it does not buy.
   */
  ladder(k: number, selectivity: number): readonly number[];
  /** Beyond this effort only so many queries are asked: they cost more and scatter less. */
  dear?: { effort: number; queries: number };
}

const selectivities = [0.5, 0.1, 0.02];
/** For 100 neighbours and under filters fewer queries do, for the same reason. */
const HUNDRED_QUERIES = 200;
const FILTERED_QUERIES = 100;
/** Efforts beyond the one that reached this are not measured. */
const ENOUGH = 0.999;

/** 1, 2, 3, 4, 6, 8, 12, ... and the largest effort: powers of two and what lies between them. */
export function geometricLadder(most: number, least = 1): number[] {
  const efforts: number[] = [];
  for (let effort = 1; effort < most; effort *= 2) efforts.push(effort, effort * 1.5);
  return [...efforts.filter((effort) => Number.isInteger(effort) && effort >= least && effort < most), most];
}

/** Yields `progress` again and again, to be interrupted. */
export function* measureRecall(
  index: VectorIndex,
  work: MeasureWork,
  options: MeasureOptions,
  progress: number,
): Generator<number, Calibration> {
  const { store } = index;
  const { withheld, seed } = work;
  const present = allBut(store.count, withheld);
  const queries = Array.from(withheld, (ordinal) => store.get(ordinal));
  const truth = yield* relay(exactTruth(store, work, present), () => progress);
  const bits = options.masked ? present : undefined;
  const trial: Trial = { index, options, progress, queries, bits, truth };
  const reach = [1, 10, 100].map((k) => reachAt(truth, k, 1));
  const curves: CalibrationCurve[] = [];
  curves.push(...(yield* curvesOf(trial, [1, 10], 1)));
  curves.push(...(yield* curvesOf({ ...trial, queries: queries.slice(0, HUNDRED_QUERIES) }, [100], 1)));
  for (const selectivity of selectivities) {
    const random = seededRandom(seed + selectivity * 1000);
    const passing = present.slice();
    for (let i = 0; i < store.count; i++) if (random() >= selectivity) passing[i >>> 5] &= ~(1 << (i & 31));
    const few = queries.slice(0, FILTERED_QUERIES);
    const exact: Float32Array[] = [];
    for (const query of few) {
      exact.push(new FlatIndex(store).search({ query, k: 10, bits: passing }).distances);
      yield progress;
    }
    curves.push(
      ...(yield* curvesOf({ ...trial, queries: few, bits: passing, truth: exact }, [10], selectivity)),
    );
    reach.push(reachAt(exact, 10, selectivity));
  }
  if (options.growing) forAll(curves, store.count, store.count - withheld.length);
  return { queries: queries.length, curves, reach: reach.sort((a, b) => a.rank - b.rank) };
}

function reachAt(truth: readonly Float32Array[], k: number, selectivity: number): ReachPoint {
  return reachPoint(
    k / selectivity,
    truth.map((distances) => distances[Math.min(k, distances.length) - 1]),
  );
}

/** Efforts that were measured among the present vectors, in proportion to all of them. */
function forAll(curves: CalibrationCurve[], count: number, present: number): void {
  for (const curve of curves)
    curve.efforts = curve.efforts.map((effort) => Math.ceil((effort * count) / present - 1e-9));
}

function allBut(count: number, ordinals: Uint32Array): Uint32Array {
  const bits = new Uint32Array((count + 31) >>> 5).fill(0xffffffff);
  if (count & 31) bits[bits.length - 1] = (1 << (count & 31)) - 1;
  for (const ordinal of ordinals) bits[ordinal >>> 5] &= ~(1 << (ordinal & 31));
  return bits;
}

/** Distances of each withheld vector's exact neighbours that are present, rising: one scan for all of them. */
function* exactTruth(
  store: VectorStore,
  work: MeasureWork,
  present: Uint32Array,
): Generator<number, Float32Array[]> {
  const { dimensions } = store;
  const queries = new Float32Array(work.withheld.length * dimensions);
  work.withheld.forEach((ordinal, i) => {
    queries.set(store.view(ordinal), i * dimensions);
  });
  const { k, ordinals, distances } = yield* new FlatIndex(store).searchMany(
    queries,
    TRUTH_LENGTH,
    work.truth,
  );
  return Array.from(work.withheld, (_, query) =>
    distances.slice(query * k, (query + 1) * k).filter((_distance, i) => {
      const ordinal = ordinals[query * k + i];
      return (present[ordinal >>> 5] >>> (ordinal & 31)) & 1;
    }),
  );
}

interface Trial {
  index: VectorIndex;
  options: MeasureOptions;
  progress: number;
  queries: Float32Array[];
  bits: Uint32Array | undefined;
  /** Distances of the exact neighbours of each query, rising. */
  truth: Float32Array[];
}

/** One curve per k, from searches for the largest of them. */
function* curvesOf(
  { index, options, progress, queries, bits, truth }: Trial,
  ks: number[],
  selectivity: number,
): Generator<number, CalibrationCurve[]> {
  const { dear } = options;
  const asked = (effort: number) =>
    dear && effort > dear.effort ? Math.min(queries.length, dear.queries) : queries.length;
  const efforts = options.ladder(Math.max(...ks), selectivity);
  const query = (i: number) => queries[i];
  const trial = { index, query, truth, bits, progress, asked, enough: ENOUGH };
  return yield* recallCurves(trial, ks, efforts, selectivity);
}
