/**
 * Filters, compiled once for each request: decides single payloads, whole segments, and about how many rows match.
 *
 * A segment is decided by three-valued logic: each condition answers with two sets of rows, those that match for sure
 * (`yes`) and those that may match (`may`), from columns where there are any; `must`, `should`, `must_not` and
 * `min_should` combine the pairs. Only live rows that may and need not match are decoded, once each, and decided as
 * single payloads. So a condition on a column in `must` spares the decoding of all rows that it rules out, wherever it
 * stands in the filter.
 */

import {
  andBits,
  bitWords,
  countBits,
  fillBits,
  forEachBit,
  notBits,
  orBits,
  setBits,
} from "../runtime/bits.js";
import { issueError, under } from "../runtime/schema.js";
import { EMPTY, type FieldColumn, NULL, OTHER } from "./column.js";
import { type Estimate, type FieldTest, fieldTest } from "./conditions.js";
import { type Condition, type Filter, filterSchema, type MinShould } from "./filter-schema.js";
import { type PointId, parsePointId } from "./id.js";
import { decodePayload, isJsonObject, type JsonObject } from "./json.js";
import { itemsOf, type JsonPath, parsePath, valuesAt } from "./path.js";

export type { Estimate } from "./conditions.js";
export type { Condition, Filter } from "./filter-schema.js";
export { filterSchema } from "./filter-schema.js";

/** One point as a filter sees it. */
export interface RowView {
  /** Canonical; undefined for an object inside a payload, which no id names. */
  readonly id: PointId | undefined;
  payload(): JsonObject;
}

/** A segment as a filter sees it. */
export interface SegmentView {
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
}

export interface CompiledFilter {
  /** True when every point matches, since the filter has no condition. */
  readonly isEmpty: boolean;
  matches(row: RowView): boolean;
  /**
   * Makes `bits` the set of live rows that match.
   * @param bits At least one word for each 32 rows; whatever it held is replaced.
   * @returns how many match.
   */
  evaluate(view: SegmentView, bits: Uint32Array): number;
  /** How many live rows match, without looking at any payload. */
  estimate(view: SegmentView): Estimate;
}

/**
 * @param filter As in the request; absent, null and `{}` match all points.
 * @param at Where it stands in the request, for messages.
 * @throws BAD_FILTER, BAD_POINT_ID or UNSUPPORTED naming the place, such as `filter.must[0].match`.
 */
export function compileFilter(filter: Filter | null | undefined, at = "filter"): CompiledFilter {
  const given = filter ?? {};
  const issue = filterSchema.check(given);
  if (issue !== undefined) throw issueError(under(at, issue));
  return compileCheckedFilter(given);
}

/** As `compileFilter`, for a filter that has passed `filterSchema`, as part of a request mostly. */
export function compileCheckedFilter(filter: Filter): CompiledFilter {
  const root = filterNode(filter);
  return {
    isEmpty: listOf(filter.must, filter.should, filter.must_not).length === 0 && !filter.min_should,
    matches: (row) => root.matches(row),
    evaluate: (view, bits) => evaluate(root, view, bits),
    estimate: (view) => estimateLive(root, view),
  };
}

/** Rows that match for sure, and rows that may match; the first are among the second. Both are the taker's own. */
interface Verdict {
  yes: Uint32Array;
  may: Uint32Array;
}

interface Node {
  matches(row: RowView): boolean;
  verdict(view: SegmentView): Verdict;
  /** Over all rows, live or not. */
  estimate(view: SegmentView): Estimate;
}

function evaluate(root: Node, view: SegmentView, bits: Uint32Array): number {
  const words = bitWords(view.rowCount);
  const counted = new Uint32Array(words);
  fillBits(counted, view.rowCount);
  if (view.live) andBits(counted, view.live);

  const { yes, may } = root.verdict(view);
  andBits(yes, counted);
  andBits(may, counted);
  for (let i = 0; i < words; i++) may[i] &= ~yes[i];
  forEachBit(may, (row) => {
    if (root.matches(new SegmentRow(view, row))) yes[row >>> 5] |= 1 << (row & 31);
  });
  bits.fill(0);
  bits.set(yes);
  return countBits(yes);
}

/** A row that is decoded when it is first asked for. */
class SegmentRow implements RowView {
  readonly #view: SegmentView;
  readonly #row: number;
  #payload: JsonObject | undefined;

  constructor(view: SegmentView, row: number) {
    this.#view = view;
    this.#row = row;
  }

  get id(): PointId {
    return this.#view.idOfRow(this.#row);
  }

  payload(): JsonObject {
    this.#payload ??= decodePayload(this.#view.payload(this.#row));
    return this.#payload;
  }
}

/** Assumes, as Qdrant does, that rows are deleted without regard to the filter. */
function estimateLive(root: Node, view: SegmentView): Estimate {
  const { min, expected, max } = root.estimate(view);
  if (!view.live) return { min, expected: Math.round(expected), max };
  const live = countBits(view.live);
  return {
    min: Math.max(0, min - (view.rowCount - live)),
    expected: Math.min(live, Math.round((expected * live) / Math.max(1, view.rowCount))),
    max: Math.min(max, live),
  };
}

function listOf(...parts: (Condition | Condition[] | null | undefined)[]): Condition[] {
  return parts.flatMap((part) => part ?? []);
}

function filterNode(filter: Filter): Node {
  const parts: Node[] = listOf(filter.must).map(conditionNode);
  parts.push(...listOf(filter.must_not).map((condition) => notNode(conditionNode(condition))));
  const should = listOf(filter.should).map(conditionNode);
  if (should.length > 0) parts.push(anyNode(should));
  if (filter.min_should) parts.push(minShouldNode(filter.min_should));
  return parts.length === 1 ? parts[0] : allNode(parts);
}

function conditionNode(condition: Condition): Node {
  if ("key" in condition) return fieldNode(parsePath(condition.key), fieldTest(condition));
  if ("is_empty" in condition) return flagNode(condition.is_empty.key, EMPTY);
  if ("is_null" in condition) return flagNode(condition.is_null.key, NULL);
  if ("has_id" in condition) return hasIdNode(condition.has_id);
  if ("nested" in condition) return nestedNode(condition.nested.key, condition.nested.filter);
  return filterNode(condition);
}

function fieldNode(path: JsonPath, test: FieldTest): Node {
  return {
    matches: (row) => test.holds(valuesAt(row.payload(), path)),
    verdict(view) {
      const column = view.columns.get(path.text);
      if (!column) return unknown(view);
      const yes = new Uint32Array(bitWords(view.rowCount));
      const answer = test.mark(column, yes);
      if (answer === "open") return unknown(view);
      const may = yes.slice();
      if (answer === "others open") column.markFlag(OTHER, may);
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
function flagNode(key: string, flag: typeof EMPTY | typeof NULL): Node {
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

function hasIdNode(given: readonly PointId[]): Node {
  const ids = new Set(given.map((id) => parsePointId(id)));
  const rowsOf = (view: SegmentView): number[] =>
    [...ids].map((id) => view.rowOfId(id)).filter((row) => row >= 0 && row < view.rowCount);
  return {
    matches: ({ id }) => id !== undefined && ids.has(id),
    verdict(view) {
      const yes = new Uint32Array(bitWords(view.rowCount));
      for (const row of rowsOf(view)) yes[row >>> 5] |= 1 << (row & 31);
      return { yes, may: yes.slice() };
    },
    estimate(view) {
      const count = rowsOf(view).length;
      return { min: count, expected: count, max: count };
    },
  };
}

/** Holds if the filter holds for any single object of the array. */
function nestedNode(key: string, filter: Filter): Node {
  const path = itemsOf(parsePath(key));
  const inner = filterNode(filter);
  return {
    matches: (row) =>
      valuesAt(row.payload(), path).some(
        (item) => isJsonObject(item) && inner.matches({ id: undefined, payload: () => item }),
      ),
    verdict: unknown,
    estimate: unknownEstimate,
  };
}

function allNode(parts: readonly Node[]): Node {
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

function anyNode(parts: readonly Node[]): Node {
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

function notNode(part: Node): Node {
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

function minShouldNode({ conditions, min_count: least }: MinShould): Node {
  const parts = conditions.map(conditionNode);
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

function all(view: SegmentView): Verdict {
  const yes = new Uint32Array(bitWords(view.rowCount));
  fillBits(yes, view.rowCount);
  return { yes, may: yes.slice() };
}

function none(view: SegmentView): Verdict {
  const words = bitWords(view.rowCount);
  return { yes: new Uint32Array(words), may: new Uint32Array(words) };
}

function unknown(view: SegmentView): Verdict {
  return { yes: none(view).yes, may: all(view).may };
}

/** As Qdrant: half of the rows. */
function unknownEstimate({ rowCount }: SegmentView): Estimate {
  return { min: 0, expected: rowCount / 2, max: rowCount };
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
