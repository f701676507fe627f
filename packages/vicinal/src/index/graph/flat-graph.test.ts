/** What flat graphs promise beyond the conformance suite: every node within reach, sound files, extension. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { familyNamed } from "../families.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import { VectorStore } from "../vector-store.js";
import type { GraphIndex } from "./graph-index.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 32;

const families: [string, Record<string, unknown>][] = [
  ["hnsw", { flat: true, m: 12, efConstruct: 100 }],
  ["nsg", { degree: 24, neighbors: 32 }],
  ["vamana", { degree: 24 }],
];

async function built(family: string, given: Record<string, unknown>, vectors: Float32Array, seed?: number) {
  const store = await filledStore(vectors, { dimensions: DIMENSIONS, metric: "Euclid" });
  const chosen = familyNamed(family);
  const index = (await chosen.build(store, chosen.parameters(given), { seed })) as GraphIndex;
  return { store, index };
}

function meanRecall(index: GraphIndex, queries: Float32Array, effort: number, bits?: Uint32Array): number {
  const scan = new FlatIndex(index.store);
  let hits = 0;
  for (let at = 0; at < queries.length; at += DIMENSIONS) {
    const query = queries.subarray(at, at + DIMENSIONS);
    const truth = new Set(scan.search({ query, k: 10, bits }).ordinals);
    for (const ordinal of index.search({ query, k: 10, effort, bits }).ordinals)
      if (truth.has(ordinal)) hits++;
  }
  return hits / (queries.length / DIMENSIONS) / 10;
}

describe.each(families)("%s, flat", (family, given) => {
  test("finds the nearest, and reaches every vector", async () => {
    const vectors = clusteredVectors(3100, DIMENSIONS, "Euclid", 51);
    const { store, index } = await built(family, given, vectors.slice(0, 3000 * DIMENSIONS));
    expect(index.layout.upperSlots).toBe(0);
    expect(index.layout.entryCount).toBe(32);
    const queries = vectors.slice(3000 * DIMENSIONS);
    expect(meanRecall(index, queries, 64)).toBeGreaterThan(0.97);
    const tenth = bitsOf(3000, (ordinal) => ordinal % 10 === 0);
    expect(meanRecall(index, queries, 64, tenth)).toBeGreaterThan(0.95);
    const all = index.search({ query: queries.slice(0, DIMENSIONS), k: 3000, effort: 3000 });
    expect(new Set(all.ordinals).size).toBe(3000);
    expect(index.calibration?.curves.map(({ k }) => k)).toContain(100);
    store.close();
  });

  test("does not lose what lies behind many identical vectors", async () => {
    const vectors = new Float32Array(1500 * DIMENSIONS).fill(0.25);
    vectors.set(clusteredVectors(400, DIMENSIONS, "Euclid", 5), 1100 * DIMENSIONS);
    const { store, index } = await built(family, given, vectors);
    const query = vectors.slice(0, DIMENSIONS);
    expect(index.search({ query, k: 1500, effort: 1500 }).ordinals.length).toBe(1500);
    expect(meanRecall(index, vectors.slice(1100 * DIMENSIONS), 64)).toBeGreaterThan(0.97);
    store.close();
  });

  test("grows with a store, or is made anew", async () => {
    const vectors = clusteredVectors(2000, DIMENSIONS, "Euclid", 21);
    const { store: old, index: previous } = await built(family, given, vectors);
    const store = await VectorStore.create({ dimensions: DIMENSIONS, metric: "Euclid", capacity: 3000 });
    store.appendBatch(clusteredVectors(1000, DIMENSIONS, "Euclid", 22));
    const oldToNew = Int32Array.from({ length: 2000 }, (_, i) =>
      i % 20 === 0 ? -1 : store.append(vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS)),
    );
    const chosen = familyNamed(family);
    const options = { previous: { index: previous, oldToNew } };
    const index = (await chosen.build(store, chosen.parameters(given), options)) as GraphIndex;
    old.close();
    const queries = clusteredVectors(100, DIMENSIONS, "Euclid", 21);
    expect(meanRecall(index, queries, 64)).toBeGreaterThan(0.95);
    const all = index.search({ query: queries.slice(0, DIMENSIONS), k: store.count, effort: store.count });
    expect(all.ordinals.length).toBe(store.count);
    store.close();
  });

  test("damaged files are refused before anything walks through them", async () => {
    const { store, index } = await built(family, given, clusteredVectors(600, DIMENSIONS, "Euclid", 3));
    const load = (saved: ReturnType<typeof throughFile>) => familyNamed(family).load(store, saved);
    const before = store.arena.reservedBytes;
    const [parameter] = Object.keys(given).filter((name) => name !== "flat");
    const changes: Record<string, unknown>[] = [
      { format: 99 },
      { count: 599 },
      { [parameter]: 1e9 },
      { [parameter]: undefined },
      { encoding: "int2" },
      { entryCount: 0 },
      { entryCount: 31 },
      { calibration: { queries: 1, curves: [{ k: 1 }] } },
    ];
    for (const change of changes) {
      const saved = throughFile(index.save());
      Object.assign(saved.meta, change);
      await expect(load(saved), JSON.stringify(change)).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    const words: [string, number, number][] = [
      ["entries", 0, 600],
      ["links", 0, 600],
    ];
    for (const [name, place, value] of words) {
      const saved = throughFile(index.save());
      new DataView(saved.sections.get(name)!.buffer).setUint32(place * 4, value, true);
      await expect(load(saved), name).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    const twice = throughFile(index.save());
    twice.sections.get("entries")!.copyWithin(4, 0, 4);
    await expect(load(twice)).rejects.toMatchObject({ code: "CORRUPTION" });
    for (const name of ["links", "entries", "mean", "codes"]) {
      const saved = throughFile(index.save());
      saved.sections.delete(name);
      await expect(load(saved), name).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    expect(store.arena.reservedBytes).toBe(before);
    store.close();
  });
});

test.each<[string, Record<string, unknown>]>([["hnsw", {}], ...families])(
  "%s %o finds every copy of a vector with a small beam",
  async (family, given) => {
    const distinct = clusteredVectors(500, DIMENSIONS, "Euclid", 61);
    const vectors = new Float32Array(3000 * DIMENSIONS);
    // Copies of vector i: i, i + 500, ...; of the first one a thousand more.
    for (let i = 0; i < 3000; i++) {
      const original = i < 2500 ? i % 500 : 0;
      vectors.set(distinct.subarray(original * DIMENSIONS, (original + 1) * DIMENSIONS), i * DIMENSIONS);
    }
    const { store, index } = await built(family, given, vectors);
    let missed = 0;
    for (let original = 1; original < 500; original++) {
      const query = distinct.subarray(original * DIMENSIONS, (original + 1) * DIMENSIONS);
      const { ordinals } = index.search({ query, k: 5, effort: 32 });
      missed += ordinals.filter((ordinal) => ordinal % 500 !== original).length;
    }
    expect(missed / 2495).toBeLessThan(0.01);
    const copies = index.search({ query: distinct.subarray(0, DIMENSIONS), k: 505, effort: 505 });
    expect(copies.distances.filter((distance) => distance === 0).length).toBe(505);
    // Measured with the copies in the graph: what is promised can be kept.
    const ten = index.calibration?.curves.find(({ k, selectivity }) => k === 10 && selectivity === 1);
    expect(ten?.recalls.at(-1)).toBeGreaterThan(0.99);
    store.close();
  },
);
