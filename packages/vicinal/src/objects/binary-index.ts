/**
 * IndexBinary: native binary codes, the k nearest by Hamming distance, exactly; by multi-index hashing or a scan, whichever
 * costs less (index/mih/hamming-index.ts).
 *
 * Saved form, version 1: a section file of kind `binary-index`.
 *
 *   meta:      { format }
 *   sections:  index    what HammingIndex saves
 */
import { HammingIndex } from "../index/mih/index.js";
import { VicinalError } from "../runtime/errors.js";
import { badArgument, checkedK } from "./arguments.js";
import { Breath } from "./breath.js";
import { Calls } from "./calls.js";
import { bytesOf, damaged, sectionsOf } from "./saved-form.js";

const FORMAT = 1;
const KIND = "binary-index";

/** Answers of a batch: k places per query, one query after the other; label -1 and distance -1 where there is no hit. */
export interface BinaryHits {
  k: number;
  labels: Int32Array;
  /** Bits that differ. */
  distances: Int32Array;
}

export class IndexBinary {
  readonly isTrained = true;
  readonly #index: HammingIndex;
  readonly #calls = new Calls();

  private constructor(index: HammingIndex) {
    this.#index = index;
  }

  /** `d`: bits of a code, 8..4096. */
  static async create(d: number): Promise<IndexBinary> {
    return new IndexBinary(await HammingIndex.create(d));
  }

  /** Reads back what `save` gave; CORRUPTION when the bytes are not that. */
  static async load(bytes: Uint8Array): Promise<IndexBinary> {
    const file = await sectionsOf(bytes, KIND);
    if (file.meta.format !== FORMAT) throw damaged(`format ${String(file.meta.format)}`);
    return new IndexBinary(await HammingIndex.load(await file.read("index")));
  }

  /** Bits of a code. */
  get d(): number {
    return this.#index.bits;
  }

  get ntotal(): number {
    return this.#index.count;
  }

  /** Bytes of a code: bit j is bit `j & 7` of byte `j >>> 3`, bits past the last are 0. */
  get codeSize(): number {
    return Math.ceil(this.d / 8);
  }

  /** Adds codes that lie one after the other; resolves to the label of the first. */
  add(codes: Uint8Array): Promise<number> {
    return this.#calls.run(async () => {
      this.#checked("codes", codes);
      const first = this.ntotal;
      this.#index.add(codes);
      return first;
    });
  }

  /** The k nearest codes of each query. The first search after an addition builds the tables. */
  search(queries: Uint8Array, k: number, options: { signal?: AbortSignal } = {}): Promise<BinaryHits> {
    return this.#calls.run(async () => {
      checkedK(k);
      const count = this.#checked("queries", queries);
      const labels = new Int32Array(count * k).fill(-1);
      const distances = new Int32Array(count * k).fill(-1);
      const breath = new Breath(options.signal);
      for (let i = 0; i < count; i++) {
        const code = queries.subarray(i * this.codeSize, (i + 1) * this.codeSize);
        const found = this.#index.search(code, k);
        labels.set(found.ordinals, i * k);
        distances.set(found.distances, i * k);
        if (breath.due) await breath.take();
      }
      return { k, labels, distances };
    });
  }

  /** The code of a label. */
  reconstruct(label: number): Uint8Array {
    this.#calls.checkOpen();
    return this.#index.reconstruct(label);
  }

  memoryBytes(): number {
    this.#calls.checkOpen();
    return this.#index.memoryBytes();
  }

  save(): Promise<Uint8Array> {
    return this.#calls.run(() =>
      bytesOf({
        kind: KIND,
        meta: { format: FORMAT },
        sections: [{ name: "index", bytes: this.#index.save() }],
      }),
    );
  }

  close(): Promise<void> {
    return this.#calls.close(() => this.#index.close());
  }

  /** How many codes there are. */
  #checked(field: string, codes: Uint8Array): number {
    if (!(codes instanceof Uint8Array)) throw badArgument(field, "a Uint8Array", codes);
    const count = codes.length / this.codeSize;
    if (Number.isInteger(count)) return count;
    throw new VicinalError(
      "WRONG_DIMENSION",
      `${field} must hold a multiple of ${this.codeSize} bytes, not ${codes.length}`,
      { field, expected: this.codeSize, actual: codes.length },
    );
  }
}
