/** Prefetches, fusion and diversity against a plain reference, over vectors in memory and in files, and over REST. */
import type { QueryResponse } from "vicinal";
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
        payload: { number },
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
