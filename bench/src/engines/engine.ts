/** What the benchmark asks of each engine. */
import type { Metric } from "../data/layout.js";
import type { Report } from "../data/sources.js";

export interface BuildInput {
  base: Float32Array;
  count: number;
  dimensions: number;
  metric: Metric;
}

/** HNSW parameters, the same for every engine. */
export interface BuildParameters {
  /** Links per vertex on the upper layers, twice as many on the lowest. */
  m: number;
  /** Candidates kept while inserting. */
  efConstruct: number;
}

/**
 * How hard a search looks: the candidates that a graph's search keeps, a family's own dial, or (where the engine has that)
 * the recall that it owes.
 */
export type Effort = { ef: number } | { effort: number } | { recall: number };

/**
 * One engine with one index. `Query` is the form in which the engine likes its queries best; they are brought
 * into it before the clock starts. `Hits` is what its search returns, as its users get it.
 */
export interface Engine<Query = unknown, Hits = unknown> {
  readonly name: string;
  /** Absent where it is one of the repository's own. */
  readonly version?: string;
  /** Where it cannot do what the others do (threads, parameters). */
  readonly notes: readonly string[];
  /** Whether it takes `{recall}` as effort. */
  readonly takesRecall: boolean;
  /** Builds the index over all base vectors, ids being row numbers, and returns when it is whole. */
  build(input: BuildInput, parameters: BuildParameters, report: Report): Promise<void>;
  /** The dials to try, rising, once it is built; those of the command line where this is absent. */
  efforts?(): Effort[];
  /** Bytes that it holds, vectors included; the growth of the process where this is absent. */
  memoryBytes?(): number;
  setEffort(effort: Effort): void | Promise<void>;
  prepare(query: Float32Array): Query;
  search(query: Query, k: number): Hits | Promise<Hits>;
  ids(hits: Hits): ArrayLike<number>;
  close(): void | Promise<void>;
}

/** Rows given to an engine at a time. */
export const batchRows = 1000;

/** Dials from the least to the most, each half as large again as the one before. */
export function steps({ min, max }: { min: number; max: number }): number[] {
  const efforts: number[] = [];
  for (let effort = min; effort < max; effort = Math.ceil(effort * 1.5)) efforts.push(effort);
  return [...efforts, max];
}
