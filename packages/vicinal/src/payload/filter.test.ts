import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasBit } from "../runtime/bits.js";
import type { ColumnKind, FieldColumn } from "./column.js";
import { columnKinds, createColumn, type FieldSchema, loadColumn } from "./columns.js";
import { type Condition, compileFilter, type Filter, type SegmentView } from "./filter.js";
import { filters, ids, key, payloads } from "./filter-arbitraries.test.helper.js";
import { hasVector, naive, type Place } from "./filter-reference.test.helper.js";
import { reopened } from "./fixtures.test.helper.js";
import type { PointId } from "./id.js";
import { decodePayload, encodePayload, type JsonObject } from "./json.js";
import { parsePath } from "./path.js";
import { TextColumn } from "./text-column.js";

// -------------------------------------------------------------------------------------------------- segments

/** Ids of rows: the awkward ones first, then any. */
function idOfRow(row: number): PointId {
  return ids[row] ?? 1000 + row;
}

function segment(
  rows: readonly JsonObject[],
  columns: readonly FieldColumn[],
  live?: Uint32Array,
): SegmentView & { decoded: number } {
  const bytes = rows.map((row) => encodePayload(row));
  const view = {
    decoded: 0,
    rowCount: rows.length,
    live,
    columns: new Map(columns.map((column) => [column.path.text, column])),
    payload(row: number) {
      view.decoded++;
      return bytes[row];
    },
    rowOfId: (id: PointId) => rows.findIndex((_, row) => idOfRow(row) === id),
    idOfRow,
    hasVector: (name: string, row: number) => hasVector(idOfRow(row), name),
    analyzer: (path: string) => {
      const column = columns.find((one) => one.path.text === path);
      return column instanceof TextColumn ? column.analyzer : undefined;
    },
  };
  return view;
}

function matching(filter: Filter, view: SegmentView): number[] {
  const bits = new Uint32Array(((view.rowCount + 31) >>> 5) + 1).fill(0xffff_ffff);
  const count = compileFilter(filter).evaluate(view, bits);
  const rows = Array.from({ length: bits.length * 32 }, (_, row) => row).filter((row) => hasBit(bits, row));
  expect(rows.length).toBe(count);
  return rows;
}

const columnChoice = fc.uniqueArray(fc.tuple(key, fc.constantFrom<ColumnKind>(...columnKinds)), {
  selector: ([path]) => path,
  maxLength: 6,
});

function corners(...lons: number[]): Place[] {
  return lons.map((lon) => ({ lon, lat: lon }));
}

describe("a filter", () => {
  it("means the same on payloads, on columns, after changes, and to the reference", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(payloads, { maxLength: 70 }),
        fc.array(fc.tuple(fc.nat(), payloads), { maxLength: 8 }),
        fc.array(filters, { minLength: 1, maxLength: 4 }),
        columnChoice,
        fc.option(fc.infiniteStream(fc.integer({ min: 1, max: 3 })), { nil: undefined }),
        fc.nat(3),
        async (original, changes, wanted, choice, liveness, missing) => {
          const rows = original.map((row) => decodePayload(encodePayload(row)));
          const schemas = new Map(
            choice.map(([path, type]) => [path, { type, phrase_matching: path < "b" }] as const),
          );
          let columns = [...schemas].map(([path, schema]) => createColumn(schema, parsePath(path)));
          const texts = new Set(choice.filter(([, type]) => type === "text").map(([path]) => path));
          // A column may be behind its segment.
          for (const row of rows.slice(0, Math.max(0, rows.length - missing))) {
            for (const column of columns) column.append(row);
          }
          let live: Uint32Array | undefined;
          if (liveness) {
            live = new Uint32Array((rows.length + 31) >>> 5);
            for (let row = 0; row < rows.length; row++)
              if (liveness.next().value > 1) live[row >>> 5] |= 1 << (row & 31);
          }
          const compare = (): void => {
            for (const filter of wanted) {
              const expectedWith = (indexed: ReadonlySet<string>): number[] =>
                [...rows.keys()].filter(
                  (row) =>
                    (!live || hasBit(live, row)) &&
                    naive(filter, { payload: rows[row], id: idOfRow(row), texts: indexed }),
                );
              expect(matching(filter, segment(rows, [], live))).toEqual(expectedWith(new Set()));
              const expected = expectedWith(texts);
              const view = segment(rows, columns, live);
              expect(matching(filter, view)).toEqual(expected);
              expect(view.decoded).toBeLessThanOrEqual(rows.length);
              const compiled = compileFilter(filter);
              const estimate = compiled.estimate(view);
              expect(estimate.min).toBeLessThanOrEqual(expected.length);
              expect(estimate.max).toBeGreaterThanOrEqual(expected.length);
              expect(Number.isSafeInteger(estimate.expected)).toBe(true);
              expect(estimate.expected).toBeGreaterThanOrEqual(0);
              expect(estimate.expected).toBeLessThanOrEqual(rows.length);
            }
          };
          compare();
          const change = ([at, payload]: [number, JsonObject]): void => {
            if (rows.length === 0) return;
            const row = at % rows.length;
            rows[row] = decodePayload(encodePayload(payload));
            for (const column of columns) if (row < column.rowCount) column.update(row, rows[row]);
          };
          changes.forEach(change);
          compare();
          const schemaOf = (column: FieldColumn): FieldSchema => schemas.get(column.path.text)!;
          columns = await Promise.all(
            columns.map((column) => loadColumn(reopened(column.save()), schemaOf(column))),
          );
          compare();
          changes.reverse().forEach(change);
          for (const column of columns) for (const row of rows.slice(column.rowCount)) column.append(row);
          compare();
          columns = columns.map((column) => {
            const copy = createColumn(schemaOf(column), column.path);
            for (let row = 0; row < column.rowCount; row++) copy.appendFrom(column, row);
            return copy;
          });
          compare();
        },
      ),
      { seed: 21, numRuns: 250 },
    );
  }, 120_000);

  it.each<[string, Filter, number[]]>([
    ["nothing given: all", {}, [0, 1, 2, 3, 4]],
    ["empty lists: all", { must: [], should: [], must_not: [] }, [0, 1, 2, 3, 4]],
    ["an empty filter as condition: none of all", { must_not: [{}] }, []],
    ["one condition without a list", { must: { key: "city", match: { value: "Berlin" } } }, [0, 2]],
    ["any item of an array", { must: [{ key: "tags", match: { value: "x" } }] }, [1]],
    ["except: any item that is another", { must: [{ key: "tags", match: { except: ["x"] } }] }, [1, 2]],
    ["match does not convert", { must: [{ key: "n", match: { value: "1" } }] }, [3]],
    ["integers are exact", { must: [{ key: "n", match: { value: 9007199254740993n } }] }, [2]],
    ["ranges are exact", { must: [{ key: "n", range: { gt: 9007199254740992n } }] }, [2]],
    ["1 is 1.0", { must: [{ key: "n", match: { value: 1 } }] }, [0]],
    ["values_count of what is missing is 0", { must: [{ key: "tags", values_count: { lt: 1 } }] }, [0, 3, 4]],
    ["is_empty", { must: [{ is_empty: { key: "tags" } }] }, [0, 3, 4]],
    ["is_null", { must: [{ is_null: { key: "tags" } }] }, [4]],
    ["falsy values are values", { must: [{ key: "zero", match: { value: 0 } }] }, [4]],
    ["ids", { must: [{ has_id: [2, 4, 77] }] }, [2, 4]],
    [
      "nested: one item holds all",
      {
        must: [
          {
            nested: {
              key: "items",
              filter: {
                must: [
                  { key: "k", match: { value: 1 } },
                  { key: "v", match: { value: 2 } },
                ],
              },
            },
          },
        ],
      },
      [0],
    ],
    [
      "flat: different items hold each",
      {
        must: [
          { key: "items[].k", match: { value: 1 } },
          { key: "items[].v", match: { value: 2 } },
        ],
      },
      [0, 1],
    ],
    [
      "min_should",
      {
        min_should: {
          min_count: 2,
          conditions: [
            { key: "city", match: { value: "Berlin" } },
            { has_id: [0, 1] },
            { key: "n", range: { gte: 2 } },
          ],
        },
      },
      [0, 1, 2],
    ],
  ])("%s", (_, filter, expected) => {
    const rows: JsonObject[] = [
      { city: "Berlin", n: 1.0, items: [{ k: 1, v: 2 }] },
      {
        city: "Köln",
        n: 9007199254740992n,
        tags: ["x", "y"],
        items: [
          { k: 1, v: 1 },
          { k: 2, v: 2 },
        ],
      },
      { city: ["Paris", "Berlin"], n: 9007199254740993n, tags: ["y"] },
      { n: "1", tags: [] },
      { tags: null, zero: 0 },
    ];
    const view = {
      ...segment(rows, []),
      rowOfId: (id: PointId) => (Number(id) < 5 ? Number(id) : -1),
      idOfRow: (row: number) => row,
    };
    expect(matching(filter, view)).toEqual(expected);
  });

  it("decodes only what columns leave open", () => {
    const rows = Array.from({ length: 1000 }, (_, i): JsonObject => ({ group: i % 100, text: `row ${i}` }));
    const column = createColumn({ type: "integer" }, parsePath("group"));
    for (const row of rows) column.append(row);
    const view = segment(rows, [column]);
    const both: Filter = {
      must: [
        { key: "text", match: { text: "row" } },
        { key: "group", match: { value: 7 } },
      ],
    };
    expect(matching(both, view)).toHaveLength(10);
    expect(view.decoded).toBe(10);
    expect(matching({ must_not: [{ key: "group", range: { lt: 50 } }] }, view)).toHaveLength(500);
    expect(view.decoded).toBe(10);
    expect(
      compileFilter({ must: [{ key: "group", range: { lt: 50 } }] }).estimate(view).expected,
    ).toBeCloseTo(500, -2);
  });

  it("asks the payload for values that a column leaves to it", () => {
    const rows: JsonObject[] = [
      { n: 2 ** 60 },
      { n: 2n ** 60n },
      { n: 2n ** 63n },
      { n: [1, 1.5] },
      { n: "\ud800" },
    ];
    const count = (kind: ColumnKind, condition: Partial<Record<"match" | "range", unknown>>): number => {
      const column = createColumn({ type: kind }, parsePath("n"));
      for (const row of rows) column.append(row);
      return matching({ must: [{ key: "n", ...condition } as Condition] }, segment(rows, [column])).length;
    };
    for (const kind of columnKinds) {
      expect(count(kind, { match: { value: 2n ** 60n } })).toBe(2);
      expect(count(kind, { match: { any: [2n ** 60n, 2n ** 60n + 1n, 2, 3, 4] } })).toBe(2);
      expect(count(kind, { match: { value: "\ud800" } })).toBe(1);
      expect(count(kind, { match: { except: ["\ud800"] } })).toBe(4);
      expect(count(kind, { match: { except: [1] } })).toBe(5);
      expect(count(kind, { range: { gt: 1, lt: 2 } })).toBe(1);
      expect(count(kind, { range: { gte: 2n ** 63n } })).toBe(1);
    }
  });

  it.each<[unknown, string, string]>([
    [{ must: [{ key: "a", match: { value: 1.5 } }] }, "BAD_FILTER", "filter.must[0].match.value"],
    [{ must: [{ key: "a", match: { valu: 1 } }] }, "BAD_FILTER", "filter.must[0].match"],
    [{ must: [{ key: "a", match: { any: [1, "a"] } }] }, "BAD_FILTER", "filter.must[0].match.any[1]"],
    [{ must: [{ key: "a..b", match: { value: 1 } }] }, "BAD_FILTER", "filter.must[0].key: Invalid json path"],
    [
      { must: [{ key: "a" }] },
      "OUT_OF_RANGE",
      "filter.must[0]: At least one field condition must be specified",
    ],
    [{ must: [{ key: 5, match: { value: 1 } }] }, "BAD_FILTER", "filter.must[0].key: expected a string"],
    [
      { should: [{ must_not: { key: "a", range: { gt: Number.NaN } } }] },
      "BAD_FILTER",
      "filter.should[0].must_not.range.gt",
    ],
    [{ must: [{ unknown: 1 }] }, "BAD_FILTER", "filter.must[0]: expected a condition with one of key, "],
    [{ must: 5 }, "BAD_FILTER", "filter.must: expected a condition"],
    [{ musst: [] }, "BAD_FILTER", "filter.musst"],
    ["x", "BAD_FILTER", "filter"],
    [{ must: [{ has_id: ["x"] }] }, "BAD_POINT_ID", "filter.must[0].has_id[0]"],
    [{ must: [{ key: "a", geo_radius: {} }] }, "BAD_FILTER", "filter.must[0].geo_radius.center"],
    [
      { must: [{ key: "a", geo_radius: { center: { lon: 0, lat: 91 }, radius: 1 } }] },
      "BAD_FILTER",
      "filter.must[0].geo_radius.center",
    ],
    [
      { must: [{ key: "a", geo_polygon: { exterior: { points: [{ lon: 0, lat: 1 }] } } }] },
      "BAD_FILTER",
      "filter.must[0].geo_polygon.exterior.points: polygon invalid, the size must be at least 4, got 1",
    ],
    [
      { must: [{ key: "a", geo_polygon: { exterior: { points: corners(0, 1, 2, 3) } } }] },
      "BAD_FILTER",
      "filter.must[0].geo_polygon.exterior.points: polygon invalid, the first and the last points should be the same",
    ],
    [
      { must: [{ key: "a", range: { gt: "yesterday" } }] },
      "BAD_FILTER",
      "filter.must[0].range.gt: 'yesterday' does not match accepted datetime format (RFC3339)",
    ],
    [{ must: [{ key: "a", range: { gt: 1, lt: "2020-01-01" } }] }, "BAD_FILTER", "filter.must[0].range"],
    [{ must: [{ slice: { total: 0, index: 0 } }] }, "BAD_FILTER", "filter.must[0].slice.total"],
    [{ must: [{ slice: { total: 4, index: 4 } }] }, "OUT_OF_RANGE", "filter.must[0].slice.index"],
    [{ must: [{ has_vector: 4 }] }, "BAD_FILTER", "filter.must[0].has_vector"],
    [
      { must: [{ nested: { key: "a", filter: { must: [{ key: "", match: { value: 1 } }] } } }] },
      "BAD_FILTER",
      "filter.must[0].nested.filter.must[0].key",
    ],
    [{ min_should: { conditions: [], min_count: 0 } }, "OUT_OF_RANGE", "filter.min_should.min_count"],
  ])("that is wrong is refused: %j", (filter, code, message) => {
    expect(() => compileFilter(filter as Filter)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }) as Error,
    );
  });
});
