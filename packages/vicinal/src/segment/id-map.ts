/**
 * IdMap: where each live point lies: id -> (segment slot, row). Open addressing with linear probing over one
 * flat array; the ids themselves stay in the segments' IdColumns, so an entry costs 8 bytes. The array has any length: an entry's
 * home is its hash as a share of all hashes, so that room for a million points need not be room for two.
 *
 *   entries[2 i]      fingerprint (upper 16 bits) | segment slot (lower 16 bits)
 *   entries[2 i + 1]  row, -1 when the entry is empty
 *
 * A row is live if and only if this map names it.
 */
import { assert } from "../runtime/assert.js";
import { hasBit } from "../runtime/bits.js";
import { type IdColumn, IdKey } from "./id-column.js";

const EMPTY = -1;
/** Most segments at a time that an entry can name. */
export const MAX_SEGMENT_SLOTS = 0xffff;
const SLOT = 0xffff;
const FINGERPRINT = 0xffff0000 | 0;
/** Share of the entries that may be taken: beyond it, searches for ids that are not there take long. */
const FULL = 0.75;
/** What is reserved at once lasts for a few more. */
const SPARE = 1.05;

export class IdMap {
  /** Signed, since that is what the fastest comparisons work on. */
  #entries = emptyEntries(64);
  #size = 64;
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
    return this.#entries.byteLength;
  }

  /** The entry of an id, or -1 - the empty one where it would stand. */
  #locate(key: IdKey, hash: number): number {
    const entries = this.#entries;
    const size = this.#size;
    const fingerprint = fingerprintOf(hash);
    for (let at = homeOf(hash, size); ; at = at + 1 === size ? 0 : at + 1) {
      const row = entries[2 * at + 1];
      if (row === EMPTY) return -at - 1;
      const place = entries[2 * at];
      if ((place & FINGERPRINT) === fingerprint && this.#columns(place & SLOT).equals(row, key)) return at;
    }
  }

  /** True when the point exists; then `slot` and `row` say where. */
  find(key: IdKey): boolean {
    const at = this.#locate(key, key.hash());
    if (at < 0) return false;
    this.slot = this.#entries[2 * at] & SLOT;
    this.row = this.#entries[2 * at + 1];
    return true;
  }

  /**
   * Enters the rows `from` to `to` - 1 of the segment in a slot whose bits are set in `live`, as long as `reserve` has made room.
   * Of those whose ids are there already, it calls `onTwice`, when `slot` and `row` say where.
   */
  add(slot: number, from: number, to: number, live: Uint32Array, onTwice: (row: number) => void): void {
    const column = this.#columns(slot);
    const entries = this.#entries;
    const size = this.#size;
    for (let row = from; row < to; row++) {
      if (!hasBit(live, row)) continue;
      const hash = column.hash(row);
      const place = fingerprintOf(hash) | slot;
      let at = homeOf(hash, size);
      let twice = false;
      for (; entries[2 * at + 1] !== EMPTY; at = at + 1 === size ? 0 : at + 1) {
        if (((entries[2 * at] ^ place) & FINGERPRINT) !== 0) continue;
        twice = this.find(column.read(row, this.#probe));
        if (twice) break;
      }
      if (twice) {
        onTwice(row);
        continue;
      }
      entries[2 * at] = place;
      entries[2 * at + 1] = row;
      this.#count++;
    }
    assert(this.#fits(this.#count), "room was made for the points that came");
  }

  /** Names (slot, row) as the place of the point, whose id must already stand in that row. */
  set(key: IdKey, slot: number, row: number): void {
    const hash = key.hash();
    let at = this.#locate(key, hash);
    if (at < 0) {
      if (!this.#fits(this.#count + 1)) {
        this.#resize(this.#size * 2);
        at = this.#locate(key, hash);
        assert(at < 0, "an id occurs once in the id map");
      }
      at = -at - 1;
      this.#count++;
    }
    this.#entries[2 * at] = fingerprintOf(hash) | slot;
    this.#entries[2 * at + 1] = row;
  }

  delete(key: IdKey): boolean {
    let hole = this.#locate(key, key.hash());
    if (hole < 0) return false;
    const entries = this.#entries;
    const size = this.#size;
    this.#count--;
    // Backward shift: later entries of the run move up, so that no tombstone is ever needed.
    for (let at = (hole + 1) % size; entries[2 * at + 1] !== EMPTY; at = (at + 1) % size) {
      const home = this.#home(entries[2 * at], entries[2 * at + 1]);
      if ((at - home + size) % size < (at - hole + size) % size) continue;
      entries.copyWithin(2 * hole, 2 * at, 2 * at + 2);
      hole = at;
    }
    entries[2 * hole + 1] = EMPTY;
    return true;
  }

  /** Where the entry of a row would stand if there were no others. */
  #home(place: number, row: number): number {
    return homeOf(this.#columns(place & SLOT).hash(row), this.#size);
  }

  /** Whether entries for so many points leave enough empty ones. */
  #fits(count: number): boolean {
    return count <= this.#size * FULL;
  }

  /** Makes room for `count` points at once. */
  reserve(count: number): void {
    if (!this.#fits(count)) this.#resize(Math.ceil((count * SPARE) / FULL));
  }

  #resize(size: number): void {
    const old = this.#entries;
    const entries = emptyEntries(size);
    this.#entries = entries;
    this.#size = size;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === EMPTY) continue;
      let at = this.#home(old[i], old[i + 1]);
      while (entries[2 * at + 1] !== EMPTY) at = (at + 1) % size;
      entries[2 * at] = old[i];
      entries[2 * at + 1] = old[i + 1];
    }
  }
}

/** Of the lower bits: the upper ones say where the entry stands. */
function fingerprintOf(hash: number): number {
  return hash << 16;
}

/** @param hash 32 bits. */
function homeOf(hash: number, size: number): number {
  return Math.floor((hash / 2 ** 32) * size);
}

function emptyEntries(size: number): Int32Array {
  return new Int32Array(2 * size).fill(EMPTY);
}
