import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Point } from "../client.js";
import { readPoints } from "./source.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-readers-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function all(path: string, options: { firstId?: number; using?: string } = {}): Promise<Point[]> {
  const points: Point[] = [];
  for await (const { point } of readPoints(path, { firstId: 0, ...options })) points.push(point);
  return points;
}

function fvecs(vectors: number[][]): Buffer {
  return Buffer.concat(
    vectors.map((vector) => {
      const bytes = Buffer.alloc(4 + vector.length * 4);
      bytes.writeInt32LE(vector.length, 0);
      vector.forEach((value, i) => {
        bytes.writeFloatLE(value, 4 + i * 4);
      });
      return bytes;
    }),
  );
}

function npy(header: string, values: Uint8Array, version = 1): Buffer {
  const text = Buffer.from(header.padEnd(117, " ").concat("\n"));
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.from([version, 0]), length, text, values]);
}

const header = (descr: string, shape: string, fortran = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;

describe("JSONL", () => {
  it("reads ids, plain and named vectors, payloads, and skips empty lines", async () => {
    const path = file(
      "good.jsonl",
      '{"id": 1, "vector": [1, 2.5], "payload": {"a": 0, "b": ""}}\r\n\n' +
        '{"id": "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", "vectors": {"x": [1], "y": [2, 3]}, "payload": null}\n' +
        '{"id": 18446744073709551615, "vector": [3, 4]}',
    );
    expect(await all(path)).toEqual([
      { id: 1, vector: [1, 2.5], payload: { a: 0, b: "" } },
      { id: "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", vector: { x: [1], y: [2, 3] } },
      { id: 18446744073709551615n, vector: [3, 4] },
    ]);
  });

  it("reads sparse vectors, several in one, and blobs from files beside the lines", async () => {
    file("photo.bin", Uint8Array.of(1, 2, 3));
    const vector = {
      words: { indices: [7, 1], values: [0.5, 2] },
      parts: [
        [1, 2],
        [3, 4],
      ],
      empty: { indices: [], values: [] },
    };
    const blobs = { a: { type: "image/x", file: "photo.bin" }, b: { type: "text/plain", base64: "aGk=" } };
    const path = file(
      "kinds.jsonl",
      `${JSON.stringify({ id: 1, vector, blobs })}\n{"id": 2, "vector": [[1], [2]]}\n{"id": 3, "vector": {}}`,
    );
    expect(await all(path)).toEqual([
      {
        id: 1,
        vector,
        blobs: { a: { type: "image/x", base64: "AQID" }, b: { type: "text/plain", base64: "aGk=" } },
      },
      { id: 2, vector: [[1], [2]] },
      { id: 3, vector: {} },
    ]);
  });

  it("keeps lines whole that straddle the chunks of the stream", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => "é".repeat(50_000 + i));
    const path = file(
      "long.jsonl",
      texts.map((text, id) => JSON.stringify({ id, vector: [id], payload: { text } })).join("\n"),
    );
    const points = await all(path);
    expect(points.map(({ payload }) => payload?.text)).toEqual(texts);
  });

  it.each([
    ["no JSON", '{"id": 1', /bad\.jsonl, line 2: no JSON:/],
    ["no object", "[1]", /line 2: no JSON object/],
    ["no id", '{"vector": [1]}', /line 2: no "id"/],
    ["a bad id", '{"id": null, "vector": [1]}', /line 2: "id" is neither/],
    ["no vector", '{"id": 1}', /line 2: no "vector"/],
    ["a bad vector", '{"id": 1, "vector": [1, "2"]}', /line 2: "vector" is neither/],
    ["a bad named vector", '{"id": 1, "vectors": {"x": 1}}', /line 2: vector "x" is no array/],
    ["an uneven multi-vector", '{"id": 1, "vector": [[1, 2], [3]]}', /line 2: "vector" is neither/],
    [
      "an uneven sparse vector",
      '{"id": 1, "vector": {"s": {"indices": [1], "values": []}}}',
      /line 2: vector "s"/,
    ],
    [
      "a blob without a type",
      '{"id": 1, "vector": [1], "blobs": {"b": {"base64": ""}}}',
      /blob "b" has no "type"/,
    ],
    [
      "a blob without bytes",
      '{"id": 1, "vector": [1], "blobs": {"b": {"type": "a/b"}}}',
      /expected "base64" or "file"/,
    ],
    [
      "an absent file",
      '{"id": 1, "vector": [1], "blobs": {"b": {"type": "a/b", "file": "no.bin"}}}',
      /no\.bin does not exist/,
    ],
    [
      "a file outside",
      '{"id": 1, "vector": [1], "blobs": {"b": {"type": "a/b", "file": "../"}}}',
      /\.\.\/ does not lie in/,
    ],
    ["both fields", '{"id": 1, "vector": [1], "vectors": [1]}', /line 2: both/],
    ["a bad payload", '{"id": 1, "vector": [1], "payload": 3}', /line 2: "payload" is no object/],
    ["an unknown field", '{"id": 1, "vector": [1], "pay": {}}', /line 2: unknown field "pay"/],
  ])("refuses %s, naming file and line", async (_, line, message) => {
    await expect(all(file("bad.jsonl", `{"id": 0, "vector": [1]}\n${line}\n`))).rejects.toThrow(message);
  });
});

describe("fvecs", () => {
  it("reads back any vectors, with ids from the first one on", async () => {
    const float = fc.float({ noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 40 })
          .chain((n) => fc.array(fc.array(float, { minLength: n, maxLength: n }))),
        async (vectors) => {
          const points = await all(file("any.fvecs", fvecs(vectors)), { firstId: 7 });
          expect(points).toEqual(
            vectors.map((vector, i) => ({ id: 7 + i, vector: Float32Array.from(vector) })),
          );
        },
      ),
      { seed: 42, numRuns: 50 },
    );
  });

  it("puts them into a named vector", async () => {
    expect(await all(file("named.fvecs", fvecs([[1, 2]])), { using: "x" })).toEqual([
      { id: 0, vector: { x: Float32Array.of(1, 2) } },
    ]);
  });

  it("names the byte where a record is wrong", async () => {
    const two = fvecs([
      [1, 2],
      [3, 4],
    ]);
    await expect(all(file("cut.fvecs", two.subarray(0, 20)))).rejects.toThrow(
      /cut\.fvecs.*vector at byte 12/,
    );
    await expect(all(file("cut.fvecs", two.subarray(0, 14)))).rejects.toThrow(/record, at byte 12/);
    await expect(all(file("mixed.fvecs", fvecs([[1, 2], [3]])))).rejects.toThrow(
      /byte 12 has 1 dimensions.*2/,
    );
    await expect(all(file("text.fvecs", "hello world"))).rejects.toThrow(/byte 0 says .* no fvecs file/);
  });
});

describe("npy", () => {
  const rows = [
    [1.5, -2, 3],
    [0.25, 5, 6],
  ];
  const expected = rows.map((row, id) => ({ id, vector: Float32Array.from(row) }));

  it("reads float32 and float64 in either byte order, in versions 1 and 2", async () => {
    const f4 = Buffer.from(Float32Array.from(rows.flat()).buffer);
    const f8 = Buffer.from(Float64Array.from(rows.flat()).buffer);
    expect(await all(file("a.npy", npy(header("<f4", "2, 3"), f4)))).toEqual(expected);
    expect(await all(file("a.npy", npy(header("<f8", "2, 3"), f8, 2)))).toEqual(expected);
    expect(await all(file("a.npy", npy(header(">f4", "2, 3"), Buffer.from(f4).swap32())))).toEqual(expected);
    expect(await all(file("a.npy", npy(header(">f8", "2, 3"), Buffer.from(f8).swap64())))).toEqual(expected);
  });

  it("reads three axes as several vectors a row", async () => {
    const f4 = Buffer.from(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]).buffer);
    const points = await all(file("c.npy", npy(header("<f4", "2, 2, 2"), f4)), { using: "m" });
    expect(points.map(({ vector }) => vector)).toEqual([
      { m: [Float32Array.of(1, 2), Float32Array.of(3, 4)] },
      { m: [Float32Array.of(5, 6), Float32Array.of(7, 8)] },
    ]);
  });

  it("says what it does not read", async () => {
    const f4 = Buffer.alloc(24);
    await expect(all(file("b.npy", "no numpy"))).rejects.toThrow(/b\.npy: does not begin/);
    await expect(all(file("b.npy", npy(header("<i4", "2, 3"), f4)))).rejects.toThrow(/type <i4/);
    await expect(all(file("b.npy", npy(header("<f4", "6,"), f4)))).rejects.toThrow(/shape is \(6,\)/);
    await expect(all(file("b.npy", npy(header("<f4", "2, 3", "True"), f4)))).rejects.toThrow(/columns/);
    await expect(all(file("b.npy", npy(header("<f4", "3, 3"), f4)))).rejects.toThrow(/middle of row 2 of 3/);
  });
});

it("names a file that does not exist, and a format that is not known", async () => {
  await expect(all(join(folder, "nothing.jsonl"))).rejects.toThrow(/nothing\.jsonl does not exist/);
  expect(() => readPoints("x.csv", { firstId: 0 })).toThrow(/x\.csv: the format .*\.npy/);
});
