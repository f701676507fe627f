/** Nodes that ask a field: through its column where there is one, else through the payload. */
import { bitWords, orBits, setBits } from "../runtime/bits.js";
import { type EMPTY, type FieldColumn, NULL, OTHER } from "./column.js";
import type { Estimate, FieldTest } from "./field-test.js";
import { type Node, type SegmentView, unknown, unknownEstimate, type Verdict } from "./filter-nodes.js";
import { type JsonPath, parsePath, valuesAt } from "./path.js";

export function fieldNode(path: JsonPath, test: FieldTest): Node {
  return {
    matches: (row) => test.holds(valuesAt(row.payload(), path), row.analyzer?.(path.text)),
    verdict(view) {
      const column = view.columns.get(path.text);
      if (!column) return unknown(view);
      const yes = new Uint32Array(bitWords(view.rowCount));
      const rest = test.mark(column, yes);
      if (rest === "open") return unknown(view);
      const may = yes.slice();
      if (rest === "others open") column.markFlag(OTHER, may);
      else if (rest !== "decided") orBits(may, rest);
      return withLaterRows({ yes, may }, column, view);
    },
    estimate(view) {
      const column = view.columns.get(path.text);
      const estimate = column && test.estimate(column);
      if (column === undefined || estimate === undefined) return unknownEstimate(view);
      return overSegment({ ...estimate, max: estimate.max + column.countFlag(OTHER) }, column, view);
    },
  };
}

/** `is_empty` and `is_null` with a key: what a column's flags say whatever the path is. */
export function flagNode(key: string, flag: typeof EMPTY | typeof NULL): Node {
  const path = parsePath(key);
  return {
    matches(row) {
      const values = valuesAt(row.payload(), path);
      if (flag === NULL) return values.includes(null);
      return values.every((value) => value === null || (Array.isArray(value) && value.length === 0));
    },
    verdict(view) {
      const column = view.columns.get(path.text);
      if (!column) return unknown(view);
      const yes = new Uint32Array(bitWords(view.rowCount));
      column.markFlag(flag, yes);
      return withLaterRows({ yes, may: yes.slice() }, column, view);
    },
    estimate(view) {
      const column = view.columns.get(path.text);
      if (column === undefined) return unknownEstimate(view);
      const count = column.countFlag(flag);
      return overSegment({ min: count, expected: count, max: count }, column, view);
    },
  };
}

/** What an estimate over a column's rows says about the segment's, of which there may be more or fewer. */
function overSegment(
  { min, expected, max }: Estimate,
  column: FieldColumn,
  { rowCount }: SegmentView,
): Estimate {
  const difference = column.rowCount - rowCount;
  return {
    min: Math.max(0, min - Math.max(0, difference)),
    expected: Math.min(expected, rowCount),
    max: Math.min(rowCount, max + Math.max(0, -difference)),
  };
}

/** Rows that the column has not got yet may match. */
function withLaterRows(verdict: Verdict, column: FieldColumn, { rowCount }: SegmentView): Verdict {
  if (column.rowCount < rowCount) setBits(verdict.may, column.rowCount, rowCount);
  return verdict;
}
