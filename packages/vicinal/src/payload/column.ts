/**
 * FieldColumn: the values of one payload path in one segment, row by row, in typed arrays, so that a filter scans a
 * column and not JSON.
 *
 * A column holds values of one kind; what else stands at the path is only noted in the row's flags, so that a filter
 * knows for which rows it must still look at the payload. As in filters, the items of an array at the end of the path
 * count, one level deep; equal items of one row are held once.
 *
 * Sections, version 1:
 *
 *   flags  uint8[rows]  see below
 *   and those of the kind
 */
import { VicinalError } from "../runtime/errors.js";
import type { JsonObject, JsonValue } from "./json.js";
import { hasWildcard, type JsonPath, tryPath, valuesAt } from "./path.js";
import {
  bytesOf,
  malformed,
  metaNumber,
  readNumbers,
  type SavedSections,
  type SectionSource,
} from "./sections.js";

export type ColumnKind = "keyword" | "integer" | "float" | "bool" | "datetime" | "uuid" | "geo" | "text";

const FORMAT_VERSION = 1;

/** The row has at least one value of the column's kind. */
export const HAS = 1;
/** The row has further values beside the first (see value-column.ts). */
export const MANY = 2;
/** Something else than values of the kind and null stands there: the column does not say all about the row. */
export const OTHER = 4;
/** Nothing stands there, or only nulls and empty arrays: what `is_empty` asks. */
export const EMPTY = 8;
/** A null stands there: what `is_null` asks. */
export const NULL = 16;
/** An array that stands there has a null among its items. */
export const NULL_ITEM = 32;
/** Bool columns only: true, or false, is among the values. */
export const TRUE = 64;
export const FALSE = 128;

const PRESENCE = OTHER | EMPTY | NULL | NULL_ITEM;

export interface ValueCount {
  value: string | number | bigint | boolean;
  /** Rows that hold the value. */
  count: number;
}

export abstract class FieldColumn<T = unknown> {
  abstract readonly kind: ColumnKind;
  readonly path: JsonPath;
  /** Whether it reads strings as something else than themselves, so that only payloads know what they were. */
  readonly readsStrings: boolean = false;
  /** True when the path leads to one value at most, so that the flags tell all about its presence. */
  readonly singular: boolean;
  protected flags = new Uint8Array(0);
  #rowCount = 0;
  /** How many rows carry each flag, by the flag's bit number. */
  readonly #flagCounts = new Float64Array(8);

  constructor(path: JsonPath) {
    this.path = path;
    this.singular = !hasWildcard(path);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Adds the row of this payload, which is as `decodePayload` gives it. */
  append(payload: JsonObject): void {
    this.#read(this.#addRow(), payload);
  }

  /** Makes what searches go through and no file holds, so that the first search does not wait for it. */
  prepare(): void {}

  /** Re-reads a row whose payload has changed. */
  update(row: number, payload: JsonObject): void {
    if (row >= this.#rowCount)
      throw new VicinalError("INTERNAL", `Row ${row} of ${this.#rowCount} in a column`);
    this.forget(row);
    this.#countFlags(this.flags[row], -1);
    this.#read(row, payload);
  }

  /** Adds a row that is equal to one of another column of the same kind and path. */
  appendFrom(source: this, sourceRow: number): void {
    const values: T[] = [];
    source.eachValue(sourceRow, (value) => values.push(value));
    this.#set(this.#addRow(), source.flags[sourceRow] & PRESENCE, values);
  }

  /** Calls `visit` for each value of the row. */
  abstract eachValue(row: number, visit: (value: T) => void): void;

  /**
   * How many rows hold each value, in any order.
   * @param rows Only these rows count; default all.
   */
  abstract valueCounts(rows?: Uint32Array): ValueCount[];

  /** Whether the row is in the column, and its values there are all that stands at the path, but for nulls. */
  holdsAllOf(row: number): boolean {
    return row < this.#rowCount && (this.flags[row] & OTHER) === 0;
  }

  /** How many rows carry the flag. */
  countFlag(flag: number): number {
    return this.#flagCounts[31 - Math.clz32(flag)];
  }

  /** Adds the rows that carry the flag to the set. */
  markFlag(flag: number, bits: Uint32Array): void {
    if (this.countFlag(flag) > 0) markMask(this.flags, scanEnd(bits, this.#rowCount), flag, bits);
  }

  memoryBytes(): number {
    return this.flags.byteLength + this.valueBytes();
  }

  save(): SavedSections {
    const { meta, sections } = this.saveValues();
    return {
      meta: { version: FORMAT_VERSION, kind: this.kind, path: this.path.text, rows: this.#rowCount, ...meta },
      sections: [{ name: "flags", bytes: bytesOf(this.flags, this.#rowCount) }, ...sections],
    };
  }

  /** Fills this new column with what `save` gave. */
  async load(source: SectionSource): Promise<this> {
    const rows = metaNumber(source, "rows");
    this.flags = await readNumbers(source, "flags", Uint8Array, rows);
    this.#rowCount = rows;
    for (let row = 0; row < rows; row++) this.#countFlags(this.flags[row], 1);
    await this.loadValues(source, rows);
    return this;
  }

  /** The value as the column keeps it; undefined when it is not of the column's kind. */
  protected abstract read(value: JsonValue): T | undefined;
  /** Keeps the row's values, which are distinct; answers flags to add. */
  protected abstract store(row: number, values: readonly T[]): number;
  /** The row's values are about to be replaced. */
  protected abstract forget(row: number): void;
  /** Makes room for so many rows, keeping what is there. */
  protected abstract reserve(capacity: number): void;
  protected abstract valueBytes(): number;
  protected abstract saveValues(): SavedSections;
  protected abstract loadValues(source: SectionSource, rows: number): Promise<void>;

  #addRow(): number {
    const row = this.#rowCount;
    if (row === this.flags.length) {
      const capacity = Math.max(64, Math.min(row * 2, row + (1 << 20)));
      this.flags = grown(this.flags, capacity);
      this.reserve(capacity);
    }
    this.#rowCount = row + 1;
    return row;
  }

  #read(row: number, payload: JsonObject): void {
    let flags = 0;
    let empty = true;
    const taken: T[] = [];
    const take = (value: JsonValue): void => {
      const own = this.read(value);
      if (own === undefined) flags |= OTHER;
      else taken.push(own);
    };
    for (const value of valuesAt(payload, this.path)) {
      if (value === null) {
        flags |= NULL;
      } else if (!Array.isArray(value)) {
        empty = false;
        take(value);
      } else if (value.length > 0) {
        empty = false;
        for (const item of value) {
          if (item === null) flags |= NULL_ITEM;
          else take(item);
        }
      }
    }
    if (empty) flags |= EMPTY;
    this.#set(row, flags, taken.length > 1 ? [...new Set(taken)] : taken);
  }

  #set(row: number, presence: number, values: readonly T[]): void {
    const flags = presence | this.store(row, values) | (values.length > 0 ? HAS : 0);
    this.flags[row] = flags;
    this.#countFlags(flags, 1);
  }

  #countFlags(flags: number, change: 1 | -1): void {
    for (let bits = flags; bits !== 0; bits &= bits - 1) {
      this.#flagCounts[31 - Math.clz32(bits & -bits)] += change;
    }
  }
}

/** What a saved column says that it is. */
export function savedColumn(source: SectionSource): { kind: unknown; path: JsonPath } {
  const { version, kind, path } = source.meta;
  if (version !== FORMAT_VERSION) throw malformed("meta", `version is ${String(version)}`);
  const parsed = typeof path === "string" ? tryPath(path) : undefined;
  if (parsed === undefined) throw malformed("meta", `path is ${String(path)}`);
  return { kind, path: parsed };
}

/** A copy with room for `capacity` numbers. */
export function grown<A extends Uint8Array | Uint32Array | Float64Array | Int16Array>(
  numbers: A,
  capacity: number,
): A {
  const larger = new (numbers.constructor as { new (length: number): A })(capacity);
  larger.set(numbers);
  return larger;
}

/** The end of the rows that a set has places for and a column has values for. */
export function scanEnd(bits: Uint32Array, rowCount: number): number {
  return Math.min(rowCount, bits.length * 32);
}

function markMask(flags: Uint8Array, end: number, mask: number, bits: Uint32Array): void {
  for (let row = 0, word = 0; row < end; word++) {
    const stop = Math.min(row + 32, end);
    let found = 0;
    for (let bit = 0; row < stop; row++, bit++) found |= Number((flags[row] & mask) !== 0) << bit;
    bits[word] |= found;
  }
}
