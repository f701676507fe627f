import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasBit } from "../runtime/bits.js";
import type { ColumnKind, FieldColumn } from "./column.js";
import { columnKinds, createColumn, type FieldSchema, loadColumn } from "./columns.js";
import { type Condition, compileFilter, type Filter, type SegmentView } from "./filter.js";
import { datetimes, reopened, scalar } from "./fixtures.test.helper.js";
import type { PointId } from "./id.js";
import { decodePayload, encodePayload, type JsonObject, type JsonValue } from "./json.js";
import { parsePath, valuesAt } from "./path.js";
import { TextColumn } from "./text-column.js";

const paths = ["a", "a[]", "b", "b.a", "b[].a", "a[0]"];

// ------------------------------------------------------------------ a reference that is plain rather than fast

/** A point as the reference sees it. */
interface Seen {
  payload: JsonObject;
  id?: PointId;
  /** Paths with a text index. */
  texts: ReadonlySet<string>;
  /** What stands before paths, inside a nested filter. */
  prefix?: string;
}

function naive(filter: Filter, point: Seen): boolean {
  const list = (part: Condition | Condition[] | null | undefined): Condition[] =>
    part === undefined || part === null ? [] : Array.isArray(part) ? part : [part];
  const holds = (condition: Condition): boolean => naiveCondition(condition, point);
  const should = list(filter.should);
  const least = filter.min_should;
  return (
    list(filter.must).every(holds) &&
    !list(filter.must_not).some(holds) &&
    (should.length === 0 || should.some(holds)) &&
    (!least || least.conditions.filter(holds).length >= least.min_count)
  );
}

function naiveCondition(condition: Condition, point: Seen): boolean {
  const { payload, id, texts, prefix = "" } = point;
  if ("has_vector" in condition) return id !== undefined && hasVector(id, condition.has_vector);
  if ("slice" in condition)
    return id !== undefined && sipHash(id) % BigInt(condition.slice.total) === BigInt(condition.slice.index);
  if ("has_id" in condition) return id !== undefined && condition.has_id.includes(id);
  if ("nested" in condition) {
    const { key, filter } = condition.nested;
    const items = key.endsWith("[]") ? key : `${key}[]`;
    return valuesAt(payload, parsePath(items)).some(
      (v) =>
        typeof v === "object" &&
        v !== null &&
        !Array.isArray(v) &&
        naive(filter, { payload: v, texts, prefix: `${prefix}${items}.` }),
    );
  }
  if (!("key" in condition)) {
    if ("is_empty" in condition) {
      return valuesAt(payload, parsePath(condition.is_empty.key)).every(
        (v) => v === null || (Array.isArray(v) && v.length === 0),
      );
    }
    if ("is_null" in condition) {
      return valuesAt(payload, parsePath(condition.is_null.key)).some((v) => v === null);
    }
    return naive(condition, point);
  }
  const values = valuesAt(payload, parsePath(condition.key));
  const { match, range, values_count: count, geo_bounding_box: box, geo_radius: circle } = condition;
  if (count) {
    const sizes = values.map((v) => (v === null ? 0 : Array.isArray(v) ? v.length : 1));
    return (sizes.length ? sizes : [0]).some((n) => inRange(n, count));
  }
  const items = values.flatMap((v) => (Array.isArray(v) ? v : [v]));
  if (typeof condition.is_empty === "boolean") {
    const empty = values.map((v) => v === null || (Array.isArray(v) && v.length === 0));
    return (empty.length ? empty : [true]).includes(condition.is_empty);
  }
  if (typeof condition.is_null === "boolean") {
    const nulls = values.map((v) => v === null || (Array.isArray(v) && v.some((x) => x === null)));
    return (nulls.length ? nulls : [false]).includes(condition.is_null);
  }
  const isText = texts.has(prefix + condition.key);
  if (isText && match && ("text" in match || "text_any" in match || "phrase" in match)) {
    const stored = items.filter((item) => typeof item === "string").map(words);
    if (naiveText(match, stored)) return true;
  }
  return items.some((item) => {
    if (range && isNumber(item) && inRange(item, range as NumberRange)) return true;
    if (range && typeof item === "string" && datetimes.has(item)) {
      const bounds = Object.entries(range).map(([end, bound]) => [end, datetimes.get(bound as string)]);
      if (bounds.every(([, bound]) => bound !== undefined) && bounds.length > 0)
        if (inRange(datetimes.get(item)!, Object.fromEntries(bounds))) return true;
    }
    if (box && isPlace(item) && within(item, box.top_left, box.bottom_right)) return true;
    if (circle && isPlace(item) && chordMetres(item, circle.center) < circle.radius) return true;
    if (!match) return false;
    if ("value" in match) return same(item, match.value);
    if ("any" in match) return match.any.some((value) => same(item, value));
    if ("except" in match) return item !== null && !match.except.some((value) => same(item, value));
    if (typeof item !== "string") return false;
    if ("text" in match) return !isText && item.includes(match.text);
    if ("phrase" in match) return !isText && item.includes(match.phrase);
    if ("text_any" in match)
      return !isText && match.text_any.split(/\s+/).some((word) => word !== "" && item.includes(word));
    if ("prefix" in match) return item.startsWith(match.prefix);
    return false;
  });
}

function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

function naiveText(
  match: { text: string } | { text_any: string } | { phrase: string },
  stored: string[][],
): boolean {
  const all = stored.flat();
  if ("phrase" in match) {
    const phrase = words(match.phrase);
    return (
      phrase.length > 0 && stored.some((text) => `/${text.join("/")}/`.includes(`/${phrase.join("/")}/`))
    );
  }
  if ("text_any" in match) return words(match.text_any).some((word) => all.includes(word));
  return words(match.text).length > 0 && words(match.text).every((word) => all.includes(word));
}

interface Place {
  lon: number;
  lat: number;
}
function isPlace(value: JsonValue): value is Place & JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && "lon" in value && "lat" in value
  );
}

function within({ lon, lat }: Place, northWest: Place, southEast: Place): boolean {
  const past = [lon > northWest.lon, lon < southEast.lon];
  const around = southEast.lon < northWest.lon ? past.includes(true) : !past.includes(false);
  return around && lat < northWest.lat && lat > southEast.lat;
}

/** By the straight line through the globe. */
function chordMetres(a: Place, b: Place): number {
  const at = ({ lon, lat }: Place): number[] => {
    const [x, y] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
    return [Math.cos(y) * Math.cos(x), Math.cos(y) * Math.sin(x), Math.sin(y)];
  };
  const [p, q] = [at(a), at(b)];
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) / 2));
}

function hasVector(id: PointId, name: string): boolean {
  return name === "image" && typeof id === "number" && id % 3 === 0;
}

const mask = 2n ** 64n - 1n;
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & mask;

/** SipHash-2-4 with a zero key, word for word as published. */
function sipHash(id: PointId): bigint {
  const bytes =
    typeof id === "string"
      ? [...id.replaceAll("-", "").matchAll(/../g)].map(([pair]) => Number.parseInt(pair, 16))
      : Array.from({ length: 8 }, (_, i) => Number((BigInt(id) >> BigInt(8 * i)) & 255n));
  let [a, b, c, d] = [0x736f6d6570736575n, 0x646f72616e646f6dn, 0x6c7967656e657261n, 0x7465646279746573n];
  const round = (): void => {
    a = (a + b) & mask;
    b = rotate(b, 13n) ^ a;
    a = rotate(a, 32n);
    c = (c + d) & mask;
    d = rotate(d, 16n) ^ c;
    a = (a + d) & mask;
    d = rotate(d, 21n) ^ a;
    c = (c + b) & mask;
    b = rotate(b, 17n) ^ c;
    c = rotate(c, 32n);
  };
  const blocks = [...bytes, ...Array(7).fill(0), bytes.length];
  for (let i = 0; i < blocks.length; i += 8) {
    const block = blocks.slice(i, i + 8).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    d ^= block;
    round();
    round();
    a ^= block;
  }
  c ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return a ^ b ^ c ^ d;
}

function isNumber(value: JsonValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function same(a: JsonValue, b: JsonValue): boolean {
  // Neither less nor greater: exact between number and bigint.
  return isNumber(a) && isNumber(b) ? !(a < b) && !(a > b) : a === b;
}

type Bound = number | bigint | null;
interface NumberRange {
  gt?: Bound;
  gte?: Bound;
  lt?: Bound;
  lte?: Bound;
}
function inRange(n: number | bigint, range: NumberRange): boolean {
  if (range.gt !== undefined && range.gt !== null && !(n > range.gt)) return false;
  if (range.gte !== undefined && range.gte !== null && !(n >= range.gte)) return false;
  if (range.lt !== undefined && range.lt !== null && !(n < range.lt)) return false;
  return !(range.lte !== undefined && range.lte !== null && !(n <= range.lte));
}

// --------------------------------------------------------------------------------- random payloads and filters

const places = fc.record({
  lon: fc.constantFrom(-180, -179, -10, 0, 13.4, 179, 180, 200),
  lat: fc.constantFrom(-90, -1, 0, 52.5, 89, 90),
});

const nestedValue: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 5, arbitrary: scalar },
  {
    weight: 2,
    arbitrary: fc.array(fc.oneof({ weight: 6, arbitrary: scalar }, fc.array(scalar, { maxLength: 2 })), {
      maxLength: 4,
    }),
  },
  { weight: 2, arbitrary: fc.record({ a: scalar }, { requiredKeys: [] }) as fc.Arbitrary<JsonValue> },
  { weight: 2, arbitrary: places as fc.Arbitrary<JsonValue> },
  { weight: 1, arbitrary: fc.array(places, { maxLength: 3 }) as fc.Arbitrary<JsonValue> },
  { weight: 1, arbitrary: fc.array(fc.record({ a: scalar }), { maxLength: 3 }) as fc.Arbitrary<JsonValue> },
);

const payloads = fc.record(
  { a: nestedValue, b: nestedValue },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;

const isInt64 = (v: JsonValue): boolean =>
  Number.isSafeInteger(v) || (typeof v === "bigint" && v >= -(2n ** 63n) && v < 2n ** 63n);
const strings = scalar.filter((v): v is string => typeof v === "string");
const integers = scalar.filter((v): v is number | bigint => isInt64(v));
const numbers = scalar.filter((v): v is number | bigint => isNumber(v));
const list = fc.oneof(fc.array(strings, { maxLength: 6 }), fc.array(integers, { maxLength: 6 }));
const matches = fc.oneof(
  fc.record({ value: fc.oneof(strings, integers, fc.boolean()) }),
  fc.record({ any: list }),
  fc.record({ except: list }),
  fc.record({ text: strings }),
  fc.record({ text_any: strings }),
  fc.record({ phrase: strings }),
  fc.record({ prefix: strings }),
);
const ranges = fc.record({ gt: numbers, gte: numbers, lt: numbers, lte: numbers }, { requiredKeys: [] });
const instants = fc.constantFrom(...datetimes.keys());
const timeRanges = fc.record(
  { gt: instants, gte: instants, lt: instants, lte: instants },
  { requiredKeys: [] },
);
const onGlobe = places.filter(({ lon }) => lon <= 180);
const boxes = fc.record({ top_left: onGlobe, bottom_right: onGlobe });
// Radii that no two of the places are apart.
const circles = fc.record({
  center: onGlobe,
  radius: fc.constantFrom(1, 123_457, 1_234_567, 9_876_543, 3e7),
});
const key = fc.constantFrom(...paths);
const ids = [0, 1, 2, 2 ** 53 - 1, 2n ** 64n - 1n, "550e8400-e29b-41d4-a716-446655440000"];

const { filter: filters } = fc.letrec<{ filter: Filter; condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small" },
    { weight: 6, arbitrary: fc.record({ key, match: matches }) as fc.Arbitrary<Condition> },
    { weight: 5, arbitrary: fc.record({ key, range: ranges }) as fc.Arbitrary<Condition> },
    { weight: 1, arbitrary: fc.record({ key, range: ranges, match: matches }) as fc.Arbitrary<Condition> },
    { weight: 2, arbitrary: fc.record({ key, range: timeRanges }) as fc.Arbitrary<Condition> },
    { weight: 2, arbitrary: fc.record({ key, geo_bounding_box: boxes }) as fc.Arbitrary<Condition> },
    { weight: 2, arbitrary: fc.record({ key, geo_radius: circles }) as fc.Arbitrary<Condition> },
    { weight: 1, arbitrary: fc.record({ has_vector: fc.constantFrom("image", "none") }) },
    {
      weight: 1,
      arbitrary: fc.record({
        slice: fc.constantFrom({ total: 3, index: 1 }, { total: 2 ** 32 - 1, index: 7 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ key, is_empty: fc.boolean() }) as fc.Arbitrary<Condition> },
    { weight: 1, arbitrary: fc.record({ key, is_null: fc.boolean() }) as fc.Arbitrary<Condition> },
    { weight: 1, arbitrary: fc.record({ is_empty: fc.record({ key }) }) },
    { weight: 1, arbitrary: fc.record({ is_null: fc.record({ key }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ key, values_count: fc.record({ gte: fc.nat(3) }) }) as fc.Arbitrary<Condition>,
    },
    { weight: 1, arbitrary: fc.record({ has_id: fc.subarray(ids) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        nested: fc.record({ key: fc.constantFrom("a", "b[]"), filter: tie("filter") }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ must: fc.array(tie("condition"), { maxLength: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ must_not: tie("condition") }) },
  ) as fc.Arbitrary<Condition>,
  filter: fc.record(
    {
      must: fc.array(tie("condition"), { maxLength: 3 }),
      should: fc.array(tie("condition"), { maxLength: 3 }),
      must_not: fc.array(tie("condition"), { maxLength: 2 }),
      min_should: fc.record({
        conditions: fc.array(tie("condition"), { maxLength: 3 }),
        min_count: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { requiredKeys: [] },
  ),
}));

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
