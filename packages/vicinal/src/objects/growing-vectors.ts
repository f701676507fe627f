/**
 * GrowingVectors: a VectorStore that is replaced by a larger one when it is full. A store reserves address space for all
 * it may ever hold, so its capacity doubles instead of being the largest possible at once.
 */
import type { Metric } from "../index/contract.js";
import { VectorStore } from "../index/vector-store.js";
import type { KernelModule } from "../runtime/kernels.js";

/** Vectors that the first store has room for, unless more are added at once. */
const LEAST_CAPACITY = 256;

export class GrowingVectors {
  readonly #kernels: KernelModule;
  readonly #dimensions: number;
  readonly #metric: Metric;
  #store: VectorStore | undefined;

  constructor(kernels: KernelModule, dimensions: number, metric: Metric) {
    this.#kernels = kernels;
    this.#dimensions = dimensions;
    this.#metric = metric;
  }

  get count(): number {
    return this.#store?.count ?? 0;
  }

  /** Undefined while it is empty. */
  get store(): VectorStore | undefined {
    return this.#store;
  }

  append(vectors: Float32Array): void {
    if (vectors.length === 0) return;
    const count = this.count + vectors.length / this.#dimensions;
    if (count > (this.#store?.capacity ?? 0)) this.#grow(count);
    this.#store?.appendBatch(vectors);
  }

  /** Begins with a store of others. */
  put(store: VectorStore): void {
    this.close();
    this.#store = store;
  }

  /** Hands the store over and is empty again. */
  take(): VectorStore | undefined {
    const store = this.#store;
    this.#store = undefined;
    return store;
  }

  close(): void {
    this.take()?.close();
  }

  #grow(count: number): void {
    const old = this.#store;
    const least = old ? Math.min(old.capacity * 2, mostVectors(this.#dimensions)) : LEAST_CAPACITY;
    this.#store = storeOf(this.#kernels, this.#dimensions, this.#metric, Math.max(count, least), old);
    old?.close();
  }
}

/** As many as one memory takes, with some room for searches. */
function mostVectors(dimensions: number): number {
  return Math.floor((2 ** 32 - 2 ** 26) / (dimensions * 4));
}

/** A store of that capacity with copies of all vectors of the given ones, in their order. */
export function storeOf(
  kernels: KernelModule,
  dimensions: number,
  metric: Metric,
  capacity: number,
  ...sources: (VectorStore | undefined)[]
): VectorStore {
  const store = VectorStore.createWith(kernels, { dimensions, metric, capacity });
  try {
    for (const source of sources) if (source) store.appendBatch(floatsOf(source));
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/** All vectors of a store where they lie. */
function floatsOf(store: VectorStore): Float32Array {
  const bytes = store.bytes();
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
