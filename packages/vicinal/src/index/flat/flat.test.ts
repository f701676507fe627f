/** The exact scans agree with one another, and with a plain sort. */
import { afterEach, expect, test } from "vitest";
import type { Metric } from "../contract.js";
import { bitsOf, clusteredVectors, filledStore } from "../fixtures.test.helper.js";
import { VectorStore } from "../vector-store.js";
import { FlatIndex } from "./index.js";

const stores: VectorStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

async function scanOf(vectors: Float32Array, dimensions: number, metric: Metric, kernels?: "unshared") {
  const store = await filledStore(vectors, { dimensions, metric, kernels });
  stores.push(store);
  return new FlatIndex(store);
}

test.each(["Euclid", "Cosine", "Dot", "Manhattan"] as const)("all ways to scan agree: %s", async (metric) => {
  const dimensions = 37;
  const vectors = clusteredVectors(700, dimensions, metric, 1);
  const queries = vectors.slice(0, 12 * dimensions);
  for (const kernels of [undefined, "unshared"] as const) {
    const scan = await scanOf(vectors, dimensions, metric, kernels);
    const everyone = Uint32Array.from({ length: 700 }, (_, i) => i);
    const steps = scan.searchMany(queries, 9);
    let step = steps.next();
    while (!step.done) step = steps.next();
    const many = step.value;
    for (let i = 0; i < 12; i++) {
      const query = queries.subarray(i * dimensions, (i + 1) * dimensions);
      const distances = scan.distances(query, everyone);
      const sorted = [...everyone].sort((a, b) => distances[a] - distances[b] || a - b);
      const one = scan.search({ query, k: 9 });
      expect([...one.ordinals]).toEqual(sorted.slice(0, 9));
      expect([...one.distances]).toEqual(sorted.slice(0, 9).map((ordinal) => distances[ordinal]));
      expect(many.ordinals.slice(i * 9, (i + 1) * 9)).toEqual(one.ordinals);
      expect(many.distances.slice(i * 9, (i + 1) * 9)).toEqual(one.distances);
      const thirds = everyone.filter((ordinal) => ordinal % 3 === 0);
      const among = scan.searchAmong(query, 9, thirds.toReversed());
      expect(among.ordinals).toEqual(
        scan.search({ query, k: 9, bits: bitsOf(700, (ordinal) => ordinal % 3 === 0) }).ordinals,
      );
    }
    const all = scan.search({ query: queries.slice(0, dimensions), k: 5000 });
    expect(new Set(all.ordinals).size).toBe(700);
  }
});

test("a store grows while it is scanned, and past its first pages", async () => {
  const store = await VectorStore.create({ dimensions: 200, metric: "Euclid", capacity: 5000 });
  stores.push(store);
  const scan = new FlatIndex(store);
  const vector = new Float32Array(200);
  for (let i = 0; i < 5000; i++) {
    vector.fill(i);
    expect(store.append(vector)).toBe(i);
    if (i % 500 === 0) expect(scan.search({ query: vector, k: 1 }).ordinals[0]).toBe(i);
  }
  expect(store.get(4321)).toEqual(new Float32Array(200).fill(4321));
  expect(() => store.append(vector)).toThrow("capacity");
  expect(() => store.append([1, 2])).toThrow(expect.objectContaining({ code: "WRONG_DIMENSION" }));
});

test("restores the bytes that it gave", async () => {
  const vectors = clusteredVectors(100, 13, "Euclid", 2);
  const scan = await scanOf(vectors, 13, "Euclid");
  const bytes = scan.store.bytes().slice();
  const copy = await VectorStore.create({ dimensions: 13, metric: "Euclid", capacity: 100 });
  stores.push(copy);
  await copy.restore(100, async (target) => target.set(bytes));
  expect(copy.bytes().slice()).toEqual(bytes);
  const query = vectors.slice(13, 26);
  expect(new FlatIndex(copy).search({ query, k: 5 })).toEqual(scan.search({ query, k: 5 }));
});

test("more than four gigabytes are refused", async () => {
  await expect(
    VectorStore.create({ dimensions: 1024, metric: "Dot", capacity: 2_000_000 }),
  ).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
});

test("distances too large for a float are answered all the same", async () => {
  const vectors = new Float32Array(10 * 4).fill(3e38);
  vectors.set([-3e38, 1, 1, 1], 0);
  const scan = await scanOf(vectors, 4, "Euclid");
  const result = scan.search({ query: vectors.slice(0, 4), k: 10 });
  expect(result.ordinals.length).toBe(10);
  expect(result.ordinals[0]).toBe(0);
});
