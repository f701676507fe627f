/** Random payloads, and random filters that often match them. */
import fc from "fast-check";
import type { Condition, Filter } from "./filter.js";
import { isNumber } from "./filter-reference.test.helper.js";
import { datetimes, scalar } from "./fixtures.test.helper.js";
import type { JsonObject, JsonValue } from "./json.js";

export const paths = ["a", "a[]", "b", "b.a", "b[].a", "a[0]"];

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

export const payloads = fc.record(
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
export const key = fc.constantFrom(...paths);
export const ids = [0, 1, 2, 2 ** 53 - 1, 2n ** 64n - 1n, "550e8400-e29b-41d4-a716-446655440000"];

export const { filter: filters } = fc.letrec<{ filter: Filter; condition: Condition }>((tie) => ({
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
