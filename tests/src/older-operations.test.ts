/** Search, recommend and discover as older clients ask for them, over REST and gRPC, beside the queries that they stand for. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Carrier, javascriptCarrier } from "./grpc-carriers.js";
import { type Served, serve } from "./homes.js";

let served: Served;
let grpc: Carrier;
const at = "/collections/points/points";

beforeAll(async () => {
  served = await serve();
  grpc = javascriptCarrier(served.grpcPort);
  const vectors = { a: { size: 2, distance: "Cosine" }, b: { size: 2, distance: "Dot" } } as const;
  await served.database.createCollection("points", { vectors });
  await served.database.createCollection("others", { vectors: { c: { size: 2, distance: "Dot" } } });
  const circle = (id: number) => [Math.cos(id), Math.sin(id)];
  await served.database.upsert("points", {
    points: Array.from({ length: 40 }, (_, id) => ({
      id,
      vector: { a: circle(id), b: circle(id * 1.7) },
      payload: { color: ["red", "green", "blue"][id % 3] },
    })),
  });
  await served.database.upsert("others", { points: [{ id: 100, vector: { c: [0.2, 0.9] } }] });
});
afterAll(async () => {
  await grpc.close();
  await served.close();
});

const post = (path: string, body: unknown) => served.rest.result("POST", `${at}/${path}`, body);

const page = { limit: 5, offset: 2, with_payload: true };
const filter = { must: [{ key: "color", match: { any: ["red", "blue"] } }] };
const recommend = { positive: [1, [0.1, 0.9]], negative: [7] };
const context = [{ positive: 2, negative: 9 }];
const lookup = { lookup_from: { collection: "others", vector: "c" } };

describe("each older operation answers what its query answers", () => {
  const cases: [string, object, object][] = [
    [
      "search",
      { vector: { name: "b", vector: [1, 0] }, filter, ...page },
      { query: [1, 0], using: "b", filter, ...page },
    ],
    ["recommend", { ...recommend, using: "a", limit: 4 }, { query: { recommend }, using: "a", limit: 4 }],
    ...["average_vector", "best_score", "sum_scores"].map((strategy): [string, object, object] => [
      "recommend",
      { ...recommend, strategy, using: "b", filter, score_threshold: -0.5, ...page },
      {
        query: { recommend: { ...recommend, strategy } },
        using: "b",
        filter,
        score_threshold: -0.5,
        ...page,
      },
    ]),
    [
      "recommend",
      { positive: [100], using: "a", limit: 3, ...lookup },
      { query: { recommend: { positive: [100] } }, using: "a", limit: 3, ...lookup },
    ],
    [
      "discover",
      { target: 5, context, using: "a", ...page },
      { query: { discover: { target: 5, context } }, using: "a", ...page },
    ],
    [
      "discover",
      { target: [1, 0], using: "b", limit: 3 },
      { query: { discover: { target: [1, 0], context: [] } }, using: "b", limit: 3 },
    ],
    [
      "discover",
      { context, using: "a", limit: 6, filter },
      { query: { context }, using: "a", limit: 6, filter },
    ],
  ];

  test.each(cases)("%s %j", async (name, older, query) => {
    const { points } = await post("query", query);
    expect(points.length).toBeGreaterThan(2);
    expect(await post(name, older)).toEqual(points);
    expect(await post(`${name}/batch`, { searches: [older, older] })).toEqual([points, points]);
  });

  test.each([
    ["search", { vector: { name: "a", vector: [1, 0] } }, { query: [1, 0] }],
    ["recommend", recommend, { query: { recommend } }],
  ])("groups of %s", async (name, older, query) => {
    const groups = { group_by: "color", group_size: 2, limit: 3 };
    const answer = await post("query/groups", { ...query, using: "a", ...groups });
    expect(answer.groups).toHaveLength(3);
    expect(await post(`${name}/groups`, { ...older, using: "a", ...groups })).toEqual(answer);
  });
});

test("what is missing or malformed is refused", async () => {
  const cases: [string, object, number, RegExp][] = [
    ["search", { vector: { name: "a", vector: [1, 0] } }, 400, /limit/],
    ["recommend", { positive: [1], using: "a" }, 400, /limit/],
    ["recommend", { negative: [1], using: "a", limit: 1 }, 400, /positive/],
    ["recommend", { positive: [1], using: "a", limit: 1, strategy: "worst" }, 400, /strategy/],
    ["recommend", { positive: [999], using: "a", limit: 1 }, 404, /999/],
    ["recommend", { positive: [1], using: "x", limit: 1 }, 400, /x/],
    ["recommend/groups", { positive: [1], using: "a", limit: 1, group_size: 1 }, 400, /group_by/],
    ["discover", { using: "a", limit: 1 }, 400, /target/],
    ["discover", { context: [{ positive: 1 }], using: "a", limit: 1 }, 400, /negative/],
  ];
  for (const [path, body, status, message] of cases) {
    const answer = await served.rest.call("POST", `${at}/${path}`, body);
    expect([path, body, answer.status]).toEqual([path, body, status]);
    expect(answer.text).toMatch(message);
  }
});

describe("over gRPC", () => {
  const call = async (method: string, request: object) =>
    (await grpc.carry("Points", method, { collectionName: "points", ...request })).result;
  const ids = (points: unknown) =>
    (points as { id: { num?: string } }[]).map(({ id }) => Number(id.num ?? 0));
  const num = (id: number) => ({ num: String(id) });
  const idsOf = (points: { id: number }[]) => points.map(({ id }) => id);

  test("search, recommend and discover", async () => {
    const vector = { using: "a", limit: 4 };
    const asked = async (query: object) => idsOf((await post("query", { query, ...vector })).points);
    expect(ids(await call("Search", { vector: [1, 0], vectorName: "a", limit: "4" }))).toEqual(
      await asked([1, 0]),
    );
    const recommended = {
      positive: [num(1)],
      negative: [num(7)],
      positiveVectors: [{ dense: { data: [0.1, 0.9] } }],
    };
    for (const [strategy, sent] of [
      ["average_vector", "AverageVector"],
      ["best_score", "BestScore"],
      ["sum_scores", "SumScores"],
    ])
      expect(
        ids(await call("Recommend", { ...recommended, strategy: sent, using: "a", limit: "4" })),
      ).toEqual(await asked({ recommend: { ...recommend, strategy } }));
    const pairs = [{ positive: { id: num(2) }, negative: { id: num(9) } }];
    const target = { single: { vector: { dense: { data: [1, 0] } } } };
    expect(ids(await call("Discover", { target, context: pairs, using: "a", limit: "4" }))).toEqual(
      await asked({ discover: { target: [1, 0], context } }),
    );
    expect(ids(await call("Discover", { context: pairs, using: "a", limit: "4" }))).toEqual(
      await asked({ context }),
    );
  });

  test("in batches and groups", async () => {
    const one = { collectionName: "points", positive: [num(1)], using: "a", limit: "2" };
    const { points } = await post("query", { query: { recommend: { positive: [1] } }, using: "a", limit: 2 });
    const batch = (await call("RecommendBatch", { recommendPoints: [one, one] })) as { result: unknown }[];
    expect(batch.map(({ result }) => ids(result))).toEqual([idsOf(points), idsOf(points)]);
    const context = [{ positive: { id: num(2) }, negative: { id: num(9) } }];
    const discovered = (await call("DiscoverBatch", {
      discoverPoints: [{ collectionName: "points", context, using: "a", limit: "3" }],
    })) as { result: unknown }[];
    expect(discovered.map(({ result }) => ids(result).length)).toEqual([3]);
    const grouped = { groupBy: "color", groupSize: 2, limit: 3 };
    const { groups } = (await call("RecommendGroups", { ...one, ...grouped })) as { groups: unknown[] };
    expect(groups).toHaveLength(3);
    const searched = (await call("SearchGroups", { vector: [1, 0], vectorName: "a", ...grouped })) as {
      groups: unknown[];
    };
    expect(searched.groups).toHaveLength(3);
  });
});
