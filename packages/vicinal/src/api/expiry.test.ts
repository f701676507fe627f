/** Points that expire, by a clock of the tests' own. */
import { beforeEach, describe, expect, test } from "vitest";
import { VicinalError } from "../runtime/errors.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { Catalogue } from "./catalogue.js";
import { Database } from "./database.js";
import type { CreateCollection } from "./schema/index.js";

const vectors = { size: 2, distance: "Dot" as const };
const vector = [1, 0];
let home: MemoryDirectory;
let clock: number;

beforeEach(() => {
  home = MemoryDirectory.empty();
  clock = 1_700_000_000_000;
});

async function opened(): Promise<Database> {
  return new Database(await Catalogue.open(home, { now: () => clock }));
}

async function created(more: Partial<CreateCollection> = {}): Promise<Database> {
  const database = await opened();
  await database.createCollection("c", { vectors, ...more });
  await database.createPayloadIndex("c", { field_name: "tag", field_schema: "keyword" });
  return database;
}

const pass = (seconds: number) => {
  clock += seconds * 1000;
};
const payload = { tag: "a" };
const idsIn = async (database: Database) => (await database.scroll("c")).points.map(({ id }) => id);

/** What each kind of read finds; all must agree. */
async function found(database: Database): Promise<(number | string | bigint)[]> {
  const ids = await idsIn(database);
  const sorted = (points: { id: number | string | bigint }[]) => points.map(({ id }) => id).sort();
  expect(await database.count("c")).toEqual({ count: ids.length });
  const filter = { must: [{ key: "tag", match: { value: "a" } }] };
  expect(await database.count("c", { filter })).toEqual({ count: ids.length });
  expect(sorted((await database.query("c", { query: [1, 0] })).points)).toEqual(ids);
  expect(sorted((await database.query("c", { query: [1, 0], filter })).points)).toEqual(ids);
  expect(sorted(await database.retrieve("c", { ids: [1, 2, 3, 4] }))).toEqual(ids);
  const { hits } = await database.facet("c", { key: "tag" });
  expect(hits).toEqual(ids.length > 0 ? [{ value: "a", count: ids.length }] : []);
  const { groups } = await database.queryGroups("c", { query: [1, 0], group_by: "tag", group_size: 10 });
  expect(sorted(groups.flatMap((group) => group.hits))).toEqual(ids);
  expect((await database.getCollection("c")).points_count).toBe(ids.length);
  return ids;
}

const codeOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error: unknown) => (error instanceof VicinalError ? error.code : error),
  );

describe("a point with a time to live", () => {
  test("is there until the very millisecond, and in no read from then on", async () => {
    const database = await created();
    await database.upsert("c", {
      points: [
        { id: 1, vector, payload, ttl_seconds: 10 },
        { id: 2, vector, payload },
        { id: 3, vector, payload, ttl_seconds: 2.5 },
      ],
    });
    await database.upsert("c", {
      batch: { ids: [4], vectors: [vector], payloads: [payload], ttl_seconds: [10] },
    });
    expect(await found(database)).toEqual([1, 2, 3, 4]);
    clock += 2499;
    expect(await found(database)).toEqual([1, 2, 3, 4]);
    clock += 1;
    expect(await found(database)).toEqual([1, 2, 4]);
    pass(10);
    expect(await found(database)).toEqual([2]);
    expect(await codeOf(database.query("c", { query: 1 }))).toBe("POINT_NOT_FOUND");
    expect(await codeOf(database.setPayload("c", { points: [1], payload }))).toBe("POINT_NOT_FOUND");
    // A new point of that id is another point.
    await database.upsert("c", { points: [{ id: 1, vector, payload }] });
    pass(1e6);
    expect(await found(database)).toEqual([1, 2]);
    await database.close();
  });

  test("keeps it when its payload or vectors change, and gets a new one when it is written anew", async () => {
    const database = await created();
    const points = [1, 2, 3, 4].map((id) => ({ id, vector, payload, ttl_seconds: 10 }));
    await database.upsert("c", { points });
    pass(5);
    await database.setPayload("c", { points: [1], payload: { more: 1 } });
    await database.updateVectors("c", { points: [{ id: 2, vector: [0, 1] }] });
    await database.upsert("c", { points: [{ id: 3, vector, payload, ttl_seconds: 10 }] });
    await database.batchUpdate("c", {
      operations: [
        { set_payload: { points: [4], payload: { more: 1 } } },
        { update_vectors: { points: [{ id: 4, vector: [0, 1] }] } },
      ],
    });
    expect(await found(database)).toEqual([1, 2, 3, 4]);
    pass(5);
    expect(await found(database)).toEqual([3]);
    pass(5);
    expect(await found(database)).toEqual([]);
    await database.close();
  });

  test.each([[0], [-1], [Number.NaN], [1e12], ["5"]])("of %j seconds is refused by name", async (ttl) => {
    const database = await created();
    const points = [{ id: 1, vector, ttl_seconds: ttl as number }];
    await expect(database.upsert("c", { points })).rejects.toThrow(/ttl_seconds/);
    expect(await idsIn(database)).toEqual([]);
    await database.close();
  });
});

test("a collection's own time to live is for points that say nothing else, and can change", async () => {
  const database = await created({ ttl: { seconds: 10 } });
  await database.upsert("c", {
    points: [
      { id: 1, vector, payload },
      { id: 2, vector, payload, ttl_seconds: 100 },
    ],
  });
  expect((await database.getCollection("c")).config.params).toMatchObject({ ttl: { seconds: 10 } });
  await database.updateCollection("c", { ttl: { seconds: 0 } });
  await database.upsert("c", { points: [{ id: 3, vector, payload }] });
  pass(10);
  expect(await found(database)).toEqual([2, 3]);
  pass(90);
  expect(await found(database)).toEqual([3]);
  await database.close();
});

describe("after a restart", () => {
  const fill = async (database: Database) => {
    const points = Array.from({ length: 3 }, (_, i) => ({ id: i + 1, vector, payload }));
    await database.upsert("c", {
      points: points.map((point) => ({ ...point, ttl_seconds: 10 * point.id })),
    });
  };

  test("from the log alone, the times are those of the writes", async () => {
    const database = await created();
    await fill(database);
    pass(10);
    // Stopped, not closed.
    const again = await opened();
    expect(await found(again)).toEqual([2, 3]);
    pass(10);
    expect(await found(again)).toEqual([3]);
    await again.close();
  });

  test("from files, through a seal and a merge, and from disk they go", async () => {
    let database = await created();
    await fill(database);
    await database.waitForIndex("c", { everything: true });
    await database.upsert("c", { points: [{ id: 4, vector, payload, ttl_seconds: 30 }] });
    await database.waitForIndex("c", { everything: true });
    await database.close();
    const full = await home.list();
    database = await opened();
    expect(await found(database)).toEqual([1, 2, 3, 4]);
    pass(20);
    expect(await found(database)).toEqual([3, 4]);
    await database.close();
    database = await opened();
    expect(await found(database)).toEqual([3, 4]);
    pass(10);
    expect(await found(database)).toEqual([]);
    await database.waitForIndex("c", { everything: true });
    const segments = (paths: string[]) => paths.filter((path) => path.includes("segments/"));
    expect(segments(full).length).toBeGreaterThan(0);
    expect(segments(await home.list())).toEqual([]);
    await database.close();
  });
});
