/**
 * Dictionary: distinct strings and their codes 0, 1, 2, ... in order of arrival, without a JavaScript object per string.
 *
 * The UTF-8 of all strings lies in one heap; a hash table with open addressing (linear probing, at most half full) finds
 * a code by its string. Strings that UTF-8 cannot hold (lone surrogates) are kept apart by the caller.
 *
 *   ends  uint32[count]  where the string's bytes end in the heap; they begin where the one before ends
 *   heap  UTF-8 (of UUIDs their 16 bytes), at most 4 GiB
 *   table uint32[2^n]    code + 1 of the string whose hash leads here, 0 where none does
 */
import { VicinalError } from "../runtime/errors.js";
import {
  bytesOf,
  expectLength,
  malformed,
  readNumbers,
  type SavedSections,
  type SectionSource,
} from "./sections.js";

const HEAP_BYTES_MAX = 2 ** 32 - 1;
const TABLE_MIN = 16;

/** How strings are kept as bytes: equal strings, and only these, as equal bytes. */
export interface StringBytes {
  /** As many bytes as the string can need. */
  room(text: string): number;
  /** Writes the string to the start of `bytes`; answers how many bytes it took. */
  write(text: string, bytes: Uint8Array): number;
  read(bytes: Uint8Array): string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const utf8: StringBytes = {
  room: (text) => text.length * 3,
  write: (text, bytes) => encoder.encodeInto(text, bytes).written,
  read: (bytes) => decoder.decode(bytes),
};

/** The bytes of the string that is looked for; one at a time is. */
let scratch = new Uint8Array(1024);

export class Dictionary {
  readonly #coding: StringBytes;
  #ends = new Uint32Array(16);
  #count = 0;
  #heap: Uint8Array = new Uint8Array(256);
  #heapLength = 0;
  #table = new Uint32Array(TABLE_MIN);

  constructor(coding: StringBytes = utf8) {
    this.#coding = coding;
  }

  /** How many strings there are. */
  get count(): number {
    return this.#count;
  }

  /** The string's code, or -1. */
  find(text: string): number {
    const length = this.#encode(text);
    return this.#table[this.#slot(length)] - 1;
  }

  /** The string's code, a new one if it is new. */
  intern(text: string): number {
    const length = this.#encode(text);
    const slot = this.#slot(length);
    if (this.#table[slot] > 0) return this.#table[slot] - 1;
    const code = this.#add(length);
    this.#table[slot] = code + 1;
    if (this.#count * 2 > this.#table.length) this.#rehash(this.#table.length * 2);
    return code;
  }

  text(code: number): string {
    return this.#coding.read(this.#heap.subarray(this.#start(code), this.#ends[code]));
  }

  /** For each code 1 if its string begins so, else 0. UTF-8 begins as its strings do: nothing is decoded. */
  withPrefix(prefix: string): Uint8Array {
    const chosen = new Uint8Array(this.#count);
    if (this.#coding !== utf8) {
      for (let code = 0; code < chosen.length; code++)
        chosen[code] = this.text(code).startsWith(prefix) ? 1 : 0;
      return chosen;
    }
    const length = this.#encode(prefix);
    for (let code = 0; code < chosen.length; code++) {
      const start = this.#start(code);
      chosen[code] = this.#ends[code] - start >= length && this.#beginsAt(start, length) ? 1 : 0;
    }
    return chosen;
  }

  memoryBytes(): number {
    return this.#ends.byteLength + this.#heap.byteLength + this.#table.byteLength;
  }

  save(): SavedSections["sections"] {
    return [
      { name: "dictionary.ends", bytes: bytesOf(this.#ends, this.#count) },
      { name: "dictionary.heap", bytes: this.#heap.subarray(0, this.#heapLength) },
      { name: "dictionary.table", bytes: bytesOf(this.#table, this.#table.length) },
    ];
  }

  static async load(source: SectionSource, count: number, coding = utf8): Promise<Dictionary> {
    const dictionary = new Dictionary(coding);
    dictionary.#count = count;
    dictionary.#ends = await readNumbers(source, "dictionary.ends", Uint32Array, count);
    for (let i = 1; i < count; i++) {
      if (dictionary.#ends[i] < dictionary.#ends[i - 1])
        throw malformed("dictionary.ends", `entry ${i} goes back`);
    }
    dictionary.#heapLength = count > 0 ? dictionary.#ends[count - 1] : 0;
    expectLength("dictionary.heap", dictionary.#heapLength, source.length("dictionary.heap"));
    dictionary.#heap = await source.read("dictionary.heap", 0, dictionary.#heapLength);
    const size = source.length("dictionary.table") / 4;
    if (size < TABLE_MIN || (size & (size - 1)) !== 0 || count * 2 > size) {
      throw malformed("dictionary.table", `${size} places for ${count} strings`);
    }
    dictionary.#table = await readNumbers(source, "dictionary.table", Uint32Array, size);
    let used = 0;
    for (const entry of dictionary.#table) {
      if (entry > count) throw malformed("dictionary.table", `names string ${entry - 1} of ${count}`);
      if (entry > 0) used++;
    }
    if (used !== count) throw malformed("dictionary.table", `holds ${used} of ${count} strings`);
    return dictionary;
  }

  /** Puts the string's bytes into `scratch`; returns their number. */
  #encode(text: string): number {
    const room = this.#coding.room(text);
    if (room > scratch.length) scratch = new Uint8Array(room);
    return this.#coding.write(text, scratch);
  }

  #start(code: number): number {
    return code === 0 ? 0 : this.#ends[code - 1];
  }

  /** The table's place of the string in `scratch`: where it is, or where it would go. */
  #slot(length: number): number {
    const mask = this.#table.length - 1;
    let slot = hash(scratch, 0, length) & mask;
    for (; this.#table[slot] > 0; slot = (slot + 1) & mask) {
      if (this.#equals(this.#table[slot] - 1, length)) break;
    }
    return slot;
  }

  #equals(code: number, length: number): boolean {
    const start = this.#start(code);
    return this.#ends[code] - start === length && this.#beginsAt(start, length);
  }

  /** Whether the bytes of `scratch` stand there. */
  #beginsAt(start: number, length: number): boolean {
    for (let i = 0; i < length; i++) {
      if (this.#heap[start + i] !== scratch[i]) return false;
    }
    return true;
  }

  #add(length: number): number {
    const end = this.#heapLength + length;
    if (end > HEAP_BYTES_MAX) {
      throw new VicinalError("OUT_OF_MEMORY", "The distinct keywords of one field of a segment exceed 4 GiB");
    }
    if (end > this.#heap.length) {
      const heap = new Uint8Array(Math.min(HEAP_BYTES_MAX, Math.max(end, this.#heap.length * 2)));
      heap.set(this.#heap.subarray(0, this.#heapLength));
      this.#heap = heap;
    }
    this.#heap.set(scratch.subarray(0, length), this.#heapLength);
    this.#heapLength = end;
    if (this.#count === this.#ends.length) {
      const ends = new Uint32Array(Math.max(16, this.#count * 2));
      ends.set(this.#ends);
      this.#ends = ends;
    }
    this.#ends[this.#count] = end;
    return this.#count++;
  }

  #rehash(size: number): void {
    const table = new Uint32Array(size);
    const mask = size - 1;
    for (let code = 0; code < this.#count; code++) {
      let slot = hash(this.#heap, this.#start(code), this.#ends[code]) & mask;
      while (table[slot] > 0) slot = (slot + 1) & mask;
      table[slot] = code + 1;
    }
    this.#table = table;
  }
}

/** FNV-1a over bytes, with a final mix since the table looks at the low bits. Part of the format. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c_9dc5;
  for (let i = start; i < end; i++) value = Math.imul(value ^ bytes[i], 0x0100_0193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b_3c6d);
  return value ^ (value >>> 13);
}
