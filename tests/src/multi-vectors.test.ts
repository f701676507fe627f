/** Many multi-vectors: found in two stages, and the promises that hold for all vectors hold for them. */
import { open } from "vicinal";
import { expect, test } from "vitest";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

type Database = Awaited<ReturnType<typeof open>>;
interface Explained {
  segments: { family: string; path: string; vectors: number; effort_from?: string }[];
}

/** Above the bound from which on they are indexed. */
const COUNT = 5600;
const DIMENSIONS = 2;
const LIMIT = 10;
const PART = 7;
/** Candidates of the first stage: few, since of vectors as small as these a scan is cheap, and the planner knows. */
const EF = 30;

function randomRows(unit: () => number): number[][] {
  const about = Array.from({ length: DIMENSIONS }, () => unit() - 0.5);
  return Array.from({ length: 1 + Math.floor(unit() * 4) }, () =>
    about.map((value) => value + (unit() - 0.5) * 0.6),
  );
}

async function fill(database: Database, from: number, to: number, unit: () => number): Promise<void> {
  for (let id = from; id < to; id += 500) {
    const points = Array.from({ length: Math.min(500, to - id) }, (_, i) => ({
      id: id + i,
      vector: { tokens: randomRows(unit) },
      payload: { part: (id + i) % 50 },
    }));
    await database.upsert("c", { points });
  }
}

async function explained(database: Database, query: number[][]): Promise<Explained["segments"]> {
  const answer = await database.query("c", {
    query,
    using: "tokens",
    limit: LIMIT,
    params: { explain: true, hnsw_ef: EF },
  });
  return (answer as unknown as { explain: Explained }).explain.segments;
}

/** That the planned answer has what the exact one has, and the one of few candidates what the filter lets pass. */
async function check(database: Database, unit: () => number, filter?: object): Promise<void> {
  let found = 0;
  for (let i = 0; i < 20; i++) {
    const request = { query: randomRows(unit), using: "tokens", limit: LIMIT, filter };
    const { points } = await database.query("c", request);
    const exact = await database.query("c", { ...request, params: { exact: true } });
    const few = await database.query("c", { ...request, with_payload: true, params: { hnsw_ef: EF } });
    expect(points.length).toBe(LIMIT);
    expect(few.points.length).toBe(LIMIT);
    if (filter) for (const { payload } of few.points) expect(payload?.part).toBe(PART);
    const scores = new Map(exact.points.map(({ id, score }) => [id, score]));
    for (const { id, score } of few.points) expect(score).toBeCloseTo(scores.get(id) ?? score, 4);
    found += points.filter(({ score }) => score >= exact.points[LIMIT - 1].score - 1e-6).length / LIMIT;
  }
  expect(found / 20).toBeGreaterThanOrEqual(0.96);
}

test("two stages keep their promises through deletes, merges and a restart", () =>
  withFolder(async (folder) => {
    const unit = random(21);
    let database = await open(folder);
    await database.createCollection("c", {
      vectors: {
        tokens: { size: DIMENSIONS, distance: "Cosine", multivector_config: { comparator: "max_sim" } },
      },
      // In kB, of vectors: these are small.
      optimizers_config: { indexing_threshold: 1 },
    });
    await fill(database, 0, COUNT, unit);
    await database.waitForIndex("c");
    const query = randomRows(unit);
    const [step] = await explained(database, query);
    expect(step.family).toBe("muvera+hnsw");
    expect(step.path).toBe("index");
    expect(step.effort_from).toBe("params");
    expect(step.vectors).toBe(COUNT);
    await check(database, unit);
    const part = { must: [{ key: "part", match: { value: PART } }] };
    await check(database, unit, part);

    const gone = Array.from({ length: 300 }, (_, i) => i * 3);
    await database.delete("c", { points: gone });
    await fill(database, COUNT, COUNT + 200, unit);
    await check(database, unit);
    const { points } = await database.query("c", { query, using: "tokens", limit: COUNT * 2 });
    expect(points.length).toBe(COUNT + 200 - gone.length);
    expect(points.some(({ id }) => gone.includes(Number(id)))).toBe(false);

    const before = await database.query("c", {
      query,
      using: "tokens",
      limit: LIMIT,
      params: { exact: true },
    });
    await database.close();
    database = await open(folder);
    const after = await database.query("c", {
      query,
      using: "tokens",
      limit: LIMIT,
      params: { exact: true },
    });
    expect(after.points).toEqual(before.points);
    expect((await explained(database, query)).map(({ family }) => family)).toContain("muvera+hnsw");
    await check(database, unit);
    await database.close();
  }));

test("a prefetch of single vectors is put in order by multi-vectors", async () => {
  const unit = random(22);
  const database = await open(":memory:");
  await database.createCollection("c", {
    vectors: {
      one: { size: DIMENSIONS, distance: "Dot" },
      tokens: { size: DIMENSIONS, distance: "Dot", multivector_config: { comparator: "max_sim" } },
    },
  });
  const rows = Array.from({ length: 300 }, () => randomRows(unit));
  await database.upsert("c", {
    points: rows.map((tokens, id) => ({ id, vector: { one: tokens[0], tokens } })),
  });
  const query = randomRows(unit);
  const first = await database.query("c", { query: query[0], using: "one", limit: 50 });
  const product = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const maxSim = (id: number) =>
    query.reduce((sum, q) => sum + Math.max(...rows[id].map((row) => product(q, row))), 0);
  const expected = first.points.map(({ id }) => Number(id)).sort((a, b) => maxSim(b) - maxSim(a));
  const { points } = await database.query("c", {
    prefetch: { query: query[0], using: "one", limit: 50 },
    query,
    using: "tokens",
    limit: 20,
  });
  expect(points.map(({ id }) => id)).toEqual(expected.slice(0, 20));
  points.forEach(({ id, score }) => {
    expect(score).toBeCloseTo(maxSim(Number(id)), 4);
  });
  await database.close();
});

test("a point with thousands of vectors is taken, and segments stay bounded", () =>
  withFolder(async (folder) => {
    const unit = random(23);
    let database = await open(folder);
    const size = 256;
    await database.createCollection("c", {
      vectors: { size, distance: "Dot", multivector_config: { comparator: "max_sim" } },
    });
    const vector = Array.from({ length: 3000 }, () =>
      Float32Array.from({ length: size }, () => unit() - 0.5),
    );
    for (let id = 0; id < 13; id++) await database.upsert("c", { points: [{ id, vector }] });
    await database.waitForIndex("c");
    await database.close();
    database = await open(folder);
    const query = [vector[7]];
    const best = Math.max(
      ...vector.map((row) => row.reduce((sum, value, i) => sum + value * query[0][i], 0)),
    );
    const { points } = await database.query("c", { query, limit: 20 });
    expect(points.length).toBe(13);
    for (const { score } of points) expect(score).toBeCloseTo(best, 3);
    await database.close();
  }));

test("families that cannot be the first stage are refused, with those that can", async () => {
  const database = await open(":memory:");
  const creation = database.createCollection("c", {
    vectors: {
      tokens: {
        size: 4,
        distance: "Dot",
        multivector_config: { comparator: "max_sim" },
        index: { type: "lsh" },
      },
    },
  });
  await expect(creation).rejects.toMatchObject({
    code: "BAD_REQUEST",
    details: { path: "vectors.tokens.index" },
  });
  await expect(creation).rejects.toThrow(/hnsw/);
  await database.close();
});
