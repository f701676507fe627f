import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashOf, placeOf } from "./points.js";

const ids = Array.from({ length: 20_000 }, (_, i) => i);

describe("points are spread over shards", () => {
  test("evenly", () => {
    for (const count of [2, 3, 7, 32]) {
      const shards = Array.from({ length: count }, (_, i) => i);
      const counts = new Array(count).fill(0);
      for (const id of ids) counts[placeOf(hashOf(id), shards)]++;
      const mean = ids.length / count;
      for (const found of counts) expect(Math.abs(found - mean)).toBeLessThan(6 * Math.sqrt(mean));
    }
  });

  test("a shard more takes its share from all, one less leaves its points to all; no other point moves", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(1000), { minLength: 2, maxLength: 12 }),
        fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.uuid()),
        fc.nat(),
        (numbers, id, pick) => {
          const all = numbers.toSorted((a, b) => a - b);
          const gone = all[pick % all.length];
          const rest = all.filter((shard) => shard !== gone);
          const now = all[placeOf(hashOf(id), all)];
          if (now !== gone) expect(rest[placeOf(hashOf(id), rest)]).toBe(now);
        },
      ),
    );
  });

  test("by what an id means, and for ever the same", () => {
    expect(hashOf(42)).toBe(hashOf(42n));
    expect(hashOf("550E8400-E29B-41D4-A716-446655440000")).toBe(hashOf("550e8400e29b41d4a716446655440000"));
    const places = ids.slice(0, 20).map((id) => placeOf(hashOf(id), [0, 1, 2, 3]));
    expect(places).toEqual([2, 2, 3, 2, 3, 0, 1, 2, 3, 3, 1, 2, 3, 0, 2, 2, 3, 2, 1, 3]);
    expect(hashOf("550e8400-e29b-41d4-a716-446655440000")).toBe(3514219723);
  });
});
