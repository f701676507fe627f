/**
 * TextColumn: strings as the tokens that an analyzer makes of them. With positions the tokens of each row stay in order,
 * repeated ones too, so that phrases are found; without, each is kept once, and rows that hold all words of a phrase are
 * left to the payload.
 *
 *   lengths       uint32[rows]  how many codes the row has
 *   codes         uint32        codes of the dictionary, row by row; 0xffffffff between the items of an array
 *   dictionary.*                the tokens, see dictionary.ts
 *   meta          analyzer: version and parameters of the analysis; positions; strings, codes: their numbers
 *
 * Searches go through postings (postings.ts), made from the rows when first needed, so they lie in no file.
 */
import { bitWords } from "../runtime/bits.js";
import type { Analyzer } from "../text/index.js";
import { FieldColumn, HAS } from "./column.js";
import { Dictionary } from "./dictionary.js";
import { type Estimate, type Rest, unionOf } from "./field-test.js";
import type { JsonValue } from "./json.js";
import { LateRows } from "./late-rows.js";
import type { JsonPath } from "./path.js";
import { Postings } from "./postings.js";
import {
  bytesOf,
  malformed,
  metaNumber,
  readNumbers,
  type SavedSections,
  type SectionSource,
} from "./sections.js";
import { BREAK, TokenLists } from "./token-lists.js";

/** All tokens of a query, any of them, or all in their order without others between. */
export type TextMode = "all" | "any" | "phrase";

export class TextColumn extends FieldColumn<readonly string[]> {
  readonly kind = "text";
  override readonly readsStrings = true;
  readonly analyzer: Analyzer;
  readonly #positions: boolean;
  #dictionary = new Dictionary();
  #lists = new TokenLists();
  /** How many rows hold each token. */
  #counts = new Uint32Array(16);
  #postings: Postings | undefined;
  readonly #late = new LateRows();

  /** @param positions Whether phrases are found without a look at the payload. */
  constructor(path: JsonPath, analyzer: Analyzer, positions: boolean) {
    super(path);
    this.analyzer = analyzer;
    this.#positions = positions;
  }

  /** Adds the rows to the set that hold all, any, or as a phrase all of the tokens. */
  markTokens(mode: TextMode, tokens: readonly string[], bits: Uint32Array): Rest {
    const codes = tokens.map((token) => this.#dictionary.find(token));
    const known = mode === "any" ? codes.filter((code) => code >= 0) : codes;
    if (known.length === 0 || known.includes(-1)) return "decided";
    const needsPayload = mode === "phrase" && known.length > 1 && !this.#positions;
    const marked = needsPayload ? new Uint32Array(bitWords(this.rowCount)) : bits;
    const end = Math.min(this.rowCount, bits.length * 32);
    this.#eachCandidate(mode, known, (row) => {
      if (row < end && this.#holds(row, needsPayload ? "all" : mode, known))
        marked[row >>> 5] |= 1 << (row & 31);
    });
    if (!needsPayload) return "decided";
    const may = new Uint32Array(bits.length);
    may.set(marked.subarray(0, bits.length));
    return may;
  }

  override prepare(): void {
    this.#inverted();
  }

  estimateTokens(mode: TextMode, tokens: readonly string[]): Estimate {
    const counts = tokens.map((token) => this.#countOf(token));
    if (counts.length === 0) return unionOf([]);
    if (mode === "any") return unionOf(counts.filter((count) => count > 0));
    const max = Math.min(...counts);
    if (counts.length === 1) return { min: max, expected: max, max };
    const rows = Math.max(1, this.countFlag(HAS));
    const expected = counts.reduce((share, count) => (share * count) / rows, rows);
    return { min: 0, expected: Math.min(max, expected), max };
  }

  override eachValue(row: number, visit: (value: readonly string[]) => void): void {
    if ((this.flags[row] & HAS) === 0) return;
    let item: string[] = [];
    for (const code of this.#lists.codes(row)) {
      if (code === BREAK) {
        visit(item);
        item = [];
      } else item.push(this.#dictionary.text(code));
    }
    visit(item);
  }

  /** Texts are not counted: facets are for values that recur. */
  override valueCounts(): never[] {
    return [];
  }

  #countOf(token: string): number {
    const code = this.#dictionary.find(token);
    return code < 0 ? 0 : this.#counts[code];
  }

  /** Rows that postings name, or that they do not know: each is still to be tested. */
  #eachCandidate(mode: TextMode, codes: readonly number[], visit: (row: number) => void): void {
    const postings = this.#inverted();
    if (mode === "any") for (const code of codes) for (const row of postings.rowsOf(code)) visit(row);
    else postings.eachWithAll([...new Set(codes)], visit);
    this.#late.forEach(this.rowCount, visit);
  }

  #inverted(): Postings {
    if (!this.#postings || this.#late.isWorthBuilding(this.rowCount)) {
      this.#postings = new Postings(this.#lists, this.rowCount, this.#dictionary.count);
      this.#late.built(this.rowCount);
    }
    return this.#postings;
  }

  #holds(row: number, mode: TextMode, codes: readonly number[]): boolean {
    if (mode !== "phrase" && !this.#late.isLate(row)) return true;
    const held = this.#lists.codes(row);
    if (mode === "all") return codes.every((code) => held.includes(code));
    if (mode === "any") return codes.some((code) => held.includes(code));
    for (let start = 0; start + codes.length <= held.length; start++) {
      if (codes.every((code, i) => held[start + i] === code)) return true;
    }
    return false;
  }

  protected override read(value: JsonValue): readonly string[] | undefined {
    return typeof value === "string" ? this.analyzer.tokens(value) : undefined;
  }

  protected override store(row: number, values: readonly (readonly string[])[]): number {
    const codes: number[] = [];
    for (const [i, tokens] of values.entries()) {
      if (i > 0 && this.#positions) codes.push(BREAK);
      for (const token of tokens) codes.push(this.#dictionary.intern(token));
    }
    this.#lists.set(row, this.#positions ? codes : [...new Set(codes)].sort((a, b) => a - b));
    this.#late.change(row);
    this.#count(row, 1);
    return 0;
  }

  protected override forget(row: number): void {
    this.#count(row, -1);
  }

  protected override reserve(capacity: number): void {
    this.#lists.reserve(capacity);
  }

  #count(row: number, change: 1 | -1): void {
    if (this.#counts.length < this.#dictionary.count) {
      const counts = new Uint32Array(Math.max(this.#dictionary.count, this.#counts.length * 2));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    for (const code of new Set(this.#lists.codes(row))) if (code !== BREAK) this.#counts[code] += change;
  }

  protected override valueBytes(): number {
    const lists = this.#dictionary.memoryBytes() + this.#lists.memoryBytes() + this.#counts.byteLength;
    return lists + (this.#postings?.memoryBytes() ?? 0);
  }

  protected override saveValues(): SavedSections {
    const { lengths, codes } = this.#lists.packed(this.rowCount);
    const { count } = this.#dictionary;
    return {
      meta: { analyzer: this.analyzer.id, positions: this.#positions, strings: count, codes: codes.length },
      sections: [
        { name: "lengths", bytes: bytesOf(lengths, lengths.length) },
        { name: "codes", bytes: bytesOf(codes, codes.length) },
        ...this.#dictionary.save(),
      ],
    };
  }

  protected override async loadValues(source: SectionSource, rows: number): Promise<void> {
    const { analyzer, positions } = source.meta;
    if (analyzer !== this.analyzer.id || positions !== this.#positions)
      throw malformed("meta", `the texts were analysed otherwise: ${String(analyzer)}`);
    this.#dictionary = await Dictionary.load(source, metaNumber(source, "strings"));
    const count = metaNumber(source, "codes");
    const lengths = await readNumbers(source, "lengths", Uint32Array, rows);
    const codes = await readNumbers(source, "codes", Uint32Array, count);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (total !== count) throw malformed("lengths", `they name ${total} of ${count} codes`);
    for (const code of codes) {
      if (code >= this.#dictionary.count && code !== BREAK)
        throw malformed("codes", `code ${code} of ${this.#dictionary.count}`);
    }
    this.#lists = TokenLists.unpack(lengths, codes);
    this.#counts = new Uint32Array(Math.max(16, this.#dictionary.count));
    for (let row = 0; row < rows; row++) this.#count(row, 1);
  }
}
