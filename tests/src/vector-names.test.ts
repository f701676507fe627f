/** Vectors that are added to a collection and dropped from it while it is in use. */
import { type Database, open } from "vicinal";
import { expect, test } from "vitest";
import { withFolder } from "./homes.js";

const NAME = "c";

async function vectorsOf(database: Database): Promise<Record<string, unknown>> {
  const { points } = await database.scroll(NAME, { limit: 100, with_vector: true });
  return Object.fromEntries(
    points.map(({ id, vector }) => [
      id,
      Object.fromEntries(
        Object.entries(vector as Record<string, Float32Array | object>).map(([name, value]) => [
          name,
          value instanceof Float32Array ? [...value] : value,
        ]),
      ),
    ]),
  );
}

test("come and go on a live collection, and an old vector's numbers never come back under a new one of its name", () =>
  withFolder(async (folder) => {
    let database = await open(folder);
    const reopen = async () => {
      await database.close();
      database = await open(folder);
    };
    await database.createCollection(NAME, {
      vectors: { a: { size: 2, distance: "Dot" }, b: { size: 1, distance: "Euclid" } },
    });
    await database.upsert(NAME, {
      points: [
        { id: 1, vector: { a: [1, 2], b: [1] } },
        { id: 2, vector: { a: [3, 4], b: [2] } },
      ],
    });
    // Once with the segment in a file, and once with it in the log alone.
    for (const persisted of [true, false]) {
      if (persisted) await reopen();
      await database.deleteVectorName(NAME, "a");
      await expect(database.query(NAME, { query: [1, 1], using: "a" })).rejects.toThrow("a");
      expect(await vectorsOf(database)).toEqual({ 1: { b: [1] }, 2: { b: [2] } });
      await database.createVectorName(NAME, "a", { dense: { size: 2, distance: "Dot" } });
      await expect(
        database.createVectorName(NAME, "a", { dense: { size: 2, distance: "Dot" } }),
      ).rejects.toThrow("already exists");
      expect(await vectorsOf(database)).toEqual({ 1: { b: [1] }, 2: { b: [2] } });
      await reopen();
      expect(await vectorsOf(database)).toEqual({ 1: { b: [1] }, 2: { b: [2] } });
      await database.updateVectors(NAME, { points: [{ id: 2, vector: { a: [7, 8] } }] });
      await reopen();
      expect(await vectorsOf(database)).toEqual({ 1: { b: [1] }, 2: { a: [7, 8], b: [2] } });
      const { points } = await database.query(NAME, { query: [1, 1], using: "a" });
      expect(points.map(({ id, score }) => [id, score])).toEqual([[2, 15]]);
      await database.upsert(NAME, { points: [{ id: 1, vector: { a: [1, 2], b: [1] } }] });
      await database.upsert(NAME, { points: [{ id: 2, vector: { a: [3, 4], b: [2] } }] });
    }
    await database.createVectorName(NAME, "words", { sparse: { modifier: "idf" } });
    await database.updateVectors(NAME, {
      points: [{ id: 1, vector: { words: { indices: [3], values: [1] } } }],
    });
    await reopen();
    const found = await database.query(NAME, { query: { indices: [3], values: [1] }, using: "words" });
    expect(found.points.map(({ id }) => id)).toEqual([1]);
    await database.deleteVectorName(NAME, "words");
    await expect(database.deleteVectorName(NAME, "words")).rejects.toThrow("words");
    await reopen();
    expect(await vectorsOf(database)).toEqual({ 1: { a: [1, 2], b: [1] }, 2: { a: [3, 4], b: [2] } });
    await database.close();
  }));
