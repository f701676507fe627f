/**
 * Bad input: each is refused with an error that names the culprit, embedded and over HTTP alike, and leaves
 * everything as it was.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { type Database, type ErrorCode, errorCatalogue, open } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, type Served, serve, snapshot, withFolder } from "./homes.js";

const bodyLimitBytes = 1 << 20;
let served: Served;

beforeAll(async () => {
  served = await serve(":memory:", { bodyLimitBytes });
  const { database } = served;
  await database.createCollection("points", { vectors: { size: 4, distance: "Dot" } });
  await database.createPayloadIndex("points", { field_name: "rank", field_schema: "integer" });
  await database.upsert("points", {
    points: [1, 2, 3].map((id) => ({ id, vector: [id, 0, 0, 1], payload: { rank: id, word: `w${id}` } })),
  });
  await database.createCollection("named", {
    vectors: { image: { size: 3, distance: "Cosine" }, text: { size: 2, distance: "Euclid" } },
  });
  await database.upsert("named", { points: [{ id: 1, vector: { image: [1, 0, 0] } }] });
});

afterAll(() => served.close());

/** Arguments that no type allows. */
// biome-ignore lint/suspicious/noExplicitAny: the tests pass what the types refuse
type Bad = any;

interface Case {
  title: string;
  /** Method of the database, then the request over HTTP that means the same. */
  call: (database: Database, body: Bad) => Promise<unknown>;
  request: [method: string, path: string];
  /** Sent both ways, unless `json` says how the same fault looks in JSON. */
  body: Bad;
  json?: string;
  code: ErrorCode;
  /** Part of both messages. */
  says: string;
  /** The whole text over HTTP, where Qdrant has one. */
  text?: string;
}

const good = { id: 9, vector: [1, 2, 3, 4], payload: { rank: 9 } };
const write = {
  call: (database: Database, body: Bad) => database.upsert("points", body),
  request: ["PUT", "/collections/points/points?wait=true"] as [string, string],
};
const query = {
  call: (database: Database, body: Bad) => database.query("points", body),
  request: ["POST", "/collections/points/points/query"] as [string, string],
};
const scroll = {
  call: (database: Database, body: Bad) => database.scroll("points", body),
  request: ["POST", "/collections/points/points/scroll"] as [string, string],
};
const remove = {
  call: (database: Database, body: Bad) => database.delete("points", body),
  request: ["POST", "/collections/points/points/delete?wait=true"] as [string, string],
};
const patch = {
  call: (database: Database, body: Bad) => database.setPayload("points", body),
  request: ["POST", "/collections/points/points/payload?wait=true"] as [string, string],
};
const index = {
  call: (database: Database, body: Bad) => database.createPayloadIndex("points", body),
  request: ["PUT", "/collections/points/index?wait=true"] as [string, string],
};
const create = (name: string) => ({
  call: (database: Database, body: Bad) => database.createCollection(name, body),
  request: ["PUT", `/collections/${encodeURIComponent(name)}`] as [string, string],
});
/** A batch whose last point is the bad one. */
const withGood = (point: object) => ({ points: [good, { ...good, id: 10 }, { id: 11, ...point }] });

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
    code: "WRONG_DIMENSION",
    says: "expected dim: 4, got 0",
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
    code: "UNSUPPORTED",
    says: "sparse vectors",
  },
];

const filters: Case[] = [
  {
    title: "an unknown condition",
    ...scroll,
    body: { filter: { must: [{ near: 1 }] } },
    code: "BAD_FILTER",
    says: "filter.must[0]: expected a condition",
  },
  {
    title: "an unknown part of a filter",
    ...scroll,
    body: { filter: { must_nott: [] } },
    code: "BAD_FILTER",
    says: "must_nott",
  },
  {
    title: "an unknown kind of match",
    ...query,
    body: { query: [1, 2, 3, 4], filter: { must: [{ key: "word", match: { near: "w" } }] } },
    code: "BAD_FILTER",
    says: "filter.must[0].match",
  },
  {
    title: "a field without a test",
    call: (database, body) => database.count("points", body),
    request: ["POST", "/collections/points/points/count"],
    body: { filter: { must: [{ key: "word" }] } },
    code: "OUT_OF_RANGE",
    says: "filter.must[0]",
  },
  {
    title: "a range of words",
    ...remove,
    body: { filter: { must: [{ key: "rank", range: { gte: [1] } }] } },
    code: "BAD_FILTER",
    says: "filter.must[0].range",
  },
  {
    title: "a key that is no path",
    ...remove,
    body: { filter: { must: [{ key: "a[", match: { value: 1 } }] } },
    code: "BAD_FILTER",
    says: "'a['",
  },
  {
    title: "an integer that is not exact",
    ...remove,
    body: { filter: { must: [{ key: "rank", match: { value: 1.5 } }] } },
    code: "BAD_FILTER",
    says: "filter.must[0].match.value",
  },
];

const searches: Case[] = [
  ...([0, -1, 1.5, "ten"] as const).flatMap((limit): Case[] =>
    [query, scroll].map((operation) => ({
      title: `limit ${limit}, ${operation.request[1].split("/").at(-1)}`,
      ...operation,
      body: { limit },
      code: limit === 0 ? "OUT_OF_RANGE" : "BAD_REQUEST",
      says: "limit: ",
      ...(limit === 0 && {
        text: "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]",
      }),
    })),
  ),
  ...([-0.1, 1.01] as const).map(
    (recall): Case => ({
      title: `recall ${recall}`,
      ...query,
      body: { query: [1, 2, 3, 4], params: { recall } },
      code: "OUT_OF_RANGE",
      says: "params.recall: ",
    }),
  ),
  {
    title: "recall that is no number",
    ...query,
    body: { query: [1, 2, 3, 4], params: { recall: "high" } },
    code: "BAD_REQUEST",
    says: "params.recall: ",
  },
  {
    title: "hnsw_ef 0",
    ...query,
    body: { query: [1, 2, 3, 4], params: { hnsw_ef: 0 } },
    code: "OUT_OF_RANGE",
    says: "params.hnsw_ef: ",
  },
  {
    title: "offset -1",
    ...query,
    body: { query: [1, 2, 3, 4], offset: -1 },
    code: "BAD_REQUEST",
    says: "offset: ",
  },
  {
    title: "a query that is not there yet",
    ...query,
    body: { query: { fusion: "rrf" } },
    code: "UNSUPPORTED",
    says: "fusion",
  },
];

const size4 = { size: 4, distance: "Dot" };
const collections: Case[] = [
  {
    title: "a name that is taken",
    ...create("points"),
    body: { vectors: { size: 8, distance: "Cosine" } },
    code: "COLLECTION_EXISTS",
    says: "Collection `points` already exists!",
    text: "Wrong input: Collection `points` already exists!",
  },
  ...["a/b", "tab\t", "x".repeat(256)].map(
    (name): Case => ({
      title: `the name ${JSON.stringify(name.slice(0, 8))}`,
      ...create(name),
      body: { vectors: size4 },
      code: "OUT_OF_RANGE",
      says: "collection_name",
    }),
  ),
  {
    title: "size 0",
    ...create("new"),
    body: { vectors: { ...size4, size: 0 } },
    code: "OUT_OF_RANGE",
    says: "vectors.size",
  },
  {
    title: "size 65,536",
    ...create("new"),
    body: { vectors: { ...size4, size: 65_536 } },
    code: "OUT_OF_RANGE",
    says: "vectors.size",
  },
  {
    title: "an unknown distance",
    ...create("new"),
    body: { vectors: { size: 4, distance: "cosine" } },
    code: "BAD_REQUEST",
    says: "vectors.distance",
  },
  {
    title: "an unknown index family",
    ...create("new"),
    body: { vectors: { ...size4, index: { type: "tree" } } },
    code: "BAD_REQUEST",
    says: "vectors.index.type",
  },
  ...(["m", "ef_construct"] as const).flatMap((parameter): Case[] => [
    {
      title: `${parameter} -1`,
      ...create("new"),
      body: { vectors: size4, hnsw_config: { [parameter]: -1 } },
      code: "BAD_REQUEST",
      says: parameter,
    },
    {
      title: `${parameter} 1,000,000`,
      ...create("new"),
      body: { vectors: { ...size4, hnsw_config: { [parameter]: 1_000_000 } } },
      code: "OUT_OF_RANGE",
      says: parameter,
    },
    {
      title: `${parameter} 1.5`,
      ...create("new"),
      body: { vectors: size4, hnsw_config: { [parameter]: 1.5 } },
      code: "BAD_REQUEST",
      says: parameter,
    },
  ]),
  {
    title: "an update to parameters out of range",
    call: (database, body) => database.updateCollection("points", body),
    request: ["PATCH", "/collections/points"],
    body: { hnsw_config: { m: 1_000_000 } },
    code: "OUT_OF_RANGE",
    says: "m",
  },
  {
    title: "an update of a vector that does not exist",
    call: (database, body) => database.updateCollection("points", body),
    request: ["PATCH", "/collections/points"],
    body: { vectors: { sound: { hnsw_config: { m: 8 } } } },
    code: "UNKNOWN_VECTOR",
    says: "sound",
  },
  {
    title: "an unknown type of field index",
    ...index,
    body: { field_name: "word", field_schema: "colour" },
    code: "BAD_REQUEST",
    says: "field_schema",
  },
  {
    title: "an unknown type of field index, as an object",
    ...index,
    body: { field_name: "word", field_schema: { type: "colour" } },
    code: "BAD_REQUEST",
    says: "field_schema",
  },
  {
    title: "a field index of no type",
    ...index,
    body: { field_name: "word" },
    code: "BAD_REQUEST",
    says: "field_schema",
  },
  {
    title: "an integer index that could do nothing",
    ...index,
    body: { field_name: "word", field_schema: { type: "integer", lookup: false, range: false } },
    code: "OUT_OF_RANGE",
    says: "field_schema.lookup: Validation error: the 'lookup' and 'range' capabilities can't be both disabled",
  },
  {
    title: "a tokenizer that is none",
    ...index,
    body: { field_name: "word", field_schema: { type: "text", tokenizer: "letter" } },
    code: "BAD_REQUEST",
    says: "field_schema.tokenizer: expected",
  },
  {
    title: "stop words of a language without a list",
    ...index,
    body: { field_name: "word", field_schema: { type: "text", stopwords: "tajik" } },
    code: "UNSUPPORTED",
    says: "field_schema.stopwords: stop words of this language are not supported",
  },
  {
    title: "a field index on no path",
    ...index,
    body: { field_name: "a[", field_schema: "keyword" },
    code: "BAD_REQUEST",
    says: "a[",
  },
];

const absentOperations: [string, (database: Database) => Promise<unknown>, [string, string, Bad?]][] = [
  ["info", (database) => database.getCollection("absent"), ["GET", ""]],
  ["update", (database) => database.updateCollection("absent", {}), ["PATCH", "", {}]],
  [
    "upsert",
    (database) => database.upsert("absent", { points: [good] }),
    ["PUT", "/points", { points: [good] }],
  ],
  [
    "delete",
    (database) => database.delete("absent", { points: [1] }),
    ["POST", "/points/delete", { points: [1] }],
  ],
  ["retrieve", (database) => database.retrieve("absent", { ids: [1] }), ["POST", "/points", { ids: [1] }]],
  ["scroll", (database) => database.scroll("absent"), ["POST", "/points/scroll", {}]],
  ["count", (database) => database.count("absent"), ["POST", "/points/count", {}]],
  [
    "query",
    (database) => database.query("absent", { query: [1] }),
    ["POST", "/points/query", { query: [1] }],
  ],
  [
    "query batch",
    (database) => database.queryBatch("absent", { searches: [] }),
    ["POST", "/points/query/batch", { searches: [] }],
  ],
  [
    "set payload",
    (database) => database.setPayload("absent", { payload: {}, points: [1] }),
    ["POST", "/points/payload", { payload: {}, points: [1] }],
  ],
  [
    "create a field index",
    (database) => database.createPayloadIndex("absent", { field_name: "a", field_schema: "bool" }),
    ["PUT", "/index", { field_name: "a", field_schema: "bool" }],
  ],
  ["drop a field index", (database) => database.deletePayloadIndex("absent", "a"), ["DELETE", "/index/a"]],
];
const absent: Case[] = absentOperations.map(([title, call, [method, path, body]]) => ({
  title,
  call,
  request: [method, `/collections/absent${path}`],
  body,
  code: "COLLECTION_NOT_FOUND",
  says: "Collection `absent` doesn't exist!",
  text: "Not found: Collection `absent` doesn't exist!",
}));

describe.each(Object.entries({ vectors, ids, writes, filters, searches, collections, absent }))(
  "%s",
  (_, cases) => {
    test.each(cases)("$title", async ({ call, request: [method, path], body, json, code, says, text }) => {
      const { database, rest } = served;
      const before = await snapshot(database);

      const embedded = await refusal(call(database, body));
      expect(embedded.code, embedded.message).toBe(code);
      expect(embedded.message).toContain(says);
      expect(await snapshot(database)).toEqual(before);

      const answer = await rest.call(method, path, json ?? body);
      expect(answer.status, answer.text).toBe(errorCatalogue[code].status);
      const { error } = answer.json.status;
      expect(error).toContain(says);
      if (text !== undefined) expect(error).toBe(text);
      expect(await snapshot(database)).toEqual(before);
    });
  },
);

test("an integer id that lost digits before it came is refused", async () => {
  const before = await snapshot(served.database);
  const { code, message } = await refusal(
    served.database.upsert("points", { points: [{ id: 2 ** 53, vector: [1, 2, 3, 4] }] }),
  );
  expect(code).toBe("BAD_POINT_ID");
  expect(message).toContain("given as bigint");
  expect(await snapshot(served.database)).toEqual(before);
});

describe("requests that never reach the engine", () => {
  const bodies = {
    cut: '{"points":[{"id":1,',
    word: "points",
    twice: '{"limit":1}{"limit":2}',
    comma: '{"limit":1,}',
  };
  test.each(Object.entries(bodies))("malformed JSON: %s", async (_, body) => {
    const { status, json } = await served.rest.call("POST", "/collections/points/points/scroll", body);
    expect(status).toBe(400);
    expect(json.status.error).toMatch(/^Format error in JSON body: /);
  });

  test("a body that is too large", async () => {
    const before = await snapshot(served.database);
    const body = JSON.stringify({ points: [{ ...good, payload: { text: "x".repeat(bodyLimitBytes) } }] });
    const { status, json } = await served.rest.call("PUT", "/collections/points/points", body);
    expect(status).toBe(413);
    expect(json.status.error).toBe(`JSON payload is larger than allowed (limit: ${bodyLimitBytes} bytes).`);
    expect(await snapshot(served.database)).toEqual(before);
  });

  test("no body", async () => {
    const { status, json } = await served.rest.call("PUT", "/collections/points/points");
    expect(status).toBe(400);
    expect(json.status.error).toContain("expected");
  });

  test.each(["-1", "1.5", "18446744073709551616", "not-a-uuid"])("the id %s in a path", async (id) => {
    const { status, json } = await served.rest.call("GET", `/collections/points/points/${id}`);
    expect(status).toBe(400);
    expect(json.status.error).toContain("path parameters");
    expect(json.status.error).toContain(id);
  });

  test("a path that is no URL", async () => {
    const { status, json } = await served.rest.call("GET", "/collections/%E0%A4%A");
    expect(status).toBe(400);
    expect(json.status.error).toContain("/collections/%E0%A4%A");
  });

  test("an unknown path", async () => {
    const { status, json } = await served.rest.call("POST", "/collections/points/pints", {});
    expect(status).toBe(404);
    expect(json.status.error).toContain("/collections/points/pints");
  });
});

describe("open", () => {
  test.each([[""], [undefined], [5], [null], [{}]])("of %j", async (path) => {
    const { code, message } = await refusal(open(path as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain("open: expected a folder");
  });

  test.each([[{ syncIntervalMs: -1 }], [{ syncIntervalMs: Number.NaN }], [{ syncIntervalMs: "5" }]])(
    "with options %j",
    async (options) => {
      const { code, message } = await refusal(open(":memory:", options as Bad));
      expect(code).toBe("BAD_REQUEST");
      expect(message).toContain("syncIntervalMs");
    },
  );

  test("with an option that there is not", async () => {
    const { code, message } = await refusal(open(":memory:", { syncInterval: 5 } as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain("syncInterval");
  });

  test("below a file", () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "text");
      const { code, message } = await refusal(open(join(file, "data")));
      expect(code).toBe("FOLDER_NOT_WRITABLE");
      expect(message).toContain(join(file, "data"));
      expect(await readdir(folder)).toEqual(["file"]);
    }));

  test("on a file", () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "text");
      const { code, message } = await refusal(open(file));
      expect(code).toBe("FOLDER_NOT_WRITABLE");
      expect(message).toContain(file);
    }));

  test.runIf(process.platform === "linux")("where nothing can be written", async () => {
    const { code, message } = await refusal(open("/proc/vicinal"));
    expect(code).toBe("FOLDER_NOT_WRITABLE");
    expect(message).toContain("/proc/vicinal");
  });

  test("of a folder that is open in this process", () =>
    withFolder(async (folder) => {
      const database = await open(folder);
      const { code, message } = await refusal(open(folder));
      expect(code).toBe("FOLDER_IN_USE");
      expect(message).toContain(folder);
      expect(message).toContain("this process");
      await database.close();
      await (await open(folder)).close();
    }));

  test("of a folder that another process holds", () =>
    withFolder(async (folder) => {
      const script = `import { open } from "vicinal"; await open(${JSON.stringify(folder)}); console.log("open"); setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        cwd: import.meta.dirname,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "close");
      try {
        await once(child.stdout, "data");
        const { code, message } = await refusal(open(folder));
        expect(code).toBe("FOLDER_IN_USE");
        expect(message).toContain(`process ${child.pid}`);
      } finally {
        child.kill("SIGKILL");
        await ended;
      }
      await (await open(folder)).close();
    }));
});

describe("listen", () => {
  test("on a port that is taken", async () => {
    const other = createTcpServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const server = createServer({ database: served.database });
    try {
      const { code, message } = await refusal(server.listen({ port }));
      expect(code).toBe("ADDRESS_UNAVAILABLE");
      expect(message).toBe(`Cannot listen on 127.0.0.1:${port}: the port is taken by another process`);
    } finally {
      await server.close();
      other.close();
    }
  });

  test("on a port that is none", async () => {
    const server = createServer({ database: served.database });
    const { code, message } = await refusal(server.listen({ port: 70_000 }));
    expect(code).toBe("ADDRESS_UNAVAILABLE");
    expect(message).toContain("70000");
    await server.close();
  });
});

test("a filter that is nested without end", async () => {
  let filter: Bad = { key: "rank", match: { value: 1 } };
  for (let depth = 0; depth < 20_000; depth++) filter = { must: [filter] };
  const { code, message } = await refusal(served.database.count("points", { filter }));
  expect(code).toBe("BAD_FILTER");
  expect(message).toContain("nested deeper than 128 levels");
  // What was refused leaves no trace in the schema: a filter as deep as may be is still taken.
  filter = { key: "rank", match: { value: 1 } };
  for (let depth = 0; depth < 100; depth++) filter = { must: [filter] };
  expect(await served.database.count("points", { filter })).toEqual({ count: 1 });
});

test.each(["__proto__", "constructor", "toString", ""])("%j is a name like any other", async (name) => {
  const { database, rest } = served;
  const path = "/collections/odd";
  await rest.result(
    "PUT",
    path,
    `{"vectors":{${JSON.stringify(name)}:{"size":2,"distance":"Dot"},"z":{"size":1,"distance":"Dot"}}}`,
  );
  try {
    const json = JSON.stringify(name);
    const point = `{"id":1,"vector":{${json}:[1,2],"z":[3]},"payload":{${json}:{${json}:7}}}`;
    await rest.result("PUT", `${path}/points?wait=true`, `{"points":[${point}]}`);
    const found = await rest.call("POST", `${path}/points/query`, {
      query: [1, 2],
      using: name,
      with_payload: true,
      with_vector: true,
    });
    expect(found.status, found.text).toBe(200);
    expect(found.text).toContain(`${json}:[1,2]`);
    expect(found.text).toContain(`"payload":{${json}:{${json}:7}}`);
    await rest.result("PATCH", path, `{"vectors":{${json}:{"hnsw_config":{"m":8}}}}`);
    if (name === "") return;
    await database.createPayloadIndex("odd", { field_name: `${name}.${name}`, field_schema: "integer" });
    await database.createPayloadIndex("odd", { field_name: name, field_schema: "keyword" });
    const { payload_schema, config } = await database.getCollection("odd");
    expect(Object.keys(payload_schema).sort()).toEqual([name, `${name}.${name}`].sort());
    expect(Object.keys(config.params.vectors as object).sort()).toEqual([name, "z"].sort());
    const filter = { must: [{ key: `${name}.${name}`, match: { value: 7 } }] };
    expect(await database.count("odd", { filter })).toEqual({ count: 1 });
  } finally {
    await database.deleteCollection("odd");
  }
});

test("a collection without a name", async () => {
  const { code, message } = await refusal(
    served.database.createCollection("", { vectors: { size: 4, distance: "Dot" } }),
  );
  expect(code).toBe("OUT_OF_RANGE");
  expect(message).toContain("collection_name");
});

test("a closed database refuses everything", async () => {
  const database = await open(":memory:");
  await database.createCollection("points", { vectors: { size: 4, distance: "Dot" } });
  await database.close();
  const calls = [
    () => database.query("points", { query: [1, 2, 3, 4] }),
    () => database.upsert("points", { points: [good] }),
    () => database.createCollection("more", { vectors: { size: 4, distance: "Dot" } }),
    () => database.getCollections(),
    () => database.collectionExists("points"),
    () => database.deleteCollection("points"),
  ];
  for (const call of calls) expect((await refusal(call())).code).toBe("CLOSED");
  await database.close();
});
