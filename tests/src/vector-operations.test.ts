/** Vectors of points that are there: replaced and taken away, wherever they lie, with all else as it was. */
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { refusal, type Served, serve, withFolder } from "./homes.js";

let served: Served;
const at = "/collections/points/points";

beforeEach(async () => {
  served = await serve();
  await served.database.createCollection("points", {
    vectors: { a: { size: 2, distance: "Dot" }, b: { size: 1, distance: "Euclid" } },
  });
  await served.database.upsert("points", {
    points: [1, 2, 3].map((id) => ({ id, vector: { a: [id, 0], b: [id] }, payload: { id } })),
  });
});
afterEach(() => served.close());

async function vectors(database: Database, ...ids: number[]): Promise<unknown[]> {
  const points = await database.retrieve("points", { ids, with_vector: true });
  return points.map(({ vector, payload }) => [
    Object.fromEntries(
      Object.entries(vector ?? {}).map(([name, data]) => [name, Array.from(data as number[])]),
    ),
    payload,
  ]);
}

test("vectors are replaced by name, the others and the payload stay", async () => {
  const points = [
    { id: 1, vector: { b: [10] } },
    { id: 2, vector: { a: [5, 5] } },
    { id: 2, vector: { b: [20], a: [6, 6] } },
  ];
  const result = await served.rest.result("PUT", `${at}/vectors?wait=true`, { points });
  expect(result.status).toBe("completed");
  expect(await vectors(served.database, 1, 2, 3)).toEqual([
    [{ a: [1, 0], b: [10] }, { id: 1 }],
    [{ a: [6, 6], b: [20] }, { id: 2 }],
    [{ a: [3, 0], b: [3] }, { id: 3 }],
  ]);
  const { points: found } = await served.database.query("points", { query: [6, 6], using: "a", limit: 1 });
  expect(found).toMatchObject([{ id: 2, score: 72 }]);
});

test("vectors are deleted by ids or by a filter, and can be given again", async () => {
  await served.rest.result("POST", `${at}/vectors/delete?wait=true`, { points: [1, 1], vector: ["a"] });
  const filter = { must: [{ key: "id", range: { gte: 2 } }] };
  await served.rest.result("POST", `${at}/vectors/delete?wait=true`, { filter, vector: ["b"] });
  const without = [
    [{ b: [1] }, { id: 1 }],
    [{ a: [2, 0] }, { id: 2 }],
    [{ a: [3, 0] }, { id: 3 }],
  ];
  expect(await vectors(served.database, 1, 2, 3)).toEqual(without);
  const has = async (name: string) =>
    (await served.database.count("points", { filter: { must: [{ has_vector: name }] } })).count;
  expect([await has("a"), await has("b")]).toEqual([2, 1]);
  await served.database.updateVectors("points", { points: [{ id: 1, vector: { a: [0, 7] } }] });
  expect(await vectors(served.database, 1)).toEqual([[{ a: [0, 7], b: [1] }, { id: 1 }]]);
  await served.database.deleteVectors("points", { points: [1], vector: ["a", "b"] });
  expect(await vectors(served.database, 1)).toEqual([[{}, { id: 1 }]]);
});

test("an update can be bound to a filter, which sees points as they are then", async () => {
  const { database } = served;
  const move = (id: number, b: number) =>
    database.updateVectors("points", {
      points: [{ id, vector: { b: [b] } }],
      update_filter: { must_not: [{ key: "done", match: { value: true } }] },
    });
  // Not awaited one by one: they share groups, and each sees what goes before it.
  await Promise.all([
    move(1, 11),
    database.setPayload("points", { points: [1, 2], payload: { done: true } }),
    move(1, 12),
    move(2, 13),
    move(3, 14),
    database.deletePayload("points", { filter: { must: [{ has_id: [2] }] }, keys: ["done"] }),
    move(2, 15),
  ]);
  expect(await vectors(database, 1, 2, 3)).toMatchObject([
    [{ b: [11] }, { done: true }],
    [{ b: [15] }, { id: 2 }],
    [{ b: [14] }, { id: 3 }],
  ]);
});

test("what cannot be done changes nothing", async () => {
  const before = await vectors(served.database, 1, 2, 3);
  const good = { id: 1, vector: { a: [9, 9] } };
  const cases: [string, string, unknown, number, RegExp][] = [
    ["PUT", "/vectors", { points: [good, { id: 99, vector: { a: [1, 1] } }] }, 404, /id 99/],
    ["PUT", "/vectors", { points: [good, { id: 2, vector: { c: [1] } }] }, 400, /vector name error: c/],
    ["PUT", "/vectors", { points: [good, { id: 2, vector: [1, 1] }] }, 400, /vector name error/],
    ["PUT", "/vectors", { points: [good, { id: 2, vector: { a: [1] } }] }, 400, /expected dim: 2, got 1/],
    ["PUT", "/vectors", { points: [] }, 400, /at least one point/],
    ["PUT", "/vectors", { points: [{ id: -1, vector: { a: [1, 1] } }] }, 400, /id/],
    ["POST", "/vectors/delete", { points: [1, 99], vector: ["a"] }, 404, /id 99/],
    ["POST", "/vectors/delete", { points: [1], vector: ["a", "c"] }, 400, /vector name error: c/],
    ["POST", "/vectors/delete", { points: [1], vector: [] }, 400, /at least one name/],
    ["POST", "/vectors/delete", { vector: ["a"] }, 400, /`points` or `filter`/],
  ];
  for (const [method, path, body, status, message] of cases) {
    const answer = await served.rest.call(method, `${at}${path}?wait=true`, body);
    expect([JSON.stringify(body), answer.status]).toEqual([JSON.stringify(body), status]);
    expect(answer.text).toMatch(message);
  }
  expect(await vectors(served.database, 1, 2, 3)).toEqual(before);
});

test("the vector without a name, ids up to 2^64 - 1, and the length that a Cosine vector came with", async () => {
  const { database } = served;
  const id = 18_446_744_073_709_551_615n;
  await database.createCollection("plain", { vectors: { size: 2, distance: "Cosine" } });
  await database.upsert("plain", { points: [{ id, vector: [3, 4], payload: { a: 1 } }] });
  await database.updateVectors("plain", { points: [{ id, vector: [0, 5] }] });
  const [{ vector, payload }] = await database.retrieve("plain", { ids: [id], with_vector: true });
  expect([Array.from(vector as Float32Array), payload]).toEqual([[0, 1], { a: 1 }]);
  await database.deleteVectors("plain", { points: [id], vector: [""] });
  expect(await database.retrieve("plain", { ids: [id], with_vector: true })).toMatchObject([
    { id, vector: {} },
  ]);
  expect((await database.query("plain", { query: [0, 1] })).points).toEqual([]);
  expect(await refusal(database.deleteVectors("plain", { points: [id - 1n], vector: [""] }))).toMatchObject({
    code: "POINT_NOT_FOUND",
  });
});

test("vectors of every kind", () =>
  withFolder(async (folder) => {
    let database = await open(folder);
    await database.createCollection("points", {
      vectors: {
        d: { size: 1, distance: "Dot" },
        m: { size: 2, distance: "Dot", multivector_config: { comparator: "max_sim" } },
      },
      sparse_vectors: { s: {} },
    });
    const sparse = (n: number) => ({ indices: [n, n + 5], values: [1, 0.5] });
    const given = {
      d: [1],
      m: [
        [1, 0],
        [0, 1],
      ],
      s: sparse(3),
    };
    await database.upsert("points", { points: [1, 2, 3].map((id) => ({ id, vector: given })) });
    await database.batchUpdate("points", {
      operations: [
        {
          update_vectors: {
            points: [
              { id: 1, vector: { s: sparse(4) } },
              { id: 2, vector: { m: [[5, 6]] } },
            ],
          },
        },
        { delete_vectors: { points: [3], vector: ["s", "d"] } },
      ],
    });
    const expected = [{ ...given, s: sparse(4) }, { ...given, m: [[5, 6]] }, { m: given.m }];
    const stored = async () => {
      const points = await database.retrieve("points", { ids: [1, 2, 3], with_vector: true });
      return JSON.parse(
        JSON.stringify(
          points.map(({ vector }) => vector),
          (_, value) => (ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value),
        ),
      );
    };
    expect(await stored()).toEqual(expected);
    await database.close();
    database = await open(folder);
    expect(await stored()).toEqual(expected);
    await database.close();
  }));

test("points in saved segments, with vectors in memory and on files, over a restart", () =>
  withFolder(async (folder) => {
    let database = await open(folder);
    await database.createCollection("points", {
      vectors: {
        a: { size: 4, distance: "Euclid", on_disk: true, hnsw_config: { on_disk: true } },
        b: { size: 2, distance: "Dot" },
      },
      optimizers_config: { indexing_threshold: 1 },
    });
    const count = 600;
    const given = (id: number) => ({ id, vector: { a: [id, 1, 2, 3], b: [id, -id] }, payload: { id } });
    await database.upsert("points", { points: Array.from({ length: count }, (_, id) => given(id)) });
    await database.waitForIndex("points", { everything: true });
    const points = [5, 300, 599].map((id) => ({ id, vector: { b: [0.5, id] } }));
    await database.batchUpdate("points", {
      operations: [
        { update_vectors: { points } },
        { set_payload: { payload: { moved: true }, filter: { must: [{ has_id: [300, 599, 7] }] } } },
        { delete_vectors: { points: [599, 8], vector: ["a"] } },
      ],
    });
    const expected = [
      [{ a: [5, 1, 2, 3], b: [0.5, 5] }, { id: 5 }],
      [
        { a: [300, 1, 2, 3], b: [0.5, 300] },
        { id: 300, moved: true },
      ],
      [{ b: [0.5, 599] }, { id: 599, moved: true }],
      [
        { a: [7, 1, 2, 3], b: [7, -7] },
        { id: 7, moved: true },
      ],
      [{ b: [8, -8] }, { id: 8 }],
      [{ a: [6, 1, 2, 3], b: [6, -6] }, { id: 6 }],
    ];
    const ids = [5, 300, 599, 7, 8, 6];
    expect(await vectors(database, ...ids)).toEqual(expected);
    await database.close();
    database = await open(folder);
    expect(await vectors(database, ...ids)).toEqual(expected);
    await database.waitForIndex("points", { everything: true });
    expect(await vectors(database, ...ids)).toEqual(expected);
    expect((await database.count("points")).count).toBe(count);
    await database.close();
  }));
