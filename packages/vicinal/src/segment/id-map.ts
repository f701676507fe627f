/**
 * IdMap: where each live point lies: id -> (segment slot, row). Open addressing with linear probing over two
 * flat arrays; the ids themselves stay in the segments' IdColumns, so an entry costs 8 bytes.
 *
 *   places[i]: fingerprint (upper 16 bits) | segment slot (lower 16 bits)
 *   rows[i]:   row, 0xffffffff when the entry is empty
 *
 * A row is live if and only if this map names it.
 */
import { assert } from "../runtime/assert.js";
import { type IdColumn, IdKey } from "./id-column.js";

const EMPTY = 0xffffffff;
/** Most segments at a time that an entry can name. */
export const MAX_SEGMENT_SLOTS = 0xffff;

export class IdMap {
  #places = new Uint32Array(64);
  #rows = new Uint32Array(64).fill(EMPTY);
  #mask = 63;
  #count = 0;
  readonly #columns: (slot: number) => IdColumn;
  readonly #probe = new IdKey();
  /** Where the last successful `find` ended. */
  slot = 0;
  row = 0;

  /** `columns`: the ids of the segment in a slot. */
  constructor(columns: (slot: number) => IdColumn) {
    this.#columns = columns;
  }

  get count(): number {
    return this.#count;
  }

  memoryBytes(): number {
    return this.#places.byteLength + this.#rows.byteLength;
  }

  #locate(key: IdKey, hash: number): number {
    const fingerprint = hash & 0xffff0000;
    let at = hash & this.#mask;
    for (;;) {
      const row = this.#rows[at];
      if (row === EMPTY) return -at - 1;
      const place = this.#places[at];
      if ((place & 0xffff0000) === fingerprint && this.#columns(place & 0xffff).equals(row, key)) return at;
      at = (at + 1) & this.#mask;
    }
  }

  /** True when the point exists; then `slot` and `row` say where. */
  find(key: IdKey): boolean {
    const at = this.#locate(key, key.hash());
    if (at < 0) return false;
    this.slot = this.#places[at] & 0xffff;
    this.row = this.#rows[at];
    return true;
  }

  /**
   * Enters a point in one probe, as long as `reserve` has made room; false where it is there already, and then `slot` and
   * `row` say where. Its id must already stand in that row.
   */
  add(key: IdKey, slot: number, row: number): boolean {
    const hash = key.hash();
    const at = this.#locate(key, hash);
    if (at >= 0) {
      this.slot = this.#places[at] & 0xffff;
      this.row = this.#rows[at];
      return false;
    }
    assert((this.#count + 1) * 10 <= this.#rows.length * 7, "room was made for the points to come");
    this.#places[-at - 1] = (hash & 0xffff0000) | slot;
    this.#rows[-at - 1] = row;
    this.#count++;
    return true;
  }

  /** Names (slot, row) as the place of the point, whose id must already stand in that row. */
  set(key: IdKey, slot: number, row: number): void {
    const hash = key.hash();
    let at = this.#locate(key, hash);
    if (at < 0) {
      if ((this.#count + 1) * 10 > this.#rows.length * 7) {
        this.#resize(this.#rows.length * 2);
        at = this.#locate(key, hash);
        assert(at < 0, "an id occurs once in the id map");
      }
      at = -at - 1;
      this.#count++;
    }
    this.#places[at] = (hash & 0xffff0000) | slot;
    this.#rows[at] = row;
  }

  delete(key: IdKey): boolean {
    let hole = this.#locate(key, key.hash());
    if (hole < 0) return false;
    this.#count--;
    // Backward shift: later entries of the run move up, so that no tombstone is ever needed.
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const row = this.#rows[at];
      if (row === EMPTY) break;
      const place = this.#places[at];
      const home =
        this.#columns(place & 0xffff)
          .read(row, this.#probe)
          .hash() & this.#mask;
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#places[hole] = place;
        this.#rows[hole] = row;
        hole = at;
      }
    }
    this.#rows[hole] = EMPTY;
    return true;
  }

  /** Makes room for `count` points at once. */
  reserve(count: number): void {
    let size = this.#rows.length;
    while (count * 10 > size * 7) size *= 2;
    if (size > this.#rows.length) this.#resize(size);
  }

  #resize(size: number): void {
    const places = this.#places;
    const rows = this.#rows;
    this.#places = new Uint32Array(size);
    this.#rows = new Uint32Array(size).fill(EMPTY);
    this.#mask = size - 1;
    for (let i = 0; i < rows.length; i++) {
      if (rows[i] === EMPTY) continue;
      let at =
        this.#columns(places[i] & 0xffff)
          .read(rows[i], this.#probe)
          .hash() & this.#mask;
      while (this.#rows[at] !== EMPTY) at = (at + 1) & this.#mask;
      this.#places[at] = places[i];
      this.#rows[at] = rows[i];
    }
  }
}
