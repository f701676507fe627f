/** Few vectors, equal vectors, few that pass: where an index has little to hold on to. */
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../runtime/pool.js";
import { build, fullEffort, recallOf, truthOf, type Variant, variants } from "./conformance.test.helper.js";
import type { VectorIndex } from "./contract.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "./fixtures.test.helper.js";
import { FlatIndex } from "./flat/index.js";
import type { VectorStore } from "./vector-store.js";

const DIMENSIONS = 20;
const stores: VectorStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});
afterAll(endIdleWorkers);

async function built(variant: Variant, vectors: Float32Array): Promise<VectorIndex> {
  const store = await filledStore(vectors, { dimensions: DIMENSIONS, metric: variant.metric });
  stores.push(store);
  return build(variant, store);
}

const sorted = (ordinals: Uint32Array) => [...ordinals].sort((a, b) => a - b);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe.each(variants)("$name", (variant) => {
  const { metric, family } = variant;

  test.each([0, 1, 2, 3, 33])("holds %i vectors", async (count) => {
    const vectors = clusteredVectors(count + 1, DIMENSIONS, metric, 3);
    const index = await built(variant, vectors.slice(DIMENSIONS));
    const query = vectors.slice(0, DIMENSIONS);
    const all = index.search({ query, k: 100, effort: fullEffort(index) });
    expect(sorted(all.ordinals)).toEqual(upTo(count));
    expect(all.exhausted || all.ordinals.length >= count).toBe(true);
    expect(index.search({ query, k: 1, effort: fullEffort(index) }).ordinals.length).toBe(Math.min(1, count));
    const none = index.search({ query, k: 5, effort: 10, bits: new Uint32Array((count + 31) >>> 5) });
    expect(none).toMatchObject({ ordinals: new Uint32Array(0), exhausted: true });
    const again = await family.load(index.store, throughFile(index.save()));
    expect(again.search({ query, k: 10, effort: 10 })).toEqual(index.search({ query, k: 10, effort: 10 }));
  });

  test("finds all of many identical vectors, and what lies behind them", async () => {
    const behind = 200;
    const count = 1000;
    const vectors = new Float32Array(count * DIMENSIONS).fill(1 / Math.sqrt(DIMENSIONS));
    vectors.set(clusteredVectors(behind, DIMENSIONS, metric, 5), (count - behind) * DIMENSIONS);
    const index = await built(variant, vectors);
    const effort = fullEffort(index);
    const query = vectors.slice(0, DIMENSIONS);
    expect(sorted(index.search({ query, k: count, effort }).ordinals)).toEqual(upTo(count));
    // Each finds itself, or one that is as near.
    const others = bitsOf(count, (ordinal) => ordinal >= count - behind);
    const queries = upTo(40).map((i) => index.store.get(count - behind + i));
    const truth = truthOf(index.store, queries, 10, others);
    expect(recallOf(index, queries, truth, { k: 10, effort, bits: others }).mean).toBeGreaterThan(0.95);
    expect(
      recallOf(index, queries, truthOf(index.store, queries, 10), { k: 10, effort }).mean,
    ).toBeGreaterThan(0.95);
  });

  test("holds nothing but identical vectors, zeros too", async () => {
    for (const value of [1 / Math.sqrt(DIMENSIONS), 0]) {
      const index = await built(variant, new Float32Array(3000 * DIMENSIONS).fill(value));
      const query = new Float32Array(DIMENSIONS).fill(0.3);
      const { ordinals, distances } = index.search({ query, k: 50, effort: index.effort.default });
      expect(new Set(ordinals).size).toBe(50);
      expect(distances).toEqual(new FlatIndex(index.store).search({ query, k: 50 }).distances);
    }
  });

  test("never answers what does not pass, and finds the few that do", async () => {
    const count = 1200;
    const vectors = clusteredVectors(count, DIMENSIONS, metric, 11);
    const index = await built(variant, vectors);
    const few = bitsOf(count, (ordinal) => ordinal === 17 || ordinal === count - 1);
    const effort = fullEffort(index);
    const both = index.search({ query: vectors.slice(0, DIMENSIONS), k: 5, effort, bits: few });
    expect(sorted(both.ordinals)).toEqual([17, count - 1]);
    expect(both.exhausted).toBe(true);
  });

  test("answers in order of distance, without repetition, with exact distances", async () => {
    const vectors = clusteredVectors(900, DIMENSIONS, metric, 9);
    const index = await built(variant, vectors);
    const query = vectors.slice(DIMENSIONS, 2 * DIMENSIONS);
    const { ordinals, distances } = index.search({ query, k: 50, effort: 64 });
    expect(new Set(ordinals).size).toBe(50);
    expect([...distances]).toEqual([...distances].sort((a, b) => a - b));
    expect(distances).toEqual(new FlatIndex(index.store).distances(query, ordinals));
  });
});
