/** 8-bit codes against their twins, and against what they stand for. */
import { describe, expect, test } from "vitest";
import { codeDistance, encode, encodeQuery } from "./code-twins.js";
import { buildNames, instance, runnable } from "./load.js";
import { dimensionsTried, seededRandom } from "./test-data.test.helper.js";

const ROWS = 9;
const align = (address: number) => Math.ceil(address / 64) * 64;

describe.each(buildNames)("codes, build %s", (build) => {
  test("encode and measure as the twins do", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const { exports, u8, u32, f32 } = await instance(build, 16);
    for (const dimensions of dimensionsTried) {
      const next = seededRandom(dimensions);
      const padded = Math.ceil(dimensions / 8) * 8;
      const codeBytes = align(padded + 8);
      const query = 64;
      const mean = align(query + dimensions * 4);
      const sums = align(mean + dimensions * 4);
      const rows = align(sums + dimensions * 8);
      const codes = align(rows + ROWS * dimensions * 4);
      const words = align(codes + ROWS * codeBytes);
      const list = align(words + padded * 2);
      const distances = list + 64;
      for (let i = 0; i < ROWS * dimensions; i++) f32[rows / 4 + i] = next() * 3 - 1;
      // A row like another, and a query like a row.
      u8.copyWithin(rows + 4 * dimensions * 4, rows + 2 * dimensions * 4, rows + 3 * dimensions * 4);
      u8.copyWithin(query, rows, rows + dimensions * 4);
      u8.fill(0xaa, codes, codes + ROWS * codeBytes);
      exports.meanOf(rows, dimensions, ROWS, 2, sums, mean);
      const means = f32.slice(mean / 4, mean / 4 + dimensions);
      const row = (i: number) => f32.slice(rows / 4 + i * dimensions, rows / 4 + (i + 1) * dimensions);
      for (let j = 0; j < dimensions; j++) {
        let sum = 0;
        for (let i = 0; i < ROWS; i += 2) sum += row(i)[j];
        expect(means[j]).toBe(Math.fround(sum / Math.ceil(ROWS / 2)));
      }
      for (const normed of [true, false]) {
        exports.encodeRows(rows, dimensions, 0, ROWS, mean, padded, normed ? 1 : 0, codes, codeBytes);
        const scale = exports.encodeQuery(query, mean, dimensions, padded, words);
        const asked = encodeQuery(row(0), means);
        expect(scale).toBe(asked.scale);
        for (let i = 0; i < ROWS; i++) u32[list / 4 + i] = i;
        exports.scoreCodes(words, scale, 0, codes, codeBytes, padded, list, ROWS, distances);
        for (let i = 0; i < ROWS; i++) {
          const where = `${dimensions} dimensions, row ${i}`;
          const code = codes + i * codeBytes;
          const twin = encode(row(i), means, normed);
          expect(f32[code / 4], where).toBe(twin.scale);
          expect(Math.abs(f32[code / 4 + 1] - twin.half), where).toBeLessThanOrEqual(twin.half * 1e-6);
          const bytes = new Int8Array(u8.slice(code + 8, code + codeBytes).buffer);
          expect([...bytes.subarray(0, dimensions)], where).toEqual([...twin.bytes]);
          expect(
            bytes.subarray(dimensions).every((byte) => byte === 0),
            where,
          ).toBe(true);
          const expected = codeDistance(asked, 0, twin);
          const near = 1e-5 * (1 + Math.abs(expected) + twin.half);
          expect(Math.abs(f32[distances / 4 + i] - expected), where).toBeLessThan(near);
        }
        if (normed) continue;
        // Without the mean's part: the inner product of the differences, up to a byte's precision.
        const exact = row(3).reduce((sum, x, j) => sum + (x - means[j]) * (row(0)[j] - means[j]), 0);
        const error = Math.abs(f32[distances / 4 + 3] + exact);
        expect(error, `${dimensions} dimensions`).toBeLessThan(0.02 * Math.sqrt(dimensions) + 0.01);
      }
    }
  });
});
