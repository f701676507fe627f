/** Sparse vectors and multi-vectors beside dense ones: each finds candidates for another, is fused with it, and made diverse. */
import type { QueryResponse } from "vicinal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "./homes.js";
import { random } from "./kill-workload.js";
import type { Scored } from "./query-trees.js";

let home: Served;

const scored = ({ points }: QueryResponse): Scored[] =>
  points.map(({ id, score }) => ({ id: Number(id), score }));

const unit = random(44);
const floats = (count: number) => Array.from({ length: count }, () => Math.fround(unit() - 0.4));
const sparse = () => ({
  indices: [1, 5, 9].map((term) => term + Math.floor(unit() * 4)),
  values: floats(3),
});
const points = Array.from({ length: 300 }, (_, id) => ({
  id,
  vector: {
    dense: floats(3),
    ...(id % 4 > 0 ? { words: sparse() } : {}),
    ...(id % 3 > 0 ? { parts: Array.from({ length: 1 + (id % 4) }, () => floats(3)) } : {}),
  } as Record<string, unknown> as Record<string, never>,
}));
type Sparse = { indices: number[]; values: number[] };
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const likeness: Record<string, (a: never, b: never) => number> = {
  dense: dot,
  words: (a: Sparse, b: Sparse) =>
    a.indices.reduce((sum, term, i) => sum + a.values[i] * (b.values[b.indices.indexOf(term)] ?? 0), 0),
  parts: (a: number[][], b: number[][]) =>
    a.reduce((sum, one) => sum + Math.max(...b.map((other) => dot(one, other))), 0),
};
const queries: Record<string, unknown> = {
  dense: floats(3),
  words: sparse(),
  parts: [floats(3), floats(3)],
};

beforeAll(async () => {
  home = await serve();
  await home.database.createCollection("kinds", {
    vectors: {
      dense: { size: 3, distance: "Dot" },
      parts: { size: 3, distance: "Dot", multivector_config: { comparator: "max_sim" } },
    },
    sparse_vectors: { words: {} },
  });
  await home.database.upsert("kinds", { points });
});

afterAll(() => home.close());

test.each(Object.keys(queries))("%s: diverse", async (using) => {
  const alike = likeness[using];
  const vectorOf = (id: number) => points[id].vector[using];
  const query = { nearest: queries[using], mmr: { diversity: 0.6, candidates_limit: 40 } };
  const got = scored(await home.database.query("kinds", { query, using, limit: 12 } as object));
  const all = scored(
    await home.database.query("kinds", { query: queries[using] as never, using, limit: 40 }),
  );
  const left = [...all];
  const wanted: Scored[] = [];
  while (wanted.length < 12) {
    const worth = left.map(({ id, score }) => {
      if (wanted.length === 0) return score;
      return 0.4 * score - 0.6 * Math.max(...wanted.map((other) => alike(vectorOf(id), vectorOf(other.id))));
    });
    wanted.push(...left.splice(worth.indexOf(Math.max(...worth)), 1));
  }
  expect(got).toEqual(wanted);
});

test("each finds candidates for another, and all of them are fused", async () => {
  const prefetch = Object.entries(queries).map(([using, query]) => ({ query, using, limit: 15 }) as object);
  const lists = await home.database.queryBatch("kinds", { searches: prefetch });
  const found = new Set(lists.flatMap(({ points }) => points.map(({ id }) => id)));
  for (const [using, query] of Object.entries(queries)) {
    const filter = { must: [{ has_id: [...found] }] };
    const among = { using, query, limit: 50, params: { exact: true } } as object;
    const wanted = scored(await home.database.query("kinds", { ...among, filter }));
    expect(scored(await home.database.query("kinds", { ...among, prefetch }))).toEqual(wanted);
  }
  const sums = new Map<number, number>();
  for (const list of lists)
    scored(list).forEach(({ id }, place) => {
      sums.set(id, (sums.get(id) ?? 0) + 1 / (place + 2));
    });
  const wanted = [...sums].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score);
  const fused = await home.database.query("kinds", { prefetch, query: { fusion: "rrf" }, limit: 50 });
  expect(scored(fused)).toEqual(wanted);
});
