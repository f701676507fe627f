/**
 * What the conditions on a field mean, each in one place: on the values of a payload, and on a column.
 *
 * The meaning is Qdrant's for fields without an index, so that creating one never changes an answer: a condition looks
 * at the items of an array at the end of the path, one level deep, and holds if it holds for any; integers are compared
 * exactly, whatever their size (JavaScript has one number type, so 1 and 1.0 are equal; in Qdrant they are not).
 *
 * A new kind of condition is a schema in filter-schema.ts and a `FieldTest` here, listed in `fieldTest`.
 */

import { bitWords, notBits, orBits } from "../runtime/bits.js";
import { BoolColumn } from "./bool-column.js";
import { EMPTY, type FieldColumn, HAS, NULL, NULL_ITEM } from "./column.js";
import type { FieldCondition, Match, Range, ValuesCount } from "./filter-schema.js";
import type { JsonValue } from "./json.js";
import { KeywordColumn } from "./keyword-column.js";
import { exactNumber, NumberColumn } from "./number-column.js";

export interface FieldTest {
  /** Whether it holds for these values of one payload, which are as `valuesAt` gives them. */
  holds(values: readonly JsonValue[]): boolean;
  /**
   * Adds the rows to the set of which the column shows that it holds. Answers what this says about the other rows:
   * "decided": it does not hold for them; "others open": nor for them, but for rows with values that are not of the
   * column's kind nothing is known; "open": nothing is known.
   */
  mark(column: FieldColumn, bits: Uint32Array): "decided" | "others open" | "open";
  /** For how many rows `mark` would find that it holds; undefined when the column says nothing. */
  estimate(column: FieldColumn): Estimate | undefined;
}

/** How many rows: never fewer than `min`, never more than `max`. */
export interface Estimate {
  min: number;
  expected: number;
  max: number;
}

/** The test of a field condition. Where several are given, Qdrant's precedence is followed. */
export function fieldTest(condition: FieldCondition): FieldTest {
  const { match, range, values_count, is_empty, is_null } = condition;
  if (isGiven(values_count)) return valuesCountTest(values_count);
  if (isGiven(is_empty)) return isEmptyTest(is_empty);
  if (isGiven(is_null)) return isNullTest(is_null);
  const tests: FieldTest[] = [];
  if (isGiven(match)) tests.push(matchTest(match));
  if (isGiven(range)) tests.push(rangeTest(range));
  return tests.length === 1 ? tests[0] : anyTest(tests);
}

function isGiven<T>(part: T | null | undefined): part is T {
  return part !== undefined && part !== null;
}

function matchTest(match: Match): FieldTest {
  if ("value" in match) return isAnyOf([match.value]);
  if ("any" in match) return isAnyOf(match.any);
  if ("except" in match) return isNoneOf(match.except);
  if ("prefix" in match) return stringTest((text) => text.startsWith(match.prefix));
  if ("text_any" in match) {
    const words = match.text_any.split(/\s+/u).filter((word) => word !== "");
    return stringTest((text) => words.some((word) => text.includes(word)));
  }
  const part = "text" in match ? match.text : match.phrase;
  return stringTest((text) => text.includes(part));
}

/** Looks at each value and at each item of an array: the form of most tests. */
function itemTest(
  test: (item: JsonValue) => boolean,
  column: Pick<FieldTest, "mark" | "estimate">,
): FieldTest {
  return {
    holds: (values) => values.some((value) => (Array.isArray(value) ? value.some(test) : test(value))),
    ...column,
  };
}

type Scalar = string | number | bigint | boolean;

function isAnyOf(given: readonly Scalar[]): FieldTest {
  const wanted = new Set(given.map(canonical));
  const list = [...wanted];
  const strings = list.filter((value) => typeof value === "string");
  const numbers = list.filter((value) => typeof value === "number" || typeof value === "bigint");
  return itemTest((item) => isScalar(item) && wanted.has(canonical(item)), {
    mark(column, bits) {
      if (column instanceof KeywordColumn) {
        if (strings.length === 1) column.markCode(column.codeOf(strings[0]), bits);
        else if (strings.length > 1) column.markCodes(codesOf(column, strings), bits);
        return strings.length === list.length && column.holdsAll(strings) ? "decided" : "others open";
      }
      if (column instanceof NumberColumn) {
        column.markAnyOf(numbers, bits);
        return numbers.length === list.length && column.holdsAll(numbers) ? "decided" : "others open";
      }
      if (column instanceof BoolColumn) {
        for (const value of [true, false]) if (wanted.has(value)) column.mark(value, bits);
        return list.every((value) => typeof value === "boolean") ? "decided" : "others open";
      }
      return "open";
    },
    estimate(column) {
      if (column instanceof KeywordColumn) {
        const codes = strings.map((text) => column.codeOf(text)).filter((code) => code >= 0);
        return unionOf(codes.map((code) => column.countOf(code)));
      }
      if (column instanceof NumberColumn) {
        return guess(
          column,
          sumOf(numbers, (value) => column.estimateValue(value)),
        );
      }
      if (column instanceof BoolColumn) {
        return unionOf(
          [true, false].filter((value) => wanted.has(value)).map((value) => column.countOf(value)),
        );
      }
      return undefined;
    },
  });
}

function isNoneOf(given: readonly (string | number | bigint)[]): FieldTest {
  const unwanted = new Set<unknown>(given.map(canonical));
  const strings = given.filter((value) => typeof value === "string");
  const numbers = given.filter((value) => typeof value !== "string");
  const any = isAnyOf(given);
  return itemTest((item) => item !== null && !(isScalar(item) && unwanted.has(canonical(item))), {
    mark(column, bits) {
      if (column instanceof KeywordColumn && strings.length > 0) {
        const chosen = codesOf(column, strings);
        column.markCodes(
          chosen.map((wanted) => 1 - wanted),
          bits,
        );
      } else if (column instanceof NumberColumn && numbers.length > 0) {
        column.markOtherThan(numbers, bits);
      } else {
        column.markFlag(HAS, bits);
      }
      return "others open";
    },
    // Rows whose values are all unwanted drop out; a row with several values may be kept by another.
    estimate: (column) => guess(column, column.countFlag(HAS) - (any.estimate(column)?.expected ?? 0)),
  });
}

/** A test of strings alone; on a column it is asked once for each distinct string. */
function stringTest(test: (text: string) => boolean): FieldTest {
  const chosenBy = (column: KeywordColumn): Uint8Array => {
    const chosen = new Uint8Array(column.codeCount);
    for (let code = 0; code < chosen.length; code++) chosen[code] = test(column.textOf(code)) ? 1 : 0;
    return chosen;
  };
  return itemTest((item) => typeof item === "string" && test(item), {
    mark(column, bits) {
      if (column instanceof KeywordColumn) column.markCodes(chosenBy(column), bits);
      return "others open";
    },
    estimate(column) {
      if (!(column instanceof KeywordColumn)) return unionOf([]);
      const chosen = chosenBy(column);
      return guess(
        column,
        chosen.reduce((sum, wanted, code) => sum + wanted * column.countOf(code), 0),
      );
    },
  });
}

function rangeTest(range: Range): FieldTest {
  const gt = range.gt ?? -Infinity;
  const gte = range.gte ?? -Infinity;
  const lt = range.lt ?? Infinity;
  const lte = range.lte ?? Infinity;
  const within = (item: JsonValue): boolean =>
    // Mixed comparisons of number and bigint are exact.
    (typeof item === "number" || typeof item === "bigint") &&
    item > gt &&
    item >= gte &&
    item < lt &&
    item <= lte;
  return itemTest(within, {
    mark(column, bits) {
      if (column instanceof NumberColumn) column.markRange(range, bits);
      return "others open";
    },
    estimate: (column) =>
      column instanceof NumberColumn ? guess(column, column.estimateRange(range)) : unionOf([]),
  });
}

function valuesCountTest(bounds: ValuesCount): FieldTest {
  const gt = bounds.gt ?? -1;
  const gte = bounds.gte ?? 0;
  const lt = bounds.lt ?? Infinity;
  const lte = bounds.lte ?? Infinity;
  const within = (count: number): boolean => count > gt && count >= gte && count < lt && count <= lte;
  const countOf = (value: JsonValue): number =>
    value === null ? 0 : Array.isArray(value) ? value.length : 1;
  return {
    holds: (values) => (values.length === 0 ? within(0) : values.some((value) => within(countOf(value)))),
    mark: () => "open",
    estimate: () => undefined,
  };
}

function isEmptyTest(wanted: boolean): FieldTest {
  const isEmpty = (value: JsonValue): boolean =>
    value === null || (Array.isArray(value) && value.length === 0);
  return presenceTest([EMPTY], wanted, (values) =>
    values.length === 0 ? wanted : values.some((value) => isEmpty(value) === wanted),
  );
}

function isNullTest(wanted: boolean): FieldTest {
  const isNull = (value: JsonValue): boolean =>
    value === null || (Array.isArray(value) && value.includes(null));
  return presenceTest([NULL, NULL_ITEM], wanted, (values) =>
    values.length === 0 ? !wanted : values.some((value) => isNull(value) === wanted),
  );
}

/** A test that, where the path leads to one value at most, the flags decide: any of them is set, or none is. */
function presenceTest(flags: readonly number[], wanted: boolean, holds: FieldTest["holds"]): FieldTest {
  return {
    holds,
    mark(column, bits) {
      if (!column.singular) return "open";
      const rows = Math.min(column.rowCount, bits.length * 32);
      const marked = new Uint32Array(bitWords(rows));
      for (const flag of flags) column.markFlag(flag, marked);
      const result = wanted ? marked : notBits(marked, rows);
      orBits(bits.subarray(0, result.length), result);
      return "decided";
    },
    estimate(column) {
      if (!column.singular) return undefined;
      const marked = unionOf(flags.map((flag) => column.countFlag(flag)));
      if (wanted) return marked;
      const rows = column.rowCount;
      return {
        min: Math.max(0, rows - marked.max),
        expected: Math.max(0, rows - marked.expected),
        max: rows - marked.min,
      };
    },
  };
}

/** Holds where any of the tests does. */
function anyTest(tests: readonly FieldTest[]): FieldTest {
  return {
    holds: (values) => tests.some((test) => test.holds(values)),
    mark(column, bits) {
      const answers = tests.map((test) => test.mark(column, bits));
      if (answers.includes("open")) return "open";
      return answers.includes("others open") ? "others open" : "decided";
    },
    estimate(column) {
      const estimates = tests
        .map((test) => test.estimate(column))
        .filter((estimate) => estimate !== undefined);
      if (estimates.length < tests.length) return undefined;
      return {
        min: Math.max(...estimates.map(({ min }) => min)),
        expected: sumOf(estimates, ({ expected }) => expected),
        max: sumOf(estimates, ({ max }) => max),
      };
    },
  };
}

/** Rows in any of several sets of these sizes. */
function unionOf(counts: readonly number[]): Estimate {
  const sum = sumOf(counts, (count) => count);
  return { min: counts.reduce((most, count) => Math.max(most, count), 0), expected: sum, max: sum };
}

/** No more is known than that only rows with values count. */
function guess(column: FieldColumn, expected: number): Estimate {
  const max = column.countFlag(HAS);
  return { min: 0, expected: Math.min(max, Math.max(0, expected)), max };
}

function isScalar(item: JsonValue): item is Scalar {
  return item !== null && typeof item !== "object";
}

/** Equal values have one form. */
function canonical<T extends Scalar>(value: T): Scalar {
  return typeof value === "number" || typeof value === "bigint" ? exactNumber(value) : value;
}

function codesOf(column: KeywordColumn, strings: readonly string[]): Uint8Array {
  const chosen = new Uint8Array(column.codeCount);
  for (const text of strings) {
    const code = column.codeOf(text);
    if (code >= 0) chosen[code] = 1;
  }
  return chosen;
}

function sumOf<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((sum, item) => sum + size(item), 0);
}
