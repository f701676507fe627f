/** HNSW's own promises: threads, memory without sharing, extension, parameters, damaged files, calibration. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers, runTask } from "../../runtime/pool.js";
import { effortFor } from "../calibration.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import type { GraphIndex } from "../graph/graph-index.js";
import { VectorStore } from "../vector-store.js";
import { hnsw } from "./index.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 48;
const parameters = hnsw.parameters({ m: 12, ef_construct: 100 });

async function built(count: number, options: { seed?: number; kernels?: "shared" | "unshared" } = {}) {
  const vectors = clusteredVectors(count, DIMENSIONS, "Euclid", 21);
  const store = await filledStore(vectors, {
    dimensions: DIMENSIONS,
    metric: "Euclid",
    kernels: options.kernels,
  });
  const index = await hnsw.build(store, parameters, { seed: options.seed });
  return { vectors, store, index: index as GraphIndex };
}

function meanRecall(index: GraphIndex, queries: Float32Array, effort: number): number {
  const scan = new FlatIndex(index.store);
  let hits = 0;
  for (let at = 0; at < queries.length; at += DIMENSIONS) {
    const query = queries.subarray(at, at + DIMENSIONS);
    const truth = new Set(scan.search({ query, k: 10 }).ordinals);
    for (const ordinal of index.search({ query, k: 10, effort }).ordinals) if (truth.has(ordinal)) hits++;
  }
  return hits / (queries.length / DIMENSIONS) / 10;
}

test("several workers search one memory at once and find the same", async () => {
  const { vectors, store, index } = await built(3000);
  const queries = vectors.slice(0, 200 * DIMENSIONS);
  const expected = [];
  for (let i = 0; i < 200; i++) {
    const query = queries.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
    expected.push([...index.search({ query, k: 10, effort: 40 }).ordinals]);
  }
  const module = new URL("./search-task.test.helper.js", import.meta.url).href;
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() =>
      runTask<number[][]>(module, { store: store.lend(), index: index.lend(), queries, rounds: 20 }),
    ),
  );
  for (const answer of answers) expect(answer).toEqual(expected);
  store.close();
});

test("without shared memory the build runs in slices and gives the same graph", async () => {
  const shared = await built(2500, { kernels: "shared" });
  const alone = await built(2500, { kernels: "unshared" });
  expect(alone.store.shared).toBe(false);
  const sections = (index: GraphIndex) => throughFile(index.save()).sections;
  expect(sections(alone.index)).toEqual(sections(shared.index));
  expect(alone.index.calibration).toEqual(shared.index.calibration);
  shared.store.close();
  alone.store.close();
});

describe("extension", () => {
  test.each([0, 0.05, 0.5])("of a graph that lost a share of %f", async (lost) => {
    const { vectors, store: old, index: previous } = await built(2000);
    const oldToNew = new Int32Array(2000).fill(-1);
    const added = clusteredVectors(2000, DIMENSIONS, "Euclid", 22);
    const store = await VectorStore.create({ dimensions: DIMENSIONS, metric: "Euclid", capacity: 4000 });
    // New vectors first, so that every old one has another ordinal.
    store.appendBatch(added);
    for (let i = 0; i < 2000; i++) {
      if (i % 100 < lost * 100) continue;
      oldToNew[i] = store.append(vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS));
    }
    const steps: number[] = [];
    const index = (await hnsw.build(store, parameters, {
      previous: { index: previous, oldToNew },
      progress: (done) => steps.push(done),
    })) as GraphIndex;
    old.close();
    const queries = clusteredVectors(100, DIMENSIONS, "Euclid", 21);
    expect(meanRecall(index, queries, 64)).toBeGreaterThan(0.95);
    const all = index.search({
      query: queries.slice(0, DIMENSIONS),
      k: store.count,
      effort: store.count,
    });
    expect(all.ordinals.length).toBe(store.count);
    expect(steps.at(-1)).toBe(store.count);
    expect(index.calibration).toBeDefined();
    store.close();
  });
});

describe("parameters", () => {
  test("have defaults and other names", () => {
    expect(hnsw.parameters(undefined)).toEqual({ m: 16, efConstruct: 100, encoding: "auto", flat: false });
    expect(hnsw.parameters({ m: 8, ef_construct: 50, full_scan_threshold: 1 })).toEqual({
      m: 8,
      efConstruct: 50,
      encoding: "auto",
      flat: false,
    });
  });
  test.each([
    { m: 1 },
    { m: 129 },
    { m: 1.5 },
    { ef_construct: 3 },
    { ef_construct: "9" },
    { encoding: "x" },
  ])("refuse %j and name the field", (given) => {
    const field = Object.keys(given)[0];
    const code = field === "encoding" ? "BAD_REQUEST" : "OUT_OF_RANGE";
    expect(() => hnsw.parameters(given)).toThrow(expect.objectContaining({ code }));
    expect(() => hnsw.parameters(given)).toThrow(field);
  });
  test("both encodings answer with exact distances", async () => {
    const vectors = clusteredVectors(1000, DIMENSIONS, "Euclid", 30);
    const store = await filledStore(vectors, { dimensions: DIMENSIONS, metric: "Euclid" });
    for (const encoding of ["int8", "float32"] as const) {
      const index = (await hnsw.build(store, hnsw.parameters({ encoding }), {
        calibrate: false,
      })) as GraphIndex;
      expect(index.layout.encoding).toBe(encoding);
      expect(meanRecall(index, vectors.slice(0, 50 * DIMENSIONS), 64)).toBeGreaterThan(0.97);
      index.release();
    }
    store.close();
  });
});

type Saved = ReturnType<typeof throughFile>;

describe("damaged files", () => {
  test("are refused before anything walks through them", async () => {
    const { store, index } = await built(600);
    const meta = (change: Record<string, unknown>) => (saved: Saved) => {
      Object.assign(saved.meta, change);
    };
    const words = (name: string) => (saved: Saved, value: number) =>
      new DataView(saved.sections.get(name)!.buffer).setUint32(0, value, true);
    const damage: ((saved: Saved) => void)[] = [
      meta({ format: 99 }),
      meta({ count: 599 }),
      meta({ m: 1e9 }),
      meta({ entry: 600 }),
      meta({ top: 9 }),
      meta({ upperBlocks: 0 }),
      meta({ encoding: "int2" }),
      meta({ calibration: { queries: 1, curves: [{ k: 1 }] } }),
      (saved) => saved.sections.delete("codes"),
      (saved) => saved.sections.set("links", saved.sections.get("links")!.slice(4)),
      (saved) => saved.sections.get("levels")!.fill(1),
      (saved) => words("links")(saved, 600),
      (saved) => words("upper")(saved, 1e6),
    ];
    const before = store.arena.reservedBytes;
    for (const harm of damage) {
      const saved = throughFile(index.save());
      harm(saved);
      await expect(hnsw.load(store, saved), String(harm)).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    expect(store.arena.reservedBytes).toBe(before);
    store.close();
  });
});

describe("calibration", () => {
  test("promises what queries from outside then get", async () => {
    const vectors = clusteredVectors(6400, DIMENSIONS, "Euclid", 40);
    const store = await filledStore(vectors.slice(0, 6000 * DIMENSIONS), {
      dimensions: DIMENSIONS,
      metric: "Euclid",
    });
    const index = (await hnsw.build(store, hnsw.parameters({ m: 6, ef_construct: 40 }), {})) as GraphIndex;
    const queries = vectors.slice(6000 * DIMENSIONS);
    expect(index.calibration?.queries).toBe(240);
    for (const recall of [0.8, 0.9, 0.95]) {
      const effort = effortFor(index.calibration!, { recall, k: 10 })!;
      expect(effort).toBeGreaterThanOrEqual(10);
      expect(meanRecall(index, queries, effort)).toBeGreaterThan(recall - 0.015);
    }
    store.close();
  });

  test("is not made of too few vectors", async () => {
    const { store, index } = await built(500);
    expect(index.calibration).toBeUndefined();
    store.close();
  });
});

test("a filter that nothing near the query passes is answered short, not wrongly", async () => {
  const { store, index, vectors } = await built(3000);
  const query = vectors.slice(0, DIMENSIONS);
  const far = new FlatIndex(store).search({ query, k: 3000 }).ordinals.slice(-20);
  const bits = bitsOf(3000, (ordinal) => far.includes(ordinal));
  const { ordinals, exhausted } = index.search({ query, k: 10, effort: 10, bits });
  for (const ordinal of ordinals) expect(far).toContain(ordinal);
  if (ordinals.length < 10) expect(exhausted).toBe(false);
  store.close();
});
