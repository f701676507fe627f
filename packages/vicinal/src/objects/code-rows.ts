/**
 * CodeRows: codes one after the other in their codec's memory, and scans over them.
 *
 *   work of a scan:  [ distances: BATCH f32 ][ bounds: BATCH f32 ][ size u32, 64 bytes ][ bits ][ keys: k u64 ]
 *                    [ ordinals: k u32 ][ hit distances: k f32 ]
 */
import { BATCH, type BatchCodec } from "../codec/index.js";
import { VicinalError } from "../runtime/errors.js";
import type { Hits } from "./hits.js";

const SIZE_BYTES = 64;

export class CodeRows {
  readonly #codec: BatchCodec;
  #region = 0;
  #capacity = 0;
  #count = 0;

  constructor(codec: BatchCodec) {
    this.#codec = codec;
  }

  get count(): number {
    return this.#count;
  }

  /** Makes room for so many codes in all. OUT_OF_MEMORY when it cannot be had. */
  reserve(count: number): void {
    if (count > this.#capacity) this.#grow(count);
  }

  /** Codes of vectors that lie one after the other, or codes themselves. */
  append(vectors: Float32Array | Uint8Array): void {
    const codes = vectors instanceof Float32Array ? this.#codec.encode(vectors) : vectors;
    const { arena, bytesPerVector } = this.#codec;
    const count = this.#count + codes.length / bytesPerVector;
    this.reserve(count);
    arena.u8.set(codes, this.#region + this.#count * bytesPerVector);
    this.#count = count;
  }

  /** The codes where they lie: valid until the next addition or scan. */
  bytes(from = 0, to = this.#count): Uint8Array {
    const { arena, bytesPerVector } = this.#codec;
    return arena.u8.subarray(this.#region + from * bytesPerVector, this.#region + to * bytesPerVector);
  }

  /** The k codes nearest to the query, of those whose bits are set. A generator, so that a long scan can breathe. */
  *nearest(query: Float32Array, k: number, bits: Uint32Array | undefined): Generator<number, Hits> {
    const { arena, kernels } = this.#codec;
    const bitBytes = Math.ceil(this.#count / 512) * 64;
    const work = arena.allocate(BATCH * 8 + SIZE_BYTES + bitBytes + k * 16);
    try {
      const size = work + BATCH * 8;
      const filter = size + SIZE_BYTES;
      const keys = filter + bitBytes;
      const ordinals = keys + k * 8;
      const distances = ordinals + k * 4;
      if (bits) arena.u32.set(bits, filter >>> 2);
      let found = 0;
      for (const { from, length } of this.#scored(query, work)) {
        found = kernels.offerScores(work, from, length, bits ? filter : 0, k, keys, found);
        yield from + length;
      }
      arena.u32[size >>> 2] = found;
      kernels.finishBatch(1, k, keys, size, ordinals, distances);
      return {
        ordinals: arena.u32.slice(ordinals >>> 2, (ordinals >>> 2) + found),
        distances: arena.f32.slice(distances >>> 2, (distances >>> 2) + found),
      };
    } finally {
      arena.release(work);
    }
  }

  /** Estimated distances of the query to all codes, block by block: valid until the next step. */
  *distances(query: Float32Array): Generator<{ from: number; distances: Float32Array }> {
    const { arena } = this.#codec;
    const work = arena.allocate(BATCH * 8);
    try {
      for (const { from, length } of this.#scored(query, work))
        yield { from, distances: arena.f32.subarray(work >>> 2, (work >>> 2) + length) };
    } finally {
      arena.release(work);
    }
  }

  *#scored(query: Float32Array, work: number): Generator<{ from: number; length: number }> {
    const codec = this.#codec;
    codec.ask(query);
    for (let from = 0; from < this.#count; from += BATCH) {
      const length = Math.min(BATCH, this.#count - from);
      codec.scoreAt(this.#region + from * codec.bytesPerVector, length, work, work + BATCH * 4);
      yield { from, length };
    }
  }

  #grow(count: number): void {
    const { arena, bytesPerVector } = this.#codec;
    const capacity = Math.max(count, this.#capacity * 2);
    if (capacity * bytesPerVector > 2 ** 32)
      throw new VicinalError("OUT_OF_MEMORY", "The codes of one index need more than 4 GiB", { count });
    const region = arena.allocate(capacity * bytesPerVector);
    arena.u8.copyWithin(region, this.#region, this.#region + this.#count * bytesPerVector);
    if (this.#capacity > 0) arena.release(this.#region);
    this.#region = region;
    this.#capacity = capacity;
  }
}
