/**
 * Documents: which vectors of a store belong together. A document has one at least, in a run; runs follow each other as their
 * documents do. The indexes of this folder speak in documents: their ordinals are 0 <= document < count.
 */
import { assert } from "../../runtime/assert.js";
import { hasBit } from "../../runtime/bits.js";
import { grow } from "../../runtime/grow.js";

export class Documents {
  /** One past the last vector of each document. */
  #ends = new Uint32Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Vectors of all documents. */
  get vectors(): number {
    return this.first(this.#count);
  }

  /** Appends a document of so many vectors; returns it. */
  append(vectors: number): number {
    assert(vectors > 0, "a document has a vector");
    const document = this.#count;
    this.#ends = grow(this.#ends, document + 1);
    this.#ends[document] = this.first(document) + vectors;
    this.#count++;
    return document;
  }

  /** The first vector of a document; of the one behind the last, how many vectors there are. */
  first(document: number): number {
    return document === 0 ? 0 : this.#ends[document - 1];
  }

  /** One past the last. */
  end(document: number): number {
    return this.#ends[document];
  }

  /** The documents whose bits are set; all without bits. */
  chosen(bits: Uint32Array | undefined): Uint32Array {
    const all = new Uint32Array(this.#count);
    let length = 0;
    for (let document = 0; document < this.#count; document++)
      if (!bits || hasBit(bits, document)) all[length++] = document;
    return all.subarray(0, length);
  }

  memoryBytes(): number {
    return this.#ends.byteLength;
  }
}
