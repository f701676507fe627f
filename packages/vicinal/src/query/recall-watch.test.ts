/** Live searches are checked against the exact scan, and efforts raised where they miss. */
import { afterAll, expect, test } from "vitest";
import { open } from "../api/open.js";
import type { ScoredPoint } from "../api/schema/index.js";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { endIdleWorkers } from "../runtime/pool.js";
import { seededRandom } from "../runtime/random.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 32;
const COUNT = 6000;
const vectors = clusteredVectors(COUNT + 400, DIMENSIONS, "Euclid", 8);
const vector = (i: number) => vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS);

/** Queries of another kind than the vectors, far from all of them: what was measured does not speak for them. */
function strangers(count: number): Float32Array[] {
  const random = seededRandom(99);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: DIMENSIONS }, () => (random() - 0.5) * 8),
  );
}

async function filled(recallCheckShare: number) {
  const database = await open(":memory:", { recallCheckShare });
  await database.createCollection("c", {
    vectors: { size: DIMENSIONS, distance: "Euclid", index: { type: "kmeans-tree" } },
    optimizers_config: { indexing_threshold: 1 },
  });
  await database.upsert("c", {
    points: Array.from({ length: COUNT }, (_, id) => ({ id, vector: vector(id) })),
  });
  await database.waitForIndex("c", { everything: true });
  const one = async (query: Float32Array) => {
    const { points, explain } = await database.query("c", { query, params: { recall: 0.95, explain: true } });
    await database.engine.watch?.idle();
    const truth = await database.query("c", { query, params: { exact: true } });
    return { found: share(points, truth.points), segment: explain?.segments[0] };
  };
  const mean = async (queries: Float32Array[]) => {
    let sum = 0;
    for (const query of queries) sum += (await one(query)).found;
    return sum / queries.length;
  };
  return { database, one, mean };
}

function share(points: ScoredPoint[], truth: ScoredPoint[]): number {
  const worst = truth[truth.length - 1].score;
  return points.filter(({ score }) => score <= worst).length / truth.length;
}

test("queries that are unlike the data get their recall, too, once enough of them were checked", async () => {
  const queries = strangers(300);
  const without = await filled(0);
  expect(without.database.engine.watch).toBeUndefined();
  const missed = await without.mean(queries);
  await without.database.close();
  expect(missed).toBeLessThan(0.94);

  const checked = await filled(1);
  for (let round = 0; round < 3; round++) await checked.mean(queries);
  const { segment } = await checked.one(queries[0]);
  expect(segment?.raise ?? Number.POSITIVE_INFINITY).toBeGreaterThan(1);
  expect(await checked.mean(queries)).toBeGreaterThanOrEqual(0.94);
  await checked.database.close();
});

test("queries like the data raise nothing", async () => {
  const { database, mean, one } = await filled(1);
  const queries = Array.from({ length: 400 }, (_, i) => vector(COUNT + i));
  expect(await mean(queries)).toBeGreaterThanOrEqual(0.94);
  expect((await one(queries[0])).segment).not.toHaveProperty("raise");
  await database.close();
});

test("a check of what is closed or rebuilt meanwhile ends quietly", async () => {
  const { database } = await filled(1);
  const search = (i: number) => database.query("c", { query: vector(COUNT + i), params: { recall: 0.9 } });
  for (let i = 0; i < 30; i++) await search(i);
  await database.updateCollection("c", { vectors: { "": { index: { type: "ivf" } } } });
  const built = database.waitForIndex("c");
  for (let i = 0; i < 30; i++) await search(i);
  await built;
  for (let i = 0; i < 30; i++) await search(i);
  await database.close();
  await database.engine.watch?.idle();
});

test("the share is checked", async () => {
  for (const recallCheckShare of [-0.1, 1.1, Number.NaN])
    await expect(open(":memory:", { recallCheckShare })).rejects.toMatchObject({ code: "BAD_REQUEST" });
});
