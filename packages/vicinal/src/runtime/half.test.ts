/** Half floats against the plain twin of the kernels. */
import { halfValue, nearestHalf } from "@vicinal/kernels";
import { expect, test } from "vitest";
import { halfOf, ofHalf } from "./half.js";
import { seededRandom } from "./random.js";

test("every half has its value, and is the half of it", () => {
  for (let half = 0; half < 65536; half++) {
    const value = ofHalf(half);
    if (!Object.is(value, halfValue(half))) expect(value, `half ${half}`).toBe(halfValue(half));
    if (Number.isNaN(value)) expect(ofHalf(halfOf(value))).toBeNaN();
    else if (halfOf(value) !== half) expect(halfOf(value), `half ${half}`).toBe(half);
  }
});

test("floats become the nearest half, ties the even one", () => {
  const random = seededRandom(1);
  const values = [
    65504,
    65519.996,
    65520,
    1e38,
    Infinity,
    2 ** -14,
    2 ** -24,
    2 ** -25,
    2 ** -25 * 1.001,
    1e-45,
  ];
  for (let half = 0; half < 0x7bff; half += 13) {
    const middle = (halfValue(half) + halfValue(half + 1)) / 2;
    values.push(middle, Math.fround(middle * (1 + 2 ** -23)), Math.fround(middle * (1 - 2 ** -23)));
  }
  for (let i = 0; i < 5000; i++)
    values.push(Math.fround((random() + 0.5) * 2 ** Math.floor(random() * 45 - 27)));
  for (const value of values) {
    for (const signed of [value, -value]) {
      const found = ofHalf(halfOf(signed));
      if (found !== nearestHalf(signed)) expect(found, `half of ${signed}`).toBe(nearestHalf(signed));
    }
  }
});
