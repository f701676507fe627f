/** Half floats and bytes: conversion against the twins for every half there is, distances against the float twins. */
import { describe, expect, test } from "vitest";
import { metricNames, metrics } from "./float-twins.js";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { byteOf, halfValue, nearestHalf } from "./plain-twins.js";
import { dimensionsTried, seededRandom } from "./test-data.test.helper.js";

const HALF = 0;
const BYTE = 1;
const BASE = 65536;
const HALVES = 65536;
const align = (address: number) => Math.ceil(address / 64) * 64;

describe.each(buildNames)("plain types, build %s", (build) => {
  async function open(skip: (why: string) => void): Promise<Instance> {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    return instance(build, 32);
  }

  function roundTrip({ exports, f32 }: Instance, type: number, values: Float32Array): Float32Array {
    const numbers = align(BASE + values.length * 4);
    f32.set(values, BASE / 4);
    exports.plainEncode(type, BASE, values.length, numbers);
    f32.fill(0, BASE / 4, BASE / 4 + values.length);
    exports.plainDecode(type, numbers, values.length, BASE);
    return f32.slice(BASE / 4, BASE / 4 + values.length);
  }

  test("every half is decoded to its value, and encoded back to itself", async ({ skip }) => {
    const { exports, f32, u8 } = await open(skip);
    const halves = new Uint16Array(u8.buffer, BASE, HALVES);
    for (let i = 0; i < HALVES; i++) halves[i] = i;
    const floats = BASE + HALVES * 2;
    exports.plainDecode(HALF, BASE, HALVES, floats);
    const back = floats + HALVES * 4;
    exports.plainEncode(HALF, floats, HALVES, back);
    const again = new Uint16Array(u8.buffer, back, HALVES);
    for (let i = 0; i < HALVES; i++) {
      const value = f32[floats / 4 + i];
      if (!Object.is(value, halfValue(i))) expect(value, `half ${i}`).toBe(halfValue(i));
      if (!Number.isNaN(value) && again[i] !== i) expect(again[i], `half ${i}`).toBe(i);
      if (Number.isNaN(value)) expect(Number.isNaN(halfValue(again[i]))).toBe(true);
    }
  });

  test("floats become the nearest half, ties the even one", async ({ skip }) => {
    const kernels = await open(skip);
    const next = seededRandom(1);
    const values = [0, 65504, 65519.996, 65520, 65536, 1e38, Number.POSITIVE_INFINITY, Number.NaN];
    values.push(2 ** -14, 2 ** -24, 2 ** -25, 2 ** -25 * 1.001, 2 ** -26, 2 ** -14 - 2 ** -25, 1e-45);
    // The middle between two neighbours, and a little off it.
    for (let half = 0; half < 0x7bff; half += 37) {
      const middle = (halfValue(half) + halfValue(half + 1)) / 2;
      values.push(middle, Math.fround(middle * (1 + 2 ** -23)), Math.fround(middle * (1 - 2 ** -23)));
    }
    for (let i = 0; i < 3000; i++)
      values.push(Math.fround((next() + 0.5) * 2 ** Math.floor(next() * 45 - 27)));
    const both = Float32Array.from([...values, ...values.map((value) => -value)]);
    const found = roundTrip(kernels, HALF, both);
    both.forEach((value, i) => {
      const wanted = nearestHalf(value);
      if (Number.isNaN(wanted)) expect(found[i]).toBeNaN();
      else expect(found[i] + 0, `half of ${value}`).toBe(wanted + 0);
    });
  });

  test("floats become bytes as Qdrant's do", async ({ skip }) => {
    const kernels = await open(skip);
    const values = [0, 1, 254, 255, 256, 1e30, -1, -1e30, 0.99, 1.5, 254.999, -0.5, Number.NaN];
    for (let i = 0; i < 256; i++) values.push(i, i + 0.25);
    for (const length of [1, 3, 4, values.length]) {
      const found = roundTrip(kernels, BYTE, Float32Array.from(values.slice(0, length)));
      expect([...found]).toEqual(values.slice(0, length).map(byteOf));
    }
  });

  test.for([HALF, BYTE])(
    "distances over type %i are those of the decoded vectors",
    async (type, { skip }) => {
      const { exports, f32 } = await open(skip);
      for (const dimensions of dimensionsTried) {
        const next = seededRandom(dimensions);
        const rows = 7;
        const query = BASE;
        const floats = align(query + dimensions * 4);
        const codes = align(floats + rows * dimensions * 4);
        // Not aligned, as codes are that follow others.
        const odd = codes + 1;
        const distances = align(odd + rows * dimensions * 2);
        const scale = type === BYTE ? 255 : 2;
        for (let i = 0; i < dimensions; i++) f32[query / 4 + i] = next() * scale;
        for (let i = 0; i < rows * dimensions; i++) f32[floats / 4 + i] = (next() - (type ? 0 : 0.5)) * scale;
        exports.plainEncode(type, floats, rows * dimensions, odd);
        exports.plainDecode(type, odd, rows * dimensions, floats);
        const asked = f32.slice(query / 4, query / 4 + dimensions);
        metricNames.forEach((metric, number) => {
          for (const count of [1, 2, 3, 4, rows]) {
            f32.fill(-7, distances / 4, distances / 4 + rows + 1);
            exports.plainScores(type, number, query, odd, dimensions, count, distances);
            for (let i = 0; i < count; i++) {
              const at = floats / 4 + i * dimensions;
              const wanted = metrics[metric](asked, f32.subarray(at, at + dimensions));
              const near = 2e-6 * dimensions * scale * scale;
              const where = `${metric}, ${dimensions} dimensions, row ${i} of ${count}`;
              expect(Math.abs(f32[distances / 4 + i] - wanted), where).toBeLessThan(near);
            }
            expect(f32[distances / 4 + count]).toBe(-7);
          }
        });
      }
    },
  );

  test("scores are offered to a heap as a scan would", async ({ skip }) => {
    const { exports, f32, u32 } = await open(skip);
    const next = seededRandom(3);
    const count = 300;
    const [heap, bits, sizes, ordinals, distances] = [4096, 8192, 8512, 9216, 12288].map((at) => BASE + at);
    const scores = Float32Array.from({ length: count }, () => Math.fround(Math.floor(next() * 60)));
    scores[17] = Number.POSITIVE_INFINITY;
    f32.set(scores, BASE / 4);
    for (let w = 0; w < 10; w++) u32[bits / 4 + w] = next() * 2 ** 32;
    for (const filter of [0, bits]) {
      for (const k of [1, 7, count]) {
        let size = 0;
        for (let from = 0; from < count; from += 64)
          size = exports.offerScores(
            BASE + from * 4,
            from,
            Math.min(64, count - from),
            filter,
            k,
            heap,
            size,
          );
        u32[sizes / 4] = size;
        exports.finishBatch(1, k, heap, sizes, ordinals, distances);
        const wanted = Array.from(scores, (score, ordinal) => ({
          score: Math.min(score, 3.4028234663852886e38),
          ordinal,
        }))
          .filter(({ ordinal }) => !filter || (u32[bits / 4 + (ordinal >>> 5)] >>> (ordinal & 31)) & 1)
          .sort((a, b) => a.score - b.score || a.ordinal - b.ordinal)
          .slice(0, k);
        expect(size).toBe(wanted.length);
        expect([...u32.subarray(ordinals / 4, ordinals / 4 + size)]).toEqual(
          wanted.map(({ ordinal }) => ordinal),
        );
        expect([...f32.subarray(distances / 4, distances / 4 + size)]).toEqual(
          wanted.map(({ score }) => score),
        );
      }
    }
  });
});
