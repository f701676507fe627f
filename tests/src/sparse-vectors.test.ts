/** Sparse vectors against sums over all points, while points are written, deleted, merged and read back from files. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open } from "vicinal";
import { expect, test } from "vitest";
import { refusal, withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

type Sparse = Map<number, number>;
interface Point {
  words?: Sparse;
  part: number;
}

const COLLECTION = "sparse";
const TERMS = 60;

const given = (sparse: Sparse): { indices: number[]; values: number[] } => ({
  indices: [...sparse.keys()],
  values: [...sparse.values()],
});

/** A few common terms, many rare ones; some points have no vector, and some an empty one. */
function randomSparse(unit: () => number, longest: number): Sparse {
  const length = Math.floor(unit() * (longest + 1));
  return new Map(
    Array.from({ length }, () => [Math.floor(TERMS * unit() ** 2) * 7919, Math.fround(unit() * 2 - 0.5)]),
  );
}

/** What a plain database knows. */
class Model {
  readonly points = new Map<number, Point>();

  among(part: number | undefined): [number, Point][] {
    return [...this.points].filter(([, point]) => part === undefined || point.part === part);
  }

  /** The rarity of a term among the points of a part, or among all. */
  rarity(term: number, part?: number): number {
    const having = this.among(part).filter(([, { words }]) => words);
    const n = having.filter(([, { words }]) => words?.has(term)).length;
    return Math.log(1 + (having.length - n + 0.5) / (n + 0.5));
  }

  scores(query: Sparse, part?: number): { id: number; score: number }[] {
    return this.among(part)
      .flatMap(([id, { words }]) => {
        const shared = [...query].filter(([term]) => words?.has(term));
        const score = shared.reduce((sum, [term, value]) => sum + value * (words?.get(term) as number), 0);
        return shared.length > 0 ? [{ id, score }] : [];
      })
      .sort((a, b) => b.score - a.score);
  }
}

async function write(
  database: Database,
  model: Model,
  unit: () => number,
  count: number,
  longest = 9,
): Promise<void> {
  const points = Array.from({ length: count }, () => {
    const point = {
      part: Math.floor(unit() * 3),
      words: unit() < 0.15 ? undefined : randomSparse(unit, longest),
    };
    return { id: Math.floor(unit() * 1500), point };
  });
  for (const { id, point } of points) model.points.set(id, point);
  await database.upsert(COLLECTION, {
    points: points.map(({ id, point: { words, part } }) => ({
      id,
      payload: { part },
      vector: (words ? { words: given(words), weighed: given(words) } : {}) as Record<string, never>,
    })),
  });
}

async function agree(database: Database, model: Model, unit: () => number): Promise<void> {
  for (let round = 0; round < 6; round++) {
    const query = randomSparse(unit, 5);
    const part = round % 2 ? round % 3 : undefined;
    const filter = part === undefined ? undefined : { must: [{ key: "part", match: { value: part } }] };
    const limit = [1, 10, 3000][round % 3];
    const expected = model.scores(query, part);
    const asked = { query: given(query), filter, limit };
    const { points } = await database.query(COLLECTION, { ...asked, using: "words" });
    sameScores(points, expected, limit);
    const rare: Sparse = new Map([...query].map(([term, value]) => [term, value * model.rarity(term)]));
    const weighed = await database.query(COLLECTION, { ...asked, using: "weighed" });
    sameScores(weighed.points, model.scores(rare, part), limit);
    const inPart: Sparse = new Map([...query].map(([term, value]) => [term, value * model.rarity(term, 1)]));
    const corpus = { must: [{ key: "part", match: { value: 1 } }] };
    const params = { idf: { corpus } };
    const byCorpus = await database.query(COLLECTION, { ...asked, using: "weighed", params });
    sameScores(byCorpus.points, model.scores(inPart, part), limit);
  }
  const having = { must: [{ has_vector: "words" }] };
  const { count } = await database.count(COLLECTION, { filter: having });
  expect(count).toBe([...model.points.values()].filter(({ words }) => words).length);
}

function sameScores(
  found: readonly { id: unknown; score: number }[],
  expected: readonly { id: number; score: number }[],
  limit: number,
): void {
  expect(found.length).toBe(Math.min(limit, expected.length));
  const scores = new Map(expected.map(({ id, score }) => [id, score]));
  found.forEach(({ id, score }, i) => {
    expect(score).toBeCloseTo(expected[i].score, 3);
    expect(score).toBeCloseTo(scores.get(id as number) as number, 3);
  });
}

async function create(database: Database): Promise<void> {
  await database.createCollection(COLLECTION, {
    sparse_vectors: { words: {}, weighed: { modifier: "idf" } },
    optimizers_config: { indexing_threshold: 1 },
  });
}

test.each([":memory:", "a folder"])("a story of writes, merges and restarts in %s", (place) =>
  withFolder(async (folder) => {
    const path = place === ":memory:" ? place : folder;
    const unit = random(31);
    const model = new Model();
    let database = await open(path);
    await create(database);
    for (let chapter = 0; chapter < 5; chapter++) {
      await write(database, model, unit, 400);
      await agree(database, model, unit);
      const gone = Array.from({ length: 60 }, () => Math.floor(unit() * 1500));
      for (const id of gone) model.points.delete(id);
      await database.delete(COLLECTION, { points: gone });
      if (chapter % 2 === 0) await database.waitForIndex(COLLECTION, { everything: chapter === 2 });
      await agree(database, model, unit);
      if (path === ":memory:") continue;
      await database.close();
      database = await open(path);
      await agree(database, model, unit);
    }
    await database.waitForIndex(COLLECTION, { everything: true });
    await agree(database, model, unit);
    await database.close();
  }),
);

test("segments in which no point has one of the vectors are read back", () =>
  withFolder(async (folder) => {
    let database = await open(folder);
    await database.createCollection(COLLECTION, {
      vectors: { dense: { size: 2, distance: "Cosine" } },
      sparse_vectors: { words: {}, never: {} },
    });
    const points = Array.from({ length: 5 }, (_, id) => ({
      id,
      vector: { words: { indices: [id], values: [1] } },
    }));
    await database.upsert(COLLECTION, { points });
    await database.waitForIndex(COLLECTION, { everything: true });
    await database.close();
    database = await open(folder);
    const having = async (has_vector: string) =>
      (await database.count(COLLECTION, { filter: { must: [{ has_vector }] } })).count;
    expect([await having("dense"), await having("words"), await having("never")]).toEqual([0, 5, 0]);
    const { points: found } = await database.query(COLLECTION, {
      query: { indices: [3], values: [2] },
      using: "words",
    });
    expect(found.map(({ id, score }) => [id, score])).toEqual([[3, 2]]);
    await database.close();
  }));

test("damaged postings are made anew", () =>
  withFolder(async (folder) => {
    const model = new Model();
    const database = await open(folder);
    await create(database);
    await write(database, model, random(7), 1000, 60);
    await database.waitForIndex(COLLECTION, { everything: true });
    await database.close();
    const files = (await readdir(folder, { recursive: true })).filter((name) => /sparse-\d+$/.test(name));
    expect(files.length).toBe(2);
    const path = join(folder, files[0]);
    const whole = await readFile(path);
    // The vectors come first, in blocks of 64 KiB, the postings after them.
    whole[Math.floor(whole.length * 0.8)] ^= 1;
    await writeFile(path, whole);
    const again = await open(folder);
    await agree(again, model, random(8));
    await again.close();
  }));

test("refuses sparse vectors that mean nothing, and names the place", async () => {
  const database = await open(":memory:");
  const sparse_vectors = { words: {} };
  const vectors = { words: { size: 2, distance: "Dot" as const } };
  const sameName = await refusal(database.createCollection("c", { vectors, sparse_vectors }));
  expect(sameName).toMatchObject({ code: "BAD_REQUEST", message: expect.stringContaining("'words'") });
  const nameless = await refusal(database.createCollection("c", { sparse_vectors: { "": {} } }));
  expect(nameless).toMatchObject({ code: "BAD_REQUEST", message: expect.stringContaining("empty") });
  await database.createCollection("c", { vectors: { dense: { size: 2, distance: "Dot" } }, sparse_vectors });
  const cases: [unknown, string, string][] = [
    [{ words: { indices: [1, 2], values: [1] } }, "OUT_OF_RANGE", "words.values"],
    [{ words: { indices: [2, 2], values: [1, 1] } }, "OUT_OF_RANGE", "words.indices"],
    [{ words: { indices: [-1], values: [1] } }, "BAD_REQUEST", "words.indices[0]"],
    [{ words: { indices: [2 ** 32], values: [1] } }, "OUT_OF_RANGE", "words.indices[0]"],
    [{ words: { indices: [0.5], values: [1] } }, "BAD_REQUEST", "words.indices[0]"],
    [{ words: { indices: [0], values: [1e39] } }, "BAD_VECTOR", "words"],
    [{ words: { indices: [0], values: ["1"] } }, "BAD_REQUEST", "words.values[0]"],
    [{ words: [1, 2] }, "BAD_VECTOR", "words"],
    [{ dense: { indices: [0], values: [1] } }, "BAD_VECTOR", "dense"],
    [{ other: { indices: [0], values: [1] } }, "UNKNOWN_VECTOR", "other"],
  ];
  for (const [vector, code, at] of cases) {
    const { code: told, message } = await refusal(
      database.upsert("c", { points: [{ id: 1, vector } as never] }),
    );
    expect([told, message], message).toEqual([code, expect.stringContaining(at)]);
  }
  expect((await database.count("c", {})).count).toBe(0);
  const unweighed = database.query("c", {
    query: { indices: [0], values: [1] },
    using: "words",
    params: { idf: "global" },
  });
  expect(await refusal(unweighed)).toMatchObject({
    code: "BAD_REQUEST",
    message: expect.stringContaining("idf"),
  });
  await database.close();
});

test("a query by a point compares with its stored vector, here or in another collection", async () => {
  const database = await open(":memory:");
  for (const name of ["here", "there"])
    await database.createCollection(name, { sparse_vectors: { words: { modifier: "idf" }, more: {} } });
  const words = (indices: number[], ...values: number[]) => ({
    words: { indices, values },
    more: { indices, values },
  });
  await database.upsert("here", {
    points: [
      { id: 1, vector: words([1, 2], 1, 1) },
      { id: 2, vector: words([2, 3], 1, 1) },
      { id: 3, vector: words([4], 5) },
      { id: 4, vector: {} },
    ],
  });
  await database.upsert("there", { points: [{ id: 1, vector: words([4, 3], 1, 2) }] });
  const ask = async (query: object) =>
    (await database.query("here", { using: "more", ...query })).points.map(({ id, score }) => [id, score]);
  expect(await ask({ query: 1 })).toEqual([[2, 1]]);
  const lookup_from = { collection: "there", vector: "more" };
  expect(await ask({ query: 1, lookup_from })).toEqual([
    [3, 5],
    [2, 2],
  ]);
  expect((await refusal(ask({ query: 4 }))).code).toBe("UNKNOWN_VECTOR");
  const recommend = { positive: [2], negative: [1] };
  expect(await ask({ query: { recommend } })).toEqual([]);
  expect(await ask({ query: { recommend: { ...recommend, strategy: "sum_scores" } } })).toEqual([[3, 0]]);
  await database.close();
});
