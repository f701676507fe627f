/**
 * VectorStore: the float32 vectors of one named vector of one segment, in one WebAssembly memory, so that every
 * kernel and every thread reads them where they lie. The indexes over these vectors live in the same memory.
 *
 *   regions:  [ head ][ scratch of the owner's thread ][ rows: capacity x dimensions f32 ][ index regions ... ]
 *   head:     u32 count of vectors (published after their bytes)
 *
 * Rows lie one after the other without padding, as they are written to disk. Memory follows the count: rows that
 * are not there yet take address space only.
 */
import { assert } from "../runtime/assert.js";
import { VicinalError } from "../runtime/errors.js";
import {
  instantiate,
  type KernelBuild,
  type KernelModule,
  type Kernels,
  loadKernels,
} from "../runtime/kernels.js";
import { Arena } from "../runtime/memory.js";
import type { Metric } from "./contract.js";
import { Scratch, type ScratchHandle } from "./scratch.js";

export interface VectorStoreOptions {
  /** 1..65535 components per vector. */
  dimensions: number;
  metric: Metric;
  /** Most vectors that it can hold; address space is reserved for them, memory only taken as they come. */
  capacity: number;
  /** Takes no idle memory that is much larger than needed: for a store that stays for long. Default false. */
  tight?: boolean;
  /** Build of the kernels; default the best that the platform can run. */
  kernels?: KernelBuild;
}

/** What another thread needs to read a store; can be posted. */
export interface StoreHandle {
  kernels: KernelModule;
  memory: WebAssembly.Memory;
  dimensions: number;
  metric: Metric;
  capacity: number;
  head: number;
  rows: number;
  /** Of the receiving thread alone. */
  scratch: ScratchHandle;
}

/** The metrics as the kernels number them. */
export const metricNumbers: Record<Metric, number> = { Euclid: 0, Cosine: 1, Dot: 2, Manhattan: 3 };

/** Largest number of vectors in one store: ordinals and one flag share 32 bits. */
const MAX_CAPACITY = 2 ** 31 - 1;

export class VectorStore {
  readonly dimensions: number;
  readonly metric: Metric;
  /** The metric as the kernels number it. */
  readonly metricNumber: number;
  readonly capacity: number;
  readonly kernels: Kernels;
  readonly arena: Arena;
  /** Of the calling thread. */
  readonly scratch: Scratch;
  /** Address of row 0. */
  readonly rows: number;
  readonly #handle: StoreHandle;
  #count = 0;
  #closed = false;

  /** The store whose memory this one lies in. */
  readonly #parent: VectorStore | undefined;

  private constructor(arena: Arena, handle: StoreHandle, parent?: VectorStore) {
    this.dimensions = handle.dimensions;
    this.metric = handle.metric;
    this.metricNumber = metricNumbers[handle.metric];
    this.capacity = handle.capacity;
    this.arena = arena;
    this.kernels = instantiate(handle.kernels, handle.memory);
    this.scratch = Scratch.at(arena, handle.scratch);
    this.rows = handle.rows;
    this.#handle = handle;
    this.#parent = parent;
  }

  /** Makes an empty store. OUT_OF_MEMORY when `capacity` vectors do not fit into 4 GiB. */
  static async create(options: VectorStoreOptions): Promise<VectorStore> {
    return VectorStore.createWith(await loadKernels(options.kernels), options);
  }

  /** As `create`, at once, with kernels that are loaded already. */
  static createWith(kernels: KernelModule, options: VectorStoreOptions): VectorStore {
    const arena = Arena.create(kernels, options.capacity * options.dimensions * 4, options.tight);
    try {
      return VectorStore.#place(arena, kernels, options);
    } catch (error) {
      arena.close();
      throw error;
    }
  }

  /** A store in the memory of another, for what belongs to an index over that one. `close` gives its regions back. */
  static within(parent: VectorStore, options: VectorStoreOptions): VectorStore {
    return VectorStore.#place(parent.arena, parent.#handle.kernels, options, parent);
  }

  static #place(
    arena: Arena,
    kernels: KernelModule,
    { dimensions, metric, capacity }: VectorStoreOptions,
    parent?: VectorStore,
  ): VectorStore {
    assert(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= 65535, "dimensions are 1..65535");
    assert(Number.isInteger(capacity) && capacity >= 0 && capacity <= MAX_CAPACITY, "capacity is 0..2^31-1");
    const head = arena.allocate(4);
    const scratch = Scratch.reserve(arena, dimensions, capacity);
    const rows = arena.reserve(capacity * dimensions * 4);
    Atomics.store(arena.u32, head >>> 2, 0);
    const { memory } = arena;
    const handle = { kernels, memory, dimensions, metric, capacity, head, rows, scratch };
    return new VectorStore(arena, handle, parent);
  }

  /** A store that another thread owns, for reading. */
  static attach(handle: StoreHandle): VectorStore {
    return new VectorStore(Arena.borrow(handle.memory), handle);
  }

  /** Vectors in the store. */
  get count(): number {
    if (!this.arena.borrowed) return this.#count;
    const count = Atomics.load(this.arena.u32, this.#handle.head >>> 2);
    if (this.rows + count * this.dimensions * 4 > this.arena.u8.length) this.arena.view();
    return count;
  }

  /** Appends a vector (already normalised for Cosine); returns its ordinal. The count is published after the bytes. */
  append(vector: ArrayLike<number>): number {
    if (vector.length !== this.dimensions) {
      throw new VicinalError(
        "WRONG_DIMENSION",
        `The vector has ${vector.length} components, its collection says ${this.dimensions}`,
        { expected: this.dimensions, actual: vector.length },
      );
    }
    const ordinal = this.#count;
    this.#room(ordinal + 1);
    this.arena.f32.set(vector, (this.rows >>> 2) + ordinal * this.dimensions);
    this.#publish(ordinal + 1);
    return ordinal;
  }

  /** Appends vectors that lie one after the other; returns the ordinal of the first. */
  appendBatch(vectors: Float32Array): number {
    const added = vectors.length / this.dimensions;
    assert(Number.isInteger(added), "a batch holds whole vectors");
    const first = this.#count;
    this.#room(first + added);
    this.arena.f32.set(vectors, (this.rows >>> 2) + first * this.dimensions);
    this.#publish(first + added);
    return first;
  }

  /** Fills an empty store with `count` vectors: `read` writes their bytes, as `bytes()` gave them, into the target. */
  async restore(count: number, read: (target: Uint8Array) => Promise<void>): Promise<void> {
    assert(this.#count === 0, "only an empty store is restored");
    this.#room(count);
    const length = count * this.dimensions * 4;
    await read(this.arena.u8.subarray(this.rows, this.rows + length));
    this.#publish(count);
  }

  #room(count: number): void {
    assert(!this.#closed && !this.arena.borrowed, "only the owner of an open store writes");
    assert(count <= this.capacity, "a store takes no more vectors than its capacity");
    const bytes = count * this.dimensions * 4;
    // Growing by a sixteenth at least keeps the number of growths small.
    if (this.rows + bytes > this.arena.u8.length) {
      const whole = this.capacity * this.dimensions * 4;
      this.arena.commit(this.rows + Math.min(whole, bytes + (bytes >>> 4) + 65536));
    }
  }

  #publish(count: number): void {
    this.#count = count;
    Atomics.store(this.arena.u32, this.#handle.head >>> 2, count);
  }

  /** A copy of one vector. */
  get(ordinal: number): Float32Array {
    return this.view(ordinal).slice();
  }

  /** One vector where it lies: valid until the next append, not to be written. */
  view(ordinal: number): Float32Array {
    assert(ordinal >= 0 && ordinal < this.count, "an ordinal lies below the count");
    const start = (this.rows >>> 2) + ordinal * this.dimensions;
    return this.arena.f32.subarray(start, start + this.dimensions);
  }

  /** The bytes of all vectors, row-major without padding, as they lie: valid until the next append, not to be written. */
  bytes(): Uint8Array {
    return this.arena.u8.subarray(this.rows, this.rows + this.count * this.dimensions * 4);
  }

  /** True when other threads can read the store. */
  get shared(): boolean {
    return this.arena.shared;
  }

  /** For one other thread: a handle with a scratch of its own, with room for `hits` hits. */
  lend(hits?: number): StoreHandle {
    assert(this.shared, "only a shared store is lent");
    return { ...this.#handle, scratch: Scratch.reserve(this.arena, this.dimensions, this.capacity, hits) };
  }

  /** Takes a handle back: its thread no longer searches. */
  takeBack(handle: StoreHandle): void {
    if (!this.#closed) Scratch.release(this.arena, handle.scratch);
  }

  /** Empties the store, which then takes other vectors: a window on vectors that lie elsewhere. */
  clear(): void {
    this.#publish(0);
  }

  /** Returns the memory, with all indexes in it, to the pool. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#count = 0;
    if (!this.#parent) {
      this.arena.close();
      return;
    }
    this.arena.release(this.#handle.head);
    this.arena.release(this.rows);
    this.scratch.release();
  }
}
