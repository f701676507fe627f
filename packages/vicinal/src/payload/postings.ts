/**
 * Postings: for each token the rows that hold it, ascending: the inverted file (Zobel and Moffat, Inverted files for text
 * search engines, ACM Computing Surveys 2006), flat, by one counting sort over the rows' lists.
 *
 *   ends  uint32[tokens]  where the token's rows end; they begin where those of the token before end
 *   rows  uint32          4 bytes for each distinct token of each row
 *
 * Lists are intersected from the shortest on; each next row is found in the longer ones by galloping (Bentley and Yao,
 * An almost optimal algorithm for unbounded searching, 1976), so that a rare token beside a frequent one costs little.
 */
import { BREAK, type TokenLists } from "./token-lists.js";

export class Postings {
  readonly #ends: Uint32Array;
  readonly #rows: Uint32Array;

  constructor(lists: TokenLists, rowCount: number, tokenCount: number) {
    const ends = new Uint32Array(tokenCount + 1);
    // The row that last added a token, plus one: a token counts once for each row.
    const last = new Uint32Array(tokenCount);
    eachDistinct(lists, rowCount, last, (code) => ends[code + 1]++);
    for (let code = 1; code <= tokenCount; code++) ends[code] += ends[code - 1];
    this.#rows = new Uint32Array(ends[tokenCount]);
    last.fill(0);
    // Each entry moves from where its rows begin to where they end.
    eachDistinct(lists, rowCount, last, (code, row) => {
      this.#rows[ends[code]++] = row;
    });
    this.#ends = ends.subarray(0, tokenCount);
  }

  /** The rows that hold the token, none of a token that came later. */
  rowsOf(code: number): Uint32Array {
    if (code < 0 || code >= this.#ends.length) return new Uint32Array(0);
    return this.#rows.subarray(code === 0 ? 0 : this.#ends[code - 1], this.#ends[code]);
  }

  /** Calls `visit` with each row that holds all of the tokens, ascending. */
  eachWithAll(codes: readonly number[], visit: (row: number) => void): void {
    const lists = codes.map((code) => this.rowsOf(code)).sort((a, b) => a.length - b.length);
    const places = new Uint32Array(lists.length);
    for (const row of lists[0]) {
      let held = true;
      for (let i = 1; held && i < lists.length; i++) {
        places[i] = gallop(lists[i], places[i], row);
        held = places[i] < lists[i].length && lists[i][places[i]] === row;
      }
      if (held) visit(row);
    }
  }

  memoryBytes(): number {
    return this.#ends.byteLength + this.#rows.byteLength;
  }
}

function eachDistinct(
  lists: TokenLists,
  rowCount: number,
  last: Uint32Array,
  visit: (code: number, row: number) => void,
): void {
  for (let row = 0; row < rowCount; row++) {
    for (const code of lists.codes(row)) {
      if (code === BREAK || last[code] === row + 1) continue;
      last[code] = row + 1;
      visit(code, row);
    }
  }
}

/** The first place from `from` whose row is not below. */
function gallop(rows: Uint32Array, from: number, row: number): number {
  let step = 1;
  while (from + step < rows.length && rows[from + step] < row) step *= 2;
  let low = from + (step >>> 1);
  let high = Math.min(rows.length, from + step + 1);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle] < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
