/** Word vectors of each kind of file, and what is wrong with others. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterEach, beforeEach, expect, it } from "vitest";
import { wordVectors } from "./word-vectors.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-words-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(...lines: string[]): string {
  const path = join(folder, "words.txt");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

const words = ["cat 1 0 0", "dog 0.5 0.5 0", "Paris 0 0 1", "don't 0 2 0", "at the 9 9 9"];

it.each([
  ["GloVe", words],
  ["word2vec", ["5 3", ...words.map((line) => `${line} `)]],
])("reads %s and takes the mean of the words that are known", async (_, lines) => {
  const model = await wordVectors(file(...lines));
  expect(model).toMatchObject({ id: "words.txt", modality: "text", dimensions: 3, metric: "Cosine" });
  const texts = ["Cat, dog & unicorn!", "PARIS paris Paris", "I don't", "unicorns", " "];
  const { vectors, failures } = await model.embed(texts);
  expect(vectors.slice(0, 3).map((vector) => vector && Array.from(vector))).toEqual([
    [0.75, 0.25, 0],
    [0, 0, 1],
    [0, 2, 0],
  ]);
  expect(failures).toMatchObject([
    { index: 3, error: { code: "TEXT_EMPTY" } },
    { index: 4, error: { code: "TEXT_EMPTY" } },
  ]);
});

it("reads no more words than are wanted", async () => {
  const model = await wordVectors(file(...words), { maxWords: 1, id: "one" });
  expect((await model.embed(["cat", "dog"])).failures).toMatchObject([{ index: 1 }]);
  expect(model.id).toBe("one");
});

it.each([
  [["cat 1 2", "dog 1"], /line 2: expected a word and 2 numbers/],
  [["cat 1 2", "dog 1 x"], /line 2/],
  [["cat"], /line 1/],
  [["5 3"], /holds no words/],
])("refuses %j, naming the line", async (lines, why) => {
  const reading = wordVectors(file(...lines));
  await expect(reading).rejects.toThrow(why);
  await expect(reading).rejects.toMatchObject({ code: "MODEL_DAMAGED" });
});

it("names a file that is not there", async () => {
  await expect(wordVectors(join(folder, "absent.txt"))).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
});

const table: [string, number[]][] = [
  ["cat", [1, 0, 0]],
  ["dog", [0.5, 0.5, 0]],
  ["été", [0, 0, -2]],
];

function npy(descr: string, shape: string, values: Uint8Array, order = "False"): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;
  const begin = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
  return Buffer.concat([begin, Buffer.from(header), values]);
}

const raw = (data: ArrayBufferView) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
const numbers = table.flatMap(([, vector]) => vector);
const floats = npy("<f4", "3, 3", raw(Float32Array.from(numbers)));
const doubles = npy(">f8", "3, 3", raw(Float64Array.from(numbers)).swap64());
const halfOf: Record<number, number> = { 0: 0, 1: 0x3c00, 0.5: 0x3800, [-2]: 0xc000 };
const halves = npy("<f2", "3, 3", raw(Uint16Array.from(numbers, (x) => halfOf[x])));
const unicode = npy(
  "<U5",
  "3,",
  raw(
    Uint32Array.from(table.flatMap(([word]) => [...word.padEnd(5, "\0")].map((c) => c.codePointAt(0) ?? 0))),
  ),
);
const bytes = npy(
  "|S6",
  "3,",
  Buffer.concat(table.map(([word]) => Buffer.concat([Buffer.from(word), Buffer.alloc(6)]).subarray(0, 6))),
);

function binary(separator = ""): Uint8Array {
  const rows = table.map(([word, vector]) =>
    Buffer.concat([Buffer.from(`${word} `), raw(Float32Array.from(vector)), Buffer.from(separator)]),
  );
  return Buffer.concat([Buffer.from("3 3\n"), ...rows]);
}

function write(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

it.each<[string, Uint8Array]>([
  ["a.bin", binary()],
  ["b.bin", binary("\n")],
  ["a.npz", zipSync({ "vectors.npy": floats, "words.npy": unicode })],
  ["b.npz", zipSync({ "w.npy": bytes, "v.npy": doubles }, { level: 0 })],
  ["a.npy", halves],
])("reads %s", async (name, content) => {
  write("a.txt", `${table.map(([word]) => word).join("\n")}\n`);
  const model = await wordVectors(write(name, content));
  const { vectors } = await model.embed(["Cat", "dog", "été"]);
  expect(vectors.map((vector) => Array.from(vector ?? []))).toEqual(table.map(([, vector]) => vector));
});

it("reads word2vec's .bin across the pieces that a file comes in", async () => {
  const count = 3000;
  const rows = Array.from({ length: count }, (_, i) =>
    Buffer.concat([Buffer.from(`w${i} `), raw(Float32Array.from({ length: 50 }, (_, d) => i + d))]),
  );
  const model = await wordVectors(write("large.bin", Buffer.concat([Buffer.from(`${count} 50\n`), ...rows])));
  const { vectors, failures } = await model.embed(Array.from({ length: count }, (_, i) => `w${i}`));
  expect(failures).toEqual([]);
  expect(vectors.every((vector, i) => vector?.[0] === i && vector[49] === i + 49)).toBe(true);
});

it.each<[string, Uint8Array, RegExp]>([
  ["c.bin", binary().subarray(0, 30), /c\.bin ends in word 2 of 3$/],
  ["c.bin", Buffer.from("cat 1 0 0\n"), /c\.bin does not begin with how many words/],
  ["c.npz", Buffer.from("no zip"), /c\.npz is no npz file/],
  ["c.npz", zipSync({ "v.npy": floats }), /has 0 arrays of strings and 1 matrices/],
  [
    "c.npz",
    zipSync({ "v.npy": floats, "w.npy": npy("|O", "3,", Buffer.alloc(9)) }),
    /c\.npz, w\.npy: has values of type \|O/,
  ],
  ["c.npy", floats.subarray(0, 90), /c\.npy: ends/],
  ["c.npy", npy("<f4", "3, 3", Buffer.alloc(36), "True"), /columns first/],
  ["c.npy", npy("<f4", "9,", Buffer.alloc(36)), /shape \(9\), expected a matrix/],
  ["c.npy", npy("<f4", "1, 2", raw(Float32Array.of(1, Number.NaN))), /row 0: its numbers are not finite/],
  ["c.npy", floats, /has 1 words for 3 vectors/],
])("refuses a damaged %s", async (name, content, why) => {
  write("c.txt", "cat\n");
  const reading = wordVectors(write(name, content));
  await expect(reading).rejects.toThrow(why);
  await expect(reading).rejects.toMatchObject({ code: "MODEL_DAMAGED" });
});

it.each(["absent.bin", "absent.npz", "absent.npy"])("names %s, which is not there", async (name) => {
  await expect(wordVectors(join(folder, name))).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
});
