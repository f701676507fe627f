/** Score formulas through all doors: the embedded database, the official clients of both APIs, bodies as they are. */
import { QdrantClient, type Schemas } from "@qdrant/js-client-rest";
import type { QueryRequest } from "vicinal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Carrier, javascriptCarrier } from "./grpc-carriers.js";
import { refusal, type Served, serve } from "./homes.js";

let home: Served;
let grpc: Carrier;
let client: QdrantClient;

const SECONDS_2024 = 1_704_067_200;
const shops = [
  {
    id: 1,
    vector: [1, 0],
    payload: { price: 3, open: true, at: { lon: 13.4, lat: 52.5 }, since: "2024-01-01" },
  },
  { id: 2, vector: [0.8, 0.2], payload: { price: [1.5], open: false, at: { lon: 2.35, lat: 48.86 } } },
  { id: 3, vector: [0.6, 0.4], payload: { price: 10, at: { lon: -0.12, lat: 51.5 }, since: "2024-01-02" } },
  { id: 4, vector: [0.1, 0.9], payload: { open: true } },
];

beforeAll(async () => {
  home = await serve();
  grpc = javascriptCarrier(home.grpcPort);
  client = new QdrantClient({ url: home.url, checkCompatibility: false });
  await home.database.createCollection("shops", { vectors: { size: 2, distance: "Dot" } });
  await home.database.createPayloadIndex("shops", { field_name: "price", field_schema: "float" });
  await home.database.upsert("shops", { points: shops });
});
afterAll(async () => {
  await grpc.close();
  await home.close();
});

const prefetch = { query: [1, 0] };
const rounded = (points: { id: unknown; score: number }[]) =>
  points.map(({ id, score }) => [id, Number(score.toFixed(5))]);

async function ask(query: Schemas["QueryRequest"]["query"], more: object = {}) {
  const { points } = await client.query("shops", { prefetch, query, ...more } as Schemas["QueryRequest"]);
  return rounded(points);
}

test("scores and payload fields, with defaults where a payload has none", async () => {
  const formula = { sum: [{ mult: ["$score", 0.5] }, "price"] };
  const expected = [
    [3, 10.3],
    [4, 7.05],
    [1, 3.5],
    [2, 1.9],
  ];
  expect(await ask({ formula, defaults: { price: 7 } })).toEqual(expected);
  expect(await ask({ formula, defaults: { price: 7 } }, { limit: 2, offset: 1 })).toEqual(
    expected.slice(1, 3),
  );
  const embedded = await home.database.query("shops", {
    prefetch,
    query: { formula, defaults: { price: 7 } },
  });
  expect(rounded(embedded.points as never)).toEqual(expected);
});

test("conditions, places and points in time", async () => {
  const open = { key: "open", match: { value: true } };
  expect(await ask({ formula: { mult: [2, open] } })).toEqual([
    [1, 2],
    [4, 2],
    [2, 0],
    [3, 0],
  ]);
  const origin = { lon: 13.4, lat: 52.5 };
  const near = { exp_decay: { x: { geo_distance: { origin, to: "at" } }, scale: 1000, midpoint: 0.5 } };
  const [first, ...others] = await ask({ formula: near, defaults: { at: { lon: 0, lat: 0 } } });
  expect(first).toEqual([1, 1]);
  for (const [, score] of others) expect(score).toBe(0);
  const target = { datetime: "2024-01-02T00:00:00Z" };
  const age = { lin_decay: { x: { datetime_key: "since" }, target, scale: 86_400, midpoint: 0.25 } };
  expect(await ask({ formula: age, defaults: { since: "2024-01-01T12:00:00Z" } })).toEqual([
    [3, 1],
    [2, 0.625],
    [4, 0.625],
    [1, 0.25],
  ]);
});

test("a threshold keeps what is as good, and a filter holds for the prefetches too", async () => {
  const query = { formula: "price", defaults: { price: 0 } };
  expect(await ask(query, { score_threshold: 3 })).toEqual([
    [3, 10],
    [1, 3],
  ]);
  const filter = { must_not: [{ has_id: [3] }] };
  expect(await ask(query, { filter, limit: 1 })).toEqual([[1, 3]]);
});

test("a formula below another query, and over several", async () => {
  const dearest = { prefetch: [prefetch], query: { formula: "price", defaults: { price: 0 } }, limit: 2 };
  const nearest = await client.query("shops", { prefetch: [dearest], query: [1, 0] });
  expect(nearest.points.map(({ id }) => id)).toEqual([1, 3]);
  const both = await client.query("shops", {
    prefetch: [
      { query: [1, 0], limit: 1 },
      { query: [0, 1], limit: 1 },
    ],
    query: { formula: { sum: ["$score[0]", { mult: [10, "$score[1]"] }] }, defaults: { "$score[1]": 0.5 } },
  });
  expect(rounded(both.points)).toEqual([
    [4, 9],
    [1, 6],
  ]);
});

test("what the official client's types allow is allowed here", () => {
  const given = { prefetch, query: { formula: { pow: { base: "$score", exponent: 2 } }, defaults: {} } };
  const theirs: Schemas["QueryRequest"] = given;
  const ours: QueryRequest = given;
  expect(ours).toBe(theirs);
});

const query = (expression: object, defaults: object = {}) => ({
  collection_name: "shops",
  prefetch: [{ query: { nearest: { dense: { data: [1, 0] } } } }],
  query: { formula: { expression, defaults } },
});
/** gRPC's numbers have 32 bits, on both ways, and 0 is absent from its messages. */
const shown = (score = 0) => score.toPrecision(6);
const variable = (name: string) => ({ variable: name });
const constant = (value: number) => ({ constant: value });

test("every expression of the gRPC API means what it means in REST", async () => {
  const pairs: [object, object | string][] = [
    [constant(2.5), { sum: [2.5] }],
    [variable("$score"), "$score"],
    [
      { condition: { field: { key: "open", match: { boolean: true } } } },
      { key: "open", match: { value: true } },
    ],
    [
      { condition: { filter: { must: [{ has_id: { has_id: [{ num: "2" }] } }] } } },
      { must: [{ has_id: [2] }] },
    ],
    [
      { geo_distance: { origin: { lon: 13.4, lat: 52.5 }, to: "at" } },
      { geo_distance: { origin: { lon: 13.4, lat: 52.5 }, to: "at" } },
    ],
    [{ datetime: "2024-01-01" }, { datetime: "2024-01-01" }],
    [{ datetime_key: "since" }, { datetime_key: "since" }],
    [{ mult: { mult: [variable("price"), constant(2)] } }, { mult: ["price", 2] }],
    [{ mult: {} }, { mult: [] }],
    [{ sum: { sum: [variable("price"), constant(2)] } }, { sum: ["price", 2] }],
    [{ sum: {} }, { sum: [] }],
    [{ neg: variable("$score") }, { neg: "$score" }],
    [{ abs: { neg: variable("price") } }, { abs: { neg: "price" } }],
    [
      { div: { left: variable("price"), right: constant(0), by_zero_default: 4 } },
      { div: { left: "price", right: 0, by_zero_default: 4 } },
    ],
    [{ sqrt: variable("price") }, { sqrt: "price" }],
    [{ pow: { base: variable("price"), exponent: constant(2) } }, { pow: { base: "price", exponent: 2 } }],
    [{ exp: variable("$score") }, { exp: "$score" }],
    [{ log10: variable("price") }, { log10: "price" }],
    [{ ln: variable("price") }, { ln: "price" }],
    [
      { exp_decay: { x: variable("price"), target: constant(1), scale: 2, midpoint: 0.25 } },
      { exp_decay: { x: "price", target: 1, scale: 2, midpoint: 0.25 } },
    ],
    [{ gauss_decay: { x: variable("price") } }, { gauss_decay: { x: "price" } }],
    [{ lin_decay: { x: variable("price"), scale: 20 } }, { lin_decay: { x: "price", scale: 20 } }],
  ];
  const place = { struct_value: { fields: { lon: { integer_value: "1" }, lat: { double_value: 2.5 } } } };
  const theirs = { price: { double_value: 7 }, since: { string_value: "2024-02-01" }, at: place };
  const defaults = { price: 7, since: "2024-02-01", at: { lon: 1, lat: 2.5 } };
  for (const [expression, formula] of pairs) {
    const { result } = await grpc.carry("Points", "Query", query(expression, theirs));
    const found = result as { id: { num: string }; score: number }[];
    const rest = await client.query("shops", { prefetch, query: { formula, defaults } as never });
    expect([expression, found.map(({ id, score }) => [Number(id.num), shown(score)])]).toEqual([
      expression,
      rest.points.map(({ id, score }) => [id, shown(score)]),
    ]);
    expect(found.length).toBe(4);
  }
  const [first] = await ask({ formula: { datetime: "2024-01-01" } });
  expect(first[1]).toBe(SECONDS_2024);
});

test("relevance feedback by gRPC is that of REST", async () => {
  const items = [
    { example: [0.5, 0.5], score: 0.9 },
    { example: 4, score: 0.25 },
  ];
  const strategy = { naive: { a: 0.5, b: 2, c: 4 } };
  const rest = await client.query("shops", {
    query: { relevance_feedback: { target: 1, feedback: items, strategy } },
  });
  const feedback = [
    { example: { dense: { data: [0.5, 0.5] } }, score: 0.9 },
    { example: { id: { num: "4" } }, score: 0.25 },
  ];
  const { result } = await grpc.carry("Points", "Query", {
    collection_name: "shops",
    query: { relevance_feedback: { target: { id: { num: "1" } }, feedback, strategy } },
  });
  const found = result as { id: { num: string }; score: number }[];
  expect(found.map(({ id, score }) => [Number(id.num), shown(score)])).toEqual(
    rest.points.map(({ id, score }) => [id, shown(score)]),
  );
  expect(found.length).toBe(2);
});

test.each([
  [{ formula: "price" }, 400, /price of each payload, or a default: there is none/],
  [{ formula: { div: { left: 1, right: 0 } } }, 400, /1 \/ 0 is Infinity/],
  [{ formula: { sqrt: { neg: { sum: ["$score", 1] } } } }, 400, /sqrt\(-2\) is NaN/],
  [{ formula: "$rank" }, 400, /query\.formula: expected `\$score`/],
  [{ formula: { exp_decay: { x: 1, midpoint: 0 } } }, 400, /midpoint must be above 0 and below 1, got 0/],
  [{ formula: "price", defaults: { price: "cheap" } }, 400, /query\.defaults: expected a number for price/],
  [{ formula: "price", defaults: { "$score[0]": [1] } }, 422, /expected a number, got an array of 1/],
])("%j is refused", async (given, status, text) => {
  const answer = await home.rest.call("POST", "/collections/shops/points/query", { prefetch, query: given });
  expect([answer.status, answer.json.status.error]).toEqual([status, expect.stringMatching(text)]);
});

test("a formula alone has nothing to score", async () => {
  expect(await refusal(home.database.query("shops", { query: { formula: 1 } }))).toEqual({
    code: "BAD_REQUEST",
    message: "Wrong input: cannot apply Formula without prefetches",
  });
});
