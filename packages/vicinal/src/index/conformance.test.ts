/** What every index family must keep, whatever it is made of. */
import { afterEach, describe, expect, test } from "vitest";
import { memoryStats } from "../runtime/memory.js";
import { endIdleWorkers } from "../runtime/pool.js";
import type { BuildOptions, Metric, VectorIndex } from "./contract.js";
import { familyNamed } from "./families.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "./fixtures.test.helper.js";
import { FlatIndex } from "./flat/index.js";
import type { VectorStore } from "./vector-store.js";

const stores: VectorStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  endIdleWorkers();
});

async function make(family: string, vectors: Float32Array, dimensions: number, metric: Metric) {
  const store = await filledStore(vectors, { dimensions, metric });
  stores.push(store);
  return { store, build: (options: BuildOptions = {}) => build(family, store, options) };
}

function build(family: string, store: VectorStore, options: BuildOptions): Promise<VectorIndex> {
  const chosen = familyNamed(family);
  return chosen.build(store, chosen.parameters({}), options);
}

/** Mean recall@10 against the exact scan, where a hit as near as the tenth counts. */
function recall(index: VectorIndex, queries: Float32Array, ef: number, bits?: Uint32Array): number {
  const effort = ef * reach[index.family];
  const { dimensions } = index.store;
  const scan = new FlatIndex(index.store);
  let hits = 0;
  let wanted = 0;
  for (let at = 0; at < queries.length; at += dimensions) {
    const query = queries.subarray(at, at + dimensions);
    const truth = scan.search({ query, k: 10, bits });
    const found = index.search({ query, k: 10, effort, bits });
    const worst = truth.distances.at(-1)!;
    wanted += truth.distances.length;
    hits += found.distances.filter((distance) => distance <= worst).length;
    for (const ordinal of found.ordinals)
      if (bits) expect((bits[ordinal >>> 5] >>> (ordinal & 31)) & 1, "a hit passes the filter").toBe(1);
  }
  return hits / wanted;
}

/** A graph's effort as one that gives about the same recall: a tree and codes compare more vectors, each at less cost. */
const reach: Record<string, number> = {
  flat: 1,
  hnsw: 1,
  ivf: 1,
  "ball-tree": 8,
  "kmeans-tree": 8,
  lsh: 1,
  mih: 4,
  "quantized-graph": 2,
};

/** Whether a family serves a metric: it refuses the others before it builds. */
const serves = (family: string, metric: Metric) => family !== "quantized-graph" || metric !== "Manhattan";

describe.each(Object.keys(reach))("family %s", (family) => {
  const cases: [Metric, number][] = [
    ["Euclid", 1],
    ["Euclid", 3],
    ["Euclid", 100],
    ["Cosine", 100],
    ["Dot", 100],
    ["Manhattan", 20],
    ["Euclid", 784],
  ];
  test.each(cases.filter(([metric]) => serves(family, metric)))(
    "finds the nearest: %s, %i dimensions",
    async (metric, dimensions) => {
      const vectors = clusteredVectors(2100, dimensions, metric, 7);
      const queries = vectors.slice(2000 * dimensions);
      const { build } = await make(family, vectors.slice(0, 2000 * dimensions), dimensions, metric);
      const index = await build();
      expect(recall(index, queries, 128)).toBeGreaterThan(metric === "Dot" ? 0.9 : 0.97);
      const half = bitsOf(2000, (ordinal) => ordinal % 2 === 0);
      expect(recall(index, queries, 128, half)).toBeGreaterThan(metric === "Dot" ? 0.9 : 0.97);
    },
  );

  test.each([0, 1, 2, 3, 33])("holds %i vectors", async (count) => {
    const vectors = clusteredVectors(count, 20, "Euclid", 3);
    const { store, build } = await make(family, vectors, 20, "Euclid");
    const index = await build();
    const query = new Float32Array(20);
    const result = index.search({ query, k: 10, effort: 10 });
    expect(result.ordinals.length).toBe(Math.min(10, count));
    const all = index.search({ query, k: 100, effort: 100 });
    expect([...all.ordinals].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(all.exhausted || all.ordinals.length >= count).toBe(true);
    const again = await familyNamed(family).load(store, throughFile(index.save()));
    expect(again.search({ query, k: 10, effort: 10 })).toEqual(result);
  });

  test("reaches every one of many identical vectors, and what lies behind them", async () => {
    const dimensions = 20;
    const vectors = new Float32Array(1500 * dimensions).fill(0.5);
    vectors.set(clusteredVectors(300, dimensions, "Euclid", 5), 1200 * dimensions);
    const { build } = await make(family, vectors, dimensions, "Euclid");
    const index = await build({ calibrate: false });
    const query = new Float32Array(dimensions).fill(0.5);
    const all = index.search({ query, k: 1500, effort: 1500 });
    expect(new Set(all.ordinals).size).toBe(1500);
    const others = bitsOf(1500, (ordinal) => ordinal >= 1200);
    expect(recall(index, vectors.slice(1200 * dimensions), 64, others)).toBeGreaterThan(0.9);
  });

  test("answers in order of distance, without repetition, with exact distances", async () => {
    const vectors = clusteredVectors(900, 30, "Euclid", 9);
    const { store, build } = await make(family, vectors, 30, "Euclid");
    const index = await build();
    const query = vectors.slice(30, 60);
    const { ordinals, distances } = index.search({ query, k: 50, effort: 64 });
    expect(ordinals[0]).toBe(1);
    expect(new Set(ordinals).size).toBe(50);
    expect([...distances]).toEqual([...distances].sort((a, b) => a - b));
    expect(distances).toEqual(new FlatIndex(store).distances(query, ordinals));
  });

  test("deleted vectors, as bits, are walked through and never answered", async () => {
    const vectors = clusteredVectors(2000, 24, "Euclid", 11);
    const { build } = await make(family, vectors, 24, "Euclid");
    const index = await build();
    const live = bitsOf(2000, (ordinal) => ordinal % 10 === 3);
    expect(recall(index, vectors.slice(0, 100 * 24), 100, live)).toBeGreaterThan(0.95);
    const none = index.search({ query: vectors.slice(0, 24), k: 5, effort: 50, bits: new Uint32Array(63) });
    expect(none.ordinals.length).toBe(0);
    expect(none.exhausted).toBe(true);
    const few = bitsOf(2000, (ordinal) => ordinal === 17 || ordinal === 1999);
    const both = index.search({ query: vectors.slice(0, 24), k: 5, effort: 2000, bits: few });
    expect(both.exhausted ? both.ordinals.length : 2).toBe(2);
  });

  test("saves and loads byte for byte", async () => {
    const vectors = clusteredVectors(1200, 40, "Cosine", 13);
    const { store, build } = await make(family, vectors, 40, "Cosine");
    const index = await build({ seed: 5 });
    const saved = throughFile(index.save());
    const loaded = await familyNamed(family).load(store, saved);
    const again = throughFile(loaded.save());
    expect(again.meta).toEqual(saved.meta);
    expect(again.sections).toEqual(saved.sections);
    expect(loaded.calibration).toEqual(index.calibration);
    const query = vectors.slice(0, 40);
    expect(loaded.search({ query, k: 10, effort: 50 })).toEqual(index.search({ query, k: 10, effort: 50 }));
    // The same seed and order of vectors give the same index.
    const twin = await make(family, vectors, 40, "Cosine");
    expect(throughFile((await twin.build({ seed: 5 })).save()).sections).toEqual(saved.sections);
  });

  test("a cancelled build leaves the store as it was", async () => {
    const vectors = clusteredVectors(4000, 60, "Euclid", 15);
    const { store, build } = await make(family, vectors, 60, "Euclid");
    const before = store.arena.reservedBytes;
    const stop = new AbortController();
    stop.abort();
    if (family === "flat") return;
    await expect(build({ signal: stop.signal })).rejects.toMatchObject({ code: "CANCELLED" });
    const late = new AbortController();
    const progress = (done: number) => done > 0 && late.abort();
    await expect(build({ signal: late.signal, progress })).rejects.toMatchObject({ code: "CANCELLED" });
    expect(store.arena.reservedBytes).toBe(before);
    expect(store.count).toBe(4000);
    expect(recall(await build(), vectors.slice(0, 50 * 60), 64)).toBeGreaterThan(0.95);
  });
});

test("memories go back to the pool and are taken again", async () => {
  const before = memoryStats();
  for (let round = 0; round < 20; round++) {
    const { store, build } = await make("hnsw", clusteredVectors(500, 32, "Euclid", round), 32, "Euclid");
    await build();
    store.close();
  }
  const after = memoryStats();
  expect(after.used).toBe(before.used);
  expect(after.idle + after.used).toBeLessThanOrEqual(before.idle + before.used + 1);
});
