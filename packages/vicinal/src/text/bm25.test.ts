import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBm25, tokenDimension } from "./bm25.js";
import { murmur3 } from "./murmur.js";

describe("murmur3", () => {
  // Values that other implementations publish.
  test.each([
    ["", 0, 0],
    ["", 1, 0x514e28b7],
    ["", 0xffffffff, 0x81f16f39],
    ["test", 0, 0xba6bd213],
    ["hello", 0, 0x248bfa47],
    ["hello, world", 0, 0x149bbb7f],
    ["Hello, world!", 0, 0xc0363e43],
    ["Hello, world!", 0x9747b28c, 0x24884cba],
    ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
    ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
    ["ππππππππ", 0x9747b28c, 0xd58063c1],
  ])("%j with seed %i", (text, seed, expected) => {
    expect(murmur3(text, seed)).toBe(expected);
  });

  test("any string hashes as the definition says, in whole numbers", () => {
    const mask = 0xffff_ffffn;
    const rotated = (x: bigint, bits: bigint) => ((x << bits) | (x >> (32n - bits))) & mask;
    const defined = (text: string): number => {
      const bytes = new TextEncoder().encode(text);
      let hash = 0n;
      for (let at = 0; at < bytes.length; at += 4) {
        let block = 0n;
        for (let i = 3; i >= 0; i--) block = (block << 8n) | BigInt(bytes[at + i] ?? 0);
        const mixed = (rotated((block * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask;
        hash ^= mixed;
        if (at + 4 <= bytes.length) hash = (rotated(hash, 13n) * 5n + 0xe6546b64n) & mask;
      }
      hash ^= BigInt(bytes.length);
      hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) & mask;
      hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) & mask;
      return Number(hash ^ (hash >> 16n));
    };
    const ascii = fc.string({ unit: "grapheme-ascii", maxLength: 130 });
    const any = fc.string({ unit: "grapheme", maxLength: 70 });
    fc.assert(
      fc.property(fc.oneof(ascii, any), (text) => {
        expect(murmur3(text)).toBe(defined(text));
      }),
      { seed: 5, numRuns: 400 },
    );
  });

  test("a token's dimension is the hash without its sign", () => {
    expect(tokenDimension("hello")).toBe(0x248bfa47);
    expect(tokenDimension("test")).toBe(2 ** 32 - 0xba6bd213);
  });
});

const plain = { stemmer: { type: "none" }, stopwords: {} } as const;

function asMap({ indices, values }: { indices: number[]; values: number[] }): Map<number, number> {
  return new Map(indices.map((index, i) => [index, values[i]]));
}

describe("BM25", () => {
  test("a document's values are the term frequency's part of the formula", () => {
    const vector = asMap(createBm25({ ...plain, avg_len: 5 }).document("the cat sat on the"));
    expect(vector.size).toBe(4);
    // 2 * 2.2 / (1.2 * (0.25 + 0.75 * 5 / 5) + 2)
    expect(vector.get(tokenDimension("the"))).toBe(1.375);
    expect(vector.get(tokenDimension("cat"))).toBe(1);
  });

  test("a query's values are ones", () => {
    const { indices, values } = createBm25(plain).query("foo bar foo baz bar");
    expect(values).toEqual([1, 1, 1]);
    expect(indices).toEqual(["foo", "bar", "baz"].map(tokenDimension).sort((a, b) => a - b));
  });

  test("English words are stemmed and stop words dropped, unless said otherwise", () => {
    expect(createBm25().document("Running and the run")).toEqual({
      indices: [tokenDimension("run")],
      values: [Math.fround((2 * 2.2) / (1.2 * (0.25 + (0.75 * 2) / 256) + 2))],
    });
    expect(createBm25({ stemmer: { type: "none" } }).query("running and run").indices).toHaveLength(2);
    expect(createBm25({ stopwords: {} }).query("running and run").indices).toHaveLength(2);
    expect(createBm25({ language: "none" }).query("running and run").indices).toHaveLength(3);
    expect(createBm25({ language: "german" }).query("die Häuser und the").indices).toHaveLength(2);
    expect(createBm25({ language: "de", stopwords: "english" }).query("die Häuser the").indices).toHaveLength(
      2,
    );
  });

  test("a text of stop words has no tokens", () => {
    for (const text of ["", "  ", "The a an and or but"]) {
      expect(createBm25().document(text)).toEqual({ indices: [], values: [] });
      expect(createBm25().query(text)).toEqual({ indices: [], values: [] });
    }
  });

  test("the prefix tokenizer stores all beginnings and looks for the longest", () => {
    const bm25 = createBm25({ ...plain, tokenizer: "prefix", min_token_len: 2, max_token_len: 4 });
    expect(bm25.document("hello").indices).toEqual(
      ["he", "hel", "hell"].map(tokenDimension).sort((a, b) => a - b),
    );
    expect(bm25.query("hello").indices).toEqual([tokenDimension("hell")]);
  });

  test("values follow k, b and the length; indices rise", () => {
    const word = fc.constantFrom("a", "bb", "ccc", "d4", "É", "中");
    const positive = fc.double({ min: 0, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 40 }),
        positive,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (words, k, b) => {
          const { indices, values } = createBm25({ ...plain, k, b, avg_len: 7 }).document(words.join(" "));
          expect(indices).toEqual(
            [...new Set(words.map((w) => tokenDimension(w.toLowerCase())))].sort((x, y) => x - y),
          );
          const counts = new Map<number, number>();
          for (const w of words) {
            const id = tokenDimension(w.toLowerCase());
            counts.set(id, (counts.get(id) ?? 0) + 1);
          }
          for (const [i, id] of indices.entries()) {
            const n = counts.get(id)!;
            const expected = (n * (k + 1)) / (n + k * (1 - b + (b * words.length) / 7));
            expect(values[i]).toBeCloseTo(expected, 5);
            expect(values[i]).toBe(Math.fround(values[i]));
          }
        },
      ),
      { seed: 41, numRuns: 200 },
    );
  });
});
