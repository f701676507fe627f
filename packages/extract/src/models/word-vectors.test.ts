/** Word vectors of the three kinds of files, and what is wrong with others. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
