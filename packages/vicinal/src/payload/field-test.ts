/** FieldTest: the meaning of one condition on a field, on the values of a payload and on a column; and what tests are made of. */

import { orBits } from "../runtime/bits.js";
import type { Analyzer } from "../text/index.js";
import { type FieldColumn, HAS } from "./column.js";
import type { JsonValue } from "./json.js";
import { KeywordColumn } from "./keyword-column.js";

export interface FieldTest {
  /**
   * Whether it holds for these values of one payload, which are as `valuesAt` gives them.
   * @param analyzer How the field's text index reads text, where the field has one.
   */
  holds(values: readonly JsonValue[], analyzer?: Analyzer): boolean;
  /** Adds the rows to the set of which the column shows that it holds; answers what that says about the others. */
  mark(column: FieldColumn, bits: Uint32Array): Rest;
  /** For how many rows `mark` would find that it holds; undefined when the column says nothing. */
  estimate(column: FieldColumn): Estimate | undefined;
}

/**
 * What is known about the rows that were not marked. "decided": it does not hold for them; "others open": nor for
 * them, but for rows with values that are not of the column's kind nothing is known; "open": nothing is known;
 * a set: it may hold for these, and for no others.
 */
export type Rest = "decided" | "others open" | "open" | Uint32Array;

/** How many rows: never fewer than `min`, never more than `max`. */
export interface Estimate {
  min: number;
  expected: number;
  max: number;
}

export type OnColumn = Pick<FieldTest, "mark" | "estimate">;

/** Looks at each value and at each item of an array: the form of most tests. */
export function itemTest(test: (item: JsonValue) => boolean, column: OnColumn): FieldTest {
  return {
    holds: (values) => values.some((value) => (Array.isArray(value) ? value.some(test) : test(value))),
    ...column,
  };
}

/** A test of strings alone; on a column of keywords it is asked once for each distinct string. */
export function stringTest(test: (text: string) => boolean): FieldTest {
  return itemTest((item) => typeof item === "string" && test(item), stringsOfColumn(test));
}

export function prefixTest(prefix: string): FieldTest {
  const onColumn = chosenOfColumn((column) => column.codesWithPrefix(prefix));
  return itemTest((item) => typeof item === "string" && item.startsWith(prefix), onColumn);
}

export function stringsOfColumn(test: (text: string) => boolean): OnColumn {
  return chosenOfColumn((column) => {
    const chosen = new Uint8Array(column.codeCount);
    for (let code = 0; code < chosen.length; code++) chosen[code] = test(column.textOf(code)) ? 1 : 0;
    return chosen;
  });
}

/** @param chosenBy For each code of the column 1 if its string passes the test, else 0. */
function chosenOfColumn(chosenBy: (column: KeywordColumn) => Uint8Array): OnColumn {
  return {
    mark(column, bits) {
      if (column instanceof KeywordColumn) column.markCodes(chosenBy(column), bits);
      else if (column.readsStrings) return "open";
      return "others open";
    },
    estimate(column) {
      if (column instanceof KeywordColumn) {
        const chosen = chosenBy(column);
        const count = chosen.reduce((sum, wanted, code) => sum + wanted * column.countOf(code), 0);
        return guess(column, count);
      }
      return column.readsStrings ? undefined : unionOf([]);
    },
  };
}

/** Holds where any of the tests does. */
export function anyTest(tests: readonly FieldTest[]): FieldTest {
  return {
    holds: (values, analyzer) => tests.some((test) => test.holds(values, analyzer)),
    mark(column, bits) {
      const rests = tests.map((test) => test.mark(column, bits));
      const sets = rests.filter((rest) => typeof rest !== "string");
      if (rests.includes("open") || (sets.length > 0 && rests.includes("others open"))) return "open";
      if (rests.includes("others open")) return "others open";
      if (sets.length === 0) return "decided";
      for (const set of sets.slice(1)) orBits(sets[0], set);
      return sets[0];
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
export function unionOf(counts: readonly number[]): Estimate {
  const sum = sumOf(counts, (count) => count);
  return { min: counts.reduce((most, count) => Math.max(most, count), 0), expected: sum, max: sum };
}

/** No more is known than that only rows with values count. */
export function guess(column: FieldColumn, expected: number): Estimate {
  const max = column.countFlag(HAS);
  return { min: 0, expected: Math.min(max, Math.max(0, expected)), max };
}

export function sumOf<T>(items: readonly T[], size: (item: T) => number): number {
  return items.reduce((sum, item) => sum + size(item), 0);
}
