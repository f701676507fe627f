/** Which vectors a build withholds, to be the queries that its index is measured with. */
import { trainingRows } from "../codec/kmeans.js";
import { seededRandom } from "../runtime/random.js";
import type { BuildMemory } from "./build-memory.js";
import type { BuildOptions } from "./contract.js";
import { searchManyBytes } from "./flat/index.js";
import type { VectorStore } from "./vector-store.js";

/** Seed of every random choice of a build that was given none. */
export const DEFAULT_SEED = 42;
/**
 * Queries withheld at most, and their share of small stores: recall falls as a graph grows, so that a graph that lacks
 * many of its vectors looks better than it will be (4,000 vectors, a tenth withheld: 0.02 better at ef 10).
 */
const WITHHELD = 1000;
const WITHHELD_SHARE = 0.04;
/** Stores with fewer vectors are not measured: the planner scans them, or takes the default effort. */
export const LEAST_MEASURED = 2500;
/** Exact neighbours per query: 100, and room for withheld vectors among them, which the index cannot find. */
export const TRUTH_LENGTH = 150;

/** What `measureRecall` works on; can be posted. */
export interface MeasureWork {
  /** Ordinals of the withheld vectors, rising. */
  withheld: Uint32Array;
  /** Region for the exact neighbours. */
  truth: number;
  seed: number;
}

/**
 * A random choice of the store's vectors, rising; none where the build is not to measure, or the store is small.
 * `among`: the ordinals to choose from, where not all will do.
 */
export function withhold(store: VectorStore, options: BuildOptions, among?: ArrayLike<number>): Uint32Array {
  const { count } = store;
  const choice = among?.length ?? count;
  const wanted = Math.min(WITHHELD, Math.floor(count * WITHHELD_SHARE), choice);
  const enough = count >= LEAST_MEASURED && wanted >= LEAST_MEASURED * WITHHELD_SHARE;
  if (options.calibrate === false || !enough) return new Uint32Array(0);
  const chosen = trainingRows(choice, wanted, seededRandom((options.seed ?? DEFAULT_SEED) ^ 0x5bd1e995));
  return among ? chosen.map((place) => among[place]) : chosen;
}

/** Takes the memory that measuring with these needs; undefined for none. */
export function measureWork(
  store: VectorStore,
  memory: BuildMemory,
  withheld: Uint32Array,
  options: BuildOptions,
): MeasureWork | undefined {
  if (withheld.length === 0) return undefined;
  const truth = memory.take(searchManyBytes(store.dimensions, withheld.length, TRUTH_LENGTH));
  return { withheld, truth, seed: options.seed ?? DEFAULT_SEED };
}
