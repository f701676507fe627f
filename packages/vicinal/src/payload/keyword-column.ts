/**
 * KeywordColumn: strings, as codes of a dictionary.
 *
 *   values, extra.values  uint32  code, 0xffffffff for none
 *   dictionary.*                  see dictionary.ts
 */
import { hasBit } from "../runtime/bits.js";
import { type ColumnKind, grown, HAS, scanEnd } from "./column.js";
import { Dictionary, type StringBytes, utf8 } from "./dictionary.js";
import type { JsonValue } from "./json.js";
import type { JsonPath } from "./path.js";
import {
  bytesOf,
  malformed,
  metaNumber,
  readNumbers,
  type SavedSections,
  type SectionSource,
} from "./sections.js";
import { ValueColumn } from "./value-column.js";

const NONE = 0xffff_ffff;

/** A lone surrogate has no UTF-8 of its own; such strings are left to the payload. */
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

export class KeywordColumn extends ValueColumn<string> {
  readonly kind: ColumnKind = "keyword";
  readonly #coding: StringBytes;
  #dictionary: Dictionary;
  #codes = new Uint32Array(0);
  #extraCodes = new Uint32Array(0);
  /** How many rows hold each code. */
  #counts = new Uint32Array(16);

  constructor(path: JsonPath, coding: StringBytes = utf8) {
    super(path);
    this.#coding = coding;
    this.#dictionary = new Dictionary(coding);
  }

  /** How many distinct strings have been met; some may have no row any more. */
  get codeCount(): number {
    return this.#dictionary.count;
  }

  /** The code of a string, or -1 when no row ever held it. */
  codeOf(text: string): number {
    return this.holds(text) ? this.#dictionary.find(text) : -1;
  }

  /** Whether no row can hold one of the strings without the column knowing it. */
  holdsAll(texts: readonly string[]): boolean {
    return texts.every((text) => this.holds(text));
  }

  textOf(code: number): string {
    return this.#dictionary.text(code);
  }

  /** For each code 1 if its string begins so, else 0. */
  codesWithPrefix(prefix: string): Uint8Array {
    // Half a character at the end has no bytes of its own, and yet characters begin with it.
    if (!loneSurrogate.test(prefix)) return this.#dictionary.withPrefix(prefix);
    return Uint8Array.from({ length: this.codeCount }, (_, code) =>
      this.textOf(code).startsWith(prefix) ? 1 : 0,
    );
  }

  /** How many rows hold the code. */
  countOf(code: number): number {
    return this.#counts[code];
  }

  /** Adds the rows that hold the code to the set. */
  markCode(code: number, bits: Uint32Array): void {
    if (code < 0 || this.#counts[code] === 0) return;
    markEqual(this.#codes, scanEnd(bits, this.rowCount), code, bits);
    for (let at = 0; at < this.extraCount; at++) {
      if (this.#extraCodes[at] === code) this.markExtra(at, bits);
    }
  }

  /** Adds the rows that hold any of the codes whose entry in `chosen` is 1. */
  markCodes(chosen: Uint8Array, bits: Uint32Array): void {
    markChosen(this.#codes, scanEnd(bits, this.rowCount), chosen, bits);
    for (let at = 0; at < this.extraCount; at++) {
      if (chosen[this.#extraCodes[at]] === 1) this.markExtra(at, bits);
    }
  }

  override valueCounts(rows?: Uint32Array): { value: string; count: number }[] {
    const counts = rows ? this.#countRows(rows) : this.#counts;
    const found: { value: string; count: number }[] = [];
    for (let code = 0; code < this.codeCount; code++) {
      if (counts[code] > 0) found.push({ value: this.textOf(code), count: counts[code] });
    }
    return found;
  }

  /** Whether the string is one that the dictionary can hold. */
  protected holds(text: string): boolean {
    return !loneSurrogate.test(text);
  }

  protected override read(value: JsonValue): string | undefined {
    return typeof value === "string" && this.holds(value) ? value : undefined;
  }

  protected override reserveValues(capacity: number): void {
    this.#codes = grown(this.#codes, capacity);
  }

  protected override reserveExtras(capacity: number): void {
    this.#extraCodes = grown(this.#extraCodes, capacity);
  }

  protected override writeValue(row: number, value: string | undefined): void {
    this.#codes[row] = value === undefined ? NONE : this.#intern(value);
  }

  protected override writeExtra(at: number, value: string): void {
    this.#extraCodes[at] = this.#intern(value);
  }

  protected override valueAt(row: number): string {
    return this.textOf(this.#codes[row]);
  }

  protected override extraAt(at: number): string {
    return this.textOf(this.#extraCodes[at]);
  }

  protected override forgetValue(row: number): void {
    this.#counts[this.#codes[row]]--;
  }

  protected override forgetExtra(at: number): void {
    this.#counts[this.#extraCodes[at]]--;
  }

  protected override valueBytes(): number {
    const arrays = this.#codes.byteLength + this.#extraCodes.byteLength + this.#counts.byteLength;
    return super.valueBytes() + this.#dictionary.memoryBytes() + arrays;
  }

  protected override saveArrays(extras: Uint32Array): SavedSections {
    const codes = extras.map((at) => this.#extraCodes[at]);
    return {
      meta: { strings: this.codeCount },
      sections: [
        { name: "values", bytes: bytesOf(this.#codes, this.rowCount) },
        { name: "extra.values", bytes: bytesOf(codes, codes.length) },
        ...this.#dictionary.save(),
      ],
    };
  }

  protected override async loadArrays(source: SectionSource, rows: number, extras: number): Promise<void> {
    this.#dictionary = await Dictionary.load(source, metaNumber(source, "strings"), this.#coding);
    this.#codes = await readNumbers(source, "values", Uint32Array, rows);
    this.#extraCodes = await readNumbers(source, "extra.values", Uint32Array, extras);
    this.#counts = new Uint32Array(Math.max(16, this.codeCount));
    const count = (code: number, place: string): void => {
      if (code >= this.codeCount) throw malformed(place, `code ${code} of ${this.codeCount}`);
      this.#counts[code]++;
    };
    for (let row = 0; row < rows; row++) if (this.flags[row] & HAS) count(this.#codes[row], "values");
    for (const code of this.#extraCodes) count(code, "extra.values");
  }

  /** The code of a value that one more row holds. */
  #intern(value: string): number {
    const code = this.#dictionary.intern(value);
    if (code >= this.#counts.length) this.#counts = grown(this.#counts, this.#counts.length * 2);
    this.#counts[code]++;
    return code;
  }

  #countRows(rows: Uint32Array): Uint32Array {
    const counts = new Uint32Array(this.codeCount);
    const end = scanEnd(rows, this.rowCount);
    for (let row = 0; row < end; row++) {
      if (hasBit(rows, row) && this.flags[row] & HAS) counts[this.#codes[row]]++;
    }
    for (let at = 0; at < this.extraCount; at++) {
      const row = this.extraRows[at];
      if (row < end && hasBit(rows, row)) counts[this.#extraCodes[at]]++;
    }
    return counts;
  }
}

function markEqual(codes: Uint32Array, end: number, code: number, bits: Uint32Array): void {
  for (let row = 0, word = 0; row < end; word++) {
    const stop = Math.min(row + 32, end);
    let found = 0;
    for (let bit = 0; row < stop; row++, bit++) found |= Number(codes[row] === code) << bit;
    bits[word] |= found;
  }
}

function markChosen(codes: Uint32Array, end: number, chosen: Uint8Array, bits: Uint32Array): void {
  // The filler for no value lies beyond the table.
  for (let row = 0, word = 0; row < end; word++) {
    const stop = Math.min(row + 32, end);
    let found = 0;
    for (let bit = 0; row < stop; row++, bit++) {
      const code = codes[row];
      if (code < chosen.length) found |= chosen[code] << bit;
    }
    bits[word] |= found;
  }
}
