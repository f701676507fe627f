/** Bad collections, absent ones, and odd names that are none; see bad-input.ts. */
import type { Database } from "vicinal";
import { expect, test } from "vitest";
import { type Bad, type Case, create, good, index, refuses, servedCollections } from "./bad-input.js";
import { refusal } from "./homes.js";

const served = servedCollections();

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
    title: "size 65,537",
    ...create("new"),
    body: { vectors: { ...size4, size: 65_537 } },
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

refuses(served, { collections, absent });

test.each(["__proto__", "constructor", "toString", ""])("%j is a name like any other", async (name) => {
  const { database, rest } = served();
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
    served().database.createCollection("", { vectors: { size: 4, distance: "Dot" } }),
  );
  expect(code).toBe("OUT_OF_RANGE");
  expect(message).toContain("collection_name");
});
