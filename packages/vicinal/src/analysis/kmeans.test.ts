import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blobs, calm, cancelled } from "./blobs.test.helper.js";
import { kmeansClusters } from "./kmeans.js";
import { NOBODY } from "./types.js";

/** Whether two ways to label agree but for the names of the labels. */
function samePartition(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  const there = new Map<number, number>();
  const back = new Map<number, number>();
  return Array.from(a).every((label, i) => {
    if (!there.has(label)) there.set(label, b[i]);
    if (!back.has(b[i])) back.set(b[i], label);
    return there.get(label) === b[i] && back.get(b[i]) === label;
  });
}

describe("k-means", () => {
  it("assigns every vector to its nearest centroid, and the centroids rest", async () => {
    const shape = fc.record({
      seed: fc.nat(1e6),
      count: fc.integer({ min: 1, max: 120 }),
      k: fc.integer({ min: 1, max: 6 }),
      metric: fc.constantFrom("Euclid", "Cosine", "Dot", "Manhattan" as const),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ seed, count, k: wanted, metric }) => {
        const made = blobs({ count, blobs: 4, dimensions: 5, spread: 0.6, metric }, seed);
        const found = await kmeansClusters(made, { k: wanted, iterations: 500, seed }, calm);
        const { k, labels, centroids, sizes } = found;
        expect(k).toBe(Math.min(wanted, count));
        const isSpherical = metric === "Cosine" || metric === "Dot";
        const rows = Array.from({ length: count }, (_, i) => {
          const row = Array.from(made.data.subarray(i * 5, i * 5 + 5));
          return isSpherical ? row.map((x) => x / Math.hypot(...row)) : row;
        });
        const distance = (row: number[], c: number) =>
          row.reduce((sum, x, j) => sum + (x - centroids[c * 5 + j]) ** 2, 0);
        let inertia = 0;
        rows.forEach((row, i) => {
          const own = distance(row, labels[i]);
          for (let c = 0; c < k; c++) expect(own).toBeLessThanOrEqual(distance(row, c) + 1e-5);
          inertia += own;
        });
        expect(found.inertia).toBeCloseTo(inertia, 3);
        expect(sizes.reduce((a, b) => a + b)).toBe(count);
        for (let c = 0; c < k; c++) {
          const own = rows.filter((_, i) => labels[i] === c);
          if (own.length === 0) continue;
          const mean = own[0].map((_, j) => own.reduce((sum, row) => sum + row[j], 0) / own.length);
          const length = isSpherical ? Math.hypot(...mean) : 1;
          mean.forEach((x, j) => {
            expect(centroids[c * 5 + j]).toBeCloseTo(x / length, 4);
          });
        }
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  for (const metric of ["Euclid", "Cosine", "Dot", "Manhattan"] as const)
    for (const wanted of [2, 3, 5, 8])
      it(`finds ${wanted} clumps by itself, ${metric}`, async () => {
        const made = blobs({ count: 700, blobs: wanted, dimensions: 24, spread: 0.15, metric }, 40 + wanted);
        const found = await kmeansClusters(made, { seed: 3 }, calm);
        expect(found.k).toBe(wanted);
        expect(samePartition(found.labels, made.blob)).toBe(true);
        found.representatives.forEach((vector, c) => {
          expect(found.labels[vector]).toBe(c);
        });
      });

  it("answers the same for the same seed, and shares of progress that rise to 1", async () => {
    const made = blobs({ count: 400, blobs: 3, dimensions: 8, spread: 0.8 }, 5);
    const shares: number[] = [];
    const one = await kmeansClusters(made, { seed: 9, kMax: 6 }, async (share) => {
      shares.push(share);
    });
    expect(await kmeansClusters(made, { seed: 9, kMax: 6 }, calm)).toEqual(one);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  it("brings centroids of Cosine and Dot to unit length", async () => {
    const made = blobs({ count: 300, blobs: 3, dimensions: 6, spread: 0.4, metric: "Dot" }, 6);
    const { centroids, k } = await kmeansClusters(made, { k: 4 }, calm);
    for (let c = 0; c < k; c++) expect(Math.hypot(...centroids.subarray(c * 6, c * 6 + 6))).toBeCloseTo(1, 5);
  });

  it("takes equal vectors, one vector and none", async () => {
    const same = { count: 9, dimensions: 2, metric: "Euclid", data: new Float32Array(18).fill(1) } as const;
    const found = await kmeansClusters(same, { k: 3 }, calm);
    expect(Array.from(found.sizes).sort()).toEqual([0, 0, 9]);
    expect(Array.from(found.representatives).sort((a, b) => a - b)).toEqual([0, NOBODY, NOBODY]);
    expect((await kmeansClusters(same, {}, calm)).inertia).toBe(0);
    expect((await kmeansClusters({ ...same, count: 1 }, {}, calm)).k).toBe(1);
    expect((await kmeansClusters({ ...same, count: 0 }, {}, calm)).k).toBe(0);
  });

  it("finds clumps among more than 100,000 vectors", async () => {
    const made = blobs({ count: 110_000, blobs: 5, dimensions: 4, spread: 0.1 }, 12);
    const found = await kmeansClusters(made, { seed: 1, kMax: 8 }, calm);
    expect(samePartition(found.labels, made.blob)).toBe(true);
  }, 60_000);

  it("stops where the breath throws", async () => {
    const made = blobs({ count: 4000, blobs: 3, dimensions: 64, spread: 0.5 }, 5);
    await expect(kmeansClusters(made, {}, cancelled(3))).rejects.toThrow("cancelled");
  });
});
