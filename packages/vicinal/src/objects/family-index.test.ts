/** Every family as an object: against a plain comparison of all vectors. */
import { afterEach, describe, expect, test } from "vitest";
import type { Metric } from "../index/contract.js";
import { familyNames } from "../index/families.js";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { memoryStats } from "../runtime/memory.js";
import type { BatchHits, Index } from "./contract.js";
import { createIndex, loadIndex } from "./create.js";

const D = 24;
const open: Index[] = [];
afterEach(async () => {
  for (const index of open.splice(0)) await index.close();
});

async function make(family: string, metric: Metric, options: { calibrate?: boolean } = {}): Promise<Index> {
  const index = await createIndex({ family, metric, dimensions: D, ...options });
  open.push(index);
  return index;
}

/** As a user sees it, in double precision. */
function shown(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let square = 0;
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    square += (a[i] - b[i]) ** 2;
    sum += Math.abs(a[i] - b[i]);
  }
  if (metric === "Euclid") return square;
  if (metric === "Manhattan") return sum;
  return metric === "Dot" ? dot : dot / (Math.hypot(...a) * Math.hypot(...b));
}

const larger = (metric: Metric) => metric === "Dot" || metric === "Cosine";
const row = (vectors: Float32Array, i: number) => vectors.subarray(i * D, (i + 1) * D);

function truth(
  metric: Metric,
  vectors: Float32Array,
  query: Float32Array,
  k: number,
  passes = (_: number) => true,
) {
  return Array.from({ length: vectors.length / D }, (_, label) => label)
    .filter(passes)
    .map((label) => ({ label, distance: shown(metric, query, row(vectors, label)) }))
    .sort((a, b) => (larger(metric) ? b.distance - a.distance : a.distance - b.distance) || a.label - b.label)
    .slice(0, k);
}

/** Answers that are as near as the true ones; ties may come in any order. */
function expectExact(
  metric: Metric,
  vectors: Float32Array,
  queries: Float32Array,
  hits: BatchHits,
  passes?: (label: number) => boolean,
): void {
  for (let q = 0; q < queries.length / D; q++) {
    const wanted = truth(metric, vectors, row(queries, q), hits.k, passes);
    for (let i = 0; i < hits.k; i++) {
      const at = q * hits.k + i;
      if (i >= wanted.length) {
        expect(hits.labels[at]).toBe(-1);
        expect(hits.distances[at]).toBe(larger(metric) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
        continue;
      }
      const label = hits.labels[at];
      expect(passes?.(label) ?? true).toBe(true);
      expect(Math.abs(hits.distances[at] - wanted[i].distance)).toBeLessThan(
        1e-4 * (1 + Math.abs(wanted[i].distance)),
      );
      const own = shown(metric, row(queries, q), row(vectors, label));
      expect(Math.abs(hits.distances[at] - own)).toBeLessThan(1e-4 * (1 + Math.abs(own)));
    }
  }
}

function recall(metric: Metric, vectors: Float32Array, queries: Float32Array, hits: BatchHits): number {
  let found = 0;
  const count = queries.length / D;
  for (let q = 0; q < count; q++) {
    const wanted = new Set(truth(metric, vectors, row(queries, q), hits.k).map(({ label }) => label));
    for (let i = 0; i < hits.k; i++) if (wanted.has(hits.labels[q * hits.k + i])) found++;
  }
  return found / (count * hits.k);
}

describe.each(["Euclid", "Cosine", "Dot", "Manhattan"] as const)("flat, %s", (metric) => {
  test("answers what a plain comparison answers, for one query and for many", async () => {
    const vectors = clusteredVectors(700, D, "Euclid", 1);
    const queries = clusteredVectors(40, D, "Euclid", 2);
    const index = await make("flat", metric);
    expect(await index.add(vectors.slice(0, 300 * D))).toBe(0);
    expect(await index.add(vectors.slice(300 * D))).toBe(300);
    expect(index.ntotal).toBe(700);
    expectExact(metric, vectors, queries, await index.search(queries, 7));
    expectExact(metric, vectors, row(queries, 3), await index.search(row(queries, 3), 1));
    const some = (label: number) => label % 7 === 2;
    const among = Array.from({ length: 700 }, (_, i) => i).filter(some);
    expectExact(metric, vectors, queries, await index.search(queries, 120, { among }), some);
  });

  test("finds all within a radius", async () => {
    const vectors = clusteredVectors(500, D, "Euclid", 3);
    const index = await make("flat", metric);
    await index.add(vectors);
    const queries = vectors.slice(0, 5 * D);
    const radius = truth(metric, vectors, row(queries, 0), 30).at(-1)!.distance;
    const { limits, labels, distances } = await index.rangeSearch(queries, radius);
    for (let q = 0; q < 5; q++) {
      const wanted = truth(metric, vectors, row(queries, q), 500).filter(({ distance }) =>
        larger(metric) ? distance >= radius + 1e-5 : distance <= radius - 1e-5,
      );
      const found = [...labels.subarray(limits[q], limits[q + 1])];
      for (const { label } of wanted) expect(found).toContain(label);
      expect(found.length).toBeLessThanOrEqual(wanted.length + 2);
      const own = [...distances.subarray(limits[q], limits[q + 1])];
      expect(own).toEqual([...own].sort((a, b) => (larger(metric) ? b - a : a - b)));
    }
  });
});

describe.each(familyNames)("%s", (family) => {
  test("answers the same before it is built, after it and with vectors added since, at full effort", async () => {
    const metric = "Euclid";
    // Queries like the vectors, and not among them: of such the promise speaks.
    const all = clusteredVectors(3020, D, metric, 4);
    const vectors = all.subarray(0, 3000 * D);
    const queries = all.subarray(3000 * D);
    const index = await make(family, metric);
    const check = async (count: number) => {
      const there = vectors.subarray(0, count * D);
      expectExact(metric, there, queries, await index.search(queries, 10, { exact: true }));
      const promised = await index.search(queries, 10, { recall: 0.95 });
      expect(recall(metric, there, queries, promised)).toBeGreaterThan(0.92);
      const effort = index.effort?.max ?? 1;
      const full = await index.search(queries, 10, { effort: Math.min(effort, 4 * count) });
      expect(recall(metric, there, queries, full)).toBeGreaterThan(0.98);
    };
    await index.add(vectors.slice(0, 2700 * D));
    await check(2700);
    await index.add(vectors.slice(2700 * D, 2900 * D));
    await check(2900);
    await index.add(vectors.slice(2900 * D));
    await index.build();
    await check(3000);
    for (const label of [0, 2699, 2700, 2999]) expect(index.reconstruct(label)).toEqual(row(vectors, label));
  });

  test("passes over what is removed or not among the given, and still finds k", async () => {
    const metric = "Cosine";
    const vectors = clusteredVectors(2000, D, metric, 6);
    const queries = clusteredVectors(15, D, metric, 7);
    const index = await make(family, metric, { calibrate: false });
    await index.add(vectors.slice(0, 1900 * D));
    await index.build();
    await index.add(vectors.slice(1900 * D));
    const gone = Array.from({ length: 2000 }, (_, i) => i).filter((i) => i % 3 === 0);
    expect(await index.removeIds(gone)).toBe(gone.length);
    expect(await index.removeIds([0, 3])).toBe(0);
    expect(index.ntotal).toBe(2000 - gone.length);
    const passes = (label: number) => label % 3 !== 0 && label % 50 === 1;
    const among = Array.from({ length: 2000 }, (_, i) => i).filter((i) => i % 50 === 1);
    const wanted = among.filter(passes).length;
    const hits = await index.search(queries, wanted + 5, { among });
    expectExact(metric, vectors, queries, hits, passes);
    const open = await index.search(queries, 10);
    for (const label of open.labels) expect(label % 3).not.toBe(0);
  });

  test("comes back from its bytes as it was, byte for byte", async () => {
    const metric = "Euclid";
    const vectors = clusteredVectors(2800, D, metric, 8);
    const queries = clusteredVectors(10, D, metric, 9);
    // One with a measurement is enough: it is saved in the same way by all.
    const index = await make(family, metric, { calibrate: family === "hnsw" });
    await index.add(vectors.slice(0, 2600 * D));
    await index.build();
    await index.add(vectors.slice(2600 * D));
    await index.removeIds([5, 2700]);
    const saved = await index.save();
    const again = await loadIndex(saved);
    open.push(again);
    expect(Buffer.compare(await again.save(), saved)).toBe(0);
    expect(again.ntotal).toBe(2798);
    expect(again.calibration).toEqual(index.calibration);
    for (const options of [{}, { effort: 40 }, { recall: 0.9 }])
      expect(await again.search(queries, 10, options)).toEqual(await index.search(queries, 10, options));
    expect(await again.add(row(vectors, 0))).toBe(2800);
  });

  test("gives all its memory back, also that of an index it has outgrown", async () => {
    const before = memoryStats().used;
    const index = await createIndex({ family, dimensions: D, calibrate: false });
    const vectors = clusteredVectors(600, D, "Euclid", 12);
    await index.add(vectors.subarray(0, 500 * D));
    await index.build();
    await index.add(vectors.subarray(500 * D));
    await index.build();
    const again = await loadIndex(await index.save());
    await again.close();
    await index.close();
    expect(memoryStats().used).toBe(before);
  });

  test("an empty one answers nothing, and is saved", async () => {
    const index = await make(family, "Euclid");
    await index.build();
    const again = await loadIndex(await index.save());
    open.push(again);
    const { labels } = await again.search(new Float32Array(2 * D), 3);
    expect([...labels]).toEqual([-1, -1, -1, -1, -1, -1]);
    expect((await again.rangeSearch(new Float32Array(D), 1)).labels.length).toBe(0);
  });
});

test("a bad argument is named, and nothing has changed", async () => {
  const before = memoryStats().used;
  const refused = async (code: string, field: string, act: () => Promise<unknown>) =>
    expect(act(), field).rejects.toMatchObject({ code, details: { field } });
  await refused("BAD_REQUEST", "metric", () =>
    createIndex({ family: "flat", dimensions: D, metric: "Chebyshev" as "Dot" }),
  );
  await refused("BAD_REQUEST", "dimensions", () => createIndex({ family: "flat", dimensions: 0 }));
  await refused("BAD_REQUEST", "seed", () => createIndex({ family: "flat", dimensions: D, seed: -1 }));
  await refused("BAD_REQUEST", "family", () => createIndex({ family: "toString", dimensions: D }));
  await expect(createIndex({ family: "hnsw", dimensions: D, parameters: { m: 1 } })).rejects.toMatchObject({
    code: "OUT_OF_RANGE",
  });
  expect(memoryStats().used).toBe(before);

  const index = await make("flat", "Euclid");
  await index.add(clusteredVectors(10, D, "Euclid", 1));
  const query = new Float32Array(D);
  await refused("WRONG_DIMENSION", "vectors", () => index.add(new Float32Array(D + 1)));
  await refused("BAD_VECTOR", "vectors", () => index.add(new Float32Array(D).fill(Number.NaN)));
  await refused("BAD_REQUEST", "vectors", () => index.add(["1"] as unknown as number[]));
  await refused("WRONG_DIMENSION", "queries", () => index.search(new Float32Array(1), 3));
  for (const k of [0, 1.5, -1, Number.NaN]) await refused("BAD_REQUEST", "k", () => index.search(query, k));
  await refused("BAD_REQUEST", "recall", () => index.search(query, 1, { recall: 2 }));
  await refused("BAD_REQUEST", "effort", () => index.search(query, 1, { effort: 0 }));
  await refused("OUT_OF_RANGE", "among", () => index.search(query, 1, { among: [10] }));
  await refused("OUT_OF_RANGE", "labels", () => index.removeIds([-1]));
  await refused("BAD_REQUEST", "radius", () => index.rangeSearch(query, Number.NaN));
  expect(() => index.reconstruct(10)).toThrow(expect.objectContaining({ code: "OUT_OF_RANGE" }));
  expect(index.ntotal).toBe(10);
});

test("calls run in turn, cancel, and end with the object", async () => {
  const before = memoryStats().used;
  const index = await createIndex({ family: "hnsw", dimensions: D });
  const vectors = clusteredVectors(3000, D, "Euclid", 10);
  const added = index.add(vectors);
  const stop = new AbortController();
  stop.abort();
  await expect(index.search(row(vectors, 0), 1, { signal: stop.signal })).rejects.toMatchObject({
    code: "CANCELLED",
  });
  const found = index.search(row(vectors, 0), 1);
  const closed = index.close();
  expect(await added).toBe(0);
  expect((await found).labels[0]).toBe(0);
  await closed;
  await index.close();
  await expect(index.add(vectors)).rejects.toMatchObject({ code: "CLOSED" });
  expect(() => index.reconstruct(0)).toThrow(expect.objectContaining({ code: "CLOSED" }));
  expect(memoryStats().used).toBe(before);
});

test("damaged bytes are refused", async () => {
  const before = memoryStats().used;
  const index = await createIndex({ family: "ivf", dimensions: D });
  await index.add(clusteredVectors(3000, D, "Euclid", 11));
  await index.build();
  const saved = await index.save();
  await index.close();
  for (let at = 0; at < saved.length; at += 9973) {
    const flipped = saved.slice();
    flipped[at] ^= 1 << (at % 8);
    await expect(loadIndex(flipped)).rejects.toMatchObject({ code: "CORRUPTION" });
  }
  await expect(loadIndex(saved.subarray(0, saved.length - 1))).rejects.toMatchObject({ code: "CORRUPTION" });
  await expect(loadIndex(new Uint8Array(0))).rejects.toMatchObject({ code: "CORRUPTION" });
  expect(memoryStats().used).toBe(before);
});
