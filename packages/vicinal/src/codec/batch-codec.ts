/**
 * BatchCodec: what all codecs do alike: vectors and codes pass through the codec's memory in batches, where a kernel turns
 * one into the other or estimates distances. A codec says how, at given addresses.
 *
 *   memory:  [ the codec's own ... ][ rows: BATCH x dimensions f32 ][ codes ][ distances: BATCH f32 ][ bounds: BATCH f32 ]
 */
import { VicinalError } from "../runtime/errors.js";
import { instantiate, type KernelModule, type Kernels } from "../runtime/kernels.js";
import { Arena } from "../runtime/memory.js";
import { type CodecMetric, type Estimates, type SavedCodec, wholeField } from "./contract.js";

/** Vectors that pass through the codec's memory at a time. */
export const BATCH = 256;

export abstract class BatchCodec {
  abstract readonly name: string;
  abstract readonly metric: CodecMetric | "Manhattan";
  readonly dimensions: number;
  /** Bytes of one code, factors included. */
  readonly bytesPerVector: number;
  readonly arena: Arena;
  readonly kernels: Kernels;
  readonly #rows: number;
  readonly #codes: number;
  readonly #distances: number;

  constructor(module: KernelModule, dimensions: number, bytesPerVector: number) {
    this.dimensions = dimensions;
    this.bytesPerVector = bytesPerVector;
    this.arena = Arena.create(module, BATCH * (dimensions * 4 + bytesPerVector));
    this.kernels = instantiate(module, this.arena.memory);
    this.#rows = this.arena.allocate(BATCH * dimensions * 4);
    this.#codes = this.arena.allocate(BATCH * bytesPerVector);
    this.#distances = this.arena.allocate(BATCH * 8);
  }

  /** Codes of `count` rows of floats that follow each other. */
  abstract encodeAt(rows: number, count: number, codes: number): void;
  /** The rows of floats that `count` codes stand for. */
  abstract decodeAt(codes: number, count: number, rows: number): void;
  /** Takes a query, `dimensions` floats: it is what `scoreAt` compares with until the next. */
  abstract askAt(query: number): void;
  /** Estimated distances of the query to `count` codes, and what each may be off by. */
  abstract scoreAt(codes: number, count: number, distances: number, bounds: number): void;
  /** What was learned. The bytes are copies. */
  abstract save(): SavedCodec;

  /** Codes of vectors that lie one after the other. */
  encode(vectors: Float32Array): Uint8Array {
    const { dimensions, bytesPerVector } = this;
    const count = this.#whole("vectors", vectors.length, dimensions);
    const codes = new Uint8Array(count * bytesPerVector);
    for (let from = 0; from < count; from += BATCH) {
      const length = Math.min(BATCH, count - from);
      this.arena.f32.set(vectors.subarray(from * dimensions, (from + length) * dimensions), this.#rows >>> 2);
      this.encodeAt(this.#rows, length, this.#codes);
      codes.set(this.bytesAt(this.#codes, length * bytesPerVector), from * bytesPerVector);
    }
    return codes;
  }

  /** The vectors that codes stand for. */
  decode(codes: Uint8Array): Float32Array {
    const { dimensions } = this;
    const count = this.#whole("codes", codes.length, this.bytesPerVector);
    const vectors = new Float32Array(count * dimensions);
    for (let from = 0; from < count; from += BATCH) {
      const length = this.#takeCodes(codes, from, count);
      this.decodeAt(this.#codes, length, this.#rows);
      const start = this.#rows >>> 2;
      vectors.set(this.arena.f32.subarray(start, start + length * dimensions), from * dimensions);
    }
    return vectors;
  }

  /** Estimated distances of a query (`dimensions` floats) to codes, with their bounds. */
  estimate(query: Float32Array, codes: Uint8Array): Estimates {
    const count = this.#whole("codes", codes.length, this.bytesPerVector);
    const distances = new Float32Array(count);
    const bounds = new Float32Array(count);
    this.ask(query);
    const answers = this.#distances >>> 2;
    for (let from = 0; from < count; from += BATCH) {
      const length = this.#takeCodes(codes, from, count);
      this.scoreAt(this.#codes, length, this.#distances, this.#distances + BATCH * 4);
      distances.set(this.arena.f32.subarray(answers, answers + length), from);
      bounds.set(this.arena.f32.subarray(answers + BATCH, answers + BATCH + length), from);
    }
    return { distances, bounds };
  }

  /** As `askAt`, with a query that lies elsewhere; WRONG_DIMENSION when it has another length. */
  ask(query: Float32Array): void {
    const { dimensions } = this;
    if (query.length !== dimensions)
      throw new VicinalError(
        "WRONG_DIMENSION",
        `The query has ${query.length} components, the codec ${dimensions}`,
        { expected: dimensions, actual: query.length },
      );
    this.arena.f32.set(query, this.#rows >>> 2);
    this.askAt(this.#rows);
  }

  /** Gives the memory back. */
  close(): void {
    this.arena.close();
  }

  protected bytesAt(start: number, length: number): Uint8Array {
    return this.arena.u8.subarray(start, start + length);
  }

  #takeCodes(codes: Uint8Array, from: number, count: number): number {
    const length = Math.min(BATCH, count - from);
    const bytes = this.bytesPerVector;
    this.arena.u8.set(codes.subarray(from * bytes, (from + length) * bytes), this.#codes);
    return length;
  }

  #whole(field: string, length: number, each: number): number {
    return wholeField(field, length / each, 0, 2 ** 31);
  }
}
