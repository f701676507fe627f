import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blobs, calm, cancelled } from "./blobs.test.helper.js";
import { symmetricEigen } from "./eigen.js";
import { principalComponents } from "./pca.js";
import type { Vectors } from "./types.js";

/** Covariance written out, its first two eigenvectors by power iteration and deflation. */
function plain(vectors: Vectors) {
  const { count, dimensions: d, data } = vectors;
  const mean = Array.from({ length: d }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += data[i * d + j];
    return sum / count;
  });
  const row = (i: number) => mean.map((m, j) => data[i * d + j] - m);
  const covariance = Array.from({ length: d }, () => new Array<number>(d).fill(0));
  for (let i = 0; i < count; i++) {
    const x = row(i);
    for (let a = 0; a < d; a++) for (let b = 0; b < d; b++) covariance[a][b] += x[a] * x[b];
  }
  const trace = covariance.reduce((sum, line, a) => sum + line[a], 0);
  const found = [0, 1].map((c) => {
    let v = Array.from({ length: d }, (_, j) => 1 + ((j * 7 + c) % 5));
    let value = 0;
    for (let round = 0; round < 3000; round++) {
      const next = covariance.map((line) => line.reduce((sum, x, j) => sum + x * v[j], 0));
      value = Math.hypot(...next);
      v = next.map((x) => x / value);
    }
    for (let a = 0; a < d; a++) for (let b = 0; b < d; b++) covariance[a][b] -= value * v[a] * v[b];
    const largest = v.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
    return { value, v: v.map((x) => x * Math.sign(largest)) };
  });
  const at = (i: number, c: number) => row(i).reduce((sum, x, j) => sum + x * found[c].v[j], 0);
  return { explained: found.map(({ value }) => value / trace), at };
}

describe("principal components", () => {
  it("agree with the covariance's eigenvectors", async () => {
    const shape = fc.record({ seed: fc.nat(1e6), dimensions: fc.constantFrom(3, 12, 40) });
    await fc.assert(
      fc.asyncProperty(shape, async ({ seed, dimensions }) => {
        const made = blobs({ count: 150, blobs: 4, dimensions, spread: 0.3 }, seed);
        // A clear order of the axes: two of them longer than the rest.
        for (let i = 0; i < made.count; i++) {
          made.data[i * dimensions] *= 9;
          made.data[i * dimensions + 1] *= 4;
        }
        const { positions, explained } = await principalComponents(made, { seed }, calm);
        const truth = plain(made);
        for (const c of [0, 1]) {
          expect(explained[c]).toBeCloseTo(truth.explained[c], 6);
          for (let i = 0; i < made.count; i++)
            expect(Math.abs(positions[i * 2 + c] - truth.at(i, c))).toBeLessThan(1e-3);
        }
      }),
      { seed: 21, numRuns: 25 },
    );
  });

  it("are the same whatever the seed, and exactly for the same one", async () => {
    const made = blobs({ count: 300, blobs: 3, dimensions: 30, spread: 0.2 }, 4);
    const one = await principalComponents(made, { seed: 1 }, calm);
    expect(await principalComponents(made, { seed: 1 }, calm)).toEqual(one);
    const other = await principalComponents(made, { seed: 2 }, calm);
    one.positions.forEach((x, i) => {
      expect(Math.abs(x - other.positions[i])).toBeLessThan(1e-3);
    });
  });

  it("take one dimension, equal vectors, one vector and none", async () => {
    const line = { count: 3, dimensions: 1, metric: "Euclid", data: Float32Array.of(1, 2, 6) } as const;
    const { positions, explained } = await principalComponents(line, {}, calm);
    expect(Array.from(positions)).toEqual([-2, 0, -1, 0, 3, 0]);
    expect(explained).toEqual([1, 0]);
    const same = { count: 5, dimensions: 4, metric: "Euclid", data: new Float32Array(20).fill(3) } as const;
    for (const count of [0, 1, 5]) {
      const none = await principalComponents({ ...same, count }, {}, calm);
      expect(Array.from(none.positions)).toEqual(new Array(count * 2).fill(0));
      expect(none.explained).toEqual([0, 0]);
    }
  });

  it("stop where the breath throws", async () => {
    const made = blobs({ count: 3000, blobs: 3, dimensions: 200, spread: 0.5 }, 5);
    await expect(principalComponents(made, {}, cancelled(3))).rejects.toThrow("cancelled");
  });
});

describe("eigenvectors of a small symmetric matrix", () => {
  it("bring the matrix back", () => {
    const numbers = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 36, maxLength: 36 });
    fc.assert(
      fc.property(numbers, (raw) => {
        const n = 6;
        const matrix = Float64Array.from(raw, (_, at) => raw[at] + raw[(at % n) * n + Math.floor(at / n)]);
        const { values, vectors } = symmetricEigen(matrix.slice(), n);
        for (let a = 0; a < n; a++)
          for (let b = 0; b < n; b++) {
            let sum = 0;
            for (let c = 0; c < n; c++) sum += values[c] * vectors[a * n + c] * vectors[b * n + c];
            expect(sum).toBeCloseTo(matrix[a * n + b], 8);
          }
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});
