/** Bad filters and searches; see bad-input.ts. */
import { expect, test } from "vitest";
import { type Bad, type Case, query, refuses, remove, scroll, servedCollections } from "./bad-input.js";
import { refusal } from "./homes.js";

const served = servedCollections();

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
        text: `Validation error in JSON body: [${operation === query ? "internal." : ""}limit: value 0 invalid, must be 1 or larger]`,
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
    title: "a formula over nothing",
    ...query,
    body: { query: { formula: "$score" } },
    code: "BAD_REQUEST",
    says: "prefetch",
  },
  {
    title: "prefetches without a query",
    ...query,
    body: { prefetch: [{ query: { recommend: { positive: [1] } } }] },
    code: "BAD_REQUEST",
    says: "A query is needed",
    text: "Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query.",
  },
  {
    title: "a threshold without a query",
    ...query,
    body: { score_threshold: 10 },
    code: "BAD_REQUEST",
    says: "A query is needed",
    text: "Bad request: A query is needed to use the score_threshold. Can't have score_threshold without defining a query.",
  },
  {
    title: "a threshold of an order, in a prefetch",
    ...query,
    body: {
      prefetch: { query: { order_by: "rank" }, score_threshold: 1 },
      query: { fusion: "rrf" },
    },
    code: "BAD_REQUEST",
    says: "Can't use score_threshold with an order_by query.",
  },
  {
    title: "a fusion of nothing",
    ...query,
    body: { query: { fusion: "rrf" } },
    code: "BAD_REQUEST",
    says: "cannot apply Fusion without prefetches",
  },
  {
    title: "a fusion with a vector's name",
    ...query,
    body: { prefetch: [{}], query: { fusion: "dbsf" }, using: "image" },
    code: "BAD_REQUEST",
    says: "using",
    text: "Bad request: Fusion queries cannot be combined with the 'using' field.",
  },
  {
    title: "weights of other prefetches",
    ...query,
    body: { prefetch: [{}, {}], query: { rrf: { weights: [1] } } },
    code: "BAD_REQUEST",
    says: "got 1, expected 2",
  },
  {
    title: "a fusion of an unknown kind",
    ...query,
    body: { prefetch: [{}], query: { fusion: "sum" } },
    code: "BAD_REQUEST",
    says: "query.fusion",
  },
  {
    title: "a rank constant of 0",
    ...query,
    body: { prefetch: [{}], query: { rrf: { k: 0 } } },
    code: "OUT_OF_RANGE",
    says: "query.rrf.k",
  },
  {
    title: "a diversity beyond 1",
    ...query,
    body: { query: { nearest: [1, 0, 0, 0], mmr: { diversity: 1.5 } } },
    code: "OUT_OF_RANGE",
    says: "query.mmr.diversity",
  },
  {
    title: "a limit of 0 in a prefetch of a prefetch",
    ...query,
    body: { prefetch: [{ prefetch: { limit: 0 }, query: 1 }], query: 1 },
    code: "OUT_OF_RANGE",
    says: "prefetch[0].prefetch.limit",
  },
  {
    title: "a vector of another length in a prefetch",
    ...query,
    body: { prefetch: [{}, { query: [1, 2] }], query: 1 },
    code: "WRONG_DIMENSION",
    says: "expected dim: 4, got 2",
  },
  {
    title: "a point that is not there in a prefetch, told before what is wrong with the root",
    ...query,
    body: { prefetch: [{ query: 77 }], query: { fusion: "rrf" }, using: "image" },
    code: "POINT_NOT_FOUND",
    says: "No point with id 77 found",
  },
  {
    title: "prefetches that are nested without end",
    ...query,
    body: deepPrefetch(65),
    code: "BAD_REQUEST",
    says: "nested deeper than 64 levels",
  },
];

function deepPrefetch(depth: number): object {
  return depth === 0 ? {} : { prefetch: deepPrefetch(depth - 1), query: 1 };
}

refuses(served, { filters, searches });

test("a filter that is nested without end", async () => {
  let filter: Bad = { key: "rank", match: { value: 1 } };
  for (let depth = 0; depth < 20_000; depth++) filter = { must: [filter] };
  const { code, message } = await refusal(served().database.count("points", { filter }));
  expect(code).toBe("BAD_FILTER");
  expect(message).toContain("nested deeper than 128 levels");
  // What was refused leaves no trace in the schema: a filter as deep as may be is still taken.
  filter = { key: "rank", match: { value: 1 } };
  for (let depth = 0; depth < 100; depth++) filter = { must: [filter] };
  expect(await served().database.count("points", { filter })).toEqual({ count: 1 });
});
