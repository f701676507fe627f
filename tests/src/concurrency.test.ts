/** Many operations at once on one collection, while its segments are sealed, indexed and merged under them. */
import { type Database, open, VicinalError } from "vicinal";
import { describe, expect, test } from "vitest";
import { refusal, withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

const DIMENSIONS = 8;
const SEED = Number(process.env.VICINAL_SEED ?? 20261122);
const COLLECTION = "points";

interface ModelPoint {
  vector: number[];
  payload: Record<string, unknown>;
}

async function create(database: Database): Promise<void> {
  await database.createCollection(COLLECTION, {
    vectors: { size: DIMENSIONS, distance: "Euclid" },
    // Indexes from 16 KB on, so that they are built, extended and merged all the time.
    optimizers_config: { indexing_threshold: 16 },
  });
  await database.createPayloadIndex(COLLECTION, { field_name: "writer", field_schema: "integer" });
}

async function readAll(database: Database): Promise<Map<number, ModelPoint>> {
  const { points } = await database.scroll(COLLECTION, { limit: 1_000_000, with_vector: true });
  return new Map(
    points.map(({ id, vector, payload }) => [
      id as number,
      { vector: [...(vector as Float32Array)], payload: payload as Record<string, unknown> },
    ]),
  );
}

const sorted = (model: Map<number, ModelPoint>) => [...model].sort(([a], [b]) => a - b);

/**
 * A writer owns the ids that leave `number` when divided by the count of writers, so that its part of the model is
 * exact whatever the others do, and checks what it reads of its own against it after each acknowledgement.
 */
class OwnWriter {
  readonly model = new Map<number, ModelPoint>();
  readonly #next: () => number;

  constructor(
    readonly database: Database,
    readonly number: number,
    readonly writers: number,
  ) {
    this.#next = random(SEED + number);
  }

  #id(): number {
    return Math.floor(this.#next() * 150) * this.writers + this.number;
  }

  #vector(): number[] {
    return Array.from({ length: DIMENSIONS }, () => Math.fround(this.#next() - 0.5));
  }

  async step(): Promise<void> {
    const { database, model, number } = this;
    const choice = this.#next();
    if (choice < 0.6) {
      const points = Array.from({ length: 1 + Math.floor(this.#next() * 30) }, () => ({
        id: this.#id(),
        vector: this.#vector(),
        payload: { writer: number, falsy: 0 } as Record<string, unknown>,
      }));
      await database.upsert(COLLECTION, { points });
      for (const { id, vector, payload } of points) model.set(id, { vector, payload });
      const { id, vector } = points[points.length - 1];
      const { points: found } = await database.query(COLLECTION, {
        query: vector,
        limit: 1,
        params: { exact: true },
      });
      expect(found[0].id, "a search after the acknowledgement finds the point").toBe(id);
    } else if (choice < 0.8) {
      const ids = Array.from({ length: 8 }, () => this.#id());
      await database.delete(COLLECTION, { points: ids });
      for (const id of ids) model.delete(id);
      expect(await database.retrieve(COLLECTION, { ids }), "what was deleted is gone").toEqual([]);
    } else if (choice < 0.95) {
      const ids = [...new Set(Array.from({ length: 5 }, () => this.#id()))].filter((id) => model.has(id));
      if (ids.length === 0) return;
      const patch = { mark: Math.floor(this.#next() * 1e6) };
      await database.setPayload(COLLECTION, { points: ids, payload: patch });
      for (const id of ids) Object.assign((model.get(id) as ModelPoint).payload, patch);
      for (const { id, payload } of await database.retrieve(COLLECTION, { ids }))
        expect(payload, "a payload is read as it was written").toEqual(model.get(id as number)?.payload);
    } else {
      const mark = Math.floor(this.#next() * 1e6);
      const filter = { must: [{ key: "writer", match: { value: number } }] };
      await database.setPayload(COLLECTION, { payload: { sweep: mark }, filter });
      for (const point of model.values()) point.payload.sweep = mark;
      expect((await database.count(COLLECTION, { filter })).count).toBe(model.size);
    }
  }
}

/** Searches until told to stop: answers have no point twice, and as many as there are. */
async function search(database: Database, seed: number, running: () => boolean): Promise<number> {
  const next = random(seed);
  let searches = 0;
  for (; running(); searches++) {
    const query = Array.from({ length: DIMENSIONS }, () => next() - 0.5);
    const limit = 1 + Math.floor(next() * 50);
    const writer = Math.floor(next() * 6);
    const filter = next() < 0.5 ? { must: [{ key: "writer", match: { value: writer } }] } : undefined;
    // Both are resolved in one turn, so no write comes between them.
    const [{ points }, { count }] = await Promise.all([
      database.query(COLLECTION, { query, limit, filter, with_payload: true }),
      database.count(COLLECTION, { filter }),
    ]);
    expect(new Set(points.map(({ id }) => id)).size, "no point is there twice").toBe(points.length);
    expect(points.length).toBe(Math.min(limit, count));
    const scores = points.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    if (filter) for (const { payload } of points) expect(payload?.writer).toBe(writer);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return searches;
}

async function workload(database: Database, writers: OwnWriter[], stepCount: number): Promise<number> {
  let writing = true;
  const searching = [1, 2].map((n) => search(database, SEED * n, () => writing));
  const settling = (async () => {
    while (writing) {
      await database.waitForIndex(COLLECTION, { everything: true });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    await Promise.all(
      writers.map(async (writer) => {
        for (let step = 0; step < stepCount; step++) {
          await writer.step();
          // In memory nothing else would make the writers wait for a turn of the event loop, which the others need.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
  } finally {
    writing = false;
  }
  const searches = await Promise.all(searching);
  await settling;
  return searches.reduce((sum, count) => sum + count, 0);
}

describe.each(["in memory", "in a folder"])("%s", (home) => {
  test("writers, searches and merges at once", { timeout: 90_000 }, () =>
    withFolder(async (folder) => {
      const path = home === "in memory" ? ":memory:" : folder;
      let database = await open(path);
      await create(database);
      const writers = Array.from({ length: 6 }, (_, i) => new OwnWriter(database, i, 6));
      const steps = home === "in memory" ? 150 : 100;
      const searches = await workload(database, writers, steps);
      console.log(`${home} (seed ${SEED}): ${writers.length * steps} writes beside ${searches} searches`);

      const model = new Map(writers.flatMap((writer) => [...writer.model]));
      expect(sorted(await readAll(database))).toEqual(sorted(model));
      await database.waitForIndex(COLLECTION, { everything: true });
      expect(sorted(await readAll(database))).toEqual(sorted(model));
      const { points_count, segments_count } = await database.getCollection(COLLECTION);
      expect({ points_count, segments_count }).toEqual({ points_count: model.size, segments_count: 1 });
      if (home === "in a folder") {
        await database.close();
        database = await open(path);
        expect(sorted(await readAll(database))).toEqual(sorted(model));
      }
      await database.close();
    }),
  );
});

const point = (id: number) => ({
  id,
  vector: Array.from({ length: DIMENSIONS }, (_, i) => id + i),
  payload: { id },
});

test("writes to the same points: the last acknowledged of each is what stays", async () => {
  const database = await open(":memory:");
  await create(database);
  const results = await Promise.all(
    Array.from({ length: 300 }, async (_, n) => ({
      n,
      ...(await database.upsert(COLLECTION, { points: [{ ...point(n % 3), payload: { n } }] })),
    })),
  );
  const operations = results.map(({ operation_id }) => operation_id as number);
  expect(new Set(operations).size).toBe(300);
  for (let id = 0; id < 3; id++) {
    const last = results
      .filter(({ n }) => n % 3 === id)
      .sort((a, b) => Number(b.operation_id) - Number(a.operation_id))[0];
    const [{ payload }] = await database.retrieve(COLLECTION, { ids: [id] });
    expect(payload).toEqual({ n: last.n });
  }
  await database.close();
});

test("closing during writes: what was acknowledged is there after a reopening, the rest is refused", () =>
  withFolder(async (folder) => {
    for (let round = 0; round < 5; round++) {
      const database = await open(folder);
      if (round === 0) await create(database);
      const before = (await readAll(database)).size;
      const acknowledged: number[] = [];
      const refused: unknown[] = [];
      const writing = Array.from({ length: 200 }, async (_, n) => {
        const id = round * 1000 + n;
        // Some are there before the closing begins, some come while it runs, some after.
        for (let turn = 0; turn < n % 40; turn++) await new Promise((resolve) => setImmediate(resolve));
        try {
          await database.upsert(COLLECTION, { points: [point(id)] });
          acknowledged.push(id);
        } catch (error) {
          refused.push(error);
        }
      });
      for (let turn = 0; turn < 4 * round; turn++) await new Promise((resolve) => setImmediate(resolve));
      await database.close();
      await Promise.all(writing);
      expect(acknowledged.length + refused.length).toBe(200);
      for (const error of refused) expect((error as VicinalError).code, String(error)).toBe("CLOSED");

      const again = await open(folder);
      const found = await again.retrieve(COLLECTION, { ids: acknowledged });
      expect(found.map(({ id }) => id)).toEqual(acknowledged);
      expect((await readAll(again)).size).toBe(before + acknowledged.length);
      await again.close();
    }
  }));

test("using a collection while it is deleted gives answers or clear errors", async () => {
  const database = await open(":memory:");
  for (let round = 0; round < 10; round++) {
    await create(database);
    await database.upsert(COLLECTION, { points: Array.from({ length: 600 }, (_, id) => point(id)) });
    const settling = database.waitForIndex(COLLECTION, { everything: true });
    const uses = Array.from({ length: 60 }, async (_, n) => {
      for (let turn = 0; turn < n % 12; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (n % 3 === 0) return database.upsert(COLLECTION, { points: [point(n)] });
      if (n % 3 === 1) return database.setPayload(COLLECTION, { points: [1], payload: { n } });
      const { points } = await database.query(COLLECTION, { query: point(n).vector, limit: 10 });
      expect(points).toHaveLength(10);
      return undefined;
    });
    for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
    const deleting = database.deleteCollection(COLLECTION);
    const outcomes = await Promise.allSettled([...uses, settling]);
    expect(await deleting).toBe(true);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") {
        expect(outcome.reason, String(outcome.reason?.stack)).toBeInstanceOf(VicinalError);
        expect(["COLLECTION_NOT_FOUND", "CLOSED", "CANCELLED"]).toContain(outcome.reason.code);
      }
    expect((await refusal(database.count(COLLECTION))).code).toBe("COLLECTION_NOT_FOUND");
  }
  await database.close();
});

test("of collections created at once under one name, one is made", async () => {
  const database = await open(":memory:");
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => create(database)));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes)
    if (outcome.status === "rejected") expect(outcome.reason.code).toBe("COLLECTION_EXISTS");
  await database.close();
});

test("databases opened and closed again and again take no more memory", { timeout: 60_000 }, async () => {
  // Not part of the package's interface: what the tests look at from the side.
  const inside = new URL("runtime/memory.js", import.meta.resolve("vicinal"));
  const { memoryStats } = (await import(inside.href)) as {
    memoryStats(): { used: number; usedBytes: number; idle: number; idleBytes: number };
  };
  const use = () =>
    withFolder(async (folder) => {
      const database = await open(folder);
      await create(database);
      await database.upsert(COLLECTION, { points: Array.from({ length: 1000 }, (_, id) => point(id)) });
      await database.waitForIndex(COLLECTION, { everything: true });
      await database.close();
      const again = await open(folder);
      expect((await again.query(COLLECTION, { query: point(5).vector, limit: 1 })).points[0].id).toBe(5);
      await again.close();
    });
  for (let i = 0; i < 3; i++) await use();
  const warm = memoryStats();
  for (let i = 0; i < 25; i++) await use();
  const stats = memoryStats();
  expect(stats.used, "every database of this file is closed by now").toBe(0);
  expect(stats.idle).toBe(warm.idle);
  expect(stats.idleBytes).toBe(warm.idleBytes);
});
