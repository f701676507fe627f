/**
 * TokenLists: the tokens of each row of a text column, as codes, in one heap. A row that is given other tokens gets a new
 * place at the end; what it had stays as waste until the column is saved.
 *
 *   starts, lengths  uint32[rows]  the row's codes in the heap
 *   heap             uint32        codes; BREAK between the items of an array
 */
import { grown } from "./column.js";

/** Stands between the items of an array, so that no phrase goes from one to the next. */
export const BREAK = 0xffff_ffff;

export class TokenLists {
  #starts = new Uint32Array(0);
  #lengths = new Uint32Array(0);
  #heap = new Uint32Array(0);
  #heapLength = 0;

  /** Calls `visit` with the row's codes, breaks among them. The view is valid until the next write. */
  codes(row: number): Uint32Array {
    const start = this.#starts[row];
    return this.#heap.subarray(start, start + this.#lengths[row]);
  }

  set(row: number, codes: readonly number[]): void {
    const end = this.#heapLength + codes.length;
    if (end > this.#heap.length) this.#heap = grown(this.#heap, Math.max(256, end, this.#heap.length * 2));
    this.#heap.set(codes, this.#heapLength);
    this.#starts[row] = this.#heapLength;
    this.#lengths[row] = codes.length;
    this.#heapLength = end;
  }

  reserve(rows: number): void {
    this.#starts = grown(this.#starts, rows);
    this.#lengths = grown(this.#lengths, rows);
  }

  memoryBytes(): number {
    return this.#starts.byteLength + this.#lengths.byteLength + this.#heap.byteLength;
  }

  /** Lengths and codes of so many rows, in their order and without waste. */
  packed(rows: number): { lengths: Uint32Array; codes: Uint32Array } {
    const lengths = this.#lengths.slice(0, rows);
    const codes = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0));
    for (let row = 0, at = 0; row < rows; at += lengths[row++]) codes.set(this.codes(row), at);
    return { lengths, codes };
  }

  static unpack(lengths: Uint32Array<ArrayBuffer>, codes: Uint32Array<ArrayBuffer>): TokenLists {
    const lists = new TokenLists();
    lists.#lengths = lengths;
    lists.#starts = new Uint32Array(lengths.length);
    for (let row = 1; row < lengths.length; row++)
      lists.#starts[row] = lists.#starts[row - 1] + lengths[row - 1];
    lists.#heap = codes;
    lists.#heapLength = codes.length;
    return lists;
  }
}
