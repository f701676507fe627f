/**
 * When the rows of a segment expire, and which is next: a heap of those that will, so that reading and writing pay for the rows
 * that have expired and not for those that may.
 */
import { grow } from "../runtime/grow.js";

export class ExpiryColumn {
  /** By row, milliseconds since 1970; 0 for never, and so for rows beyond the end. */
  #times: Float64Array = new Float64Array(0);
  /** Rows; each comes before the two at twice its place. */
  #heap: Uint32Array = new Uint32Array(0);
  #count = 0;

  /** Of rows as they were saved. */
  static load(times: Float64Array): ExpiryColumn {
    const column = new ExpiryColumn();
    for (let row = 0; row < times.length; row++) if (times[row] > 0) column.set(row, times[row]);
    return column;
  }

  /** Undefined for never. */
  of(row: number): number | undefined {
    return this.#times[row] || undefined;
  }

  /** @param row One that was not given a time before. */
  set(row: number, time: number): void {
    this.#times = grow(this.#times, row + 1);
    this.#times[row] = time;
    this.#heap = grow(this.#heap, this.#count + 1);
    let at = this.#count++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#times[this.#heap[above]] <= time) break;
      this.#heap[at] = this.#heap[above];
      at = above;
    }
    this.#heap[at] = row;
  }

  /** When the next row expires; infinity for never. */
  get next(): number {
    return this.#count > 0 ? this.#times[this.#heap[0]] : Number.POSITIVE_INFINITY;
  }

  /** The row that expires next, which is not given out again. */
  take(): number {
    const first = this.#heap[0];
    const last = this.#heap[--this.#count];
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#count) break;
      if (below + 1 < this.#count && this.#time(below + 1) < this.#time(below)) below++;
      if (this.#times[last] <= this.#time(below)) break;
      this.#heap[at] = this.#heap[below];
      at = below;
    }
    this.#heap[at] = last;
    return first;
  }

  #time(place: number): number {
    return this.#times[this.#heap[place]];
  }

  /** Of the first `rows` rows, as `load` takes them. */
  times(rows: number): Float64Array {
    const times = new Float64Array(rows);
    times.set(this.#times.subarray(0, rows));
    return times;
  }

  memoryBytes(): number {
    return this.#times.byteLength + this.#heap.byteLength;
  }
}
