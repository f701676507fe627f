/**
 * VectorStore: the float32 vectors of one named vector of one segment, in one WebAssembly memory, so that every
 * kernel and every thread reads them where they lie. Placeholder of the public shape; see the class.
 */
import type { Metric } from "./contract.js";

export interface VectorStoreOptions {
  dimensions: number;
  metric: Metric;
  /** Most vectors that it can hold; address space is reserved for them, memory only taken as they come. */
  capacity: number;
}

export interface VectorStore {
  readonly dimensions: number;
  readonly metric: Metric;
  readonly capacity: number;
  readonly count: number;
  /** Appends a vector (already normalised for Cosine); returns its ordinal. The count is published after the bytes. */
  append(vector: ArrayLike<number>): number;
  /** A copy of one vector. */
  get(ordinal: number): Float32Array;
  /** The bytes of all vectors, row-major without padding, as they lie (a view; do not write). */
  bytes(): Uint8Array;
  /** Exact distance scan over all vectors, or those whose bits are set. */
  close(): void;
}
