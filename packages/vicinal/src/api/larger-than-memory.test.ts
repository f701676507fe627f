/** A collection of four times the memory that its vectors may take is built, searched, changed and reopened within it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { memoryStats } from "../runtime/memory.js";
import { endIdleWorkers } from "../runtime/pool.js";
import type { Database } from "./database.js";
import { open } from "./open.js";

const DIMENSIONS = 64;
const BUDGET = 4 * 2 ** 20;
const COUNT = (4 * BUDGET) / (DIMENSIONS * 4) + 4000;
const QUERIES = 30;

const vectors = clusteredVectors(COUNT + QUERIES, DIMENSIONS, "Euclid", 3);
const vector = (i: number) => vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);

function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** Recall@10 at the wish, against distances computed here. */
async function recall(database: Database, wish: number, matches: (id: number) => boolean, filter?: object) {
  let found = 0;
  for (let q = 0; q < QUERIES; q++) {
    const query = vector(COUNT + q);
    const truth: number[] = [];
    for (let id = 0; id < COUNT; id++) if (matches(id)) truth.push(distance(query, vector(id)));
    const worst = truth.sort((a, b) => a - b)[9];
    const { points } = await database.query("c", { query, limit: 10, filter, params: { recall: wish } });
    expect(points).toHaveLength(10);
    for (const { id, score } of points) {
      expect(matches(Number(id))).toBe(true);
      expect(score).toBeCloseTo(distance(query, vector(Number(id))), 3);
      if (score <= worst + 1e-4) found++;
    }
  }
  return found / (10 * QUERIES);
}

test("a collection larger than its memory", { timeout: 240_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "vicinal-"));
  let database = await open(folder);
  try {
    await database.createCollection("c", {
      vectors: {
        size: DIMENSIONS,
        distance: "Euclid",
        index: { type: "postings", memoryBytes: BUDGET },
      },
    });
    let most = 0;
    for (let from = 0; from < COUNT; from += 1000) {
      const points = Array.from({ length: Math.min(1000, COUNT - from) }, (_, i) => ({
        id: from + i,
        vector: vector(from + i),
        payload: { part: (from + i) % 20 },
      }));
      await database.upsert("c", { points });
      most = Math.max(most, memoryStats().usedBytes);
    }
    await database.waitForIndex("c", { everything: true });
    expect(COUNT * DIMENSIONS * 4).toBeGreaterThan(4 * BUDGET);
    const built = memoryStats().usedBytes;
    const deleted = new Set(Array.from({ length: 500 }, (_, i) => i * 7));
    const dead = [...deleted];
    const lives = (id: number) => !deleted.has(id);
    const filter = { must: [{ key: "part", match: { value: 3 } }] };

    expect(await recall(database, 0.95, () => true)).toBeGreaterThanOrEqual(0.94);
    await database.delete("c", { points: dead });
    for (let opening = 0; opening < 2; opening++) {
      expect(await recall(database, 0.95, lives)).toBeGreaterThanOrEqual(0.94);
      expect(await recall(database, 0.95, (id) => lives(id) && id % 20 === 3, filter)).toBeGreaterThanOrEqual(
        0.94,
      );
      expect(memoryStats().usedBytes, "bytes that searches left").toBeLessThan(BUDGET);
      await database.close();
      expect(memoryStats().used).toBe(0);
      database = await open(folder);
    }
    expect(built, "bytes in use once all is built").toBeLessThan(BUDGET);
    expect(most, "bytes in use while it is filled").toBeLessThan(2 * BUDGET);
    const { points, explain } = await database.query("c", {
      query: vector(COUNT),
      limit: 100,
      params: { recall: 0.9, explain: true },
    });
    expect(points).toHaveLength(100);
    for (const { path, read_bytes } of explain?.segments ?? []) {
      expect(path).toBe("index");
      expect(read_bytes).toBeGreaterThan(0);
    }
  } finally {
    await database.close();
    endIdleWorkers();
    await rm(folder, { recursive: true, force: true });
  }
});
