/**
 * Rewriting a payload field of every point builds no index and writes no vector. `VICINAL_CHURN=1` does it with a million
 * points.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { open } from "vicinal";
import { expect, test } from "vitest";
import { clustered } from "./clustered.js";
import { withFolder } from "./homes.js";

const POINTS = process.env.VICINAL_CHURN === undefined ? 50_000 : 1_000_000;
const DIMENSIONS = 16;
const BATCH = 5000;
const NAME = "points";

/** Files of vectors and their indexes, with what would tell a new one from an old. */
function vectorFiles(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((path) => /(vector|index)-\d+$/.test(path))
    .map((path) => `${path} ${statSync(join(folder, path)).ino} ${statSync(join(folder, path)).mtimeMs}`)
    .sort();
}

test(`a field of ${POINTS} points is rewritten beside their vectors`, { timeout: 1e8 }, async () => {
  await withFolder(async (folder) => {
    const vectorOf = clustered(DIMENSIONS, 7);
    let database = await open(folder);
    await database.createCollection(NAME, {
      vectors: { size: DIMENSIONS, distance: "Euclid" },
      hnsw_config: { m: 8, ef_construct: 40 },
    });
    await database.createPayloadIndex(NAME, { field_name: "state", field_schema: "keyword" });
    const batches = Array.from({ length: POINTS / BATCH }, (_, n) =>
      Array.from({ length: BATCH }, (_, i) => n * BATCH + i),
    );
    for (const ids of batches)
      await database.upsert(NAME, {
        points: ids.map((id) => ({
          id,
          vector: vectorOf(),
          payload: { id, state: "old", text: `text of point ${id}` },
        })),
      });
    await database.waitForIndex(NAME, { everything: true });
    const files = vectorFiles(folder);
    expect(files.length).toBeGreaterThanOrEqual(2);
    const before = (await database.getOptimizations(NAME)).writes;

    const rounds = 2;
    for (let round = 0; round < rounds; round++)
      for (const points of batches)
        await database.setPayload(NAME, { payload: { state: `new ${round}` }, points });
    await database.waitForIndex(NAME);
    const after = (await database.getOptimizations(NAME)).writes;
    expect(after?.indexes).toBe(before?.indexes);
    expect(after?.merges).toBe(before?.merges);
    await database.close();
    expect(vectorFiles(folder)).toEqual(files);

    database = await open(folder);
    const changed = { must: [{ key: "state", match: { value: `new ${rounds - 1}` } }] };
    expect((await database.count(NAME, { filter: changed })).count).toBe(POINTS);
    const [last] = await database.retrieve(NAME, { ids: [POINTS - 1] });
    expect(last.payload).toEqual({
      id: POINTS - 1,
      state: `new ${rounds - 1}`,
      text: `text of point ${POINTS - 1}`,
    });
    expect(vectorFiles(folder)).toEqual(files);
    await database.close();
  });
});
