import { expect, test } from "vitest";
import { decodeRecord, type Effect, encodeRecord } from "./effects.js";

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
