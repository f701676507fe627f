/** The k-means kernels against their twins. Inputs are small integers, so that every sum is exact. */
import { expect, test } from "vitest";
import { assignments, means } from "./kmeans-twins.js";
import { buildNames, instance, runnable } from "./load.js";
import { seededRandom } from "./test-data.test.helper.js";

const ROWS = 65536;
const CENTROIDS = 512 * 1024;
const LIST = 700 * 1024;
const ASSIGNMENT = 710 * 1024;
const DISTANCES = 720 * 1024;
const SCRATCH = 730 * 1024;
const SUMS = 800 * 1024;
const COUNTS = 1000 * 1024;

test.each(buildNames)("assigning, summing and moving, build %s", async (build) => {
  if (!(await runnable(build))) return;
  const { exports, f32, u32, u8 } = await instance(build, 32);
  for (const dimensions of [1, 2, 3, 4, 5, 7, 8, 13, 31, 32, 100]) {
    for (const k of [1, 2, 3, 4, 5, 9, 32]) {
      const next = seededRandom(dimensions * 100 + k);
      const listed = k % 2 === 1;
      // Rows lie further apart than they are long.
      const stride = dimensions + (k % 3);
      const total = 150;
      for (let i = 0; i < total * stride; i++) f32[ROWS / 4 + i] = Math.floor(next() * 21) - 10;
      for (let i = 0; i < k * dimensions; i++) f32[CENTROIDS / 4 + i] = Math.floor(next() * 21) - 10;
      const count = [1, 2, 3, 77, 149][k % 5];
      for (let i = 0; i < count; i++) u32[LIST / 4 + i] = (i * 7) % total;
      const rows = Array.from({ length: count }, (_, i) => {
        const at = ROWS / 4 + (listed ? (i * 7) % total : i) * stride;
        return f32.subarray(at, at + dimensions);
      });
      const centroids = Array.from({ length: k }, (_, c) =>
        f32.slice(CENTROIDS / 4 + c * dimensions, CENTROIDS / 4 + (c + 1) * dimensions),
      );
      const source = [ROWS, stride * 4, listed ? LIST : 0] as const;
      const expected = assignments(rows, centroids);
      u32.fill(0xffffffff, ASSIGNMENT / 4, ASSIGNMENT / 4 + count);
      const assign = () =>
        exports.assignRows(
          ...source,
          ...[0, count, dimensions, CENTROIDS, k, ASSIGNMENT, DISTANCES, SCRATCH],
        );
      expect(assign()).toBe(count);
      expect(assign(), "nothing changes").toBe(0);
      const assignment = u32.slice(ASSIGNMENT / 4, ASSIGNMENT / 4 + count);
      expect([...assignment]).toEqual(expected.map(({ centroid }) => centroid));
      expect([...f32.slice(DISTANCES / 4, DISTANCES / 4 + count)]).toEqual(
        expected.map(({ distance }) => distance),
      );

      u8.fill(0, SUMS, SUMS + k * dimensions * 8);
      u32.fill(0, COUNTS / 4, COUNTS / 4 + k);
      exports.sumRows(...source, ...[0, count, dimensions, ASSIGNMENT, SUMS, COUNTS]);
      const spherical = k === 9;
      exports.moveCentroids(SUMS, COUNTS, k, dimensions, CENTROIDS, spherical ? 1 : 0);
      means(rows, assignment, k).forEach((mean, c) => {
        const moved = f32.subarray(CENTROIDS / 4 + c * dimensions, CENTROIDS / 4 + (c + 1) * dimensions);
        const length = spherical && mean ? Math.hypot(...mean) || 1 : 1;
        (mean ?? centroids[c]).forEach((x, j) => {
          expect(moved[j]).toBeCloseTo(mean ? x / length : x, 4);
        });
      });
    }
  }
});

test.each(buildNames)("seeding, build %s", async (build) => {
  if (!(await runnable(build))) return;
  const { exports, f32 } = await instance(build, 32);
  for (const dimensions of [1, 3, 4, 6, 17]) {
    for (const [count, step] of [
      [1, 1],
      [2, 3],
      [5, 2],
      [40, 3],
    ] as const) {
      const next = seededRandom(dimensions + count);
      for (let i = 0; i < count * step * dimensions; i++) f32[ROWS / 4 + i] = Math.floor(next() * 21) - 10;
      for (let i = 0; i < dimensions; i++) f32[CENTROIDS / 4 + i] = Math.floor(next() * 21) - 10;
      const seed = f32.subarray(CENTROIDS / 4, CENTROIDS / 4 + dimensions);
      const expected = Array.from({ length: count }, (_, i) => {
        const at = ROWS / 4 + i * step * dimensions;
        return Math.min(50, assignments([f32.subarray(at, at + dimensions)], [seed])[0].distance);
      });
      f32.fill(50, DISTANCES / 4, DISTANCES / 4 + count);
      const total = exports.seedDistances(
        ...[ROWS, dimensions * 4, 0, count, step, dimensions, CENTROIDS, DISTANCES],
      );
      expect([...f32.subarray(DISTANCES / 4, DISTANCES / 4 + count)]).toEqual(expected);
      expect(total).toBe(expected.reduce((sum, x) => sum + x, 0));
      let sum = 0;
      expected.forEach((distance, i) => {
        if (distance > 0) expect(exports.pickWeighted(DISTANCES, count, sum + distance / 2)).toBe(i);
        sum += distance;
      });
    }
  }
});
