import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readWords, type Word, wordsPath } from "./words.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-words-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rowOf = (rank: number) => [...Array.from({ length: 100 }, (_, i) => rank + i / 128), 7, rank];

/** A document of the package's form, with words that mislead a reader that looks for text. */
function document(words: string[]): string {
  const vectors = Object.fromEntries(words.map((word, rank) => [word, rowOf(rank)]));
  return JSON.stringify({ precision: 8, words, vectors, unkVector: [0, -1] });
}

async function all(path: string, options?: { limit?: number; from?: number }): Promise<Word[]> {
  const found: Word[] = [];
  for await (const word of readWords(path, options)) found.push(word);
  return found;
}

describe("readWords", () => {
  const words = ["the", '"', "]", "\\", "vectors", "{", '":[1]', "é", "日本", 'vectors":{', "end"];

  it("yields every word with its rank and its vector, whatever characters the word has", async () => {
    const path = join(folder, "misleading.json");
    writeFileSync(path, document(words));
    const found = await all(path);
    expect(found.map((row) => row.word)).toEqual(words);
    expect(found.map((row) => row.rank)).toEqual(words.map((_, rank) => rank));
    expect(found.map((row) => [...row.vector])).toEqual(words.map((_, rank) => rowOf(rank).slice(0, 100)));
  });

  it("yields the same when rows straddle the chunks of the stream", async () => {
    const many = Array.from({ length: 6000 }, (_, i) => `w${i}${"é".repeat(i % 5)}`);
    const path = join(folder, "long.json");
    writeFileSync(path, document(many));
    expect((await all(path)).map((row) => row.word)).toEqual(many);
  });

  it("yields the ranks from `from` up to `limit`", async () => {
    const path = join(folder, "part.json");
    writeFileSync(path, document(words));
    expect((await all(path, { from: 2, limit: 5 })).map((row) => row.rank)).toEqual([2, 3, 4]);
    expect(await all(path, { limit: 0 })).toEqual([]);
  });

  it("refuses a document that ends early and names it", async () => {
    const path = join(folder, "cut.json");
    writeFileSync(path, document(words).slice(0, -200));
    await expect(all(path)).rejects.toThrow(/cut\.json ends in the middle/);
  });

  it("refuses a row of another length and names the word", async () => {
    const path = join(folder, "short.json");
    writeFileSync(path, JSON.stringify({ words: ["ab"], vectors: { ab: [1, 2] }, unkVector: [] }));
    await expect(all(path)).rejects.toThrow(/"ab".*102 numbers/);
  });

  it("reads the installed package", async () => {
    expect(existsSync(wordsPath())).toBe(true);
    const found = await all(wordsPath(), { limit: 1000 });
    expect(found.length).toBe(1000);
    expect(found[0].word).toBe("the");
    const norm = Math.sqrt(found[0].vector.reduce((sum, x) => sum + x * x, 0));
    expect(norm).toBeCloseTo(5.821154, 5);
  });
});
