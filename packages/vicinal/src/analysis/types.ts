/** What the analyses of this room work on: vectors side by side, and who is near to whom. */
import type { Metric } from "../index/contract.js";

/** Vectors by their numbers 0..count - 1. */
export interface Vectors {
  readonly count: number;
  readonly dimensions: number;
  readonly metric: Metric;
  /** count * dimensions numbers; of unit length where the metric is Cosine. */
  readonly data: Float32Array;
}

/** No neighbour. */
export const NOBODY = 0xffffffff;

/** The k nearest of each vector, nearest first, itself not among them. */
export interface Neighbours {
  readonly count: number;
  readonly k: number;
  /** count * k numbers of vectors, NOBODY where there are fewer. */
  readonly numbers: Uint32Array;
  /** count * k distances, at least 0, smaller is nearer: 1 - cosine, the Euclidean distance (not squared), Manhattan; of Dot: the largest product found anywhere less the product. */
  readonly distances: Float32Array;
}

/** Long work in slices: called now and then with the share done, 0..1; awaits other work and throws when cancelled. */
export type Breath = (share: number) => Promise<void>;
