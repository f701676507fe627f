/** What `match` means on values: equality with one, any or none of several. */
import { BoolColumn } from "./bool-column.js";
import { HAS } from "./column.js";
import { exactNumber } from "./exact-numbers.js";
import { type FieldTest, guess, itemTest, sumOf, unionOf } from "./field-test.js";
import type { JsonValue } from "./json.js";
import { KeywordColumn } from "./keyword-column.js";
import { NumberColumn } from "./number-column.js";

type Scalar = string | number | bigint | boolean;

export function isAnyOf(given: readonly Scalar[]): FieldTest {
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
      return column.readsStrings && strings.length > 0 ? "open" : "others open";
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
      return column.readsStrings && strings.length > 0 ? undefined : unionOf([]);
    },
  });
}

export function isNoneOf(given: readonly (string | number | bigint)[]): FieldTest {
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
      } else if (column.readsStrings && strings.length > 0 && !(column instanceof KeywordColumn)) {
        return "open";
      } else {
        column.markFlag(HAS, bits);
      }
      return "others open";
    },
    // Rows whose values are all unwanted drop out; a row with several values may be kept by another.
    estimate: (column) => guess(column, column.countFlag(HAS) - (any.estimate(column)?.expected ?? 0)),
  });
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
