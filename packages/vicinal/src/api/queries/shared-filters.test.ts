import { expect, test } from "vitest";
import type { SegmentView } from "../../payload/filter.js";
import { bothFilters, SharedFilters } from "./shared-filters.js";

/** Rows with a number in their payload; counts how many are decoded. */
function view(numbers: number[], sequence = 1, live = 0xffffffff) {
  const decoded: number[] = [];
  const segment = {};
  const seen: SegmentView = {
    segment,
    sequence,
    rowCount: numbers.length,
    live: Uint32Array.of(live),
    columns: new Map(),
    payload(row) {
      decoded.push(row);
      return new TextEncoder().encode(JSON.stringify({ n: numbers[row] }));
    },
    rowOfId: () => -1,
    idOfRow: (row) => row,
    hasVector: () => true,
  };
  return { seen, decoded };
}

const atLeast = (gte: number | bigint) => ({ must: [{ key: "n", range: { gte } }] }) as never;

function rowsOf(filters: SharedFilters, given: never, seen: SegmentView): number {
  const bits = Uint32Array.of(0xffffffff);
  const count = filters.compiled(given)?.evaluate(seen, bits);
  expect(count).toBe(bits[0].toString(2).replaceAll("0", "").length);
  return bits[0];
}

test("filters that say the same are one, evaluated once in a segment until something is written", () => {
  const filters = new SharedFilters();
  const { seen, decoded } = view([1, 5, 7, 2]);
  expect(rowsOf(filters, atLeast(5), seen)).toBe(0b0110);
  expect(decoded).toHaveLength(4);
  expect(filters.compiled(atLeast(5))).toBe(filters.compiled(atLeast(5)));
  expect(rowsOf(filters, atLeast(5), seen)).toBe(0b0110);
  expect(decoded).toHaveLength(4);
  expect(rowsOf(filters, atLeast(5), { ...seen, sequence: 2 })).toBe(0b0110);
  expect(decoded).toHaveLength(8);
  expect(rowsOf(filters, atLeast(7), seen)).toBe(0b0100);
});

test("rows that have died meanwhile are not among the remembered ones", () => {
  const filters = new SharedFilters();
  const { seen } = view([5, 6, 7]);
  expect(rowsOf(filters, atLeast(6), seen)).toBe(0b110);
  expect(rowsOf(filters, atLeast(6), { ...seen, live: Uint32Array.of(0b011) })).toBe(0b010);
});

test("a bigint is not the text of its digits", () => {
  const match = (value: unknown) => ({ must: [{ key: "n", match: { value } }] }) as never;
  const filters = new SharedFilters();
  const all = [5, 5n, "5"].map((value) => filters.compiled(match(value)));
  expect(new Set(all).size).toBe(3);
});

test("no condition is no filter, and two filters are both", () => {
  const filters = new SharedFilters();
  expect(filters.compiled({})).toBeUndefined();
  expect(filters.compiled(null)).toBeUndefined();
  expect(bothFilters(null, undefined) ?? undefined).toBeUndefined();
  expect(bothFilters(undefined, atLeast(1))).toEqual(atLeast(1));
  const { seen } = view([1, 5, 7, 2]);
  const both = bothFilters(atLeast(2), { must_not: [{ key: "n", match: { value: 7 } }] } as never) as never;
  expect(rowsOf(filters, both, seen)).toBe(0b1010);
});
