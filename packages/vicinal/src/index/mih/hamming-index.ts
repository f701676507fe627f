/**
 * Native binary codes without a database: the k nearest by Hamming distance, exactly, through the tables or by a scan of
 * the codes, whichever costs less. The method is that of mih-index.ts.
 *
 * Saved form, version 1, little-endian:
 *
 *   [ "VHAM" : 4 bytes ][ version u32 ][ bits u32 ][ count u32 ][ codes: count x ceil(bits / 8) bytes, as added ]
 */

import { binaryStride } from "../../codec/binary/index.js";
import { VicinalError } from "../../runtime/errors.js";
import { instantiate, type Kernels, loadKernels } from "../../runtime/kernels.js";
import { Arena } from "../../runtime/memory.js";
import {
  allocateCodes,
  allocateWork,
  type CodeLayout,
  openCodes,
  orderBits,
  partsFor,
  releaseCodes,
} from "./code-tables.js";
import { checkedBits } from "./defaults.js";

const MAGIC = 0x4d414856;
const VERSION = 1;
const HEADER_BYTES = 16;

export interface HammingHits {
  /** In order of distance; equal distances in order of ordinal (the place in which a code was added). */
  ordinals: Uint32Array;
  /** Bits that differ. */
  distances: Uint32Array;
  stats: {
    /** Codes compared, and substring values looked up. */
    scored: number;
    visited: number;
    /** True when comparing with all codes was cheaper than the tables. */
    scanned: boolean;
  };
}

/** How a search goes about it: `auto` by cost, or always one way (the answer is the same). */
export type HammingPath = "auto" | "tables" | "scan";
const modes: Record<HammingPath, number> = { auto: 0, tables: 1, scan: 2 };

export class HammingIndex {
  /** Bits of a code. */
  readonly bits: number;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #bytes: number;
  /** Codes as they were added, `#bytes` each. */
  #codes: Uint8Array = new Uint8Array(0);
  #count = 0;
  #layout: CodeLayout | undefined;
  #work = 0;
  #heap = 0;
  #heapLength = 0;

  private constructor(bits: number, arena: Arena, kernels: Kernels) {
    this.bits = bits;
    this.#bytes = Math.ceil(bits / 8);
    this.#arena = arena;
    this.#kernels = kernels;
  }

  /** An empty index of codes of 8..4096 bits; BAD_REQUEST beyond. Close it to give its memory back. */
  static async create(bits: number): Promise<HammingIndex> {
    checkedBits(bits);
    const module = await loadKernels();
    const arena = Arena.create(module, 0);
    return new HammingIndex(bits, arena, instantiate(module, arena.memory));
  }

  /** Codes in the index. */
  get count(): number {
    return this.#count;
  }

  /** Adds codes of ceil(bits / 8) bytes each, bit j being bit `j & 7` of byte `j >>> 3`; bits past the last are 0. */
  add(codes: Uint8Array): void {
    const added = codes.length / this.#bytes;
    if (!Number.isInteger(added))
      throw new VicinalError("WRONG_DIMENSION", `Codes of ${this.bits} bits take ${this.#bytes} bytes each`, {
        expected: this.#bytes,
        actual: codes.length,
      });
    for (let i = 0; i < added; i++) this.#checkTail(codes, i * this.#bytes);
    const need = (this.#count + added) * this.#bytes;
    if (need > this.#codes.length) {
      const larger = new Uint8Array(Math.max(need, this.#codes.length * 2));
      larger.set(this.#codes.subarray(0, this.#count * this.#bytes));
      this.#codes = larger;
    }
    this.#codes.set(codes, this.#count * this.#bytes);
    this.#count += added;
    this.#forget();
  }

  /** The k nearest codes. The first search after an addition builds the tables. */
  search(code: Uint8Array, k: number, path: HammingPath = "auto"): HammingHits {
    if (code.length !== this.#bytes)
      throw new VicinalError("WRONG_DIMENSION", `A code of ${this.bits} bits takes ${this.#bytes} bytes`, {
        expected: this.#bytes,
        actual: code.length,
      });
    if (!Number.isInteger(k) || k < 0)
      throw new VicinalError("BAD_REQUEST", `k must be an integer from 0 on, not ${k}`, { field: "k" });
    this.#checkTail(code, 0);
    const layout = this.#settled();
    const wanted = Math.min(k, this.#count);
    this.#room(wanted);
    const kernels = this.#kernels;
    const raw = this.#work;
    const { u8 } = this.#arena;
    u8.fill(0, raw, raw + layout.stride);
    u8.set(code, raw);
    kernels.binaryReorder(raw, raw + layout.stride, 1, layout.stride, this.bits, layout.order);
    const work = raw + 2 * layout.stride;
    const found = kernels.mihSearch(
      layout.head,
      work,
      raw + layout.stride,
      0,
      wanted,
      this.#heap,
      modes[path],
    );
    const { u32 } = this.#arena;
    const keys = this.#heap >>> 2;
    const stats = work >>> 2;
    return {
      ordinals: Uint32Array.from({ length: found }, (_, i) => u32[keys + 2 * i]),
      distances: Uint32Array.from({ length: found }, (_, i) => u32[keys + 2 * i + 1]),
      stats: { scored: u32[stats], visited: u32[stats + 1], scanned: u32[stats + 2] !== 0 },
    };
  }

  /** The code that was added as the given one. */
  reconstruct(ordinal: number): Uint8Array {
    if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= this.#count)
      throw new VicinalError("OUT_OF_RANGE", `ordinal must be below ${this.#count}, not ${ordinal}`, {
        field: "ordinal",
      });
    return this.#codes.slice(ordinal * this.#bytes, (ordinal + 1) * this.#bytes);
  }

  save(): Uint8Array {
    const length = this.#count * this.#bytes;
    const saved = new Uint8Array(HEADER_BYTES + length);
    const header = new DataView(saved.buffer);
    [MAGIC, VERSION, this.bits, this.#count].forEach((value, i) => {
      header.setUint32(i * 4, value, true);
    });
    saved.set(this.#codes.subarray(0, length), HEADER_BYTES);
    return saved;
  }

  /** CORRUPTION when the bytes are not what `save` gave. */
  static async load(saved: Uint8Array): Promise<HammingIndex> {
    const damaged = (what: string) =>
      new VicinalError("CORRUPTION", `Corrupted Hamming index: ${what}`, { what });
    if (saved.length < HEADER_BYTES) throw damaged(`it has ${saved.length} bytes`);
    const header = new DataView(saved.buffer, saved.byteOffset);
    const [magic, version, bits, count] = [0, 4, 8, 12].map((at) => header.getUint32(at, true));
    if (magic !== MAGIC || version !== VERSION || bits < 8 || bits > 4096)
      throw damaged("its header is not understood");
    if (saved.length !== HEADER_BYTES + count * Math.ceil(bits / 8))
      throw damaged(`it has ${saved.length} bytes for ${count} codes of ${bits} bits`);
    const index = await HammingIndex.create(bits);
    index.add(saved.subarray(HEADER_BYTES));
    return index;
  }

  /** Bytes of codes and tables, once they are built. */
  memoryBytes(): number {
    const layout = this.#settled();
    return layout.codeBytes + layout.tableBytes;
  }

  close(): void {
    this.#arena.close();
    this.#layout = undefined;
  }

  /** Codes with their bits in order and their tables filled. */
  #settled(): CodeLayout {
    if (this.#layout) return this.#layout;
    const place = { arena: this.#arena, kernels: this.#kernels };
    const stride = binaryStride(this.bits);
    const count = this.#count;
    const parts = count === 0 ? 0 : partsFor(this.bits, count);
    const layout = allocateCodes(place, { bits: this.bits, stride, count, parts });
    const raw = this.#arena.allocate(count * stride);
    const { u8 } = this.#arena;
    u8.fill(0, raw, raw + count * stride);
    for (let i = 0; i < count; i++)
      u8.set(this.#codes.subarray(i * this.#bytes, (i + 1) * this.#bytes), raw + i * stride);
    orderBits(place, layout, raw);
    this.#kernels.binaryReorder(raw, layout.codes, count, stride, this.bits, layout.order);
    this.#arena.release(raw);
    openCodes(place, layout);
    for (let part = 0; part < parts; part++) this.#kernels.mihFill(layout.head, part);
    this.#work = allocateWork(place, layout);
    this.#layout = layout;
    return layout;
  }

  #forget(): void {
    if (!this.#layout) return;
    this.#arena.release(this.#work);
    releaseCodes({ arena: this.#arena, kernels: this.#kernels }, this.#layout);
    this.#layout = undefined;
  }

  #room(hits: number): void {
    if (hits <= this.#heapLength) return;
    if (this.#heap) this.#arena.release(this.#heap);
    this.#heapLength = Math.max(hits, 2 * this.#heapLength, 64);
    this.#heap = this.#arena.allocate(this.#heapLength * 8);
  }

  /** A bit past the last would count as a distance. */
  #checkTail(codes: Uint8Array, at: number): void {
    const rest = this.bits & 7;
    if (rest && codes[at + this.#bytes - 1] >>> rest)
      throw new VicinalError("BAD_VECTOR", `A code has more than ${this.bits} bits`, { bits: this.bits });
  }
}
