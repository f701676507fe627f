/** Writes on the condition that nobody else has written meanwhile. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { VicinalError } from "../runtime/errors.js";
import { Catalogue } from "./catalogue.js";
import { Database } from "./database.js";

const vector = [1, 0];
let database: Database;
beforeAll(async () => {
  database = new Database(await Catalogue.open(undefined));
});
afterAll(() => database.close());

let version: number;
beforeEach(async () => {
  await database.deleteCollection("c");
  await database.createCollection("c", { vectors: { size: 2, distance: "Dot" } });
  const points = [1, 2].map((id) => ({ id, vector, payload: { n: 0 } }));
  version = (await database.upsert("c", { points })).operation_id as number;
});

const all = async () => (await database.scroll("c", { with_vector: true, with_version: true })).points;

async function conflict(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  const before = await all();
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(VicinalError);
  expect((error as VicinalError).code).toBe("VERSION_CONFLICT");
  expect((error as VicinalError).status).toBe(409);
  expect(await all()).toEqual(before);
  return { ...(error as VicinalError).details };
}

test("reads show the version that the write answered with, where they are asked", async () => {
  expect((await all()).map((point) => point.version)).toEqual([version, version]);
  expect((await database.retrieve("c", { ids: [1], with_version: true }))[0].version).toBe(version);
  expect((await database.query("c", { query: [1, 0] })).points[0].version).toBe(version);
  expect((await database.retrieve("c", { ids: [1] }))[0]).not.toHaveProperty("version");
});

type Write = (database: Database, if_version: number) => Promise<unknown>;
const points = [1];
const writes: [string, Write][] = [
  ["upsert", (to, if_version) => to.upsert("c", { points: [{ id: 1, vector }], if_version })],
  [
    "a batch of columns",
    (to, if_version) => to.upsert("c", { batch: { ids: [1], vectors: [vector] }, if_version }),
  ],
  ["updateVectors", (to, if_version) => to.updateVectors("c", { points: [{ id: 1, vector }], if_version })],
  ["deleteVectors", (to, if_version) => to.deleteVectors("c", { points, vector: [""], if_version })],
  ["setPayload", (to, if_version) => to.setPayload("c", { points, payload: { n: 1 }, if_version })],
  ["overwritePayload", (to, if_version) => to.overwritePayload("c", { points, payload: {}, if_version })],
  ["deletePayload", (to, if_version) => to.deletePayload("c", { points, keys: ["n"], if_version })],
  ["clearPayload", (to, if_version) => to.clearPayload("c", { points, if_version })],
  ["delete", (to, if_version) => to.delete("c", { points, if_version })],
];

describe.each(writes)("%s", (_name, write) => {
  test("applies to the version that was read, once", async () => {
    expect(await conflict(write(database, version + 1))).toEqual({
      id: 1,
      expected: version + 1,
      actual: version,
    });
    expect(await conflict(write(database, 0))).toEqual({ id: 1, expected: 0, actual: version });
    await write(database, version);
    await conflict(write(database, version));
  });

  test("of two that race, one wins", async () => {
    const results = await Promise.allSettled([write(database, version), write(database, version)]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});

test("what a filter selects must be of that version too", async () => {
  const remove = (if_version: number) =>
    database.delete("c", { filter: { must: [{ has_id: [1] }] }, if_version });
  expect(await conflict(remove(version + 1))).toEqual({ id: 1, expected: version + 1, actual: version });
  await remove(version);
  expect((await all()).map(({ id }) => id)).toEqual([2]);
});

test("0 is for points that do not exist yet", async () => {
  const create = () => database.upsert("c", { points: [{ id: 9, vector }], if_version: 0 });
  const results = await Promise.allSettled([create(), create(), create()]);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  await conflict(create());
  expect(await conflict(database.setPayload("c", { points: [8], payload: {}, if_version: 3 }))).toMatchObject(
    {
      id: 8,
      actual: 0,
    },
  );
});

test("one point of another version keeps all others from changing", async () => {
  const later = (await database.setPayload("c", { points: [2], payload: { n: 1 } })).operation_id;
  const change = { points: [1, 2], payload: { n: 5 }, if_version: version };
  expect(await conflict(database.setPayload("c", change))).toEqual({
    id: 2,
    expected: version,
    actual: later,
  });
});

test("a batch with a conflict changes nothing, and sees its own operations", async () => {
  const set = (if_version: number) => ({ set_payload: { points, payload: { n: 7 }, if_version } });
  const operations = [{ upsert: { points: [{ id: 5, vector }] } }, set(version), set(version)];
  const { operation, id } = await conflict(database.batchUpdate("c", { operations }));
  expect({ operation, id }).toEqual({ operation: 2, id: 1 });
  await database.batchUpdate("c", { operations: operations.slice(0, 2) });
  expect((await database.retrieve("c", { ids: [1, 5] })).map(({ payload }) => payload)).toEqual([
    { n: 7 },
    {},
  ]);
});

test("counters that many raise at once lose nothing", async () => {
  const raise = async () => {
    for (;;) {
      const [point] = await database.retrieve("c", { ids: [1], with_version: true });
      const n = (point.payload as { n: number }).n + 1;
      const change = { points, payload: { n }, if_version: point.version as number };
      const written = await database.setPayload("c", change).catch((error: VicinalError) => error);
      if (!(written instanceof VicinalError)) return;
      expect(written.code).toBe("VERSION_CONFLICT");
    }
  };
  await Promise.all(Array.from({ length: 20 }, raise));
  expect((await database.retrieve("c", { ids: [1] }))[0].payload).toEqual({ n: 20 });
});
