/**
 * Churn: round after round a share of the points is deleted and written anew with other vectors. However long it goes on,
 * the disk holds little more than what lives, answers stay as good as those of a fresh build, and no search fails.
 * `VICINAL_CHURN=1` runs the long form, `VICINAL_SEED` another seed.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Database, open } from "vicinal";
import { expect, test } from "vitest";
import { clustered } from "./clustered.js";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

const long = process.env.VICINAL_CHURN !== undefined;
const seed = Number(process.env.VICINAL_SEED ?? 1);
const POINTS = long ? 200_000 : 12_000;
const ROUNDS = long ? 100 : 20;
const DIMENSIONS = 32;
const BATCH = 250;
const SHARE = 0.3;
/** Eight segments, were each full. */
const SEGMENT_KB = Math.floor((POINTS * DIMENSIONS * 4) / 8 / 1024);
const NAME = "churn";
const QUERIES = 100;

const settings = {
  vectors: { size: DIMENSIONS, distance: "Euclid" as const },
  optimizers_config: { max_segment_size: SEGMENT_KB, indexing_threshold: 64 },
};

interface Disk {
  bytes: number;
  files: number;
}

function diskOf(folder: string): Disk {
  const disk = { bytes: 0, files: 0 };
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    // What is deleted between the listing and now takes nothing.
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    if (!stat?.isFile()) continue;
    disk.bytes += stat.size;
    disk.files++;
  }
  return disk;
}

type Points = Map<number, number[]>;

async function write(database: Database, points: Points, ids: number[]): Promise<void> {
  for (let from = 0; from < ids.length; from += BATCH)
    await database.upsert(NAME, {
      points: ids
        .slice(from, from + BATCH)
        .map((id) => ({ id, vector: points.get(id) as number[], payload: { id } })),
    });
}

/** The share of the true ten nearest that searches find. */
async function recall(database: Database, queries: number[][]): Promise<number> {
  let found = 0;
  for (const query of queries) {
    const [truth, answer] = await Promise.all(
      [true, false].map((exact) => database.query(NAME, { query, limit: 10, params: { exact } })),
    );
    const ids = new Set(truth.points.map(({ id }) => id));
    for (const { id } of answer.points) if (ids.has(id)) found++;
  }
  return found / queries.length / 10;
}

/** What the same points take when they are written once. */
async function fresh(points: Points, queries: number[][]): Promise<Disk & { recall: number }> {
  return withFolder(async (folder) => {
    const database = await open(folder);
    await database.createCollection(NAME, settings);
    await write(database, points, [...points.keys()]);
    await database.waitForIndex(NAME, { everything: true });
    const found = await recall(database, queries);
    const disk = diskOf(folder);
    await database.close();
    return { ...disk, recall: found };
  });
}

test(`${ROUNDS} rounds of churn leave no waste`, { timeout: 1e8 }, async () => {
  const vectorOf = clustered(DIMENSIONS, seed);
  const next = random(seed);
  const points: Points = new Map(Array.from({ length: POINTS }, (_, id) => [id, vectorOf()]));
  const queries = Array.from({ length: QUERIES }, vectorOf);
  await withFolder(async (folder) => {
    const database = await open(folder);
    await database.createCollection(NAME, settings);
    await write(database, points, [...points.keys()]);
    await database.waitForIndex(NAME);
    const live = (await fresh(points, queries)).bytes;

    let peak = { bytes: 0, files: 0 };
    let mostSegments = 0;
    const sample = async () => {
      const disk = diskOf(folder);
      peak = { bytes: Math.max(peak.bytes, disk.bytes), files: Math.max(peak.files, disk.files) };
      mostSegments = Math.max(mostSegments, (await database.getCollection(NAME)).segments_count);
    };
    let searches = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const ids = [...points.keys()].filter(() => next() < SHARE);
      for (let from = 0; from < ids.length; from += BATCH) {
        const batch = ids.slice(from, from + BATCH);
        await database.delete(NAME, { points: batch });
        for (const id of batch) points.set(id, vectorOf());
        await write(database, points, batch);
        const { points: answer } = await database.query(NAME, {
          query: points.get(batch[0]) as number[],
          limit: 1,
        });
        expect(answer[0].score).toBeLessThan(0.5);
        searches++;
        await sample();
      }
    }
    await database.waitForIndex(NAME);
    await sample();
    const after = diskOf(folder);
    expect((await database.count(NAME, {})).count).toBe(POINTS);
    const found = await recall(database, queries);
    const { writes } = await database.getOptimizations(NAME);
    await database.close();

    const again = await fresh(points, queries);
    const ratio = (bytes: number) => (bytes / live).toFixed(2);
    console.log(
      `churn: ${ROUNDS} rounds of ${SHARE * 100} % of ${POINTS} points, seed ${seed}: disk at most ${ratio(peak.bytes)}x, after ${ratio(after.bytes)}x ` +
        `of a fresh build; at most ${mostSegments} segments, ${peak.files} files; write amplification ${writes?.amplification.toFixed(1)}; ` +
        `recall@10 ${found.toFixed(3)}, fresh ${again.recall.toFixed(3)}; ${searches} searches`,
      writes,
    );
    expect(peak.bytes).toBeLessThanOrEqual(1.6 * live);
    expect(mostSegments).toBeLessThanOrEqual(32);
    expect(peak.files).toBeLessThanOrEqual(32 * 6);
    expect(found).toBeGreaterThanOrEqual(again.recall - 0.01);
  });
});
