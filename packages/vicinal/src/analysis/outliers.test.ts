/** Outlier scores against a plain reading of the papers. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blobs, distance, evenly, graphOf, noBreath, type Points } from "./graphs.test.helper.js";
import { type OutlierOptions, outlierScores } from "./outliers.js";
import { NOBODY } from "./types.js";

const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

/** LOF by its definition (no duplicates, no ties): densities, and their ratios. */
function reference(points: Points, k: number): number[] {
  const nearest = points.map((p, i) =>
    points
      .map((q, j) => ({ j, d: distance(p, q) }))
      .filter(({ j }) => j !== i)
      .sort((a, b) => a.d - b.d)
      .slice(0, k),
  );
  const density = nearest.map((list) => 1 / mean(list.map(({ j, d }) => Math.max(d, nearest[j][k - 1].d))));
  return nearest.map((list, i) => mean(list.map(({ j }) => density[j])) / density[i]);
}

const lof: OutlierOptions = { method: "lof" };

describe("outlierScores", () => {
  test("agrees with the definitions", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 60 }),
        fc.integer(),
        fc.integer({ min: 1, max: 12 }),
        async (count, seed, most) => {
          const k = Math.min(most, count - 1);
          const points = evenly(count, 10, seed);
          const graph = graphOf(points, k);
          const factors = await outlierScores(graph, lof, noBreath);
          reference(points, k).forEach((wanted, i) => {
            expect(factors[i] / wanted).toBeCloseTo(1, 5);
          });
          const means = await outlierScores(graph, { method: "distance" }, noBreath);
          means.forEach((score, i) => {
            const row = [...graph.distances.subarray(i * k, (i + 1) * k)];
            expect(score).toBeCloseTo(mean(row), 5);
          });
        },
      ),
      { seed: 41, numRuns: 100 },
    );
  });

  test("LOF finds what is out of place beside a dense cluster, next to a thin one", async () => {
    const points = [...blobs([[0, 0]], [100], 0.05, 1), ...blobs([[10, 10]], [100], 1.5, 2), [0.6, 0.6]];
    const scores = await outlierScores(graphOf(points, 12), lof, noBreath);
    expect(scores.indexOf(Math.max(...scores))).toBe(200);
    expect(scores[200]).toBeGreaterThan(3);
    const inner = [...scores.subarray(0, 100)].sort((a, b) => a - b);
    expect(inner[50]).toBeCloseTo(1, 0);
  });

  test("equal vectors score 1, and nothing is infinite", async () => {
    const points = [...Array(8).fill([0, 0]), ...evenly(10, 5, 3).map(([x, y]) => [x + 1, y + 1])];
    const scores = await outlierScores(graphOf(points, 4), lof, noBreath);
    expect([...scores.subarray(0, 8)]).toEqual(Array(8).fill(1));
    expect(scores.every((score) => Number.isFinite(score) && score > 0)).toBe(true);
    const same = await outlierScores(graphOf(Array(6).fill([2]), 3), lof, noBreath);
    expect([...same]).toEqual(Array(6).fill(1));
  });

  test("lists with gaps, and without anybody", async () => {
    const graph = {
      count: 4,
      k: 2,
      numbers: Uint32Array.of(1, 2, 0, NOBODY, 0, 1, NOBODY, NOBODY),
      distances: Float32Array.of(1, 2, 1, Number.POSITIVE_INFINITY, 2, 3, 0, 0),
    };
    expect([...(await outlierScores(graph, { method: "distance" }, noBreath))]).toEqual([1.5, 1, 2.5, 2.5]);
    const scores = await outlierScores(graph, lof, noBreath);
    expect(scores.every(Number.isFinite)).toBe(true);
    expect(scores[3]).toBe(Math.max(...scores));
    expect([...(await outlierScores(graphOf([[1]], 2), lof, noBreath))]).toEqual([1]);
    expect([...(await outlierScores(graphOf([]), { method: "distance" }, noBreath))]).toEqual([]);
  });

  test("refuses unknown methods", async () => {
    const options = { method: "guess" } as unknown as OutlierOptions;
    await expect(outlierScores(graphOf([[0], [1]]), options, noBreath)).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
  });
});
