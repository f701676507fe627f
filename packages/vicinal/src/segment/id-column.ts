/**
 * IdColumn: the point id of each row, flat: the words of its key (payload/id.ts). While all ids are integers the
 * two upper words are zero and left out; the first UUID widens the column.
 *
 *   narrow: [high low] per row
 *   wide:   [w0 w1 w2 w3] per row, and in `kinds` a bit per row, set for a UUID
 */
import { ID_KEY_WORDS, type IdKind, type PointId, readIdKey, writeIdKey } from "../payload/id.js";
import { bitWords, hasBit, setBit } from "../runtime/bits.js";
import { grow } from "../runtime/grow.js";

/** An id taken apart: four words and its kind (0 number, 1 UUID). Reused, never kept. */
export class IdKey {
  readonly words = new Uint32Array(ID_KEY_WORDS);
  kind: IdKind = 0;

  set(id: PointId): this {
    this.kind = writeIdKey(id, this.words);
    return this;
  }

  /** 32 well-mixed bits. */
  hash(): number {
    const w = this.words;
    return hashOf(w[0], w[1] + this.kind, w[2], w[3]);
  }
}

function hashOf(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h ^= Math.imul(c, 0x27d4eb2f) ^ Math.imul(d, 0x165667b1);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

export class IdColumn {
  #words: Uint32Array = new Uint32Array(0);
  #kinds: Uint32Array = new Uint32Array(0);
  #wide = false;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  append(key: IdKey): void {
    if (key.kind === 1 && !this.#wide) this.#widen();
    const row = this.#count;
    if (this.#wide) {
      this.#words = grow(this.#words, (row + 1) * 4);
      this.#kinds = grow(this.#kinds, bitWords(row + 1));
      this.#words.set(key.words, row * 4);
      if (key.kind === 1) setBit(this.#kinds, row);
    } else {
      this.#words = grow(this.#words, (row + 1) * 2);
      this.#words[row * 2] = key.words[2];
      this.#words[row * 2 + 1] = key.words[3];
    }
    this.#count = row + 1;
  }

  #widen(): void {
    const wide = new Uint32Array(Math.max(this.#words.length * 2, 4));
    for (let row = 0; row < this.#count; row++) {
      wide[row * 4 + 2] = this.#words[row * 2];
      wide[row * 4 + 3] = this.#words[row * 2 + 1];
    }
    this.#words = wide;
    this.#kinds = new Uint32Array(bitWords(Math.max(this.#count, 1)));
    this.#wide = true;
  }

  /** Fills `key` with the id of a row. */
  read(row: number, key: IdKey): IdKey {
    if (this.#wide) {
      const at = row * 4;
      for (let i = 0; i < 4; i++) key.words[i] = this.#words[at + i];
      key.kind = hasBit(this.#kinds, row) ? 1 : 0;
    } else {
      key.words[0] = 0;
      key.words[1] = 0;
      key.words[2] = this.#words[row * 2];
      key.words[3] = this.#words[row * 2 + 1];
      key.kind = 0;
    }
    return key;
  }

  /** `IdKey.hash` of a row's id. */
  hash(row: number): number {
    if (this.#wide) return this.read(row, scratch).hash();
    return hashOf(0, 0, this.#words[row * 2], this.#words[row * 2 + 1]);
  }

  equals(row: number, key: IdKey): boolean {
    const w = this.#words;
    if (!this.#wide) return key.kind === 0 && w[row * 2] === key.words[2] && w[row * 2 + 1] === key.words[3];
    const at = row * 4;
    return (
      w[at] === key.words[0] &&
      w[at + 1] === key.words[1] &&
      w[at + 2] === key.words[2] &&
      w[at + 3] === key.words[3] &&
      hasBit(this.#kinds, row) === (key.kind === 1)
    );
  }

  get(row: number): PointId {
    const key = this.read(row, scratch);
    return readIdKey(key.kind, key.words);
  }

  /** Negative, zero or positive as the id of row `a` comes before, is or comes after that of row `b`. */
  #compare(a: number, b: number): number {
    const words = this.#words;
    if (!this.#wide) return words[a * 2] - words[b * 2] || words[a * 2 + 1] - words[b * 2 + 1];
    return compareKeys(this.read(a, left), this.read(b, right));
  }

  /** Rows in the order of their ids. */
  order(): Uint32Array {
    const rows = new Uint32Array(this.#count);
    let sorted = true;
    for (let row = 0; row < rows.length; row++) {
      rows[row] = row;
      if (sorted && row > 0 && this.#compare(row - 1, row) > 0) sorted = false;
    }
    return sorted ? rows : rows.sort((a, b) => this.#compare(a, b));
  }

  memoryBytes(): number {
    return this.#words.byteLength + this.#kinds.byteLength;
  }

  sections(): { name: string; bytes: Uint8Array }[] {
    const stride = this.#wide ? 4 : 2;
    const sections = [{ name: "ids", bytes: copyBytes(this.#words, this.#count * stride) }];
    if (this.#wide) sections.push({ name: "id-kinds", bytes: copyBytes(this.#kinds, bitWords(this.#count)) });
    return sections;
  }

  /** `words` and `kinds` as `sections` gave them; no kinds means that no id is a UUID. */
  static load(count: number, words: Uint32Array, kinds: Uint32Array | undefined): IdColumn {
    const column = new IdColumn();
    column.#words = words;
    column.#wide = kinds !== undefined;
    column.#kinds = kinds ?? new Uint32Array(0);
    column.#count = count;
    return column;
  }
}

const scratch = new IdKey();
const left = new IdKey();
const right = new IdKey();

/** Order of ids: numbers ascending, then UUIDs. */
export function compareKeys(a: IdKey, b: IdKey): number {
  if (a.kind !== b.kind) return a.kind - b.kind;
  for (let i = 0; i < ID_KEY_WORDS; i++) if (a.words[i] !== b.words[i]) return a.words[i] - b.words[i];
  return 0;
}

function copyBytes(words: Uint32Array, length: number): Uint8Array {
  return new Uint8Array(words.slice(0, length).buffer);
}
