/** Prefetches, fusion and diversity against a plain reference, over vectors in memory and in files, and over REST. */
import type { QueryResponse, StageExplanation } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Served, serve } from "./homes.js";
import { random } from "./kill-workload.js";
import { type Asked, answerOf, type Row, randomTree, type Scored } from "./query-trees.js";

const COUNT = 600;
const SEED = 41;
const TREES = 150;

let home: Served;
let rows: Row[];

beforeAll(async () => {
  home = await serve();
  const { database } = home;
  const unit = random(SEED);
  const vector = (size: number) => Array.from({ length: size }, () => Math.fround(unit() - 0.4));
  rows = Array.from({ length: COUNT }, (_, id) => ({
    id,
    a: vector(3),
    ...(id % 5 === 0 ? {} : { b: vector(4) }),
    number: Math.floor(unit() * 100),
  }));
  for (const type of ["flat", "postings"]) {
    await database.createCollection(type, {
      vectors: {
        a: { size: 3, distance: "Euclid", index: { type } },
        b: { size: 4, distance: "Dot", index: { type } },
      },
      optimizers_config: { indexing_threshold: 1 },
    });
    await database.createPayloadIndex(type, { field_name: "number", field_schema: "integer" });
    await database.upsert(type, {
      points: rows.map(({ id, a, b, number }) => ({
        id,
        vector: { a, ...(b ? { b } : {}) } as Record<string, number[]>,
        payload: { number, part: number % 10 },
      })),
    });
    await database.delete(type, { points: rows.filter(({ id }) => id % 9 === 1).map(({ id }) => id) });
    await database.waitForIndex(type, { everything: true });
  }
  rows = rows.filter(({ id }) => id % 9 !== 1);
});
afterAll(() => home.close());

const scored = ({ points }: QueryResponse): Scored[] =>
  points.map(({ id, score }) => ({ id: Number(id), score }));

function expectAnswer(got: readonly Scored[], asked: Asked): void {
  const wanted = answerOf(rows, asked);
  const message = JSON.stringify(asked);
  expect(
    got.map(({ id }) => id),
    message,
  ).toEqual(wanted.map(({ id }) => id));
  got.forEach(({ score }, i) => {
    expect(score, message).toBeCloseTo(wanted[i].score, 4);
  });
}

describe.each(["flat", "postings"])("random trees, %s", (collection) => {
  test(`seed ${SEED}`, async () => {
    const unit = random(SEED + 1);
    for (let i = 0; i < TREES; i++) {
      const asked = { ...randomTree(rows, unit, i % 4), offset: Math.floor(unit() * 4) };
      expectAnswer(scored(await home.database.query(collection, asked as object)), asked);
    }
  });
});

test("over REST, alone and in a batch, as in the process", async () => {
  const unit = random(SEED + 2);
  const searches = Array.from({ length: 20 }, (_, i) => randomTree(rows, unit, i % 3));
  const batch = await home.database.queryBatch("flat", { searches: searches as object[] });
  const { json } = await home.rest.call("POST", "/collections/flat/points/query/batch", { searches });
  for (const [i, asked] of searches.entries()) {
    expectAnswer(scored(batch[i]), asked);
    expectAnswer(scored(json.result[i]), asked);
    const alone = await home.rest.call("POST", "/collections/flat/points/query", asked);
    expect(alone.json.result).toEqual(json.result[i]);
  }
});

test("trees over files are answered while points change, move and go", async () => {
  const { database } = home;
  const unit = random(SEED + 4);
  await database.createCollection("changing", {
    vectors: {
      a: { size: 3, distance: "Euclid", index: { type: "postings" } },
      b: { size: 4, distance: "Dot", index: { type: "postings" } },
    },
    optimizers_config: { indexing_threshold: 1 },
  });
  const pointOf = ({ id, a, b, number }: Row) => ({
    id,
    vector: { a, ...(b ? { b } : {}) } as Record<string, number[]>,
    payload: { number, part: number % 10 },
  });
  await database.createPayloadIndex("changing", { field_name: "number", field_schema: "integer" });
  await database.upsert("changing", { points: rows.map(pointOf) });
  await database.waitForIndex("changing", { everything: true });
  const gone = new Set<number>();
  for (let round = 0; round < 30; round++) {
    const searches = Array.from({ length: 4 }, (_, i) => randomTree(rows.slice(300), unit, 1 + (i % 3)));
    const before = new Set(gone);
    const answers = searches.map((asked) => database.query("changing", asked as object));
    const [deleted, ...moved] = rows.slice(round * 8, round * 8 + 8);
    gone.add(deleted.id);
    await Promise.all([
      database.delete("changing", { points: [deleted.id] }),
      database.upsert("changing", { points: moved.map(pointOf) }),
    ]);
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      const ids = scored(answer).map(({ id }) => id);
      expect(new Set(ids).size, JSON.stringify(searches[i])).toBe(ids.length);
      for (const id of ids) expect(before.has(id)).toBe(false);
    }
  }
  // Once nothing changes any more, all is as the reference has it.
  const left = rows.filter(({ id }) => !gone.has(id));
  for (let i = 0; i < 20; i++) {
    const asked = randomTree(left, unit, i % 4);
    const got = scored(await database.query("changing", asked as object));
    expect(got.map(({ id }) => id)).toEqual(answerOf(left, asked).map(({ id }) => id));
  }
});

describe("groups of what prefetches found", () => {
  const near = { query: [0.1, 0.2, -0.1], using: "a", params: { exact: true } };
  const like = { query: [0.3, -0.1, 0.2, 0.4], using: "b", params: { exact: true } };

  test("are full although the prefetches' limits are small, in the order of the fused ranking", async () => {
    const prefetch = [
      { ...near, limit: 3 },
      { ...like, limit: 3 },
    ];
    const { groups } = await home.database.queryGroups("flat", {
      prefetch,
      query: { fusion: "rrf" },
      group_by: "part",
      group_size: 4,
      limit: 10,
    });
    expect(groups).toHaveLength(10);
    const best = groups.map(({ hits }) => hits[0].score);
    expect(best).toEqual([...best].sort((x, y) => y - x));
    const ids = groups.flatMap(({ id, hits }) => {
      expect(hits).toHaveLength(4);
      expect(hits.map(({ score }) => score)).toEqual(hits.map(({ score }) => score).sort((x, y) => y - x));
      for (const hit of hits)
        expect(rows.find((row) => row.id === hit.id)?.number).toSatisfy((n: number) => n % 10 === id);
      return hits.map((hit) => hit.id);
    });
    expect(new Set(ids).size).toBe(40);
  });

  test("are those that there are when nothing more can be found", async () => {
    const filter = { must: [{ key: "number", range: { lt: 3 } }] };
    const asked = {
      prefetch: [near, like],
      query: { fusion: "dbsf" as const },
      filter,
      group_by: "part",
      limit: 10,
    };
    const { groups } = await home.database.queryGroups("flat", asked);
    const parts = new Set(rows.filter(({ number }) => number < 3).map(({ number }) => number % 10));
    expect(new Set(groups.map(({ id }) => id))).toEqual(parts);
  });
});

describe("explain", () => {
  test("holds the tree, each query with its own numbers", async () => {
    const inner = { query: [0.1, 0.2, -0.1], using: "a", limit: 30 };
    const outer = { prefetch: inner, query: [0.3, -0.1, 0.2, 0.4], using: "b", limit: 20 };
    const { explain, points } = await home.database.query("flat", {
      prefetch: [outer, { query: { order_by: "number" }, limit: 7 }],
      query: { fusion: "rrf" },
      params: { explain: true },
    });
    expect(points).toHaveLength(10);
    expect(explain).toMatchObject({ query: "rrf", found: 10, segments: [], scored: 0 });
    expect(explain?.prefetch).toMatchObject([
      { query: "nearest", found: 20, prefetch: [{ query: "nearest", found: 30 }] },
      { query: "order_by", found: 7, segments: [] },
    ]);
    const second = explain?.prefetch?.[0] as StageExplanation;
    const leaf = second.prefetch?.[0] as StageExplanation;
    expect(leaf).toMatchObject({ scored: rows.length, segments: [{ path: "scan" }] });
    // Those of the 30 that have the other vector are compared, and no other ones.
    expect(second.scored).toBeGreaterThanOrEqual(20);
    expect(second.scored).toBeLessThanOrEqual(30);
    expect(explain?.total_us).toBeGreaterThanOrEqual(second.total_us);
    expect(second.total_us).toBeGreaterThanOrEqual(leaf.total_us);
  });

  test("is left out where it is not asked for at the root", async () => {
    const near = { query: [0.1, 0.2, -0.1], using: "a", params: { explain: true } };
    const answer = await home.database.query("flat", { prefetch: near, query: { fusion: "rrf" } });
    expect(answer).not.toHaveProperty("explain");
  });
});
