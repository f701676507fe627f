/**
 * Sparse vectors as they came, one after the other: what postings are made of, and where vectors are read back.
 *
 *   starts: count + 1 (where each vector's elements begin)      terms: u32 each      values: f32 each
 */
import { grow } from "../../runtime/grow.js";

/** A vector whose elements are zero but for some; terms rise strictly. */
export interface SparseVector {
  /** Which elements, 0..2^32-1. */
  terms: Uint32Array;
  /** Their values, finite. */
  values: Float32Array;
}

export class SparseRows {
  #starts = new Uint32Array(16);
  #terms = new Uint32Array(0);
  #values = new Float32Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Elements of all vectors; below 2^32. */
  get elements(): number {
    return this.#starts[this.#count];
  }

  append({ terms, values }: SparseVector): number {
    const ordinal = this.#count;
    const from = this.#starts[ordinal];
    const to = from + terms.length;
    this.#terms = grow(this.#terms, to);
    this.#values = grow(this.#values, to);
    this.#starts = grow(this.#starts, ordinal + 2);
    this.#terms.set(terms, from);
    this.#values.set(values, from);
    this.#starts[ordinal + 1] = to;
    this.#count = ordinal + 1;
    return ordinal;
  }

  /** A copy of one vector. */
  get(ordinal: number): SparseVector {
    const from = this.#starts[ordinal];
    const to = this.#starts[ordinal + 1];
    return { terms: this.#terms.slice(from, to), values: this.#values.slice(from, to) };
  }

  /** All vectors where they lie; valid until the next append, not to be written. */
  view(): { starts: Uint32Array; terms: Uint32Array; values: Float32Array } {
    const { elements } = this;
    return {
      starts: this.#starts.subarray(0, this.#count + 1),
      terms: this.#terms.subarray(0, elements),
      values: this.#values.subarray(0, elements),
    };
  }

  /** Puts back what `view` gave. */
  static of(
    starts: Uint32Array<ArrayBuffer>,
    terms: Uint32Array<ArrayBuffer>,
    values: Float32Array<ArrayBuffer>,
  ): SparseRows {
    const rows = new SparseRows();
    rows.#starts = starts;
    rows.#terms = terms;
    rows.#values = values;
    rows.#count = starts.length - 1;
    return rows;
  }

  memoryBytes(): number {
    return this.#starts.byteLength + this.#terms.byteLength + this.#values.byteLength;
  }
}
