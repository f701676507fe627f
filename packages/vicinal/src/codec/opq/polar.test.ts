/** The orthogonal factor of a matrix, by what defines it. */
import { expect, test } from "vitest";
import { seededRandom } from "../../runtime/random.js";
import { orthogonalFactor } from "./polar.js";

/** a b, or a^T b. */
function multiplied(a: Float64Array, b: Float64Array, size: number, transposed = false): Float64Array {
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      for (let l = 0; l < size; l++)
        result[i * size + j] += (transposed ? a[l * size + i] : a[i * size + l]) * b[l * size + j];
  return result;
}

function expectNear(a: Float64Array, b: Float64Array, tolerance: number): void {
  a.forEach((value, i) => {
    expect(Math.abs(value - b[i]), `entry ${i}`).toBeLessThan(tolerance);
  });
}

const unit = (size: number) =>
  Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
const transpose = (a: Float64Array, size: number) =>
  a.map((_, i) => a[(i % size) * size + Math.floor(i / size)]);

test.each([1, 2, 5, 16, 40])(
  "of size %i: U is orthogonal, U^T A symmetric and without negative values",
  (size) => {
    const random = seededRandom(size);
    const a = Float64Array.from({ length: size * size }, () => (random() - 0.5) * 1e5);
    const u = orthogonalFactor(a, size);
    expectNear(multiplied(u, u, size, true), unit(size), 1e-6);
    const h = multiplied(u, a, size, true);
    expectNear(h, transpose(h, size), 1);
    for (let probe = 0; probe < 20; probe++) {
      const x = Array.from({ length: size }, () => random() - 0.5);
      let form = 0;
      for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) form += x[i] * h[i * size + j] * x[j];
      expect(form).toBeGreaterThan(-1);
    }
  },
);

test("what is orthogonal stays, and directions that are absent do not matter", () => {
  const turned = Float64Array.of(0, -1, 0, 1, 0, 0, 0, 0, 1);
  expectNear(
    orthogonalFactor(
      turned.map((value) => value * 7),
      3,
    ),
    turned,
    1e-6,
  );
  const flat = Float64Array.of(0, -3, 0, 3, 0, 0, 0, 0, 0);
  expectNear(orthogonalFactor(flat, 3), turned, 1e-6);
  expectNear(orthogonalFactor(new Float64Array(9), 3), unit(3), 1e-6);
});
