/** The quantized graph's own promises: metrics, parameters, filters, damaged files, one graph whatever the memory. */
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import type { Metric } from "../contract.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import { recordBytes } from "./graph-memory.js";
import { QUANTIZED_GRAPH_DEFAULTS, quantizedGraph } from "./index.js";

const DIMENSIONS = 32;
const stores: VectorStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});
afterAll(endIdleWorkers);

async function storeOf(vectors: Float32Array, metric: Metric, kernels?: "shared" | "unshared") {
  const store = await filledStore(vectors, { dimensions: DIMENSIONS, metric, kernels });
  stores.push(store);
  return store;
}

const refused = (field: string) =>
  expect.objectContaining({ code: "BAD_REQUEST", details: expect.objectContaining({ field }) });

describe("parameters", () => {
  test("have defaults", () => {
    expect(quantizedGraph.parameters(undefined)).toEqual(QUANTIZED_GRAPH_DEFAULTS);
    expect(quantizedGraph.parameters({ degree: 64, ef_construct: 60 })).toEqual({
      ...QUANTIZED_GRAPH_DEFAULTS,
      degree: 64,
      efConstruct: 60,
    });
  });

  test.each([
    { degree: 48 },
    { degree: 160 },
    { efConstruct: 3 },
    { rounds: 0 },
    { bits: 100 },
    { bits: "two" },
  ])("are checked: %o", (given) => {
    expect(() => quantizedGraph.parameters(given)).toThrow(refused(Object.keys(given)[0]));
  });

  test("are checked for the vectors: fewer bits than dimensions, and Manhattan", async () => {
    const parameters = quantizedGraph.parameters({ bits: 64 });
    const check = (metric: Metric, dimensions: number) => () =>
      quantizedGraph.check!(parameters, { metric, dimensions });
    check("Dot", 63)();
    check("Euclid", 64)();
    expect(check("Dot", 64)).toThrow(refused("bits"));
    expect(check("Manhattan", 32)).toThrow(refused("distance"));
    const store = await storeOf(clusteredVectors(10, DIMENSIONS, "Manhattan", 1), "Manhattan");
    await expect(quantizedGraph.build(store, parameters, {})).rejects.toEqual(refused("distance"));
  });
});

test("more bits find more at the same effort", async () => {
  const vectors = clusteredVectors(3100, DIMENSIONS, "Euclid", 21);
  const store = await storeOf(vectors.slice(0, 3000 * DIMENSIONS), "Euclid");
  const scan = new FlatIndex(store);
  const recalls: number[] = [];
  for (const bits of [32, 256]) {
    const index = await quantizedGraph.build(store, quantizedGraph.parameters({ bits }), {
      calibrate: false,
    });
    let hits = 0;
    for (let i = 3000; i < 3100; i++) {
      const query = vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS);
      const truth = new Set(scan.search({ query, k: 10 }).ordinals);
      for (const ordinal of index.search({ query, k: 10, effort: 24 }).ordinals)
        if (truth.has(ordinal)) hits++;
    }
    recalls.push(hits / 1000);
    index.release();
  }
  expect(recalls[1]).toBeGreaterThan(recalls[0] + 0.02);
  expect(recalls[1]).toBeGreaterThan(0.9);
});

test("vectors of different lengths under Dot: the largest products are found", async () => {
  const random = seededRandom(31);
  const vectors = clusteredVectors(2100, DIMENSIONS, "Euclid", 30);
  for (let i = 0; i < 2100; i++) {
    const length = Math.exp(1.2 * (random() + random() - 1));
    for (let j = 0; j < DIMENSIONS; j++) vectors[i * DIMENSIONS + j] *= length;
  }
  const store = await storeOf(vectors.slice(0, 2000 * DIMENSIONS), "Dot");
  const index = await quantizedGraph.build(store, quantizedGraph.parameters({}), { calibrate: false });
  const scan = new FlatIndex(store);
  let hits = 0;
  for (let i = 2000; i < 2100; i++) {
    const query = vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS);
    const truth = new Set(scan.search({ query, k: 10 }).ordinals);
    for (const ordinal of index.search({ query, k: 10, effort: 96 }).ordinals) if (truth.has(ordinal)) hits++;
  }
  expect(hits / 1000).toBeGreaterThan(0.97);
});

test("a filter of one in a hundred is walked through, and answered with more effort", async () => {
  const vectors = clusteredVectors(5050, DIMENSIONS, "Cosine", 41);
  const store = await storeOf(vectors.slice(0, 5000 * DIMENSIONS), "Cosine");
  const index = await quantizedGraph.build(store, quantizedGraph.parameters({}), { calibrate: false });
  const bits = bitsOf(5000, (ordinal) => ordinal % 100 === 7);
  const scan = new FlatIndex(store);
  let hits = 0;
  for (let i = 5000; i < 5050; i++) {
    const query = vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS);
    const truth = new Set(scan.search({ query, k: 10, bits }).ordinals);
    const { ordinals } = index.search({ query, k: 10, effort: 40, bits });
    for (const ordinal of ordinals) {
      expect(ordinal % 100).toBe(7);
      if (truth.has(ordinal)) hits++;
    }
  }
  expect(hits / 500).toBeGreaterThan(0.95);
});

test("without shared memory the build runs in slices and gives the same graph", async () => {
  const vectors = clusteredVectors(2600, DIMENSIONS, "Cosine", 72);
  const made = [];
  for (const kernels of ["shared", "unshared"] as const) {
    const store = await storeOf(vectors, "Cosine", kernels);
    const index = await quantizedGraph.build(store, quantizedGraph.parameters({}), {});
    const { sections, meta } = throughFile(index.save());
    made.push({ sections, meta });
  }
  expect(made[1]).toEqual(made[0]);
});

test("a lent index answers as its owner's", async () => {
  const vectors = clusteredVectors(800, DIMENSIONS, "Euclid", 51);
  const store = await storeOf(vectors, "Euclid");
  const index = await quantizedGraph.build(store, quantizedGraph.parameters({}), {});
  const before = store.arena.reservedBytes;
  const handle = index.lend!(64);
  const lent = quantizedGraph.attach!(store, handle);
  for (let i = 0; i < 20; i++) {
    const request = { query: vectors.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS), k: 10, effort: 50 };
    expect(lent.search(request)).toEqual(index.search(request));
  }
  index.takeBack!(handle);
  expect(store.arena.reservedBytes).toBe(before);
});

describe("a damaged file is refused", () => {
  const bits = 64;
  const record = recordBytes({ degree: 32, bits });
  const word = (bytes: Uint8Array, at: number, value: number) =>
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value, true);
  const damages: [string, (saved: ReturnType<typeof throughFile>) => void][] = [
    [
      "a neighbour beyond the vectors",
      ({ sections }) => word(sections.get("records")!, record * 7 + 12, 400),
    ],
    [
      "factors of no neighbour",
      ({ sections }) => word(sections.get("records")!, record * 7 + 12, 0xffffffff),
    ],
    ["an entry beyond the vectors", ({ sections }) => word(sections.get("root")!, 8, 400)],
    ["signs that are none", ({ sections }) => word(sections.get("signs")!, 4, 3)],
    ["a section that is cut", ({ sections }) => sections.set("records", sections.get("records")!.slice(4))],
    ["another degree", ({ meta }) => Object.assign(meta, { degree: 64 })],
    ["a degree that is none", ({ meta }) => Object.assign(meta, { degree: 33 })],
    ["fewer bits than dimensions", ({ meta }) => Object.assign(meta, { bits: 16 })],
    ["more entries than vectors", ({ meta }) => Object.assign(meta, { rootBlocks: 99 })],
    ["a sphere that is no length", ({ meta }) => Object.assign(meta, { sphere: -1 })],
    ["another format", ({ meta }) => Object.assign(meta, { format: 2 })],
  ];
  test.each(damages)("%s", async (_, damage) => {
    const store = await storeOf(clusteredVectors(400, DIMENSIONS, "Euclid", 61), "Euclid");
    const index = await quantizedGraph.build(store, quantizedGraph.parameters({ bits }), {});
    const saved = throughFile(index.save());
    const before = store.arena.reservedBytes;
    damage(saved);
    await expect(quantizedGraph.load(store, saved)).rejects.toMatchObject({ code: "CORRUPTION" });
    expect(store.arena.reservedBytes).toBe(before);
  });
});
