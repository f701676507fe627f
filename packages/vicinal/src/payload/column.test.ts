import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasBit } from "../runtime/bits.js";
import { type ColumnKind, type FieldColumn, HAS, OTHER } from "./column.js";
import { createColumn, loadColumn } from "./columns.js";
import { reopened } from "./fixtures.test.helper.js";
import type { JsonObject, JsonValue } from "./json.js";
import { KeywordColumn } from "./keyword-column.js";
import { NumberColumn } from "./number-column.js";
import { parsePath } from "./path.js";

const path = parsePath("a");

function marked(rowCount: number, mark: (bits: Uint32Array) => void): number[] {
  const bits = new Uint32Array((rowCount + 31) >>> 5);
  mark(bits);
  return Array.from({ length: rowCount }, (_, row) => row).filter((row) => hasBit(bits, row));
}

function filled<C extends FieldColumn>(column: C, values: readonly JsonValue[]): C {
  for (const a of values) column.append({ a });
  return column;
}

function rowsWhere(values: readonly JsonValue[], test: (value: JsonValue) => boolean): number[] {
  return values
    .map((_, row) => row)
    .filter((row) => [values[row]].flat().some((value) => test(value as JsonValue)));
}

type Number64 = number | bigint;
const isNumber = (value: JsonValue): value is Number64 =>
  typeof value === "number" || typeof value === "bigint";

/** Neighbours at the borders of what doubles, 64 bits and a column can hold. */
const borders = [0, 2 ** 52, 2 ** 53, 2 ** 60, 2 ** 63, 2 ** 64]
  .flatMap((n) => [-2n, -1n, 0n, 1n, 2n, 255n, 257n].map((d) => BigInt(n) + d))
  .flatMap((n) => [n, -n])
  .map((n): Number64 => (Number.isSafeInteger(Number(n)) ? Number(n) : n));
const safe = borders.filter((n) => typeof n === "number");
const integersUpTo = (max: bigint): Number64[] => borders.filter((n) => n > -max && n < max);

describe("NumberColumn", () => {
  it.each<[string, "integer" | "float", Number64[]]>([
    ["safe integers", "integer", safe],
    ["64-bit integers", "integer", integersUpTo(2n ** 63n)],
    ["safe numbers", "float", [...safe, 0.5, -0.5, 1e300, Number.MIN_VALUE, -Number.MAX_VALUE]],
    ["any numbers", "float", [...integersUpTo(2n ** 64n), 0.5, 1e300, 2 ** 60, -(2 ** 63)]],
  ])("decides exactly over %s", async (_, kind, pool) => {
    const value = fc.constantFrom(...pool);
    const values = fc.array(fc.oneof(value, fc.array(value, { maxLength: 3 })), { maxLength: 40 });
    const bound = fc.constantFrom<Number64>(
      ...borders,
      0.5,
      -0.5,
      1e300,
      -1e300,
      2 ** 60,
      10n ** 400n,
      -(10n ** 400n),
    );
    await fc.assert(
      fc.asyncProperty(
        values,
        bound,
        bound,
        fc.array(bound, { maxLength: 9 }),
        async (rows, low, high, list) => {
          const column = filled(new NumberColumn(kind, path), rows);
          expect(column.countFlag(OTHER)).toBe(0);
          const loaded = (await loadColumn(reopened(column.save()), { type: kind })) as NumberColumn;
          for (const one of [column, loaded]) {
            const agrees = (test: (n: Number64) => boolean, mark: (bits: Uint32Array) => void): void => {
              expect(marked(rows.length, mark)).toEqual(rowsWhere(rows, (n) => isNumber(n) && test(n)));
            };
            agrees(
              (n) => n >= low && n <= high,
              (bits) => one.markRange({ gte: low, lte: high }, bits),
            );
            agrees(
              (n) => n > low && n < high,
              (bits) => one.markRange({ gt: low, lt: high }, bits),
            );
            agrees(
              (n) => n > low && n >= high,
              (bits) => one.markRange({ gt: low, gte: high }, bits),
            );
            agrees(
              (n) => n < low && n <= high,
              (bits) => one.markRange({ lt: low, lte: high }, bits),
            );
            const equal = (n: Number64): boolean => list.some((m) => !(n < m) && !(n > m));
            agrees(equal, (bits) => one.markAnyOf(list, bits));
            agrees(
              (n) => !equal(n),
              (bits) => one.markOtherThan(list, bits),
            );
          }
        },
      ),
      { seed: 31, numRuns: 300 },
    );
  });

  it("leaves to the payload what it cannot hold exactly", () => {
    const others = [2n ** 63n, -(2n ** 63n) - 1n, 1.5, 2 ** 60, "1", true, { x: 1 }, [[1]]];
    expect(filled(new NumberColumn("integer", path), others).countFlag(OTHER)).toBe(others.length);
    expect(filled(new NumberColumn("float", path), [2n ** 64n, "1", false]).countFlag(OTHER)).toBe(3);
    expect(filled(new NumberColumn("float", path), others).countFlag(OTHER)).toBe(4);
  });

  it("estimates ranges and values from a sample", () => {
    const column = new NumberColumn("integer", path);
    for (let i = 0; i < 20_000; i++) column.append({ a: i % 10 < 4 ? 7 : (i * 7919) % 100_003 });
    expect(column.estimateRange({ gte: 50_000 })).toBeGreaterThan(20_000 * 0.3 * 0.85);
    expect(column.estimateRange({ gte: 50_000 })).toBeLessThan(20_000 * 0.3 * 1.15);
    expect(column.estimateRange({ gt: 200_000 })).toBe(0);
    expect(column.estimateValue(7)).toBeGreaterThan(20_000 * 0.4 * 0.85);
    expect(column.estimateValue(7)).toBeLessThan(20_000 * 0.4 * 1.15);
    expect(column.estimateValue(8)).toBeLessThan(20);
  });
});

describe("KeywordColumn", () => {
  const texts = fc.constantFrom(
    "",
    "a",
    "b",
    "ab",
    "é",
    "日本",
    "\ud800",
    "\udc00",
    "\ufffd",
    "\ud83d\ude00",
    "x".repeat(5000),
  );

  it("finds every string, but leaves to the payload those that UTF-8 cannot hold", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(texts, fc.array(texts, { maxLength: 3 })), { maxLength: 40 }),
        texts,
        async (rows, text) => {
          const column = filled(new KeywordColumn(path), rows);
          const isWhole = (value: JsonValue): boolean =>
            typeof value === "string" && value !== "\ud800" && value !== "\udc00";
          expect(column.countFlag(OTHER)).toBe(rowsWhere(rows, (value) => !isWhole(value)).length);
          for (const one of [
            column,
            (await loadColumn(reopened(column.save()), { type: "keyword" })) as KeywordColumn,
          ]) {
            const code = one.codeOf(text);
            const expected = rowsWhere(rows, (value) => isWhole(value) && value === text);
            expect(code < 0 ? 0 : one.countOf(code)).toBe(expected.length);
            expect(marked(rows.length, (bits) => one.markCode(code, bits))).toEqual(expected);
            if (code >= 0) expect(one.textOf(code)).toBe(text);
          }
        },
      ),
      { seed: 32, numRuns: 300 },
    );
  });

  it("keeps many strings apart", async () => {
    const column = new KeywordColumn(path);
    for (let i = 0; i < 5000; i++) column.append({ a: `key ${i}` });
    const loaded = (await loadColumn(reopened(column.save()), { type: "keyword" })) as KeywordColumn;
    for (const one of [column, loaded]) {
      for (let i = 0; i < 5000; i++) expect(one.codeOf(`key ${i}`)).toBe(i);
      expect(one.codeOf("key 5000")).toBe(-1);
      one.append({ a: "key 5000" });
      expect(one.codeOf("key 5000")).toBe(5000);
    }
  });
});

describe("a column", () => {
  it("forgets what a row held before", () => {
    for (const kind of ["keyword", "integer", "bool"] as const) {
      const values: JsonValue[] =
        kind === "keyword" ? ["x", "y"] : kind === "integer" ? [1, 2n ** 60n] : [true, false];
      const column = filled(createColumn({ type: kind }, path), [values, values[0], values]);
      for (let i = 0; i < 3; i++) {
        column.update(0, { a: values });
        column.update(0, { a: values[1] });
        column.update(2, {});
      }
      expect(column.valueCounts()).toEqual(
        expect.arrayContaining([
          { value: values[0], count: 1 },
          { value: values[1], count: 1 },
        ]),
      );
      expect(column.valueCounts()).toHaveLength(2);
      expect(column.countFlag(HAS)).toBe(2);
      expect(() => column.update(3, {})).toThrow(/Row 3 of 3/);
    }
  });

  it("counts values for facets", () => {
    const rows: JsonObject[] = [{ a: ["x", "y", "x"] }, { a: "x" }, { a: 1 }, { a: [true, false, 1] }, {}];
    const counts = (kind: ColumnKind, chosen?: Uint32Array): unknown => {
      const column = createColumn({ type: kind }, parsePath("a"));
      for (const row of rows) column.append(row);
      column.append({ a: "gone" });
      column.update(5, {});
      return column.valueCounts(chosen).map(({ value, count }) => [value, count]);
    };
    expect(counts("keyword")).toEqual([
      ["x", 2],
      ["y", 1],
    ]);
    expect(counts("keyword", Uint32Array.of(0b00001))).toEqual([
      ["x", 1],
      ["y", 1],
    ]);
    expect(counts("integer")).toEqual([[1, 2]]);
    expect(counts("bool")).toEqual([
      [false, 1],
      [true, 1],
    ]);
    expect(counts("bool", Uint32Array.of(0b00111))).toEqual([]);
  });

  it("counts integers that lie close together as those that do not", () => {
    const integer = fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constantFrom(1e9, -(2 ** 52)));
    const cell = fc.oneof(integer, fc.array(integer, { maxLength: 4 }), fc.constant(null), fc.constant("x"));
    fc.assert(
      fc.property(
        fc.array(cell, { maxLength: 70 }),
        fc.array(fc.boolean(), { minLength: 96, maxLength: 96 }),
        (cells, chosen) => {
          const column = createColumn({ type: "integer" }, path);
          const bits = new Uint32Array(3);
          chosen.forEach((is, row) => {
            if (is) bits[row >>> 5] |= 1 << (row & 31);
          });
          for (const a of cells) column.append({ a } as JsonObject);
          // Rows that held other values before.
          if (cells.length > 1) column.update(1, { a: 7 });
          const held = cells.map((a, row) =>
            row === 1 ? [7] : [a].flat().filter((value) => typeof value === "number"),
          );
          for (const rows of [undefined, bits]) {
            const counts = new Map<unknown, number>();
            held.forEach((values, row) => {
              if (rows && !chosen[row]) return;
              for (const value of new Set(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
            });
            const found = column.valueCounts(rows).map(({ value, count }) => [value, count] as const);
            expect(new Map(found)).toEqual(counts);
            expect(found).toHaveLength(counts.size);
          }
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  it("refuses damaged columns", async () => {
    const column = createColumn({ type: "keyword" }, parsePath("a"));
    for (const a of ["x", ["y", "z"], null]) column.append({ a });
    const damaged = (name: string, change: (bytes: Uint8Array) => Uint8Array) => {
      const saved = column.save();
      const section = saved.sections.find((entry) => entry.name === name)!;
      section.bytes = change((section.bytes as Uint8Array).slice());
      return loadColumn(reopened(saved), { type: "keyword" });
    };
    await expect(damaged("flags", (bytes) => bytes)).resolves.toBeDefined();
    const corrupted = { code: "CORRUPTION" };
    await expect(damaged("flags", (bytes) => bytes.subarray(1))).rejects.toMatchObject(corrupted);
    for (const name of ["values", "extra.rows", "extra.values", "dictionary.ends", "dictionary.table"]) {
      await expect(damaged(name, (bytes) => bytes.fill(0x7f))).rejects.toMatchObject(corrupted);
      await expect(damaged(name, (bytes) => bytes.subarray(4))).rejects.toMatchObject(corrupted);
    }
  });
});
