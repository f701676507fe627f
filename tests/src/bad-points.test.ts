/** Bad points, vectors and ids; see bad-input.ts. */
import { expect, test } from "vitest";
import {
  type Case,
  good,
  patch,
  query,
  refuses,
  remove,
  scroll,
  servedCollections,
  withGood,
  write,
} from "./bad-input.js";
import { refusal, snapshot } from "./homes.js";

const served = servedCollections();

const vectors: Case[] = [
  {
    title: "a vector of another dimension",
    ...write,
    body: withGood({ vector: [1, 2, 3] }),
    code: "WRONG_DIMENSION",
    says: "Vector dimension error: expected dim: 4, got 3",
    text: "Wrong input: Vector dimension error: expected dim: 4, got 3",
  },
  {
    title: "an empty vector",
    ...write,
    body: withGood({ vector: [] }),
    code: "BAD_VECTOR",
    says: "must not be empty",
  },
  {
    title: "a query of another dimension",
    ...query,
    body: { query: [1, 2, 3, 4, 5] },
    code: "WRONG_DIMENSION",
    says: "expected dim: 4, got 5",
    text: "Wrong input: Vector dimension error: expected dim: 4, got 5",
  },
  ...([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const).map(
    (value): Case => ({
      title: `${value} in a vector`,
      ...write,
      body: withGood({ vector: [1, 2, value, 4] }),
      code: "BAD_VECTOR",
      says: "points[2].vector",
    }),
  ),
  {
    title: "NaN in a Float32Array",
    ...write,
    body: withGood({ vector: Float32Array.of(1, Number.NaN, 3, 4) }),
    json: `{"points":[${JSON.stringify(good)},{"id":11,"vector":[1,null,3,4]}]}`,
    code: "BAD_VECTOR",
    says: "].vector",
  },
  {
    title: "a number beyond float32",
    ...write,
    body: withGood({ vector: [1, 2, 1e39, 4] }),
    code: "BAD_VECTOR",
    says: "points[2].vector",
  },
  {
    title: "a word in a vector",
    ...write,
    body: withGood({ vector: [1, "two", 3, 4] }),
    code: "BAD_VECTOR",
    says: "points[2].vector",
  },
  {
    title: "NaN in a query",
    ...query,
    body: { query: [1, Number.NaN, 3, 4] },
    code: "BAD_VECTOR",
    says: "query",
  },
  {
    title: "an unknown vector name",
    ...write,
    body: withGood({ vector: { sound: [1, 2, 3, 4] } }),
    code: "UNKNOWN_VECTOR",
    says: "Not existing vector name error: sound",
    text: "Wrong input: Not existing vector name error: sound",
  },
  {
    title: "a vector name that every object has",
    ...write,
    body: withGood({ vector: { constructor: [1, 2, 3, 4] } }),
    code: "UNKNOWN_VECTOR",
    says: "Not existing vector name error: constructor",
  },
  {
    title: "an unknown vector name in a query",
    ...query,
    body: { query: [1, 2, 3, 4], using: "sound" },
    code: "UNKNOWN_VECTOR",
    says: "Not existing vector name error: sound",
  },
  {
    title: "no vector name where all have one",
    call: (database, body) => database.query("named", body),
    request: ["POST", "/collections/named/points/query"],
    body: { query: [1, 2] },
    code: "UNKNOWN_VECTOR",
    says: "Not existing vector name error: ",
  },
  {
    title: "the vector of a point that has none of that name",
    call: (database, body) => database.query("named", body),
    request: ["POST", "/collections/named/points/query"],
    body: { query: 1, using: "text" },
    code: "UNKNOWN_VECTOR",
    says: "Point 1 has no vector named `text`",
  },
  {
    title: "the vector of a point that does not exist",
    ...query,
    body: { query: 404 },
    code: "POINT_NOT_FOUND",
    says: "No point with id 404 found",
    text: "Not found: No point with id 404 found",
  },
  {
    title: "one bad search among several",
    call: (database, body) => database.queryBatch("points", body),
    request: ["POST", "/collections/points/points/query/batch"],
    body: { searches: [{ query: [1, 2, 3, 4] }, { query: [1, 2, 3] }] },
    code: "WRONG_DIMENSION",
    says: "expected dim: 4, got 3",
  },
];

const badIds: [unknown, string?][] = [
  [-1],
  [1.5],
  [2n ** 64n],
  [-(2n ** 63n)],
  ["not-a-uuid"],
  [""],
  [null],
  [true],
];
const ids: Case[] = badIds.flatMap(([id]): Case[] => {
  const shown = typeof id === "string" ? JSON.stringify(id) : String(id);
  const says = `value ${shown} is not a valid point ID`;
  const common = { code: "BAD_POINT_ID" as const, says };
  return [
    { title: `upsert with id ${shown}`, ...write, body: withGood({ id, vector: [1, 2, 3, 4] }), ...common },
    { title: `delete with id ${shown}`, ...remove, body: { points: [1, id] }, ...common },
    {
      title: `set payload of id ${shown}`,
      ...patch,
      body: { points: [1, id], payload: { a: 1 } },
      ...common,
    },
    {
      title: `retrieve id ${shown}`,
      call: (database, body) => database.retrieve("points", body),
      request: ["POST", "/collections/points/points"],
      body: { ids: [1, id] },
      ...common,
    },
    {
      title: `filter by id ${shown}`,
      ...scroll,
      body: { filter: { must: [{ has_id: [1, id] }] } },
      ...common,
    },
  ];
});

const writes: Case[] = [
  {
    title: "an empty list of points",
    ...write,
    body: { points: [] },
    code: "BAD_REQUEST",
    says: "Empty update request",
  },
  {
    title: "an empty batch",
    ...write,
    body: { batch: { ids: [], vectors: [] } },
    code: "BAD_REQUEST",
    says: "Empty update request",
  },
  {
    title: "a batch of unequal columns",
    ...write,
    body: { batch: { ids: [1, 2, 3], vectors: [[1, 2, 3, 4]] } },
    code: "OUT_OF_RANGE",
    says: "number of ids and vectors must be equal (3 != 1)",
  },
  { title: "no points at all", ...write, body: {}, code: "BAD_REQUEST", says: "points" },
  {
    title: "a point without a vector",
    ...write,
    body: withGood({}),
    code: "BAD_REQUEST",
    says: "points[2].vector: is missing",
  },
  {
    title: "a payload that is no object",
    ...write,
    body: withGood({ vector: [1, 2, 3, 4], payload: [1] }),
    code: "BAD_REQUEST",
    says: "points[2].payload",
  },
  {
    title: "a payload change of a point that does not exist",
    ...patch,
    body: { points: [1, 2, 404], payload: { rank: 100 } },
    code: "POINT_NOT_FOUND",
    says: "No point with id 404 found",
    text: "Not found: No point with id 404 found",
  },
  {
    title: "a payload change of no points",
    ...patch,
    body: { payload: { rank: 100 } },
    code: "BAD_REQUEST",
    says: "either `points` or `filter`",
  },
  {
    title: "a payload change at a path that is none",
    ...patch,
    body: { points: [1], payload: { rank: 100 }, key: "a[" },
    code: "BAD_REQUEST",
    says: "a[",
  },
  { title: "a deletion of nothing named", ...remove, body: {}, code: "BAD_REQUEST", says: "points" },
  {
    title: "a sparse vector",
    ...write,
    body: withGood({ vector: { words: { indices: [1], values: [1] } } }),
    code: "UNKNOWN_VECTOR",
    says: "words",
  },
];

refuses(served, { vectors, ids, writes });

test("an integer id that lost digits before it came is refused", async () => {
  const before = await snapshot(served().database);
  const { code, message } = await refusal(
    served().database.upsert("points", { points: [{ id: 2 ** 53, vector: [1, 2, 3, 4] }] }),
  );
  expect(code).toBe("BAD_POINT_ID");
  expect(message).toContain("given as bigint");
  expect(await snapshot(served().database)).toEqual(before);
});
