/** What is asked about whether, and how many, values stand at a place. */
import { bitWords, notBits, orBits } from "../runtime/bits.js";
import { EMPTY, NULL, NULL_ITEM } from "./column.js";
import { type FieldTest, unionOf } from "./field-test.js";
import type { ValuesCount } from "./filter-schema.js";
import type { JsonValue } from "./json.js";

export function valuesCountTest(bounds: ValuesCount): FieldTest {
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

export function isEmptyTest(wanted: boolean): FieldTest {
  const isEmpty = (value: JsonValue): boolean =>
    value === null || (Array.isArray(value) && value.length === 0);
  return presenceTest([EMPTY], wanted, (values) =>
    values.length === 0 ? wanted : values.some((value) => isEmpty(value) === wanted),
  );
}

export function isNullTest(wanted: boolean): FieldTest {
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
