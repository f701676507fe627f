import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  comparePointIds,
  type PointId,
  parsePointId,
  parsePointIdText,
  readIdKey,
  tryPointId,
  writeIdKey,
} from "./id.js";

const uuid = "550e8400-e29b-41d4-a716-446655440000";
const ids: fc.Arbitrary<PointId> = fc
  .oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.maxSafeNat(),
    fc.constantFrom(0, 2 ** 53 - 1, 2n ** 53n, 2n ** 64n - 1n, 2 ** 32, 2 ** 32 - 1),
    fc.uuid(),
  )
  .map((id) => parsePointId(id));

describe("parsePointId", () => {
  it.each<[unknown, PointId]>([
    [0, 0],
    [-0, 0],
    [7n, 7],
    [9007199254740991n, 9007199254740991],
    [9007199254740992n, 9007199254740992n],
    [18446744073709551615n, 18446744073709551615n],
    [uuid, uuid],
    [uuid.toUpperCase(), uuid],
    [uuid.replaceAll("-", ""), uuid],
    [`urn:uuid:${uuid}`, uuid],
    [`{${uuid}}`, uuid],
  ])("takes %s", (given, canonical) => {
    expect(parsePointId(given)).toBe(canonical);
  });

  it.each([
    [-1],
    [1.5],
    [Number.NaN],
    [2 ** 53],
    [-1n],
    [2n ** 64n],
    ["12"],
    ["x"],
    [""],
    [null],
    [undefined],
    [{}],
    [[]],
  ])("refuses %s", (given) => {
    expect(tryPointId(given)).toBeUndefined();
    expect(() => parsePointId(given, "points[3].id")).toThrow(
      expect.objectContaining({
        code: "BAD_POINT_ID",
        message: expect.stringMatching(/^points\[3\]\.id: value .* is not a valid point ID/),
      }) as Error,
    );
  });

  it("reads text from outside JSON", () => {
    expect(parsePointIdText("42")).toBe(42);
    expect(parsePointIdText("18446744073709551615")).toBe(18446744073709551615n);
    expect(parsePointIdText(uuid)).toBe(uuid);
    expect(() => parsePointIdText("18446744073709551616")).toThrow(/not a valid point ID/);
  });
});

describe("keys", () => {
  it("give the id back, at any offset", () => {
    fc.assert(
      fc.property(ids, fc.nat(3), (id, at) => {
        const words = new Uint32Array(8).fill(0xdeadbeef);
        expect(readIdKey(writeIdKey(id, words, at), words, at)).toBe(id);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it("compare as the ids do: integers ascending, then UUIDs", () => {
    const key = (id: PointId): number[] => {
      const words = new Uint32Array(4);
      return [writeIdKey(id, words), ...words];
    };
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const x = key(a);
        const y = key(b);
        const at = x.findIndex((word, i) => word !== y[i]);
        const byKey = at < 0 ? 0 : Math.sign(x[at] - y[at]);
        expect(Math.sign(comparePointIds(a, b))).toBe(byKey);
      }),
      { seed: 2, numRuns: 1000 },
    );
    const sorted = [uuid, 2n ** 63n, 5, 2 ** 53 - 1].sort(comparePointIds);
    expect(sorted).toEqual([5, 2 ** 53 - 1, 2n ** 63n, uuid]);
  });
});
