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
  // What bounds say that only tell something from nothing: every count from 1, or none.
  const isSome = within(1) && lt === Infinity && lte === Infinity;
  const isNone = lt <= 1 || lte < 1;
  const countOf = (value: JsonValue): number =>
    value === null ? 0 : Array.isArray(value) ? value.length : 1;
  return {
    holds: (values) => (values.length === 0 ? within(0) : values.some((value) => within(countOf(value)))),
    mark(column, bits) {
      if (!column.singular) return "open";
      const rows = Math.min(column.rowCount, bits.length * 32);
      const empty = new Uint32Array(bitWords(rows));
      column.markFlag(EMPTY, empty);
      const held = notBits(empty, rows);
      if (within(0)) orBits(bits.subarray(0, empty.length), empty);
      if (isSome) orBits(bits.subarray(0, held.length), held);
      if (isSome || isNone) return "decided";
      const may = new Uint32Array(bits.length);
      may.set(held);
      return may;
    },
    estimate(column) {
      if (!column.singular) return undefined;
      const empty = column.countFlag(EMPTY);
      const held = column.rowCount - empty;
      const min = (within(0) ? empty : 0) + (isSome ? held : 0);
      const max = (within(0) ? empty : 0) + (isNone ? 0 : held);
      return { min, expected: (min + max) / 2, max };
    },
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
