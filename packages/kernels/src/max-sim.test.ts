/** MaxSim against its twin, for every number of dimensions, vectors and rows that a loop could get wrong. */
import { describe, expect, test } from "vitest";
import { maxSimDistance, metricNames } from "./float-twins.js";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { seededRandom } from "./test-data.test.helper.js";

const QUERIES = 64;
const ROWS = 65536;
const ROW_COUNT = 24;
const RUNS = 1_000_000;
const MINIMA = RUNS + 1024;
const DISTANCES = MINIMA + 1024;

/** Rows of each document: one, an odd and an even number; they overlap, which nothing forbids. */
const runs = [
  [0, 1],
  [1, 4],
  [3, 11],
  [0, ROW_COUNT],
  [ROW_COUNT - 1, ROW_COUNT],
] as const;

function vectors(kernels: Instance, at: number, count: number, dimensions: number): Float32Array[] {
  return Array.from({ length: count }, (_, i) =>
    kernels.f32.subarray(at / 4 + i * dimensions, at / 4 + (i + 1) * dimensions),
  );
}

function call(kernels: Instance, metric: number, queryCount: number, dimensions: number): Float32Array {
  kernels.u32.set(runs.flat(), RUNS / 4);
  kernels.f32.fill(NaN, DISTANCES / 4, DISTANCES / 4 + runs.length + 1);
  kernels.exports.maxSim(metric, QUERIES, queryCount, ROWS, dimensions, RUNS, runs.length, MINIMA, DISTANCES);
  return kernels.f32.slice(DISTANCES / 4, DISTANCES / 4 + runs.length + 1);
}

describe.each(buildNames)("MaxSim, build %s", (build) => {
  test("equals the twin", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const kernels = await instance(build, 32);
    for (const dimensions of [1, 2, 3, 4, 5, 7, 8, 15, 16, 19, 96, 128])
      for (const queryCount of [1, 2, 3, 4, 5, 8, 33]) {
        const random = seededRandom(dimensions * 100 + queryCount);
        const query = vectors(kernels, QUERIES, queryCount, dimensions);
        const rows = vectors(kernels, ROWS, ROW_COUNT, dimensions);
        for (const vector of [...query, ...rows])
          for (let i = 0; i < dimensions; i++) vector[i] = random() * 2 - 1;
        metricNames.forEach((metric, number) => {
          const found = call(kernels, number, queryCount, dimensions);
          runs.forEach(([first, end], i) => {
            const expected = maxSimDistance(metric, query, rows.slice(first, end));
            const what = `${metric}, ${dimensions} dimensions, ${queryCount} vectors, document ${i}`;
            expect(Math.abs(found[i] - expected), what).toBeLessThan(queryCount * (2e-6 * dimensions + 1e-6));
          });
          expect(found[runs.length], "nothing is written beyond the answer").toBeNaN();
        });
      }
  });

  test("an overflow gives the largest number", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const kernels = await instance(build, 32);
    for (const vector of [...vectors(kernels, QUERIES, 3, 4), ...vectors(kernels, ROWS, ROW_COUNT, 4)])
      vector.fill(3e38);
    const largest = Math.fround(3.4028234663852886e38);
    for (const vector of vectors(kernels, QUERIES, 3, 4)) vector.fill(-3e38);
    expect(call(kernels, metricNames.indexOf("Dot"), 3, 4)[1]).toBe(largest);
    expect(call(kernels, metricNames.indexOf("Euclid"), 3, 4)[1]).toBe(largest);
  });
});
