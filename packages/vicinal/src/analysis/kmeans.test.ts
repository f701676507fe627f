import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../runtime/random.js";
import { blobs, calm, cancelled } from "./blobs.test.helper.js";
import { kmeansClusters } from "./kmeans.js";
import { lloyd, miniBatches, type Rows, seedCentroids } from "./lloyd.js";
import { Pace } from "./pace.js";
import { NOBODY } from "./types.js";

/** Lloyd as in a textbook: labels once nothing moves; undefined where a centroid loses all its rows. */
function textbook(rows: Rows, start: Float64Array): number[] | undefined {
  const { count, dimensions, data } = rows;
  const row = (i: number) => Array.from(data.subarray(i * dimensions, (i + 1) * dimensions));
  const k = start.length / dimensions;
  let centroids = Array.from({ length: k }, (_, c) =>
    Array.from(start.subarray(c * dimensions, (c + 1) * dimensions)),
  );
  let labels: number[] = [];
  for (let round = 0; round < 500; round++) {
    const next = Array.from({ length: count }, (_, i) => {
      const far = centroids.map((c) => row(i).reduce((sum, x, j) => sum + (x - c[j]) ** 2, 0));
      return far.indexOf(Math.min(...far));
    });
    if (next.every((label, i) => label === labels[i])) return labels;
    labels = next;
    const groups = centroids.map((_, c) => labels.flatMap((label, i) => (label === c ? [row(i)] : [])));
    if (groups.some((group) => group.length === 0)) return undefined;
    centroids = groups.map((group) =>
      group[0].map((_, j) => group.reduce((sum, x) => sum + x[j], 0) / group.length),
    );
  }
  return labels;
}

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
  it("goes the way of plain Lloyd from the same start", async () => {
    const shape = fc.record({
      seed: fc.nat(1e6),
      count: fc.integer({ min: 8, max: 120 }),
      k: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ seed, count, k }) => {
        const made = blobs({ count, blobs: 4, dimensions: 5, spread: 0.6 }, seed);
        const rows = { ...made, spherical: false };
        const start = await seedCentroids(rows, k, seededRandom(seed), new Pace(calm));
        const plain = textbook(rows, start);
        const found = await lloyd(rows, start, { iterations: 500, tolerance: 0 }, new Pace(calm));
        if (plain) expect(Array.from(found.labels)).toEqual(plain);
        expect(found.sizes.reduce((a, b) => a + b)).toBe(count);
        expect(found.distances.reduce((a, b) => a + b, 0)).toBeCloseTo(found.inertia, 6);
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

  it("fills an empty cluster with the farthest row", async () => {
    const rows = { count: 4, dimensions: 1, data: Float32Array.of(0, 1, 2, 50), spherical: false };
    const start = Float64Array.of(1, 1000, 2000);
    const found = await lloyd(rows, start, { iterations: 20, tolerance: 1e-4 }, new Pace(calm));
    expect(Math.min(...found.sizes)).toBeGreaterThan(0);
    expect(found.sizes[found.labels[3]]).toBe(1);
  });

  it("takes equal vectors, one vector and none", async () => {
    const same = { count: 9, dimensions: 2, metric: "Euclid", data: new Float32Array(18).fill(1) } as const;
    const found = await kmeansClusters(same, { k: 3 }, calm);
    expect(Array.from(found.sizes)).toEqual([9, 0, 0]);
    expect(Array.from(found.representatives)).toEqual([0, NOBODY, NOBODY]);
    expect((await kmeansClusters(same, {}, calm)).inertia).toBe(0);
    expect((await kmeansClusters({ ...same, count: 1 }, {}, calm)).k).toBe(1);
    expect((await kmeansClusters({ ...same, count: 0 }, {}, calm)).k).toBe(0);
  });

  it("comes near to Lloyd by mini-batches", async () => {
    const made = blobs({ count: 6000, blobs: 6, dimensions: 8, spread: 0.5 }, 8);
    const rows = { ...made, spherical: false };
    const start = await seedCentroids(rows, 6, seededRandom(1), new Pace(calm));
    const full = await lloyd(rows, start.slice(), { iterations: 50, tolerance: 0 }, new Pace(calm));
    await miniBatches(rows, start, 60, seededRandom(2), new Pace(calm));
    const fast = await lloyd(rows, start, { iterations: 0, tolerance: 0 }, new Pace(calm));
    expect(fast.inertia).toBeLessThan(full.inertia * 1.02);
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
