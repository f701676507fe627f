/** What the tests of this room share: sections kept in memory, and random payloads. */
import fc from "fast-check";
import type { JsonObject, JsonValue } from "./json.js";
import type { SavedSections, SectionSource } from "./sections.js";

/** Saved sections as if they had been written to a file and opened. */
export function reopened(saved: SavedSections): SectionSource {
  const meta = JSON.parse(JSON.stringify(saved.meta)) as Record<string, unknown>;
  const bytesByName = new Map<string, Uint8Array>();
  for (const { name, bytes } of saved.sections) {
    const chunks = bytes instanceof Uint8Array ? [bytes] : [...bytes];
    const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    bytesByName.set(name, whole);
  }
  return {
    meta,
    length: (name) => bytesByName.get(name)?.length ?? 0,
    read: async (name, offset, length) => bytesByName.get(name)!.slice(offset, offset + length),
  };
}

const awkwardNumbers = fc.constantFrom<number | bigint>(
  0,
  1,
  -1,
  1.5,
  2 ** 53 - 1,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 80n,
  1e300,
);

/** Ways to write points in time, with the microseconds that they mean. */
export const datetimes: ReadonlyMap<string, number | bigint> = new Map<string, number | bigint>([
  ["2020-01-01", 1_577_836_800_000_000],
  ["2020-01-01T00:00:00Z", 1_577_836_800_000_000],
  ["2020-01-01 01:00:00.000001+0100", 1_577_836_800_000_001],
  ["2019-12-31T23:59:59.9999999Z", 1_577_836_799_999_999],
  ["9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999n],
  ["9999-12-31T23:59:59.999998Z", 253_402_300_799_999_998n],
]);

/** Few distinct values, so that filters meet them. */
export const scalar: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "b", "red", "reddish", "", "é", "\ud800", "a b", "B a, a b") },
  { weight: 2, arbitrary: fc.constantFrom(...datetimes.keys()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "550e8400-e29b-41d4-a716-446655440000",
      "550E8400-E29B-41D4-A716-446655440000",
      "00000000-0000-0000-0000-00000000000a",
    ),
  },
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 3, arbitrary: awkwardNumbers },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 2, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constant(null) },
);

export const jsonValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 5, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 4 }) },
    { weight: 2, arbitrary: fc.dictionary(key(), tie("value"), { maxKeys: 4, noNullPrototype: true }) },
  ),
})).value;

function key(): fc.Arbitrary<string> {
  return fc.constantFrom("a", "b", "c", "x.y", "__proto__", "constructor", "ключ");
}

export const payloads: fc.Arbitrary<JsonObject> = fc.dictionary(key(), jsonValue, {
  maxKeys: 4,
  noNullPrototype: true,
}) as fc.Arbitrary<JsonObject>;
