/** Sparse vectors and multi-vectors through the whole database, against plain sums over random points. */
import { open } from "vicinal";
import { describe, expect, test } from "vitest";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

type Sparse = Map<number, number>;
interface Point {
  id: number;
  sparse?: Sparse;
  rows?: number[][];
  part: number;
}

const COUNT = 600;
const TERMS = 40;
const metrics = ["Cosine", "Dot", "Euclid", "Manhattan"] as const;
type Metric = (typeof metrics)[number];

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const dot = (a: number[], b: number[]) => sum(a.map((value, i) => value * b[i]));
const similarity: Record<Metric, (a: number[], b: number[]) => number> = {
  Cosine: (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
  Dot: dot,
  Euclid: (a, b) => -sum(a.map((value, i) => (value - b[i]) ** 2)),
  Manhattan: (a, b) => -sum(a.map((value, i) => Math.abs(value - b[i]))),
};

/** As Qdrant shows it: what is a distance comes as one. */
function maxSim(metric: Metric, query: number[][], rows: number[][]): number {
  const best = sum(query.map((a) => Math.max(...rows.map((b) => similarity[metric](a, b)))));
  if (metric === "Euclid") return Math.sqrt(-best);
  return metric === "Manhattan" ? -best : best;
}

function product(a: Sparse, b: Sparse): number | undefined {
  const shared = [...a].filter(([term]) => b.has(term));
  return shared.length > 0 ? sum(shared.map(([term, value]) => value * (b.get(term) as number))) : undefined;
}

const given = (sparse: Sparse) => ({ indices: [...sparse.keys()], values: [...sparse.values()] });

function randomPoints(seed: number): Point[] {
  const unit = random(seed);
  const below = (end: number) => Math.floor(unit() * end);
  const vector = () => Array.from({ length: 3 }, () => Math.fround(unit() - 0.4));
  return Array.from({ length: COUNT }, (_, id) => ({
    id,
    part: id % 4,
    ...(below(8) === 0
      ? {}
      : {
          sparse: new Map(
            Array.from({ length: below(6) }, () => [below(TERMS), Math.fround(unit() - 0.2)] as const),
          ),
        }),
    ...(below(8) === 0 ? {} : { rows: Array.from({ length: 1 + below(4) }, vector) }),
  }));
}

const asPoint = ({ id, part, sparse, rows }: Point) => ({
  id,
  payload: { part },
  vector: { ...(sparse ? { words: given(sparse) } : {}), ...(rows ? { tokens: rows } : {}) },
});

function compare(
  found: readonly { id: unknown; score: number }[],
  expected: readonly { id: number; score: number }[],
  limit: number,
): void {
  const best = expected.map(({ score }) => score).slice(0, limit);
  expect(found.length).toBe(best.length);
  found.forEach(({ id, score }, i) => {
    expect(score).toBeCloseTo(best[i], 4);
    expect(score).toBeCloseTo(expected.find((one) => one.id === id)?.score as number, 4);
  });
}

describe.each(metrics)("with %s", (distance) => {
  test("answers what sums say, also after changes and a restart", () =>
    withFolder(async (folder) => {
      let database = await open(folder);
      await database.createCollection("c", {
        vectors: { tokens: { size: 3, distance, multivector_config: { comparator: "max_sim" } } },
        sparse_vectors: { words: {} },
      });
      let points = randomPoints(17);
      await database.upsert("c", { points: points.map(asPoint) });
      const check = async () => {
        const unit = random(99);
        for (let round = 0; round < 6; round++) {
          const filter = round % 2 ? { must: [{ key: "part", match: { value: round % 4 } }] } : undefined;
          const among = points.filter(({ part }) => !filter || part === round % 4);
          const words: Sparse = new Map(
            Array.from({ length: 3 }, () => [Math.floor(unit() * TERMS), unit() - 0.2]),
          );
          const sparse = await database.query("c", {
            query: given(words),
            using: "words",
            filter,
            limit: 20,
          });
          const bySparse = among.flatMap(({ id, sparse: own }) => {
            const score = own && product(words, own);
            return score === undefined ? [] : [{ id, score }];
          });
          compare(
            sparse.points,
            bySparse.sort((a, b) => b.score - a.score),
            20,
          );
          const query = Array.from({ length: 1 + (round % 3) }, () =>
            Array.from({ length: 3 }, () => unit() - 0.4),
          );
          const multi = await database.query("c", { query, using: "tokens", filter, limit: 20 });
          const better = distance === "Cosine" || distance === "Dot" ? -1 : 1;
          const byTokens = among.flatMap(({ id, rows }) =>
            rows ? [{ id, score: maxSim(distance, query, rows) }] : [],
          );
          compare(
            multi.points,
            byTokens.sort((a, b) => better * (a.score - b.score)),
            20,
          );
        }
      };
      await check();
      await database.delete("c", { points: points.filter(({ id }) => id % 7 === 0).map(({ id }) => id) });
      const fresh = randomPoints(18).filter(({ id }) => id % 5 === 0);
      await database.upsert("c", { points: fresh.map(asPoint) });
      points = [...points.filter(({ id }) => id % 7 !== 0 && id % 5 !== 0), ...fresh];
      await check();
      await database.close();
      database = await open(folder);
      await check();
      const sample = points.slice(0, 50);
      const stored = await database.retrieve("c", { ids: sample.map(({ id }) => id), with_vector: true });
      for (const { id, vector } of stored) {
        const { sparse, rows } = sample.find((point) => point.id === id) as Point;
        const { words, tokens } = vector as unknown as {
          words?: { indices: number[]; values: Float32Array };
          tokens?: number[][];
        };
        const sorted = sparse && [...sparse].sort(([a], [b]) => a - b);
        expect(words?.indices.map((term, i) => [term, words.values[i]])).toEqual(sorted);
        expect(tokens?.length).toBe(rows?.length);
      }
      await database.close();
    }));
});

test("refuses what is not of the vector's kind, and stores nothing", async () => {
  const database = await open(":memory:");
  await database.createCollection("c", {
    vectors: {
      one: { size: 2, distance: "Dot" },
      many: { size: 2, distance: "Dot", multivector_config: { comparator: "max_sim" } },
    },
    sparse_vectors: { words: { modifier: "idf" } },
  });
  const bad: [object, string][] = [
    [{ words: { indices: [1, 1], values: [1, 2] } }, "points[0].vector.words.indices"],
    [{ words: { indices: [1], values: [1, 2] } }, "points[0].vector.words.values"],
    [{ words: [1, 2] }, "points[0].vector.words"],
    [{ one: { indices: [1], values: [1] } }, "points[0].vector.one"],
    [{ one: [[1, 2]] }, "points[0].vector.one"],
    [{ many: [[1, 2], [1]] }, "points[0].vector.many"],
    [{ many: [] }, "points[0].vector.many"],
  ];
  for (const [vector, path] of bad) {
    const refused = database.upsert("c", { points: [{ id: 1, vector: vector as never }] });
    await expect(refused, path).rejects.toThrow();
  }
  expect((await database.count("c", {})).count).toBe(0);
  await database.close();
});
