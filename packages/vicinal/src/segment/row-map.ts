/**
 * RowMap: which vectors of a column belong to which rows of its segment. Rows come in order, and so do their vectors: a row has
 * one, none, or (multi-vectors) several in a run. While each has one, ordinals are rows and nothing is kept.
 *
 *   section `rows`: the row of each ordinal, u32; absent while ordinals are rows
 */
import { bitWords, hasBit, setBit } from "../runtime/bits.js";
import { grow } from "../runtime/grow.js";

export class RowMap {
  /** First ordinal of each row, and one past the last of all. */
  #starts: Uint32Array | undefined;
  #rowOfOrdinal = new Uint32Array(0);
  #rows = 0;
  #ordinals = 0;

  /** True while ordinals are rows. */
  get dense(): boolean {
    return this.#starts === undefined;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Gives the next row so many ordinals. */
  append(count: number): void {
    const row = this.#rows++;
    const from = this.#ordinals;
    this.#ordinals += count;
    if (count !== 1 && !this.#starts) {
      this.#starts = Uint32Array.from({ length: row + 16 }, (_, i) => i);
      this.#rowOfOrdinal = Uint32Array.from({ length: row + 16 }, (_, i) => i);
    }
    if (!this.#starts) return;
    this.#starts = grow(this.#starts, row + 2);
    this.#starts[row + 1] = this.#ordinals;
    this.#rowOfOrdinal = grow(this.#rowOfOrdinal, this.#ordinals);
    this.#rowOfOrdinal.fill(row, from, this.#ordinals);
  }

  /** The row's first ordinal. */
  first(row: number): number {
    return this.#starts ? this.#starts[row] : row;
  }

  /** How many ordinals the row has. */
  count(row: number): number {
    return this.#starts ? this.#starts[row + 1] - this.#starts[row] : 1;
  }

  row(ordinal: number): number {
    return this.#starts ? this.#rowOfOrdinal[ordinal] : ordinal;
  }

  /** Bits over rows as bits over ordinals. */
  ordinalBits(rowBits: Uint32Array): Uint32Array {
    if (!this.#starts) return rowBits;
    const bits = new Uint32Array(bitWords(this.#ordinals));
    for (let ordinal = 0; ordinal < this.#ordinals; ordinal++)
      if (hasBit(rowBits, this.#rowOfOrdinal[ordinal])) setBit(bits, ordinal);
    return bits;
  }

  sections(): { name: string; bytes: Uint8Array }[] {
    if (!this.#starts) return [];
    return [{ name: "rows", bytes: new Uint8Array(this.#rowOfOrdinal.slice(0, this.#ordinals).buffer) }];
  }

  /**
   * Puts back what `sections` gave; false when it cannot have been given for so many rows.
   * @param rowOfOrdinal Empty where there was no section, or where no row has an ordinal.
   */
  restore(rows: number, ordinals: number, rowOfOrdinal: Uint32Array<ArrayBuffer>): boolean {
    this.#rows = rows;
    this.#ordinals = ordinals;
    this.#starts = undefined;
    if (rowOfOrdinal.length === 0 && rows === ordinals) return true;
    if (rowOfOrdinal.length !== ordinals) return false;
    const starts = new Uint32Array(rows + 1);
    let row = 0;
    for (let ordinal = 0; ordinal < ordinals; ordinal++) {
      const next = rowOfOrdinal[ordinal];
      if (next < row || next >= rows) return false;
      for (; row < next; row++) starts[row + 1] = ordinal;
      starts[row + 1] = ordinal + 1;
    }
    for (; row < rows; row++) starts[row + 1] = ordinals;
    this.#starts = starts;
    this.#rowOfOrdinal = rowOfOrdinal;
    return true;
  }

  memoryBytes(): number {
    return (this.#starts?.byteLength ?? 0) + this.#rowOfOrdinal.byteLength;
  }
}
