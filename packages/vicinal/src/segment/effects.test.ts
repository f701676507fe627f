import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecord, type Effect, encodeRecord, type StoredVector } from "./effects.js";

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const effects: Effect[] = [
  {
    kind: "upsert",
    points: [
      {
        id: 7,
        payload: json({ a: 1 }),
        vectors: [
          { name: "", vector: { data: Float32Array.of(1, -2.5, 0), norm: 3 } },
          { name: "text", vector: { data: Float32Array.of(0.1), norm: 1 } },
          { name: "bytes", vector: { data: Float32Array.of(0, 1, 255), norm: 1 } },
          { name: "none", vector: { data: Float32Array.of(), norm: 1 } },
        ],
      },
      { id: 2n ** 64n - 1n, payload: json({}), vectors: [] },
      { id: "0f8fad5b-d9cb-469f-a165-70867728950e", payload: json({ b: "ü" }), vectors: [] },
    ],
  },
  {
    kind: "upsert",
    points: [
      { id: 1, payload: json({}), vectors: [], expires: 1_700_000_000_000.5 },
      { id: 2, payload: json({}), vectors: [] },
    ],
  },
  {
    kind: "upsert",
    points: [
      {
        id: 1,
        payload: json({}),
        vectors: [],
        blobs: json({ photo: { type: "x/y", size: 1, sha256: "ab" } }),
      },
      { id: 2, payload: json({}), vectors: [], expires: 5 },
    ],
  },
  { kind: "blob", id: 2n ** 60n, name: "photo", blob: { type: "x/y", size: 0, sha256: "cd" } },
  { kind: "blob", id: 3, name: "photo", blob: undefined },
  { kind: "delete", ids: [1, 2n ** 60n] },
  { kind: "payload", mode: "delete", ids: [3], path: "", payload: json({}), keys: ["a.b", "c[]"] },
  { kind: "payload", mode: "set", ids: [3], path: "x", payload: json({ y: null }), keys: [] },
  { kind: "field", path: "city", schema: json({ type: "keyword" }) },
  { kind: "field", path: "city", schema: undefined },
  { kind: "configure", change: json({ hnsw: { m: 4 } }) },
];

test("records say the same after a round trip", () => {
  expect(decodeRecord(encodeRecord(1234.5, effects), "log")).toEqual({ timestampMs: 1234.5, effects });
});

test("a record that ends early or is of another version is corruption that names the log", () => {
  const bytes = encodeRecord(0, effects);
  for (let length = 0; length < bytes.length; length += 5)
    expect(() => decodeRecord(bytes.slice(0, length), "the log")).toThrow(/the log/);
  bytes[0] = 9;
  expect(() => decodeRecord(bytes, "the log")).toThrow(/version/);
});

const float = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0.5, -0, 65_504),
);
const floats = (length: number) =>
  fc.array(float, { minLength: length, maxLength: length }).map((numbers) => Float32Array.from(numbers));

const dense = fc.record({ data: fc.array(float).map((n) => Float32Array.from(n)), norm: fc.constant(2) });
const sparse = fc
  .uniqueArray(fc.nat(2 ** 32 - 1))
  .chain((terms) =>
    fc.record({ terms: fc.constant(Uint32Array.from(terms).sort()), values: floats(terms.length) }),
  );
const multi = fc
  .record({
    count: fc.integer({ min: 1, max: 5 }),
    size: fc.integer({ min: 1, max: 9 }),
    normed: fc.boolean(),
  })
  .chain(({ count, size, normed }) =>
    fc.record({
      data: floats(count * size),
      count: fc.constant(count),
      norms: normed ? floats(count) : fc.constant(undefined),
    }),
  );

test("vectors of every kind say the same after a round trip", () => {
  const anyKind: fc.Arbitrary<StoredVector> = fc.oneof(dense, sparse, multi);
  fc.assert(
    fc.property(fc.array(anyKind, { maxLength: 4 }), (vectors) => {
      const named = vectors.map((vector, i) => ({ name: `v${i}`, vector }));
      const written: Effect[] = [{ kind: "upsert", points: [{ id: 1, vectors: named, payload: json({}) }] }];
      expect(decodeRecord(encodeRecord(0, written), "log").effects).toEqual(written);
    }),
    { seed: 3, numRuns: 200 },
  );
});
