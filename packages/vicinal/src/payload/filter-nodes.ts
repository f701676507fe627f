/**
 * Nodes of a compiled filter, and how they combine.
 *
 * Each node decides single rows, and whole segments in three-valued logic: rows that match for sure, and rows that may.
 */

import { andBits, bitWords, fillBits, forEachBit, notBits, orBits } from "../runtime/bits.js";
import type { Analyzer } from "../text/index.js";
import type { FieldColumn } from "./column.js";
import type { Estimate } from "./field-test.js";
import type { PointId } from "./id.js";
import type { JsonObject } from "./json.js";

/** One point as a filter sees it. */
export interface RowView {
  /** Canonical; undefined for an object inside a payload, which no id names. */
  readonly id: PointId | undefined;
  payload(): JsonObject;
  /** Whether the point has the named vector; absent: it has none. */
  hasVector?(name: string): boolean;
  /** How the text index of a field reads text; absent, or undefined: the field has none. */
  analyzer?(path: string): Analyzer | undefined;
}

/** A segment as a filter sees it. */
export interface SegmentView {
  /** Which segment it is, and the last write that it shows, for who remembers what was found in it. */
  readonly segment?: object;
  readonly sequence?: number;
  readonly rowCount: number;
  /** Bits of the rows that count; absent: all rows do. */
  readonly live?: Uint32Array;
  /** Columns by the text of their path. One may still have fewer rows than the segment. */
  readonly columns: ReadonlyMap<string, FieldColumn>;
  /** UTF-8 JSON of a row's payload. */
  payload(row: number): Uint8Array;
  /** The row that holds the point, or -1. It need not be live. */
  rowOfId(id: PointId): number;
  /** The point that a row holds. */
  idOfRow(row: number): PointId;
  /** Whether a row's point has the named vector. */
  hasVector(name: string, row: number): boolean;
  /** How the text index of a field reads text, whether or not its column is built; undefined: the field has none. */
  analyzer?(path: string): Analyzer | undefined;
}

/** Rows that match for sure, and rows that may match; the first are among the second. Both are the taker's own. */
export interface Verdict {
  yes: Uint32Array;
  may: Uint32Array;
}

export interface Node {
  matches(row: RowView): boolean;
  verdict(view: SegmentView): Verdict;
  /** Over all rows, live or not. */
  estimate(view: SegmentView): Estimate;
}

export function allNode(parts: readonly Node[]): Node {
  return {
    matches: (row) => parts.every((part) => part.matches(row)),
    verdict(view) {
      const result = all(view);
      for (const part of parts) {
        const { yes, may } = part.verdict(view);
        andBits(result.yes, yes);
        andBits(result.may, may);
      }
      return result;
    },
    estimate(view) {
      const estimates = parts.map((part) => part.estimate(view));
      const rows = view.rowCount;
      return {
        min: Math.max(0, rows - estimates.reduce((missing, { min }) => missing + rows - min, 0)),
        expected: estimates.reduce(
          (product, { expected }) => (rows > 0 ? (product * expected) / rows : 0),
          rows,
        ),
        max: Math.min(rows, ...estimates.map(({ max }) => max)),
      };
    },
  };
}

export function anyNode(parts: readonly Node[]): Node {
  return {
    matches: (row) => parts.some((part) => part.matches(row)),
    verdict(view) {
      const result = none(view);
      for (const part of parts) {
        const { yes, may } = part.verdict(view);
        orBits(result.yes, yes);
        orBits(result.may, may);
      }
      return result;
    },
    estimate(view) {
      return anyEstimate(
        parts.map((part) => part.estimate(view)),
        view.rowCount,
      );
    },
  };
}

function anyEstimate(estimates: readonly Estimate[], rows: number): Estimate {
  const missed = estimates.reduce((product, { expected }) => product * (1 - expected / Math.max(1, rows)), 1);
  return {
    min: Math.max(0, ...estimates.map(({ min }) => min)),
    expected: (1 - missed) * rows,
    max: Math.min(
      rows,
      estimates.reduce((sum, { max }) => sum + max, 0),
    ),
  };
}

export function notNode(part: Node): Node {
  return {
    matches: (row) => !part.matches(row),
    verdict(view) {
      const { yes, may } = part.verdict(view);
      return { yes: notBits(may, view.rowCount), may: notBits(yes, view.rowCount) };
    },
    estimate(view) {
      const { min, expected, max } = part.estimate(view);
      const rows = view.rowCount;
      return { min: rows - max, expected: rows - expected, max: rows - min };
    },
  };
}

export function minShouldNode(parts: readonly Node[], least: number): Node {
  return {
    matches(row) {
      let count = 0;
      return parts.some((part) => part.matches(row) && ++count === least);
    },
    verdict(view) {
      const verdicts = parts.map((part) => part.verdict(view));
      return {
        yes: atLeast(
          verdicts.map(({ yes }) => yes),
          least,
          view.rowCount,
        ),
        may: atLeast(
          verdicts.map(({ may }) => may),
          least,
          view.rowCount,
        ),
      };
    },
    estimate(view) {
      const rows = view.rowCount;
      if (least > parts.length) return { min: 0, expected: 0, max: 0 };
      const estimates = parts.map((part) => part.estimate(view));
      if (least === 1) return anyEstimate(estimates, rows);
      // The chance that so many of the conditions hold, were they independent: chances[n] for exactly n so far.
      let chances = [1];
      for (const { expected } of estimates) {
        const chance = rows > 0 ? expected / rows : 0;
        chances = [...chances, 0].map((p, n) => p * (1 - chance) + (n > 0 ? chances[n - 1] * chance : 0));
      }
      const enough = chances.slice(least).reduce((sum, p) => sum + p, 0);
      const sum = estimates.reduce((total, { max }) => total + max, 0);
      return {
        min: 0,
        expected: Math.min(rows, enough * rows),
        max: Math.min(rows, Math.floor(sum / least)),
      };
    },
  };
}

/** The rows that are in at least so many of the sets. */
function atLeast(sets: readonly Uint32Array[], least: number, rowCount: number): Uint32Array {
  const result = new Uint32Array(bitWords(rowCount));
  const counts = new Uint32Array(rowCount);
  for (const set of sets) {
    forEachBit(set, (row) => {
      if (row < rowCount && ++counts[row] === least) result[row >>> 5] |= 1 << (row & 31);
    });
  }
  return result;
}

export function all(view: SegmentView): Verdict {
  const yes = new Uint32Array(bitWords(view.rowCount));
  fillBits(yes, view.rowCount);
  return { yes, may: yes.slice() };
}

export function none(view: SegmentView): Verdict {
  const words = bitWords(view.rowCount);
  return { yes: new Uint32Array(words), may: new Uint32Array(words) };
}

export function unknown(view: SegmentView): Verdict {
  return { yes: none(view).yes, may: all(view).may };
}

/** As Qdrant: half of the rows. */
export function unknownEstimate({ rowCount }: SegmentView): Estimate {
  return { min: 0, expected: rowCount / 2, max: rowCount };
}
