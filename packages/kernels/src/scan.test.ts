/** The float kernels against their twins, for every dimension that a loop could get wrong. */
import { describe, expect, test } from "vitest";
import { metricNames, metrics, nearest } from "./float-twins.js";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { dimensionsTried, seededRandom as random } from "./test-data.test.helper.js";

const ROWS = 41;
const QUERY = 64;
const BASE = 65536;

interface Case {
  kernels: Instance;
  dimensions: number;
  query: Float32Array;
  row: (ordinal: number) => Float32Array;
  /** Addresses behind the rows. */
  bits: number;
  list: number;
  heap: number;
  ordinals: number;
  distances: number;
}

function prepare(kernels: Instance, dimensions: number): Case {
  const next = random(dimensions);
  const query = kernels.f32.subarray(QUERY / 4, QUERY / 4 + dimensions);
  for (let i = 0; i < dimensions; i++) query[i] = next() * 2 - 1;
  const first = BASE / 4;
  for (let i = 0; i < ROWS * dimensions; i++) kernels.f32[first + i] = next() * 2 - 1;
  const row = (ordinal: number) =>
    kernels.f32.subarray(first + ordinal * dimensions, first + (ordinal + 1) * dimensions);
  // Two equal rows, so that ties occur.
  row(30).set(row(7));
  const free = BASE + Math.ceil((ROWS * dimensions * 4) / 64) * 64;
  const list = free + 64;
  const heap = list + 256;
  return {
    kernels,
    dimensions,
    query,
    row,
    bits: free,
    list,
    heap,
    ordinals: heap + 1024,
    distances: heap + 2048,
  };
}

const tolerance = (dimensions: number) => 2e-6 * dimensions + 1e-6;

describe.each(buildNames)("float kernels, build %s", (build) => {
  test("distances equal the twins'", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const kernels = await instance(build, 32);
    for (const dimensions of dimensionsTried) {
      const { query, row, list, distances } = prepare(kernels, dimensions);
      for (const length of [1, 2, 3, 4, 5, ROWS]) {
        for (let i = 0; i < length; i++) kernels.u32[list / 4 + i] = (i * 7) % ROWS;
        metricNames.forEach((metric, number) => {
          kernels.exports.scoreList(number, QUERY, BASE, dimensions, list, length, distances);
          for (let i = 0; i < length; i++) {
            const expected = metrics[metric](query, row((i * 7) % ROWS));
            const actual = kernels.f32[distances / 4 + i];
            expect(Math.abs(actual - expected), `${metric}, ${dimensions} dimensions, row ${i}`).toBeLessThan(
              tolerance(dimensions),
            );
          }
        });
      }
    }
  });

  test("scans find what the twins find", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const kernels = await instance(build, 32);
    for (const dimensions of dimensionsTried) {
      const made = prepare(kernels, dimensions);
      const { row, query, bits, heap, ordinals, distances } = made;
      const next = random(dimensions + 1000);
      metricNames.forEach((metric, number) => {
        for (const count of [0, 1, 2, 3, 4, 31, 32, 33, ROWS]) {
          const k = 1 + Math.floor(next() * 12);
          const wanted = Array.from({ length: count }, (_, i) => i);
          const share = next();
          const chosen = wanted.filter(() => next() < share);
          // Bits beyond the count must not matter.
          kernels.u32.fill(0xffffffff, bits / 4, bits / 4 + 2);
          for (const i of wanted) kernels.u32[bits / 4 + (i >>> 5)] &= ~(1 << (i & 31));
          for (const i of chosen) kernels.u32[bits / 4 + (i >>> 5)] |= 1 << (i & 31);
          for (const filtered of [false, true]) {
            const found = kernels.exports.scan(
              ...([number, QUERY, BASE, dimensions, count, filtered ? bits : 0, k] as const),
              ...([heap, ordinals, distances] as const),
            );
            const hits = Array.from({ length: found }, (_, i) => ({
              ordinal: kernels.u32[ordinals / 4 + i],
              distance: kernels.f32[distances / 4 + i],
            }));
            check(made, metric, hits, nearest(metric, query, row, filtered ? chosen : wanted, k));
          }
        }
      });
    }
  });
});

/** Equal up to rounding: the same number of hits, each as near as the twin's, in order, ties by ordinal. */
function check(
  made: Case,
  metric: (typeof metricNames)[number],
  hits: { ordinal: number; distance: number }[],
  expected: { ordinal: number; distance: number }[],
): void {
  const where = `${metric}, ${made.dimensions} dimensions`;
  expect(hits.length, where).toBe(expected.length);
  expect(new Set(hits.map((hit) => hit.ordinal)).size, where).toBe(hits.length);
  for (let i = 0; i < hits.length; i++) {
    const near = tolerance(made.dimensions);
    expect(Math.abs(hits[i].distance - expected[i].distance), where).toBeLessThan(near);
    const own = metrics[metric](made.query, made.row(hits[i].ordinal));
    expect(Math.abs(hits[i].distance - own), where).toBeLessThan(near);
    if (i > 0) {
      const rises =
        hits[i - 1].distance < hits[i].distance ||
        (hits[i - 1].distance === hits[i].distance && hits[i - 1].ordinal < hits[i].ordinal);
      expect(rises, where).toBe(true);
    }
  }
}
