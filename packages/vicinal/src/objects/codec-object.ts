/**
 * Codec: vectors as codes of fixed length, as an object: train, encode, decode, estimate, save, load.
 *
 * Saved form, version 1: a section file of kind `codec`.
 *
 *   meta:      { format, options, codec: name of what was learned or null, learned: its description }
 *   sections:  codec/<name>   what was learned
 */
import {
  type BatchCodec,
  type CodecName,
  type CodecOptions,
  checkCodec,
  type Estimates,
  loadCodec,
  makeCodec,
  mustTrain,
} from "../codec/index.js";
import { VicinalError } from "../runtime/errors.js";
import { type KernelModule, loadKernels } from "../runtime/kernels.js";
import { checkedVectors } from "./arguments.js";
import type { Vectors } from "./contract.js";
import { learnCodec } from "./learn-codec.js";
import { codecSections, savedCodecOf } from "./saved-codec.js";
import { bytesOf, sectionsOf } from "./saved-form.js";

const KIND = "codec";

export class Codec {
  readonly #kernels: KernelModule;
  readonly #options: CodecOptions;
  #codec: BatchCodec | undefined;
  #closed = false;

  private constructor(kernels: KernelModule, options: CodecOptions, codec: BatchCodec | undefined) {
    this.#kernels = kernels;
    this.#options = options;
    this.#codec = codec;
  }

  /**
   * A codec of vectors of `dimensions` numbers for distances of `metric` (default Euclid; unit vectors for Cosine):
   * `float32`, `float16`, `uint8`, `binary` {bits}, which are ready at once; `sq` {bits: 8 | 4, range, rotate}, `pq` {parts,
   * bits: 8 | 4, iterations}, `opq` {the same, turns}, `rabitq` {bits: 1..8}, which learn. All take {seed, epsilon}.
   * BAD_REQUEST names a field that is out of range.
   */
  static async create(options: CodecOptions): Promise<Codec> {
    checkCodec(options);
    const kernels = await loadKernels();
    const ready = mustTrain(options.type) ? undefined : makeCodec(kernels, options, new Float32Array(0));
    return new Codec(kernels, { ...options }, ready);
  }

  /** Reads back what `save` gave; CORRUPTION when the bytes are not that. */
  static async load(bytes: Uint8Array): Promise<Codec> {
    const file = await sectionsOf(bytes, KIND);
    const { options, saved } = await savedCodecOf(file);
    const kernels = await loadKernels();
    return new Codec(kernels, options, saved && loadCodec(kernels, saved));
  }

  get type(): CodecName {
    return this.#options.type;
  }

  /** Numbers per vector. */
  get d(): number {
    return this.#options.dimensions;
  }

  /** False while `train` must come first. */
  get isTrained(): boolean {
    return this.#codec !== undefined;
  }

  /** Bytes of one code. */
  get bytesPerVector(): number {
    return this.#ready().bytesPerVector;
  }

  /** Learns from vectors like those to be encoded, one after the other; once more forgets what was learned. */
  async train(vectors: Vectors): Promise<void> {
    this.#checkOpen();
    const rows = checkedVectors("vectors", vectors, this.d);
    if (!mustTrain(this.type)) return;
    const learned = await learnCodec(this.#kernels, this.#options, rows);
    if (this.#closed) learned.close();
    this.#checkOpen();
    this.#codec?.close();
    this.#codec = learned;
  }

  /** Codes, `bytesPerVector` each, of vectors that lie one after the other. */
  encode(vectors: Vectors): Uint8Array {
    return this.#ready().encode(checkedVectors("vectors", vectors, this.d));
  }

  /** The vectors that codes stand for. */
  decode(codes: Uint8Array): Float32Array {
    return this.#ready().decode(codes);
  }

  /**
   * Distances of a query to codes, smaller is nearer: squared Euclid, 1 - cosine, the negative inner product, Manhattan;
   * and what each may be off by, at the rate of `epsilon` standard deviations (1.9: about 94 %).
   */
  estimate(query: Vectors, codes: Uint8Array): Estimates {
    return this.#ready().estimate(checkedVectors("query", query, this.d), codes);
  }

  async save(): Promise<Uint8Array> {
    this.#checkOpen();
    const saved = this.#codec?.save();
    return bytesOf({ kind: KIND, ...codecSections(this.#options, saved) });
  }

  /** Gives the memory back; every later call is a CLOSED error. */
  close(): void {
    this.#codec?.close();
    this.#closed = true;
  }

  #ready(): BatchCodec {
    this.#checkOpen();
    if (this.#codec) return this.#codec;
    throw notTrained(`The codec ${this.type}`);
  }

  #checkOpen(): void {
    if (this.#closed) throw new VicinalError("CLOSED", "The codec is closed");
  }
}

export function notTrained(what: string): VicinalError {
  return new VicinalError("NOT_TRAINED", `${what} learns from vectors: call train(vectors) first`, {
    field: "vectors",
  });
}
