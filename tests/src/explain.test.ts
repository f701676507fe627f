/** `params.explain`: what an answer says of how it was found, in the process and over REST. */

import type { QueryExplanation } from "vicinal";
import { queryResponse } from "vicinal/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clustered } from "./clustered.js";
import { type Served, serve } from "./homes.js";

const DIMENSIONS = 16;
const COUNT = 5000;

let home: Served;
let query: number[];

beforeAll(async () => {
  home = await serve();
  const { database } = home;
  const next = clustered(DIMENSIONS, 3);
  for (const [name, type] of Object.entries({ graph: "hnsw", lists: "ivf" })) {
    await database.createCollection(name, {
      vectors: { size: DIMENSIONS, distance: "Euclid", index: { type } },
      optimizers_config: { indexing_threshold: 1 },
    });
    const points = Array.from({ length: COUNT }, (_, id) => ({
      id,
      vector: next(),
      payload: { part: id % 4, rare: id % 1000 },
    }));
    await database.upsert(name, { points });
    await database.waitForIndex(name, { everything: true });
  }
  query = next();
});
afterAll(() => home.close());

async function explained(
  collection: string,
  params: Record<string, unknown>,
  rest: Record<string, unknown> = {},
): Promise<QueryExplanation> {
  const { explain } = await home.database.query(collection, {
    query,
    ...rest,
    params: { ...params, explain: true },
  });
  return explain as QueryExplanation;
}

test("says of each segment the way, the effort with its origin, and the work", async () => {
  const { segments, ...totals } = await explained("graph", { recall: 0.95 });
  expect(segments).toHaveLength(1);
  const [segment] = segments;
  expect(segment).toMatchObject({ family: "hnsw", path: "index", dial: "ef", effort_from: "recall" });
  expect(segment).toMatchObject({ vectors: COUNT, matching: COUNT });
  expect(segment.effort).toBeGreaterThanOrEqual(1);
  // The least effort whose lower bound reaches the wish: its mean is above.
  expect(segment.recall).toBeGreaterThanOrEqual(0.95);
  expect(segment.scored).toBeGreaterThan(10);
  expect(segment.scored).toBeLessThan(COUNT);
  expect(segment.visited).toBeGreaterThan(0);
  expect(totals.scored).toBe(segment.scored);
  expect(totals.visited).toBe(segment.visited);
  expect(totals.search_us).toBe(segment.search_us);
  const { filter_us, search_us, merge_us, payload_us, total_us } = totals;
  expect(search_us).toBeGreaterThan(0);
  // Each is rounded to a tenth.
  expect(filter_us + search_us + merge_us + payload_us).toBeLessThanOrEqual(total_us + 0.3);
});

test("more recall is more effort", async () => {
  for (const collection of ["graph", "lists"]) {
    const efforts: number[] = [];
    for (const recall of [0.8, 0.99]) {
      const { segments } = await explained(collection, { recall });
      efforts.push(segments[0].path === "scan" ? Number.POSITIVE_INFINITY : (segments[0].effort as number));
    }
    expect(efforts[0]).toBeLessThan(efforts[1]);
  }
});

test("each family's own dial counts, and hnsw_ef those of graphs alone", async () => {
  const graph = async (params: object) => (await explained("graph", { ...params })).segments[0];
  const lists = async (params: object) => (await explained("lists", { ...params })).segments[0];
  expect(await graph({ hnsw_ef: 77 })).toMatchObject({ effort: 77, effort_from: "params" });
  expect(await graph({ effort: 78 })).toMatchObject({ effort: 78, effort_from: "params" });
  expect(await graph({ effort: 78, hnsw_ef: 77 })).toMatchObject({ effort: 78 });
  // Fewer lists than hits are wanted is a sound wish.
  expect(await lists({ effort: 3 })).toMatchObject({ effort: 3, effort_from: "params", dial: "probes" });
  expect(await lists({ hnsw_ef: 77 })).toMatchObject({ effort_from: "recall" });
  const most = await lists({ effort: 1_000_000 });
  expect(most.path === "scan" || (most.effort as number) < 1000).toBe(true);
});

test("of a scan: no effort, every match scored", async () => {
  const exact = (await explained("graph", { exact: true })).segments[0];
  expect(exact).toMatchObject({ path: "scan", recall: 1, scored: COUNT, visited: 0 });
  expect(exact).not.toHaveProperty("effort");
  const filter = { must: [{ key: "rare", match: { value: 7 } }] };
  expect((await explained("graph", {}, { filter })).segments[0]).toMatchObject({
    path: "scan",
    matching: 5,
    scored: 5,
  });
  const none = { must: [{ key: "rare", match: { value: -1 } }] };
  expect((await explained("graph", {}, { filter: none })).segments[0]).toMatchObject({
    path: "none",
    matching: 0,
    scored: 0,
  });
});

test("of a filter: how many match, and the time that it took", async () => {
  const filter = { must: [{ key: "part", match: { value: 1 } }] };
  const { segments, filter_us } = await explained("graph", { recall: 0.9 }, { filter, with_payload: true });
  expect(segments[0].matching).toBe(COUNT / 4);
  expect(segments[0].filter_us).toBeGreaterThan(0);
  expect(filter_us).toBe(segments[0].filter_us);
});

test("of a page without a query vector: totals alone", async () => {
  const { database } = home;
  const { points, explain } = await database.query("graph", { limit: 3, params: { explain: true } });
  expect(points.map(({ id }) => id)).toEqual([0, 1, 2]);
  expect(explain).toMatchObject({ segments: [], scored: 0 });
});

test("is silent unless it is asked for", async () => {
  expect(await home.database.query("graph", { query })).not.toHaveProperty("explain");
  const { text } = await home.rest.call("POST", "/collections/graph/points/query", { query });
  expect(text).not.toContain("explain");
});

test("over REST as in the process, for one query and for several", async () => {
  const params = { recall: 0.9, explain: true };
  const own = (await explained("graph", params)).segments[0];
  const result = await home.rest.result("POST", "/collections/graph/points/query", { query, params });
  expect(queryResponse.parse(result)).toBe(result);
  const searches = [{ query, params }, { query }];
  const [first, second] = await home.rest.result("POST", "/collections/graph/points/query/batch", {
    searches,
  });
  for (const { explain } of [result, first]) {
    const times = { filter_us: expect.any(Number), search_us: expect.any(Number) };
    expect(explain.segments).toEqual([{ ...own, ...times }]);
    expect(explain.total_us).toBeGreaterThan(0);
  }
  expect(second.explain).toBeUndefined();
});

test("a segment that is too small to be measured is scanned, unless an effort is given", async () => {
  const { database } = home;
  await database.createCollection("small", {
    vectors: { size: DIMENSIONS, distance: "Euclid" },
    optimizers_config: { indexing_threshold: 1 },
  });
  const next = clustered(DIMENSIONS, 4);
  await database.upsert("small", {
    points: Array.from({ length: 2000 }, (_, id) => ({ id, vector: next() })),
  });
  await database.waitForIndex("small", { everything: true });
  expect((await explained("small", { recall: 0.9 })).segments[0]).toMatchObject({
    family: "hnsw",
    path: "scan",
  });
  expect((await explained("small", { hnsw_ef: 20 })).segments[0]).toMatchObject({
    path: "index",
    effort: 20,
  });
});

test("oversampling searches for more candidates", async () => {
  const scored = async (oversampling: number) =>
    (await explained("graph", { quantization: { oversampling } }, { limit: 20 })).scored;
  expect(await scored(8)).toBeGreaterThan(await scored(1));
});
