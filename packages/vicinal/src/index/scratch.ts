/**
 * Scratch: where one thread puts a query and finds the answer, inside a store's memory. Every thread that searches a
 * store has its own.
 *
 *   fixed part:    [ query: dimensions f32 ][ bits: capacity bits ]
 *   growing part:  [ keys: length u64 ][ ordinals: length u32 ][ distances: length f32 ][ list: length u32 ]
 *
 * The growing part starts with room for 1,024 hits and is replaced by a larger one when a search asks for more.
 */
import { assert } from "../runtime/assert.js";
import type { Arena } from "../runtime/memory.js";

const INITIAL_LENGTH = 1024;
const BYTES_PER_HIT = 20;

/** Where a scratch lies; can be posted. */
export interface ScratchHandle {
  query: number;
  bits: number;
  answers: number;
  length: number;
}

export class Scratch {
  readonly query: number;
  readonly bits: number;
  readonly #arena: Arena;
  #answers: number;
  #length: number;

  private constructor(arena: Arena, handle: ScratchHandle) {
    this.#arena = arena;
    this.query = handle.query;
    this.bits = handle.bits;
    this.#answers = handle.answers;
    this.#length = handle.length;
  }

  static reserve(arena: Arena, dimensions: number, capacity: number, length = INITIAL_LENGTH): ScratchHandle {
    const queryBytes = Math.ceil((dimensions * 4) / 64) * 64;
    const query = arena.allocate(queryBytes + Math.ceil(capacity / 32) * 4);
    const answers = arena.allocate(length * BYTES_PER_HIT);
    return { query, bits: query + queryBytes, answers, length };
  }

  static at(arena: Arena, handle: ScratchHandle): Scratch {
    return new Scratch(arena, handle);
  }

  static release(arena: Arena, handle: ScratchHandle): void {
    arena.release(handle.query);
    arena.release(handle.answers);
  }

  /** Gives the memory of the owner's own scratch back. */
  release(): void {
    this.#arena.release(this.query);
    this.#arena.release(this.#answers);
  }

  /** Makes room for `length` hits or list entries. */
  ensure(length: number): void {
    if (length <= this.#length) return;
    assert(!this.#arena.borrowed, "a lent scratch has room for what its thread asks");
    const larger = Math.max(length, this.#length * 2);
    const answers = this.#arena.allocate(larger * BYTES_PER_HIT);
    this.#arena.release(this.#answers);
    this.#answers = answers;
    this.#length = larger;
  }

  get keys(): number {
    return this.#answers;
  }

  get ordinals(): number {
    return this.#answers + this.#length * 8;
  }

  get distances(): number {
    return this.#answers + this.#length * 12;
  }

  get list(): number {
    return this.#answers + this.#length * 16;
  }

  putQuery(query: Float32Array): void {
    this.#arena.f32.set(query, this.query >>> 2);
  }

  putBits(bits: Uint32Array, count: number): void {
    const words = (count + 31) >>> 5;
    this.#arena.u32.set(bits.length === words ? bits : bits.subarray(0, words), this.bits >>> 2);
  }

  putList(ordinals: Uint32Array): void {
    this.#arena.u32.set(ordinals, this.list >>> 2);
  }

  /** Copies of the first `length` ordinals and distances. */
  takeHits(length: number): { ordinals: Uint32Array; distances: Float32Array } {
    return { ordinals: this.takeOrdinals(length), distances: this.takeDistances(length) };
  }

  takeOrdinals(length: number): Uint32Array {
    return copy(this.#arena.u32, this.ordinals >>> 2, new Uint32Array(length));
  }

  takeDistances(length: number): Float32Array {
    return copy(this.#arena.f32, this.distances >>> 2, new Float32Array(length));
  }
}

/** A loop is faster than a view and a `set` for the few numbers that an answer has. */
function copy<T extends Uint32Array | Float32Array>(source: T, start: number, target: T): T {
  const length = target.length;
  if (length > 256) target.set(source.subarray(start, start + length));
  else for (let i = 0; i < length; i++) target[i] = source[start + i];
  return target;
}
