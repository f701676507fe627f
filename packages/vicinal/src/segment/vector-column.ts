/**
 * VectorColumn: one named vector of one segment: the floats, the index over them, and the map between the
 * segment's rows and the index's ordinals. The map is absent while every row has the vector (identity).
 */
import type { IndexChoice } from "../index/choice.js";
import type { VectorIndex } from "../index/contract.js";
import { FlatIndex } from "../index/flat/index.js";
import type { VectorStore } from "../index/vector-store.js";
import { bitWords, hasBit, setBit } from "../runtime/bits.js";
import { grow } from "../runtime/grow.js";
import type { StoredVector } from "./effects.js";

export class VectorColumn {
  readonly name: string;
  readonly store: VectorStore;
  #index: VectorIndex;
  #choice: IndexChoice | undefined;
  /** The exact answer, whatever `index` is. */
  readonly scan: FlatIndex;
  #norms: Float32Array | undefined;
  #ordinalOfRow: Int32Array | undefined;
  #rowOfOrdinal: Uint32Array | undefined;
  #rows = 0;

  constructor(name: string, store: VectorStore) {
    this.name = name;
    this.store = store;
    this.scan = new FlatIndex(store);
    this.#index = this.scan;
    if (store.metric === "Cosine") this.#norms = new Float32Array(0);
  }

  /** Answers searches: a scan until something better was built. */
  get index(): VectorIndex {
    return this.#index;
  }

  /** What the index was chosen to be when it was built; undefined for a scan. */
  get choice(): IndexChoice | undefined {
    return this.#choice;
  }

  /**
   * Puts an index in the place of the one before and releases that one's memory. A search is one synchronous step, so
   * none is under way in it.
   */
  replaceIndex(index: VectorIndex, choice: IndexChoice | undefined): void {
    const old = this.#index;
    this.#index = index;
    this.#choice = choice;
    if (old !== index) old.release();
  }

  /** True while ordinals are rows. */
  get dense(): boolean {
    return this.#ordinalOfRow === undefined;
  }

  /** Appends the vector of the next row, or marks that it has none. */
  append(vector: StoredVector | undefined): void {
    const row = this.#rows;
    if (vector === undefined && this.#ordinalOfRow === undefined) this.#map();
    if (vector !== undefined) {
      const ordinal = this.store.append(vector.data);
      if (this.#norms) {
        this.#norms = grow(this.#norms, ordinal + 1);
        this.#norms[ordinal] = vector.norm;
      }
      if (this.#rowOfOrdinal) {
        this.#rowOfOrdinal = grow(this.#rowOfOrdinal, ordinal + 1);
        this.#rowOfOrdinal[ordinal] = row;
      }
      this.#mapRow(row, ordinal);
    } else this.#mapRow(row, -1);
    this.#rows = row + 1;
  }

  #map(): void {
    this.#ordinalOfRow = Int32Array.from({ length: Math.max(this.#rows, 16) }, (_, row) => row);
    this.#rowOfOrdinal = Uint32Array.from({ length: Math.max(this.#rows, 16) }, (_, row) => row);
  }

  #mapRow(row: number, ordinal: number): void {
    if (!this.#ordinalOfRow) return;
    this.#ordinalOfRow = grow(this.#ordinalOfRow, row + 1);
    this.#ordinalOfRow[row] = ordinal;
  }

  /** -1 where the row has no such vector. */
  ordinal(row: number): number {
    return this.#ordinalOfRow ? this.#ordinalOfRow[row] : row;
  }

  row(ordinal: number): number {
    return this.#rowOfOrdinal ? this.#rowOfOrdinal[ordinal] : ordinal;
  }

  /** The vector of a row (of unit length for Cosine), or undefined. A copy. */
  get(row: number): StoredVector | undefined {
    const ordinal = this.ordinal(row);
    if (ordinal < 0) return undefined;
    return { data: this.store.get(ordinal), norm: this.#norms ? this.#norms[ordinal] : 1 };
  }

  /** Bits over rows as bits over ordinals. */
  ordinalBits(rowBits: Uint32Array): Uint32Array {
    if (!this.#rowOfOrdinal) return rowBits;
    const bits = new Uint32Array(bitWords(this.store.count));
    for (let ordinal = 0; ordinal < this.store.count; ordinal++)
      if (hasBit(rowBits, this.#rowOfOrdinal[ordinal])) setBit(bits, ordinal);
    return bits;
  }

  /** Sections beside the floats: norms and the map of rows. */
  sections(): { name: string; bytes: Uint8Array }[] {
    const count = this.store.count;
    const sections: { name: string; bytes: Uint8Array }[] = [];
    if (this.#norms)
      sections.push({ name: "norms", bytes: new Uint8Array(this.#norms.slice(0, count).buffer) });
    if (this.#rowOfOrdinal)
      sections.push({ name: "rows", bytes: new Uint8Array(this.#rowOfOrdinal.slice(0, count).buffer) });
    return sections;
  }

  /** Puts back what `sections` gave; the store holds its floats already. */
  restore(rowCount: number, norms: Float32Array | undefined, rows: Uint32Array | undefined): void {
    this.#rows = rowCount;
    this.#norms = norms;
    this.#rowOfOrdinal = rows;
    if (!rows) return;
    this.#ordinalOfRow = new Int32Array(rowCount).fill(-1);
    for (let ordinal = 0; ordinal < rows.length; ordinal++) this.#ordinalOfRow[rows[ordinal]] = ordinal;
  }

  memoryBytes(): { vectors: number; index: number; maps: number } {
    const maps =
      (this.#norms?.byteLength ?? 0) +
      (this.#ordinalOfRow?.byteLength ?? 0) +
      (this.#rowOfOrdinal?.byteLength ?? 0);
    return { vectors: this.store.bytes().byteLength, index: this.index.memoryBytes(), maps };
  }

  close(): void {
    this.store.close();
  }
}
