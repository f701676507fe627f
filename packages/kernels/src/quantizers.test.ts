/** Rotation and table look-ups against their twins. */
import { describe, expect, test } from "vitest";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { blockSums, rotated, signEntry } from "./quantizer-twins.js";

const BASE = 65536;

/** A small seeded generator (mulberry32), so that a failure repeats. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function fill(target: Float32Array | Uint8Array, next: () => number): void {
  for (let i = 0; i < target.length; i++) target[i] = next();
}

describe.each(buildNames)("quantizer kernels, build %s", (build) => {
  async function open(skip: (why: string) => void): Promise<Instance> {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    return instance(build, 32);
  }

  test("rotation is the twin's, keeps lengths and can be undone", async ({ skip }) => {
    const { exports, f32, u32 } = await open(skip);
    for (const padded of [16, 32, 48, 64, 112, 128, 240, 784, 1024]) {
      const next = random(padded);
      const x = f32.subarray(BASE / 4, BASE / 4 + padded);
      fill(x, () => next() * 2 - 1);
      const before = x.slice();
      const signs = BASE + padded * 4;
      const negative = Array.from({ length: 4 }, (_, round) =>
        Array.from({ length: padded }, (_unused, i) => {
          const flip = next() < 0.5;
          u32[signs / 4 + round * padded + i] = flip ? 0x80000000 : 0;
          return flip;
        }),
      );
      exports.rotate(BASE, padded, signs);
      const expected = rotated(before, negative);
      expected.forEach((value, i) => {
        expect(Math.abs(x[i] - value), `${padded} dimensions, component ${i}`).toBeLessThan(1e-4);
      });
      expect(Math.hypot(...x)).toBeCloseTo(Math.hypot(...before), 3);
      exports.rotateBack(BASE, padded, signs);
      before.forEach((value, i) => {
        expect(Math.abs(x[i] - value)).toBeLessThan(1e-5);
      });
    }
  });

  test("block sums are the twin's, also beyond 16 bits", async ({ skip }) => {
    const { exports, f32, u8 } = await open(skip);
    for (const tables of [2, 4, 28, 196, 512, 514, 2048]) {
      const next = random(tables);
      const block = u8.subarray(BASE, BASE + tables * 16);
      const entries = u8.subarray(BASE * 4, BASE * 4 + tables * 16);
      fill(block, () => next() * 256);
      for (const most of [128, 1]) {
        // The largest sums there can be, once.
        fill(entries, () => (most === 1 ? 127 : next() * most));
        const sums = BASE * 8;
        exports.scanBlock(BASE, BASE * 4, tables, sums);
        expect([...f32.subarray(sums / 4, sums / 4 + 32)]).toEqual(blockSums(block, entries, tables));
      }
    }
  });

  test("tables of signs are rounded by half a step at most", async ({ skip }) => {
    const { exports, f32, u8 } = await open(skip);
    for (const padded of [16, 112, 784]) {
      const next = random(padded);
      const query = f32.subarray(BASE / 4, BASE / 4 + padded);
      fill(query, () => next() * 2 - 1);
      const entries = BASE * 2;
      exports.signTables(BASE, padded, entries, BASE * 3);
      const [bias, step] = f32.subarray((BASE * 3) / 4, (BASE * 3) / 4 + 2);
      let total = 0;
      for (let table = 0; table < padded / 4; table++) {
        const four = query.subarray(table * 4, table * 4 + 4);
        const least = Math.min(...Array.from({ length: 16 }, (_, e) => signEntry(four, e)));
        total += least;
        for (let e = 0; e < 16; e++) {
          const rounded = u8[entries + table * 16 + e] * step;
          expect(Math.abs(rounded + least - signEntry(four, e))).toBeLessThan(step * 0.501);
        }
      }
      expect(Math.abs(total - bias)).toBeLessThan(1e-3);
      // All of a query of zeros.
      fill(query, () => 0);
      exports.signTables(BASE, padded, entries, BASE * 3);
      expect(f32[(BASE * 3) / 4]).toBeCloseTo(0);
      expect(f32[(BASE * 3) / 4 + 1]).toBe(0);
    }
  });

  test("tables of any values are rounded by half a step at most", async ({ skip }) => {
    const { exports, f32, u8 } = await open(skip);
    const tables = 30;
    const next = random(1);
    const values = f32.subarray(BASE / 4, BASE / 4 + tables * 16);
    fill(values, () => next() * 10 - 3);
    exports.roundTables(BASE, tables, BASE * 2, BASE * 3);
    const [bias, step] = f32.subarray((BASE * 3) / 4, (BASE * 3) / 4 + 2);
    let total = 0;
    for (let table = 0; table < tables; table++) {
      const own = values.subarray(table * 16, table * 16 + 16);
      const least = Math.min(...own);
      total += least;
      own.forEach((value, e) => {
        const rounded = u8[BASE * 2 + table * 16 + e];
        expect(rounded).toBeLessThanOrEqual(127);
        expect(Math.abs(rounded * step + least - value)).toBeLessThan(step * 0.501);
      });
    }
    expect(bias).toBeCloseTo(total, 3);
  });
});
