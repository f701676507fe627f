import { type Database, open } from "vicinal";
import { describe, expect, it } from "vitest";
import { collection, loadSample, waitForIndex } from "./sample.js";
import type { readWords, Word } from "./words.js";

const size = 3500;

/** Words without a file: the vector tells the rank. */
function synthetic(onWord: (rank: number) => void = () => {}): typeof readWords {
  return async function* words(
    _path,
    { from = 0, limit = size } = {},
  ): AsyncGenerator<Word, void, undefined> {
    for (let rank = from; rank < limit; rank += 1) {
      onWord(rank);
      const vector = Float32Array.from({ length: 100 }, (_, i) => Math.sin(rank * 100 + i));
      yield { word: `w${rank}`, rank, vector };
    }
  };
}

async function counted(database: Database): Promise<number> {
  return (await database.count(collection, { exact: true })).count;
}

const never = () => new AbortController().signal;

describe("loadSample", () => {
  it("stores every word under its rank, with word and rank as payload", async () => {
    const database = await open(":memory:");
    try {
      let begun = 0;
      const load = () => loadSample(database, never(), () => begun++, size, synthetic());
      expect(await load()).toBe(0);
      expect(await counted(database)).toBe(size);
      const [point] = await database.retrieve(collection, {
        ids: [3456],
        with_payload: true,
        with_vector: true,
      });
      expect(point.payload).toEqual({ word: "w3456", rank: 3456 });
      // The second time there is nothing to read.
      expect(await load()).toBe(size);
      expect(begun).toBe(1);
    } finally {
      await database.close();
    }
  });

  it("goes on where a stop interrupted it, and reads nothing twice", async () => {
    const database = await open(":memory:");
    try {
      const stop = new AbortController();
      const first = synthetic((rank) => rank === 1500 && stop.abort());
      await expect(loadSample(database, stop.signal, () => {}, size, first)).rejects.toThrow();
      expect(await counted(database)).toBe(2000);
      const read: number[] = [];
      const second = synthetic((rank) => read.push(rank));
      expect(await loadSample(database, never(), () => {}, size, second)).toBe(2000);
      expect([read[0], read.length]).toEqual([2000, size - 2000]);
      expect(await counted(database)).toBe(size);
    } finally {
      await database.close();
    }
  });

  it("makes words searchable while they are loaded and when the index is there", async () => {
    const database = await open(":memory:");
    try {
      await loadSample(database, never(), () => {}, size, synthetic());
      await waitForIndex(database, never());
      const vector = Array.from({ length: 100 }, (_, i) => Math.sin(1234 * 100 + i));
      const { points } = await database.query(collection, { query: vector, limit: 1, with_payload: true });
      expect(points[0].payload).toEqual({ word: "w1234", rank: 1234 });
    } finally {
      await database.close();
    }
  });
});
