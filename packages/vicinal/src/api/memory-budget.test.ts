/** A database holds no more memory than its budget says, while it is filled with more and after it was opened again. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { endIdleWorkers } from "../runtime/pool.js";
import type { Database } from "./database.js";
import type { MemoryNode } from "./memory-tree.js";
import { open } from "./open.js";

const MIB = 2 ** 20;
const DIMENSIONS = 128;
const BUDGET = 16 * MIB;
const TEXT = "x".repeat(1200);
const COUNT = Math.ceil((4 * BUDGET) / (DIMENSIONS * 4 + TEXT.length));
const QUERIES = 15;

const vectors = clusteredVectors(COUNT + QUERIES, DIMENSIONS, "Euclid", 5);
const vector = (i: number) => vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
const payloadOf = (id: number) => ({ number: id, part: id % 100, text: TEXT });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vicinal-"));
});
afterEach(async () => {
  endIdleWorkers();
  await rm(folder, { recursive: true, force: true });
});

const points = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    vector: vector(from + i),
    payload: payloadOf(from + i),
  }));

async function fill(database: Database, count: number, afterEach = async () => {}) {
  for (let from = 0; from < count; from += 500) {
    await database.upsert("c", { points: points(from, Math.min(count, from + 500)) });
    await afterEach();
  }
}

function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** How far the tenth nearest of each query lies. */
function truths(): number[] {
  const all = Array.from({ length: COUNT }, (_, id) => vector(id));
  return Array.from(
    { length: QUERIES },
    (_, q) => all.map((each) => distance(each, vector(COUNT + q))).sort((a, b) => a - b)[9],
  );
}

/** Share of the ten nearest that are found. */
async function recall(database: Database, worst: number[]) {
  let found = 0;
  for (let q = 0; q < QUERIES; q++) {
    const answer = await database.query("c", {
      query: vector(COUNT + q),
      limit: 10,
      with_payload: true,
      params: { recall: 0.95 },
    });
    for (const { id, score, payload } of answer.points) {
      expect(payload).toEqual(payloadOf(Number(id)));
      if (score <= worst[q] + 1e-3) found++;
    }
  }
  return found / (10 * QUERIES);
}

const nodes = (node: MemoryNode): MemoryNode[] => [node, ...(node.parts ?? []).flatMap(nodes)];

async function held(database: Database): Promise<number> {
  const { bytes, budget } = await database.explainMemory();
  expect(budget).toBe(BUDGET);
  return bytes;
}

test("a database is filled with four times its budget", { timeout: 240_000 }, async () => {
  let database = await open(folder, { memoryBudget: BUDGET });
  try {
    await database.createCollection("c", { vectors: { size: DIMENSIONS, distance: "Euclid" } });
    let most = 0;
    await fill(database, COUNT, async () => {
      most = Math.max(most, await held(database));
    });
    expect(most, "bytes while it is filled").toBeLessThanOrEqual(BUDGET);
    expect(most).toBeGreaterThan(BUDGET / 4);
    await database.waitForIndex("c");
    const worst = truths();
    for (let opening = 0; opening < 2; opening++) {
      expect(await recall(database, worst)).toBeGreaterThanOrEqual(0.94);
      const filter = { must: [{ key: "part", match: { value: 7 } }] };
      const { points: found } = await database.scroll("c", { filter, limit: COUNT });
      expect(found.map(({ id }) => id)).toEqual(
        Array.from({ length: Math.ceil((COUNT - 7) / 100) }, (_, i) => i * 100 + 7),
      );
      for (const { id, payload } of found) expect(payload).toEqual(payloadOf(Number(id)));
      expect(await held(database)).toBeLessThanOrEqual(BUDGET);
      const kept = nodes(await database.explainMemory()).find(({ what }) => what === "payloads read lately");
      expect(kept?.bytes).toBeGreaterThan(0);
      expect(kept?.bytes).toBeLessThanOrEqual(BUDGET / 16);
      await database.setPayload("c", { points: [opening], payload: { part: 101 } });
      await database.setPayload("c", { points: [opening], payload: { part: opening % 100 } });
      await database.close();
      database = await open(folder, { memoryBudget: BUDGET });
    }
  } finally {
    await database.close();
  }
});

test("what was written without a budget opens with a smaller one: files serve until its vectors lie on disk", {
  timeout: 240_000,
}, async () => {
  const count = 17_000;
  const settings = { vectors: { size: DIMENSIONS, distance: "Cosine" as const } };
  let database = await open(folder);
  await database.createCollection("c", settings);
  await fill(database, count);
  await database.waitForIndex("c", { everything: true });
  expect((await database.getCollection("c")).segments_count).toBe(1);
  expect((await database.explainMemory()).bytes).toBeGreaterThan(BUDGET);
  await database.delete("c", { points: [7, 16_000] });
  await database.setPayload("c", { points: [8], payload: { part: 101 } });
  const request = { query: vector(COUNT), limit: 10 };
  const exact = { ...request, params: { exact: true } };
  const before = await database.query("c", exact);
  const found = new Set(before.points.map(({ id }) => id));
  await database.close();

  database = await open(folder, { memoryBudget: BUDGET, lazy: true });
  try {
    let most = 0;
    const watch = async () => {
      most = Math.max(most, await held(database));
    };
    const at = await database.query("c", request);
    expect(at.points.filter(({ id }) => found.has(id)).length).toBeGreaterThanOrEqual(8);
    await watch();
    // Stopped in the middle of it, it goes on from there.
    while ((await database.getCollection("c")).segments_count < 3)
      await new Promise((go) => setTimeout(go, 5));
    await watch();
    await database.close();
    database = await open(folder, { memoryBudget: BUDGET, lazy: true });
    const settled = database.waitForIndex("c").then(() => true);
    let added = 0;
    while (!(await Promise.race([settled, new Promise((go) => setTimeout(go, 20))]))) {
      await watch();
      expect((await database.query("c", exact)).points.map(({ id }) => id)).toEqual([...found]);
      // What is written meanwhile counts, wherever its row lies by then.
      if (added < 20)
        await database.setPayload("c", { points: [100 + added++ * 800], payload: { part: 102 } });
    }
    await watch();
    expect(most).toBeLessThanOrEqual(BUDGET);
    expect(added).toBeGreaterThan(0);
    const check = async () => {
      expect(await database.query("c", exact)).toMatchObject({ points: before.points });
      expect((await database.count("c")).count).toBe(count - 2);
      for (const [part, number] of [
        [101, 1],
        [102, added],
      ]) {
        const filter = { must: [{ key: "part", match: { value: part } }] };
        expect((await database.count("c", { filter })).count).toBe(number);
      }
      const parts = nodes(await database.explainMemory());
      expect(parts.filter(({ what }) => what.startsWith("segment")).length).toBeGreaterThan(5);
      const bytes = parts.filter(({ what }) => what === "floats").reduce((sum, { bytes }) => sum + bytes, 0);
      expect(bytes).toBeLessThan(BUDGET / 8);
    };
    await check();
    await database.close();
    database = await open(folder, { memoryBudget: BUDGET });
    await check();
    expect(await held(database)).toBeLessThanOrEqual(BUDGET);
    await database.close();
    database = await open(folder);
    await database.waitForIndex("c");
    const { explain } = await database.query("c", { ...request, params: { explain: true } });
    expect(explain?.segments.map(({ family }) => family)).toEqual(["hnsw"]);
    expect((await database.query("c", exact)).points).toEqual(before.points);
  } finally {
    await database.close();
  }
});

test("what does not fit even on disk is refused, with the budget that would do", async () => {
  const count = 24_000;
  let database = await open(folder);
  const vectors = { size: DIMENSIONS, distance: "Euclid" as const, hnsw_config: { m: 0 } };
  await database.createCollection("c", { vectors });
  await fill(database, count);
  await database.waitForIndex("c");
  const [query] = [vector(COUNT)];
  const before = await database.query("c", { query, limit: 10, params: { exact: true } });
  await database.close();

  const refusal = await open(folder, { memoryBudget: BUDGET }).catch((reason) => reason);
  expect(refusal).toMatchObject({ code: "MEMORY_BUDGET", details: { budgetBytes: BUDGET } });
  expect(refusal.message).toMatch(/needs a memory budget of .* MiB; it is 16.0 MiB/);
  const { needBytes } = refusal.details;
  expect(needBytes).toBeGreaterThan(count * DIMENSIONS * 4);

  database = await open(folder, { memoryBudget: needBytes });
  try {
    expect((await database.explainMemory()).bytes).toBeLessThanOrEqual(needBytes);
    expect(await database.query("c", { query, limit: 10, params: { exact: true } })).toEqual(before);
  } finally {
    await database.close();
  }
});

test("budgets and collections that cannot be are refused before anything is made", async () => {
  for (const memoryBudget of [0, 2 ** 20, -1, 1e7 + 0.5, "1GiB" as unknown as number])
    await expect(open(folder, { memoryBudget })).rejects.toMatchObject({
      code: "BAD_REQUEST",
      details: { field: "memoryBudget" },
    });
  await expect(open(folder, { memoryBudget: BUDGET, readOnly: true })).rejects.toMatchObject({
    code: "BAD_REQUEST",
  });
  const database = await open(folder, { memoryBudget: BUDGET });
  try {
    const wide = { vectors: { size: 32_768, distance: "Euclid" as const } };
    await expect(database.createCollection("c", wide)).rejects.toMatchObject({
      code: "MEMORY_BUDGET",
      details: { budgetBytes: BUDGET },
    });
    expect((await database.getCollections()).collections).toEqual([]);
  } finally {
    await database.close();
  }
});

test("without files, writes end at the budget and deletions make room again", {
  timeout: 60_000,
}, async () => {
  const database = await open(":memory:", { memoryBudget: BUDGET });
  try {
    await database.createCollection("c", { vectors: { size: DIMENSIONS, distance: "Euclid" } });
    let written = 0;
    const write = () => database.upsert("c", { points: points(written, written + 500) });
    let refusal: unknown;
    while (refusal === undefined && written < COUNT - 500)
      await write().then(
        () => {
          written += 500;
        },
        (reason) => {
          refusal = reason;
        },
      );
    expect(refusal).toMatchObject({ code: "MEMORY_BUDGET", details: { budgetBytes: BUDGET } });
    expect(written).toBeGreaterThan(1000);
    expect((await database.count("c")).count).toBe(written);
    expect(await held(database)).toBeLessThanOrEqual(BUDGET);
    const ids = Array.from({ length: written - 100 }, (_, i) => i);
    await database.delete("c", { points: ids });
    await database.waitForIndex("c");
    await write();
    expect((await database.count("c")).count).toBe(600);
  } finally {
    await database.close();
  }
});
