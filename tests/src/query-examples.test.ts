/** Recommendation, discovery, context and relevance feedback, against a plain reference over random points. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, type Served, serve } from "./homes.js";
import { random } from "./kill-workload.js";

const COUNT = 400;
const metrics = ["Cosine", "Dot", "Euclid", "Manhattan"] as const;
type Metric = (typeof metrics)[number];
type Vector = readonly number[];

let home: Served;
const vectors = new Map<number, Vector>();

beforeAll(async () => {
  home = await serve();
  const unit = random(13);
  for (let id = 0; id < COUNT; id++)
    vectors.set(
      id,
      Array.from({ length: 4 }, () => Math.fround(unit() - 0.4)),
    );
  for (const distance of metrics) {
    await home.database.createCollection(distance, { vectors: { size: 4, distance } });
    const points = [...vectors].map(([id, vector]) => ({
      id,
      vector: [...vector],
      payload: { part: id % 2 },
    }));
    await home.database.upsert(distance, { points });
    await home.database.delete(distance, { points: [7, 70] });
  }
  for (const id of [7, 70]) vectors.delete(id);
});
afterAll(() => home.close());

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const dot = (a: Vector, b: Vector) => sum(a.map((value, i) => value * b[i]));
const similarities: Record<Metric, (a: Vector, b: Vector) => number> = {
  Cosine: (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
  Dot: dot,
  Euclid: (a, b) => -sum(a.map((value, i) => (value - b[i]) ** 2)),
  Manhattan: (a, b) => -sum(a.map((value, i) => Math.abs(value - b[i]))),
};
const fast = (x: number) => x / (1 + Math.abs(x));
const scaled = (x: number) => 0.5 * (fast(x) + 1);

const example = (given: number | Vector): Vector =>
  typeof given === "number" ? (vectors.get(given) as Vector) : given;
const p: (number | Vector)[] = [3, [0.2, -0.1, 0.4, 0.3]];
const n: (number | Vector)[] = [8, 9];

const judged: [number | Vector, number][] = [
  [3, 0.9],
  [[0.2, -0.1, 0.4, 0.3], 0.5],
  [8, -0.25],
  [9, 0.5],
];
const coefficients = { a: 0.5, b: 1.5, c: 0.25 };

type Similarity = (to: number | Vector) => number;
const objectives: Record<string, { query: object; score: (s: Similarity) => number }> = {
  "best score": {
    query: { recommend: { positive: p, negative: n, strategy: "best_score" } },
    score: (s) => {
      const [best, worst] = [Math.max(...p.map(s)), Math.max(...n.map(s))];
      return best > worst ? scaled(best) : -scaled(worst);
    },
  },
  "best score of negatives alone": {
    query: { recommend: { negative: n, strategy: "best_score" } },
    score: (s) => -scaled(Math.max(...n.map(s))),
  },
  "sum of scores": {
    query: { recommend: { positive: p, negative: n, strategy: "sum_scores" } },
    score: (s) => sum(p.map(s)) - sum(n.map(s)),
  },
  discovery: {
    query: {
      discover: { target: 5, context: p.map((positive, i) => ({ positive, negative: n[i] })) },
    },
    score: (s) => sum(p.map((positive, i) => Math.sign(s(positive) - s(n[i])))) + scaled(s(5)),
  },
  "discovery without context": {
    query: { discover: { target: [0.1, 0.2, 0.3, 0.4], context: null } },
    score: (s) => scaled(s([0.1, 0.2, 0.3, 0.4])),
  },
  context: {
    query: { context: { positive: 3, negative: 8 } },
    score: (s) => fast(Math.min(0, s(3) - s(8) - 2 ** -23)),
  },
  "relevance feedback": {
    query: {
      relevance_feedback: {
        target: 5,
        feedback: judged.map(([one, score]) => ({ example: one, score })),
        strategy: { naive: coefficients },
      },
    },
    score: (s) => {
      const { a, b, c } = coefficients;
      const pairs = judged.flatMap(([one, high]) =>
        judged.map(([other, low]) => ({ one, other, by: high - low })),
      );
      const gains = pairs
        .filter(({ by }) => by > 0)
        .map(({ one, other, by }) => by ** b * c * (s(one) - s(other)));
      return a * s(5) + sum(gains);
    },
  },
};

describe.each(metrics)("%s", (metric) => {
  test.each(Object.keys(objectives))("%s", async (name) => {
    const { query, score } = objectives[name];
    const asked = JSON.stringify(query);
    const named = [3, 5, 8, 9].filter((id) => new RegExp(`[[:,]${id}[\\],}]`).test(asked));
    const expected = [...vectors]
      .filter(([id]) => id % 2 === 0 && !named.includes(id))
      .map(([id, vector]) => ({ id, score: score((to) => similarities[metric](vector, example(to))) }));
    const filter = { must: [{ key: "part", match: { value: 0 } }] };
    const rest = await home.rest.result("POST", `/collections/${metric}/points/query`, {
      query,
      filter,
      limit: COUNT,
    });
    const found = rest.points as { id: number; score: number }[];
    expect(found.map(({ id }) => id).sort((a, b) => a - b)).toEqual(expected.map(({ id }) => id));
    const scores = new Map(expected.map((point) => [point.id, point.score]));
    for (const { id, score: given } of found) expect(given).toBeCloseTo(scores.get(id) as number, 4);
    found.forEach(({ score: given }, i) => {
      if (i > 0) expect(given).toBeLessThanOrEqual(found[i - 1].score);
    });
    const page = await home.rest.result("POST", `/collections/${metric}/points/query`, {
      query,
      filter,
      limit: 5,
      offset: 3,
    });
    expect(page.points).toEqual(found.slice(3, 8));
  });

  test("the average is a search by one vector", async () => {
    const middle = (of: (number | Vector)[]) =>
      [0, 1, 2, 3].map((i) => {
        const unitOf = (given: number | Vector) => {
          const vector = example(given);
          // A stored vector of a cosine collection has length 1.
          return typeof given === "number" && metric === "Cosine"
            ? vector[i] / Math.sqrt(dot(vector, vector))
            : vector[i];
        };
        return sum(of.map(unitOf)) / of.length;
      });
    const [towards, away] = [middle(p), middle(n)];
    const vector = towards.map((value, i) => value + value - away[i]);
    const params = { exact: true };
    const recommended = await home.database.query(metric, {
      query: { recommend: { positive: p as number[], negative: n as number[] } },
      limit: 20,
      params,
    });
    const must_not = [{ has_id: [3, 8, 9] }];
    const nearest = await home.database.query(metric, {
      query: vector,
      filter: { must_not },
      limit: 20,
      params,
    });
    expect(recommended.points.map(({ id }) => id)).toEqual(nearest.points.map(({ id }) => id));
  });
});

test("a point's vector recommends what its id does, to the last bit", async () => {
  for (const distance of ["Dot", "Euclid"]) {
    // More digits than a 32-bit float has, as a client's numbers have.
    const [, a, b] = (await home.database.retrieve(distance, { ids: [3, 8, 9], with_vector: true })).map(
      ({ vector }) => Array.from(vector as Float32Array, (value) => value + value * 1e-9),
    );
    const filter = { must_not: [{ has_id: [8, 9] }] };
    const scores = async (positive: (number | number[])[]) =>
      (await home.database.query(distance, { query: { recommend: { positive } }, filter })).points.map(
        ({ id, score }) => [id, score],
      );
    expect(await scores([a, b])).toEqual(await scores([8, 9]));
  }
});

test("too few examples are refused", async () => {
  for (const [recommend, code] of [
    [{}, "OUT_OF_RANGE"],
    [{ negative: [1] }, "BAD_REQUEST"],
    [{ strategy: "best_score" }, "OUT_OF_RANGE"],
  ] as [object, string][])
    expect(await refusal(home.database.query("Dot", { query: { recommend } }))).toMatchObject({ code });
  const gone = home.database.query("Dot", { query: { recommend: { positive: [7] } } });
  expect(await refusal(gone)).toMatchObject({ code: "POINT_NOT_FOUND" });
});

test("feedback without a pair is the search for the target", async () => {
  const target = [0.1, 0.2, 0.3, 0.4];
  const strategy = { naive: { a: 1, b: 100, c: 100 } };
  const one = { example: [0.4, 0.4, 0.4, 0.4], score: 0.85 };
  for (const feedback of [[one], [one, { ...one, example: [1, 0, 0, 0] }]]) {
    const query = { relevance_feedback: { target, feedback, strategy } };
    const found = await home.database.query("Dot", { query, limit: 5 });
    expect(found).toEqual(
      await home.database.query("Dot", { query: target, limit: 5, params: { exact: true } }),
    );
  }
});

test("feedback that says nothing, or wrong things, is refused", async () => {
  const body = (feedback: unknown[], naive: object) => ({
    query: { relevance_feedback: { target: [0.1, 0.2, 0.3, 0.4], feedback, strategy: { naive } } },
  });
  const asked = (given: object) => home.rest.call("POST", "/collections/Dot/points/query", given);
  const item = { example: 1, score: 0.5 };
  const path = "internal.query.relevance_feedback";
  for (const [given, status, error] of [
    [
      body([], { a: 1, b: 1, c: 1 }),
      422,
      `Validation error in JSON body: [${path}.feedback: feedback elements must be non-empty]`,
    ],
    [
      body([item], { a: 1, b: -1, c: 1 }),
      422,
      `Validation error in JSON body: [${path}.strategy.naive.b: value -1.0 invalid, must be 0.0 or larger]`,
    ],
    [body([{ example: 7, score: 1 }], { a: 1, b: 1, c: 1 }), 404, "Not found: No point with id 7 found"],
  ] as const)
    expect(await asked(given)).toMatchObject({ status, json: { status: { error } } });
});
