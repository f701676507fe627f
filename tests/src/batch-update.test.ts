/** Writes in batches, and writes that depend on what is there. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { javascriptCarrier } from "./grpc-carriers.js";
import { refusal, type Served, serve } from "./homes.js";

let served: Served;
const at = "/collections/points/points";

beforeEach(async () => {
  served = await serve();
  await served.database.createCollection("points", { vectors: { size: 1, distance: "Dot" } });
});
afterEach(() => served.close());

const point = (id: number, n: number) => ({ id, vector: [n], payload: { n } });
const at1 = (id: number) => ({ must: [{ has_id: [id] }] });

/** What is there, as id, vector and payload. */
async function stored(): Promise<[number, number | undefined, unknown][]> {
  const { points } = await served.database.scroll("points", { with_vector: true, limit: 100 });
  return points.map(({ id, vector, payload }) => [Number(id), (vector as Float32Array)[0], payload]);
}

test("operations of all kinds, each on what those before it left", async () => {
  const operations = [
    { upsert: { points: [point(1, 1), point(2, 2), point(3, 3)] } },
    { upsert: { batch: { ids: [4, 5], vectors: [[4], [5]], payloads: [{ n: 4 }, null] } } },
    { delete: { filter: { must: [{ key: "n", match: { value: 2 } }] } } },
    { set_payload: { payload: { set: true }, filter: { must_not: [{ key: "n", range: { gt: 3 } }] } } },
    { overwrite_payload: { payload: { over: 1 }, points: [4] } },
    { delete_payload: { keys: ["n"], filter: { must: [{ key: "set", match: { value: true } }] } } },
    { update_vectors: { points: [{ id: 3, vector: [30] }] } },
    { delete_vectors: { points: [4], vector: [""] } },
    { delete: { points: [1, 77] } },
    { upsert: { points: [point(1, 10)] } },
    { clear_payload: { filter: at1(5) } },
  ];
  const results = await served.rest.result("POST", `${at}/batch?wait=true`, { operations });
  expect(results).toHaveLength(operations.length);
  expect(new Set(results.map(({ status }: { status: string }) => status))).toEqual(new Set(["completed"]));
  expect(await stored()).toEqual([
    [1, 10, { n: 10 }],
    [3, 30, { set: true }],
    [4, undefined, { over: 1 }],
    [5, 5, {}],
  ]);
  expect(
    await served.rest.result("POST", `${at}/batch`, { operations: operations.slice(0, 2) }),
  ).toMatchObject([{ status: "acknowledged" }, { status: "acknowledged" }]);
  expect(await served.rest.result("POST", `${at}/batch?wait=true`, { operations: [] })).toEqual([]);
});

test("the same over gRPC, where lists of points and operations have their own form", async () => {
  const grpc = javascriptCarrier(served.grpcPort);
  const call = async (method: string, request: object) =>
    (await grpc.carry("Points", method, { collectionName: "points", wait: true, ...request })).result;
  const num = (id: number) => ({ num: String(id) });
  const pb = (id: number, n: number) => ({
    id: num(id),
    vectors: { vector: { dense: { data: [n] } } },
    payload: { n: { integerValue: String(n) } },
  });
  const ids = (...listed: number[]) => ({ points: { ids: listed.map(num) } });
  const where = { filter: { must: [{ field: { key: "n", range: { lt: 3 } } }] } };
  const results = await call("UpdateBatch", {
    operations: [
      { upsert: { points: [1, 2, 3, 4, 5].map((id) => pb(id, id)) } },
      { deletePoints: { points: ids(2) } },
      { setPayload: { payload: { set: { boolValue: true } }, pointsSelector: where } },
      { overwritePayload: { payload: {}, pointsSelector: ids(4) } },
      { deletePayload: { keys: ["n"], pointsSelector: ids(3) } },
      { updateVectors: { points: [{ id: num(3), vectors: { vector: { dense: { data: [30] } } } }] } },
      { deleteVectors: { pointsSelector: ids(4), vectors: { names: [""] } } },
      { clearPayload: { points: ids(5) } },
    ],
  });
  expect(results).toMatchObject(Array.from({ length: 8 }, () => ({ status: "Completed" })));
  await call("Upsert", { points: [pb(1, 10), pb(6, 6)], updateMode: "InsertOnly" });
  await call("Upsert", { points: [pb(5, 50), pb(7, 7)], updateMode: "UpdateOnly" });
  await call("Upsert", { points: [pb(1, 11), pb(5, 51)], updateFilter: where.filter });
  await call("UpdateVectors", { points: [{ id: num(6), vectors: { vector: { dense: { data: [60] } } } }] });
  await call("DeleteVectors", { pointsSelector: ids(3), vectors: { names: [""] } });
  expect(await stored()).toEqual([
    [1, 11, { n: 11 }],
    [3, undefined, {}],
    [4, undefined, {}],
    [5, 50, { n: 50 }],
    [6, 60, { n: 6 }],
  ]);
  await expect(
    call("UpdateVectors", { points: [{ id: num(99), vectors: { vector: { dense: { data: [1] } } } }] }),
  ).rejects.toThrow("99");
  await grpc.close();
});

test("all of a batch or nothing of it", async () => {
  const { database } = served;
  await database.upsert("points", { points: [point(1, 1)] });
  const before = await stored();
  const first = { upsert: { points: [point(1, 5), point(2, 5)] } };
  const cases: [object, string][] = [
    [{ set_payload: { payload: { a: 1 }, points: [3] } }, "POINT_NOT_FOUND"],
    [{ delete_vectors: { points: [3], vector: [""] } }, "POINT_NOT_FOUND"],
    [{ update_vectors: { points: [{ id: 1, vector: [1, 2] }] } }, "WRONG_DIMENSION"],
    [{ upsert: { points: [{ id: 1, vector: { x: [1] } }] } }, "UNKNOWN_VECTOR"],
    [{ delete_payload: { keys: ["a["], points: [1] } }, "BAD_REQUEST"],
    [{ nothing: {} }, "BAD_REQUEST"],
  ];
  for (const [last, code] of cases) {
    const operations = [first, last] as never[];
    expect([last, (await refusal(database.batchUpdate("points", { operations }))).code]).toEqual([
      last,
      code,
    ]);
  }
  expect(await stored()).toEqual(before);
  // Writes that share the group with a failed batch see nothing of it.
  const [failed, counted] = await Promise.allSettled([
    database.batchUpdate("points", { operations: [first, { set_payload: { payload: {}, points: [9] } }] }),
    database.upsert("points", { points: [point(2, 7)], update_mode: "update_only" }),
  ]);
  expect([failed.status, counted.status]).toEqual(["rejected", "fulfilled"]);
  expect(await stored()).toEqual(before);
});

test("modes: only new points, only those that are there", async () => {
  const { database } = served;
  await database.upsert("points", { points: [point(1, 1), point(2, 2)] });
  const both = [point(2, 20), point(3, 30)];
  await served.rest.result("PUT", `${at}?wait=true`, { points: both, update_mode: "insert_only" });
  expect(await stored()).toEqual([
    [1, 1, { n: 1 }],
    [2, 2, { n: 2 }],
    [3, 30, { n: 30 }],
  ]);
  const batch = { ids: [3, 4], vectors: [[31], [41]], payloads: [{ n: 31 }, { n: 41 }] };
  await served.rest.result("PUT", `${at}?wait=true`, { batch, update_mode: "update_only" });
  expect(await stored()).toEqual([
    [1, 1, { n: 1 }],
    [2, 2, { n: 2 }],
    [3, 31, { n: 31 }],
  ]);
  await served.rest.result("PUT", `${at}?wait=true`, { points: both, update_mode: "upsert" });
  expect((await stored())[1]).toEqual([2, 20, { n: 20 }]);
  const refused = await served.rest.call("PUT", `${at}?wait=true`, { points: both, update_mode: "merge" });
  expect(refused.status).toBe(400);
});

test("a filter decides which points are written over, in each mode", async () => {
  const { database } = served;
  const older = (n: number) => ({ must: [{ key: "n", range: { lt: n } }] });
  await database.upsert("points", { points: [point(1, 4), point(2, 6)] });
  const points = [1, 2, 3].map((id) => point(id, 5));
  await database.upsert("points", {
    points: points.slice(0, 2),
    update_filter: older(5),
    update_mode: "update_only",
  });
  expect(await stored()).toEqual([
    [1, 5, { n: 5 }],
    [2, 6, { n: 6 }],
  ]);
  await database.upsert("points", { points, update_filter: older(5), update_mode: "update_only" });
  expect(await stored()).toHaveLength(2);
  await database.upsert("points", { points, update_filter: older(5) });
  expect(await stored()).toEqual([
    [1, 5, { n: 5 }],
    [2, 6, { n: 6 }],
    [3, 5, { n: 5 }],
  ]);
  await database.upsert("points", {
    points: [point(1, 9), point(4, 9)],
    update_filter: older(100),
    update_mode: "insert_only",
  });
  expect(await stored()).toEqual([
    [1, 5, { n: 5 }],
    [2, 6, { n: 6 }],
    [3, 5, { n: 5 }],
    [4, 9, { n: 9 }],
  ]);
});

test("of many versions written at once the newest wins, in whatever order they come", async () => {
  const { database } = served;
  const versions = Array.from({ length: 200 }, (_, i) => (i * 73) % 200);
  await Promise.all(
    versions.map((n) =>
      database.upsert("points", {
        points: [point(1, n)],
        update_filter: { must: [{ key: "n", range: { lt: n } }] },
      }),
    ),
  );
  expect(await stored()).toEqual([[1, 199, { n: 199 }]]);
});

test("a batch sees the writes that share its group", async () => {
  const { database } = served;
  const ranked = (n: number) => ({ must: [{ key: "n", match: { value: n } }] });
  await Promise.all([
    database.upsert("points", { points: [point(1, 1), point(2, 2), point(3, 3)] }),
    database.delete("points", { points: [3] }),
    database.batchUpdate("points", {
      operations: [
        { update_vectors: { points: [{ id: 1, vector: [11] }] } },
        { set_payload: { filter: ranked(2), payload: { n: 22 } } },
        { upsert: { points: [point(2, 5), point(3, 5)], update_filter: ranked(2) } },
      ],
    }),
    database.setPayload("points", { filter: ranked(22), payload: { last: true } }),
  ]);
  expect(await stored()).toEqual([
    [1, 11, { n: 1 }],
    [2, 2, { n: 22, last: true }],
    [3, 5, { n: 5 }],
  ]);
});

test("parameters of writes are refused where they are malformed", async () => {
  const operations = [{ upsert: { points: [point(1, 1)] } }];
  const malformed = { "wait=maybe": 400, "ordering=loose": 400, "timeout=x": 400, "timeout=0": 422 };
  for (const [query, refused] of Object.entries(malformed)) {
    const { status } = await served.rest.call("POST", `${at}/batch?${query}`, { operations });
    expect([query, status]).toEqual([query, refused]);
  }
  for (const query of ["wait=true&ordering=strong&timeout=5", "ordering=weak"])
    expect((await served.rest.call("POST", `${at}/batch?${query}`, { operations })).status).toBe(200);
});
