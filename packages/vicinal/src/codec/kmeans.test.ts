import { describe, expect, test } from "vitest";
import { instantiate, loadKernels } from "../runtime/kernels.js";
import { Arena } from "../runtime/memory.js";
import { seededRandom } from "../runtime/random.js";
import { kMeans, kMeansBytes, trainingRows } from "./kmeans.js";

async function cluster(vectors: number[][], k: number, options: { spherical?: boolean; seed?: number } = {}) {
  const dimensions = vectors[0].length;
  const count = vectors.length;
  const module = await loadKernels();
  const arena = Arena.create(module, 1 << 20);
  const kernels = instantiate(module, arena.memory);
  const rows = arena.allocate(count * dimensions * 4);
  const centroids = arena.allocate(k * dimensions * 4);
  const assignment = arena.allocate(count * 4);
  const work = arena.allocate(kMeansBytes(kernels, count, dimensions, k));
  arena.f32.set(vectors.flat(), rows >>> 2);
  const source = { rows, rowBytes: dimensions * 4, list: 0, count, dimensions };
  const job = { ...source, k, iterations: 25, seed: 42, ...options, centroids, assignment, work };
  const result = kMeans(kernels, arena, job);
  const found = {
    ...result,
    centroids: Array.from({ length: k }, (_, c) =>
      Array.from(
        arena.f32.slice((centroids >>> 2) + c * dimensions, (centroids >>> 2) + (c + 1) * dimensions),
      ),
    ),
    assignment: [...arena.u32.slice(assignment >>> 2, (assignment >>> 2) + count)],
  };
  arena.close();
  return found;
}

function blobs(count: number, centres: number[][], seed: number): number[][] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) =>
    centres[i % centres.length].map((x) => x + (random() - 0.5) * 0.2),
  );
}

describe("k-means", () => {
  test.each([1, 2, 3, 4, 5])("finds well parted clusters, seed %i", async (seed) => {
    const centres = Array.from({ length: 8 }, (_, i) => [(i & 1) * 5, (i & 2) * 5, (i & 4) * 5, 1, 7]);
    const found = await cluster(blobs(400, centres, seed), 8, { seed });
    expect([...found.counts]).toEqual(Array(8).fill(50));
    for (let i = 8; i < 400; i++) expect(found.assignment[i]).toBe(found.assignment[i - 8]);
    expect(found.error / 400).toBeLessThan(0.02);
    expect(found.iterations).toBeLessThan(10);
  });

  test("leaves no centroid without rows", async () => {
    const random = seededRandom(9);
    const vectors = Array.from({ length: 300 }, (_, i) =>
      i < 280 ? [random(), random()] : [50, 50 + random()],
    );
    const found = await cluster(vectors, 100);
    expect(Math.min(...found.counts)).toBeGreaterThan(0);
    expect(found.counts.reduce((a, b) => a + b)).toBe(300);
  });

  test("bears fewer different rows than centroids, one row, and k = count", async () => {
    const same = await cluster(Array(50).fill([1, 2, 3]), 7);
    expect(same.counts.reduce((a, b) => a + b)).toBe(50);
    expect(same.error).toBeLessThan(1e-3);
    expect((await cluster([[4, 5]], 1)).centroids).toEqual([[4, 5]]);
    const each = await cluster([[0], [10], [20], [30]], 4);
    expect(each.error).toBe(0);
    expect(new Set(each.assignment).size).toBe(4);
  });

  test("keeps spherical centroids at length 1, and repeats itself", async () => {
    const random = seededRandom(3);
    const vectors = Array.from({ length: 200 }, () => {
      const vector = Array.from({ length: 6 }, () => random() - 0.5);
      return vector.map((x) => x / Math.hypot(...vector));
    });
    const found = await cluster(vectors, 10, { spherical: true, seed: 5 });
    for (const centroid of found.centroids) expect(Math.hypot(...centroid)).toBeCloseTo(1, 2);
    expect(await cluster(vectors, 10, { spherical: true, seed: 5 })).toEqual(found);
  });
});

test("training rows are different and rise", () => {
  const random = seededRandom(11);
  const rows = trainingRows(1000, 100, random);
  expect(rows.length).toBe(100);
  for (let i = 1; i < 100; i++) expect(rows[i]).toBeGreaterThan(rows[i - 1]);
  expect(rows[99]).toBeLessThan(1000);
  expect([...trainingRows(3, 100, random)]).toEqual([0, 1, 2]);
});
