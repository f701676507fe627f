/**
 * What every index object offers: train, add, search, reconstruct, save, load, with no database behind it.
 *
 * Distances are those that a user of Faiss expects: `Euclid` the squared Euclidean distance, `Dot` the inner product,
 * `Cosine` the cosine, `Manhattan` the sum of absolute differences. Hits come best first: by rising distance for Euclid
 * and Manhattan, by falling product for Dot and Cosine; equal ones in order of label.
 *
 * A label is the place in the order of adding, from 0 on. It never changes and is never given again.
 * Calls on one object run one after the other, in the order in which they were made.
 */
import type { Calibration, EffortDial, Metric, Progress } from "../index/contract.js";

/** Vectors one after the other, `d` numbers each. A Float32Array is read where it lies. */
export type Vectors = Float32Array | readonly number[];

export interface SearchOptions {
  /**
   * Least mean recall wanted, 0..1; default 0.97. The object takes the least effort that was measured to reach it, and
   * compares all vectors where no effort was. Where nothing was measured the default is the family's usual effort.
   */
  recall?: number;
  /** The family's own dial (ef, lists, checks, ...); wins over `recall`. Ignored where answers are exact. */
  effort?: number;
  /** Compares all vectors, whatever index there is. */
  exact?: boolean;
  /** Labels that may be answered; absent: all. */
  among?: Iterable<number>;
  signal?: AbortSignal;
}

/** Answers of a batch: k places per query, one query after the other. */
export interface BatchHits {
  /** Places per query, as asked. */
  k: number;
  /** -1 where fewer than k vectors could be answered. */
  labels: Int32Array;
  /** Beside the labels; where there is none, the worst there is: Infinity, or -Infinity for Dot and Cosine. */
  distances: Float32Array;
  /** Distances computed, and graph nodes, lists or leaves read, for all queries together. */
  scored: number;
  visited: number;
}

/** Answers of a range search: those of query i lie at `limits[i]` to `limits[i + 1] - 1`, best first. */
export interface RangeHits {
  limits: Uint32Array;
  labels: Int32Array;
  distances: Float32Array;
}

export interface BuildOptions {
  progress?: Progress;
  signal?: AbortSignal;
}

export interface Index {
  /** What searches: the name of a family (`flat`, `hnsw`, ...). */
  readonly family: string;
  readonly metric: Metric;
  /** Components of a vector. */
  readonly d: number;
  /** Vectors that can be answered: added and not removed. */
  readonly ntotal: number;
  /** False while `train` must come before `add`. */
  readonly isTrained: boolean;
  /** The family's dial, once there is something built; undefined where answers are exact. */
  readonly effort: EffortDial | undefined;
  /** Recall against effort, where it was measured. */
  readonly calibration: Calibration | undefined;
  /**
   * Learns what must be known before vectors are added. Index families need nothing: they learn from the vectors that were
   * added, when they are built.
   */
  train(vectors: Vectors): Promise<void>;
  /** Adds vectors; resolves to the label of the first. They are found by every search from then on. */
  add(vectors: Vectors): Promise<number>;
  /** Builds the index over all that was added, now instead of in the next search that needs it. */
  build(options?: BuildOptions): Promise<void>;
  /** The k best of all vectors for each query. */
  search(queries: Vectors, k: number, options?: SearchOptions): Promise<BatchHits>;
  /** All vectors within the radius of each query (Dot and Cosine: at least as similar), by a scan. */
  rangeSearch(
    queries: Vectors,
    radius: number,
    options?: Pick<SearchOptions, "among" | "signal">,
  ): Promise<RangeHits>;
  /** The vector of a label: as it was added; of unit length for Cosine; decoded where only codes are kept. */
  reconstruct(label: number): Float32Array;
  /** Takes vectors out of all answers; resolves to how many there were. Their memory is not given back. */
  removeIds(labels: Iterable<number>): Promise<number>;
  /** Bytes in memory: vectors, codes and index. */
  memoryBytes(): number;
  /** Everything, for `loadIndex`. */
  save(): Promise<Uint8Array>;
  /** Gives the memory back; every later call is a CLOSED error. */
  close(): Promise<void>;
}
