/** A graph that is walked in its file answers as it does in memory. */
import { afterAll, describe, expect, test } from "vitest";
import { loadKernels } from "../../runtime/kernels.js";
import { endIdleWorkers } from "../../runtime/pool.js";
import type { Metric, SectionFile, VectorIndex } from "../contract.js";
import { familyNamed } from "../families.js";
import { FileVectors } from "../file-vectors.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import type { GraphIndex } from "./graph-index.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 32;
const COUNT = 3000;
const QUERIES = 50;

const graphs: [string, Record<string, unknown>, Metric][] = [
  ["hnsw", { m: 12, efConstruct: 100 }, "Euclid"],
  ["hnsw", { m: 12, efConstruct: 100 }, "Cosine"],
  ["hnsw", { m: 12, efConstruct: 100, flat: true }, "Dot"],
  ["hnsw", { m: 12, efConstruct: 100 }, "Manhattan"],
  ["nsg", { degree: 24, neighbors: 32 }, "Euclid"],
  ["vamana", { degree: 24 }, "Cosine"],
];

/** A file that is read at once. */
function file(saved: ReturnType<typeof throughFile>): SectionFile & { sections: Map<string, Uint8Array> } {
  const part = (name: string, offset: number, length: number) =>
    (saved.sections.get(name) as Uint8Array).slice(offset, offset + length);
  return {
    ...saved,
    read: async (name, offset, length) => part(name, offset, length),
    readNow: (name, offset, target) => target.set(part(name, offset, target.length)),
  };
}

async function opened(store: VectorStore, index: VectorIndex) {
  const { dimensions, metric, count } = store;
  const floats = { meta: {}, sections: [{ name: "floats", bytes: store.bytes() }], family: "" };
  const kernels = await loadKernels();
  const vectors = new FileVectors({ dimensions, metric, count }, file(throughFile(floats)), kernels);
  const saved = file(throughFile(index.save()));
  const open = () => familyNamed(index.family).early?.(vectors, saved);
  return { saved, open };
}

describe.each(graphs)("%s %j %s", (family, given, metric) => {
  test("finds what it finds in memory, with a filter and without", async () => {
    const vectors = clusteredVectors(COUNT + QUERIES, DIMENSIONS, metric, 77);
    const store = await filledStore(vectors.slice(0, COUNT * DIMENSIONS), { dimensions: DIMENSIONS, metric });
    const chosen = familyNamed(family);
    const index = await chosen.build(store, chosen.parameters(given), {});
    const { open } = await opened(store, index);
    const early = await open();
    if (!early) throw new Error("a graph serves from its file");
    expect(early.calibration).toEqual(JSON.parse(JSON.stringify(index.calibration)));
    expect(early.memoryBytes()).toBeLessThan(index.memoryBytes() / 4);
    const scan = new FlatIndex(store);
    const fifth = bitsOf(COUNT, (ordinal) => ordinal % 5 === 0);
    for (const bits of [undefined, fifth]) {
      let [inMemory, inFile] = [0, 0];
      for (let i = COUNT; i < COUNT + QUERIES; i++) {
        const query = vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS);
        const request = { query, k: 10, effort: 64, bits };
        const truth = scan.search(request);
        const found = await early.search(request);
        expect(found.ordinals).toHaveLength(10);
        expect(found.stats.scored).toBeGreaterThan(10);
        for (let j = 0; j < 10; j++) {
          const ordinal = found.ordinals[j];
          if (bits) expect(ordinal % 5).toBe(0);
          const at = truth.ordinals.indexOf(ordinal);
          if (at < 0) continue;
          inFile++;
          expect(found.distances[j]).toBeCloseTo(truth.distances[at], 3);
        }
        inMemory += index.search(request).ordinals.filter((one) => truth.ordinals.includes(one)).length;
      }
      expect(inFile / QUERIES / 10).toBeGreaterThan(inMemory / QUERIES / 10 - 0.02);
    }
    const all = { query: vectors.slice(0, DIMENSIONS), k: COUNT, effort: COUNT };
    const everything = await early.search(all);
    expect(everything.exhausted).toBe(true);
    expect(new Set(everything.ordinals).size).toBe(COUNT);
    store.close();
  });
});

test("links that lead nowhere are scanned around; layers that do are refused", async () => {
  const vectors = clusteredVectors(COUNT, DIMENSIONS, "Euclid", 5);
  const store = await filledStore(vectors, { dimensions: DIMENSIONS, metric: "Euclid" });
  const hnsw = familyNamed("hnsw");
  const index = await hnsw.build(store, hnsw.parameters({ m: 8 }), { calibrate: false });
  const { saved, open } = await opened(store, index);
  const early = await open();
  const query = vectors.slice(0, DIMENSIONS);
  saved.sections.get("links")?.fill(0x77);
  const found = await early?.search({ query, k: 5, effort: 50 });
  expect(found?.ordinals).toEqual(new FlatIndex(store).search({ query, k: 5 }).ordinals);
  saved.sections.get("levels")?.fill(3);
  await expect(open()).rejects.toMatchObject({ code: "CORRUPTION" });
  store.close();
});

test("codes that were saved in whole cache lines are read, and extended", async () => {
  const dimensions = 64;
  const vectors = clusteredVectors(1200, dimensions, "Euclid", 5);
  const store = await filledStore(vectors.slice(0, 1000 * dimensions), { dimensions, metric: "Euclid" });
  const hnsw = familyNamed("hnsw");
  const parameters = hnsw.parameters({ m: 8 });
  const index = (await hnsw.build(store, parameters, { calibrate: false })) as GraphIndex;
  expect(index.layout.codeBytes).toBe(72);
  const saved = throughFile(index.save());
  const codes = saved.sections.get("codes") as Uint8Array;
  const wide = new Uint8Array(1000 * 128);
  for (let i = 0; i < 1000; i++) wide.set(codes.subarray(i * 72, (i + 1) * 72), i * 128);
  saved.sections.set("codes", wide);
  const older = (await hnsw.load(store, saved)) as GraphIndex;
  expect(older.layout.codeBytes).toBe(128);
  const more = await filledStore(vectors, { dimensions, metric: "Euclid" });
  const oldToNew = Int32Array.from({ length: 1000 }, (_, i) => i);
  const [one, two] = await Promise.all(
    [index, older].map((previous) =>
      hnsw.build(more, parameters, { calibrate: false, previous: { index: previous, oldToNew } }),
    ),
  );
  for (let i = 0; i < 1200; i += 40) {
    const request = { query: vectors.slice(i * dimensions, (i + 1) * dimensions), k: 10, effort: 40 };
    expect(older.search(request)).toEqual(index.search(request));
    expect(two.search(request)).toEqual(one.search(request));
  }
  saved.sections.set("codes", wide.subarray(1));
  await expect(hnsw.load(store, saved)).rejects.toMatchObject({ code: "CORRUPTION" });
  for (const each of [store, more]) each.close();
});
