/**
 * What the conformance suite asks of every family: the table of families, metrics and choices, which it finds by asking
 * the families themselves, and the measuring that its files share. A new family joins by its line in families.ts; one line
 * here says so if it answers as the scan does at full effort.
 */

import { effortFor, type RecallWish } from "./calibration.js";
import type { BuildOptions, IndexFamily, Metric, VectorIndex } from "./contract.js";
import { familyNamed, familyNames } from "./families.js";
import { clusteredVectors, filledStore } from "./fixtures.test.helper.js";
import { FlatIndex } from "./flat/index.js";
import type { VectorStore } from "./vector-store.js";

/** Families that, with an effort of as many vectors as there are, find what the scan finds. */
export const exactAtFullEffort = new Set(["flat", "ball-tree", "kmeans-tree", "lsh", "mih"]);

export const metrics: readonly Metric[] = ["Euclid", "Cosine", "Dot", "Manhattan"];

/** What a family may let its users choose: how vectors are stored, or how they are hashed. */
const choices: readonly [field: string, values: readonly string[]][] = [
  ["encoding", ["int8", "sq8", "pq4", "rabitq", "float32"]],
  ["hash", ["p-stable", "gaussian", "hyperplane", "cross-polytope"]],
];

export interface Variant {
  name: string;
  family: IndexFamily;
  metric: Metric;
  parameters: unknown;
}

/** Each choice that a family offers for a metric; the default where it offers none; nothing where it refuses the metric. */
function variantsOf(family: IndexFamily, metric: Metric): Variant[] {
  const chosen = choices.flatMap(([field, values]) =>
    values
      .filter((value) => serves(family, metric, field, value))
      .map((value) => ({
        name: `${family.family} ${value}, ${metric}`,
        parameters: family.parameters({ [field]: value }),
      })),
  );
  const plain = { name: `${family.family}, ${metric}`, parameters: family.parameters({}) };
  const all = chosen.length > 0 ? chosen : accepts(family, plain.parameters, metric) ? [plain] : [];
  return all.map((variant) => ({ ...variant, family, metric }));
}

function serves(family: IndexFamily, metric: Metric, field: string, value: string): boolean {
  try {
    const parameters = family.parameters({ [field]: value }) as Record<string, unknown>;
    return parameters[field] === value && accepts(family, parameters, metric);
  } catch (error) {
    if ((error as { code?: string }).code === "BAD_REQUEST") return false;
    throw error;
  }
}

function accepts(family: IndexFamily, parameters: unknown, metric: Metric): boolean {
  try {
    family.check?.(parameters, { metric, dimensions: 20 });
    family.encodingOf?.(parameters, { metric, dimensions: 20 });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "BAD_REQUEST") return false;
    throw error;
  }
}

/** Every family x metric x choice. */
export const variants: readonly Variant[] = familyNames.flatMap((name) =>
  metrics.flatMap((metric) => variantsOf(familyNamed(name), metric)),
);

/** A filled store; queries from the same distribution that are not in it. */
export interface Data {
  store: VectorStore;
  queries: Float32Array[];
}

export async function makeData(
  metric: Metric,
  { count, dimensions, queries, seed }: { count: number; dimensions: number; queries: number; seed: number },
): Promise<Data> {
  const all = clusteredVectors(count + queries, dimensions, metric, seed);
  const store = await filledStore(all.slice(0, count * dimensions), { dimensions, metric });
  const query = (i: number) => all.slice((count + i) * dimensions, (count + i + 1) * dimensions);
  return { store, queries: Array.from({ length: queries }, (_, i) => query(i)) };
}

export function build(
  variant: Variant,
  store: VectorStore,
  options: BuildOptions = {},
): Promise<VectorIndex> {
  return variant.family.build(store, variant.parameters, options);
}

/** An effort at which a family can do no better. */
export const fullEffort = (index: VectorIndex) => Math.max(index.effort.max, index.store.count);

/** Distances of the exact neighbours of each query, rising. */
export function truthOf(
  store: VectorStore,
  queries: readonly Float32Array[],
  k: number,
  bits?: Uint32Array,
): Float32Array[] {
  const scan = new FlatIndex(store);
  return queries.map((query) => scan.search({ query, k, bits }).distances);
}

export interface Measured {
  mean: number;
  /** Standard error of the mean. */
  error: number;
}

/** Mean recall@k, where a hit as near as the k-th counts. Also checks what holds of any answer. */
export function recallOf(
  index: VectorIndex,
  queries: readonly Float32Array[],
  truth: readonly Float32Array[],
  { k, effort, bits }: { k: number; effort: number; bits?: Uint32Array },
): Measured {
  const shares = queries.map((query, i) => {
    const { ordinals, distances } = index.search({ query, k, effort, bits });
    for (let j = 0; j < ordinals.length; j++) {
      const passes = !bits || (bits[ordinals[j] >>> 5] >>> (ordinals[j] & 31)) & 1;
      if (!passes || (j > 0 && distances[j] < distances[j - 1]))
        throw new Error(`${index.family} answers ${ordinals[j]}, which does not pass or is out of order`);
    }
    if (new Set(ordinals).size < ordinals.length) throw new Error(`${index.family} answers one point twice`);
    const wanted = Math.min(k, truth[i].length);
    if (wanted === 0) return 1;
    const worst = truth[i][wanted - 1];
    return distances.filter((distance) => distance <= worst).length / wanted;
  });
  const mean = shares.reduce((sum, x) => sum + x, 0) / shares.length;
  const squares = shares.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares) / shares.length };
}

/** What the planner does with a wish: the effort of the calibration, or a scan, which finds all. */
export function keptRecall(
  index: VectorIndex,
  queries: readonly Float32Array[],
  truth: readonly Float32Array[],
  wish: RecallWish & { bits?: Uint32Array },
): Measured & { effort: number | undefined } {
  const { k, bits } = wish;
  const effort = index.exact ? 1 : index.calibration && effortFor(index.calibration, wish);
  if (effort === undefined) return { mean: 1, error: 0, effort };
  return { ...recallOf(index, queries, truth, { k, effort, bits }), effort };
}
