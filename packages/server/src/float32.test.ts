import * as fc from "fast-check";
import { expect, test } from "vitest";
import { shortestFloat32 } from "./float32.js";

/** The definition, slowly: the fewest digits that read back as the same float32. */
function reference(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  throw new Error(`${value} is no float32`);
}

const digitsOf = (value: number): number =>
  value
    .toExponential()
    .replace(/e.*$/, "")
    .replace(/[-.]|0+$/g, "").length;

test.each([
  [Math.fround(0.1), "0.1"],
  [Math.fround(-0.1), "-0.1"],
  [0, "0"],
  [1, "1"],
  [Math.fround(1 / 3), "0.33333334"],
  [Math.fround(16777217), "16777216"],
  [Math.fround(1e10), "10000000000"],
  [Math.fround(3.4028234663852886e38), "3.4028235e+38"],
  [2 ** -149, "1e-45"],
  [Math.fround(1.17549435e-38), "1.1754944e-38"],
  [Math.fround(1e-7), "1e-7"],
])("%d prints as %s", (value, text) => {
  expect(String(shortestFloat32(value))).toBe(text);
});

test("reads back as the same float32 with as few digits as possible", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const shortest = shortestFloat32(value);
      expect(Math.fround(shortest)).toBe(value + 0 === 0 ? shortest : value);
      if (value !== 0) expect(digitsOf(shortest)).toBe(digitsOf(reference(value)));
    }),
    { seed: 11, numRuns: 20_000 },
  );
});

test("also for every power of two and its neighbours", () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let exponent = 1; exponent < 255; exponent++) {
    for (const offset of [-1, 0, 1]) {
      bits[0] = (exponent << 23) + offset;
      const value = float[0];
      expect(Math.fround(shortestFloat32(value))).toBe(value);
      expect(digitsOf(shortestFloat32(value))).toBe(digitsOf(reference(value)));
    }
  }
});
