/** Reranking by hooks: what a model is shown, what its scores come to, and what happens when it fails. */
import type { RerankCandidate, RerankFunction } from "vicinal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refusal, type Served, serve } from "./homes.js";

let home: Served;
/** What the model was called with. */
let calls: { query: unknown; candidates: RerankCandidate[]; signal: AbortSignal }[];
/** What runs while the model works. */
let meanwhile: () => unknown;

const texts = ["a red fox", "a blue whale", "a red whale", "the sea", "red red"];

/** How many words of the query a text has. */
const words: RerankFunction = async (query, candidates, { signal }) => {
  calls.push({ query, candidates, signal });
  await meanwhile();
  const wanted = String(query).split(" ");
  return candidates.map(({ payload }) => {
    const { text = "" } = payload as { text?: string };
    return text.split(" ").filter((word) => wanted.includes(word)).length;
  });
};

beforeEach(async () => {
  calls = [];
  meanwhile = () => {};
  home = await serve(":memory:", {
    hooks: {
      rerank: {
        words: { run: words, batchSize: 2 },
        slow: { run: () => new Promise(() => {}), timeoutMs: 20 },
        throwing: () => {
          throw new Error("no weights");
        },
        typed: (_, candidates) => Float32Array.from(candidates, ({ id }) => -Number(id)) as never,
        short: () => [1],
        wordy: (_, candidates) => candidates.map(() => "1") as never,
        infinite: (_, candidates) => candidates.map(() => 1e39),
        silent: (() => undefined) as never,
      },
    },
  });
  await home.database.createCollection("texts", { vectors: { size: 2, distance: "Dot" } });
  const points = texts.map((text, id) => ({ id, vector: [1 - id / 8, 0], payload: { text, n: { id } } }));
  await home.database.upsert("texts", { points });
});
afterEach(() => home.close());

const prefetch = { query: [1, 0], limit: 4 };
async function reranked(rerank: object, more: object = {}): Promise<unknown[][]> {
  const query = { rerank: { model: "words", query: "red whale", ...rerank } };
  const { points } = await home.database.query("texts", { prefetch, query, ...more });
  return points.map(({ id, score }) => [id, score]);
}

test("points come by the model's scores, equal ones as they were found", async () => {
  expect(await reranked({})).toEqual([
    [2, 2],
    [0, 1],
    [1, 1],
    [3, 0],
  ]);
  expect(await reranked({}, { limit: 2, offset: 1 })).toEqual([
    [0, 1],
    [1, 1],
  ]);
  expect(await reranked({}, { score_threshold: 1, filter: { must_not: [{ has_id: [0] }] } })).toEqual([
    [2, 2],
    [4, 2],
    [1, 1],
  ]);
});

test("the model sees batches of candidates with their ids, scores and payloads, and the query as it is", async () => {
  const query = { words: ["red"] };
  await reranked({ query });
  expect(calls.map(({ candidates }) => candidates.map(({ id }) => id))).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(calls[0].query).toEqual(query);
  expect(calls[0].candidates[1]).toEqual({ id: 1, score: 0.875, payload: { text: texts[1], n: { id: 1 } } });
});

test("the best of all prefetches in turn, each once, and of their payloads what was asked for", async () => {
  const one = { query: [1, 0], limit: 3 };
  const other = { query: [-1, 0], limit: 3 };
  expect(await reranked({ top_k: 4, fields: ["n.id"] }, { prefetch: [one, other] })).toEqual([
    [0, 0],
    [4, 0],
    [1, 0],
    [3, 0],
  ]);
  expect(calls[0].candidates).toEqual([
    { id: 0, score: 1, payload: { n: { id: 0 } } },
    { id: 4, score: -0.5, payload: { n: { id: 4 } } },
  ]);
});

test("a stage below another, in groups, and through REST", async () => {
  const first = { prefetch: [prefetch], query: { rerank: { model: "words", query: "red whale" } }, limit: 2 };
  const { points } = await home.database.query("texts", { prefetch: first, query: [1, 0] });
  expect(points.map(({ id }) => id)).toEqual([0, 2]);
  const { groups } = await home.database.queryGroups("texts", { ...first, group_by: "n.id", group_size: 1 });
  expect(groups.map(({ id }) => id)).toEqual([2, 0]);
  const rest = await home.rest.result("POST", "/collections/texts/points/query", {
    ...first,
    with_payload: ["text"],
  });
  expect(rest.points[0]).toMatchObject({ id: 2, score: 2, payload: { text: "a red whale" } });
});

test("writes go on while the model works: deleted points are no answers, moved ones are found", async () => {
  meanwhile = async () => {
    await home.database.delete("texts", { points: [2] });
    await home.database.upsert("texts", { points: [{ id: 1, vector: [0.5, 0], payload: { text: "new" } }] });
  };
  const query = { rerank: { model: "words", query: "red whale" } };
  const { points } = await home.database.query("texts", { prefetch, query, with_payload: ["text"] });
  expect(points.map(({ id, payload }) => [id, payload])).toEqual([
    [0, { text: texts[0] }],
    [1, { text: "new" }],
    [3, { text: texts[3] }],
  ]);
});

test("scores may come in a typed array", async () => {
  expect((await reranked({ model: "typed" })).map(([id]) => id)).toEqual([0, 1, 2, 3]);
});

describe("a hook that fails is named", () => {
  test.each([
    ["slow", "took more than 20 ms"],
    ["throwing", "failed: no weights"],
    ["short", "answered 1 scores for 4 candidates"],
    ["wordy", "answered a score that is no finite 32-bit float: 1"],
    ["infinite", "answered a score that is no finite 32-bit float: 1e+39"],
    ["silent", "answered no array of scores"],
  ])("%s", async (model, why) => {
    expect(await refusal(reranked({ model }))).toEqual({
      code: "HOOK_FAILED",
      message: `The rerank hook "${model}" ${why}`,
    });
  });
});

test("what cannot be reranked is refused before anything is searched", async () => {
  expect(await refusal(reranked({ model: "other" }))).toEqual({
    code: "UNKNOWN_MODEL",
    message: expect.stringMatching(
      /^query\.rerank\.model: there is no rerank hook "other", expected one of "words", /,
    ),
  });
  expect(await refusal(reranked({ fields: ["a..b"] }))).toMatchObject({ code: "BAD_REQUEST" });
  expect(await refusal(reranked({ query: undefined }))).toEqual({
    code: "BAD_REQUEST",
    message: "query.rerank.query: is missing, expected a JSON value",
  });
  expect(await refusal(reranked({}, { prefetch: undefined }))).toEqual({
    code: "BAD_REQUEST",
    message: "Wrong input: cannot apply Rerank without prefetches",
  });
  expect(calls).toEqual([]);
  const answer = await home.rest.call("POST", "/collections/texts/points/query", {
    prefetch,
    query: { rerank: { model: "other", query: 1 } },
  });
  expect(answer.status).toBe(400);
});
