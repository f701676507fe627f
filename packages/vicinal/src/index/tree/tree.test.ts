/** What the two tree families add to the conformance suite: exactness, sound balls, kept promises, damaged files. */
import { afterEach, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import { effortFor } from "../calibration.js";
import type { LoadedIndex, Metric } from "../contract.js";
import { familyNamed } from "../families.js";
import { bitsOf, clusteredVectors, filledStore, normalise, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import type { VectorStore, VectorStoreOptions } from "../vector-store.js";
import { selectFirst } from "./split.js";
import { TreeIndex } from "./tree-index.js";
import { CHILDREN, FIRST, LENGTH, NODE_WORDS, RADIUS, REACH, START } from "./tree-memory.js";

const stores: VectorStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  endIdleWorkers();
});

async function make(
  family: string,
  vectors: Float32Array,
  options: Omit<VectorStoreOptions, "capacity">,
  parameters: unknown = {},
  build = {},
): Promise<TreeIndex> {
  const store = await filledStore(vectors, options);
  stores.push(store);
  const chosen = familyNamed(family);
  const index = await chosen.build(store, chosen.parameters(parameters), build);
  if (!(index instanceof TreeIndex)) throw new Error("not a tree");
  return index;
}

const metrics: Metric[] = ["Euclid", "Cosine", "Dot", "Manhattan"];

/** Kinds of vectors that bounds could get wrong. */
const shapes: Record<string, (random: () => number, i: number) => number> = {
  "spread evenly": (random) => random() * 2 - 1,
  "far from the origin": (random) => 1000 + random(),
  "of very different lengths": (random, i) => (random() - 0.5) * 10 ** (i % 7),
  "few different ones": (random, i) => (random() < 0.9 ? i % 3 : (i >> 3) & 1),
  tiny: (random) => (random() - 0.5) * 1e-18,
};

function shaped(
  shape: string,
  count: number,
  dimensions: number,
  metric: Metric,
  seed: number,
): Float32Array {
  const random = seededRandom(seed);
  const vectors = new Float32Array(count * dimensions);
  for (let i = 0; i < vectors.length; i++) vectors[i] = shapes[shape](random, Math.floor(i / dimensions));
  // Some zero vectors, which stay zero when they are normalised.
  for (let i = 0; i < count; i += 50) vectors.fill(0, i * dimensions, (i + 1) * dimensions);
  if (metric === "Cosine")
    for (let i = 0; i < count; i++) normalise(vectors.subarray(i * dimensions, (i + 1) * dimensions));
  return vectors;
}

describe.each(["ball-tree", "kmeans-tree"])("%s", (family) => {
  describe.each(metrics)("%s", (metric) => {
    test.each(Object.keys(shapes))("at full effort equals the scan: vectors %s", async (shape) => {
      for (const dimensions of [1, 2, 5, 17, 64]) {
        const count = 700;
        const vectors = shaped(shape, count + 12, dimensions, metric, dimensions);
        const own = vectors.slice(0, count * dimensions);
        const index = await make(family, own, { dimensions, metric }, { leafSize: 8 }, { calibrate: false });
        const scan = new FlatIndex(index.store);
        const third = bitsOf(count, (ordinal) => ordinal % 3 === 1);
        for (let i = 0; i < 24; i++) {
          // Half of the queries are vectors of the index.
          const at = (i < 12 ? count + i : i * 29) * dimensions;
          const query = vectors.slice(at, at + dimensions);
          for (const bits of [undefined, third]) {
            const k = [1, 10, 100][i % 3];
            const found = index.search({ query, k, effort: bits ? 234 : count, bits });
            const truth = scan.search({ query, k, bits });
            expect(found.distances).toEqual(truth.distances);
            expect(found.ordinals).toEqual(truth.ordinals);
            expect(found.exhausted).toBe(true);
          }
        }
      }
    });
  });

  test("exact search in few dimensions compares few vectors", async () => {
    const vectors = clusteredVectors(20_000, 3, "Euclid", 21);
    const index = await make(family, vectors, { dimensions: 3, metric: "Euclid" }, {}, { calibrate: false });
    let scored = 0;
    for (let i = 0; i < 50; i++) {
      const query = vectors.slice(i * 3, i * 3 + 3);
      scored += index.search({ query, k: 10, effort: 20_000 }).stats.scored;
    }
    expect(scored / 50).toBeLessThan(1500);
  });

  test("a small effort compares few, says that it is not exhausted, and finds more with more", async () => {
    const vectors = clusteredVectors(3000, 40, "Euclid", 23);
    const options = { dimensions: 40, metric: "Euclid" } as const;
    const index = await make(family, vectors, options, { leafSize: 20 }, { calibrate: false });
    const scan = new FlatIndex(index.store);
    let before = 0;
    for (const effort of [10, 100, 1000, 3000]) {
      let hits = 0;
      for (let i = 0; i < 60; i++) {
        const query = clusteredVectors(61, 40, "Euclid", 23).slice(i * 40, i * 40 + 40);
        const found = index.search({ query, k: 10, effort });
        const pivots = index.layout.nodeCount;
        expect(found.stats.scored).toBeLessThan(effort + 20 + pivots);
        expect(found.ordinals.length).toBe(10);
        if (effort === 10) expect(found.exhausted).toBe(false);
        const worst = scan.search({ query, k: 10 }).distances[9];
        hits += found.distances.filter((distance) => distance <= worst).length;
      }
      expect(hits).toBeGreaterThanOrEqual(before);
      before = hits;
    }
    expect(before).toBe(600);
  });

  test.each(["Euclid", "Cosine", "Dot"] as const)("codes find what floats find: %s", async (metric) => {
    const dimensions = 50;
    const count = 3000;
    const vectors = clusteredVectors(count + 80, dimensions, metric, 33);
    const own = vectors.slice(0, count * dimensions);
    const build = { calibrate: false };
    const coded = await make(family, own, { dimensions, metric }, { encoding: "int8" }, build);
    const plain = await make(family, own, { dimensions, metric }, { encoding: "float32" }, build);
    expect(coded.memoryBytes() - plain.memoryBytes()).toBe(count * 64);
    const scan = new FlatIndex(plain.store);
    const half = bitsOf(count, (ordinal) => ordinal % 2 === 0);
    for (const bits of [undefined, half]) {
      let same = 0;
      for (let i = 0; i < 80; i++) {
        const query = vectors.slice((count + i) * dimensions, (count + i + 1) * dimensions);
        const request = { query, k: 10, effort: 400, bits };
        const found = coded.search(request);
        const expected = plain.search(request);
        expect(found.distances).toEqual(scan.distances(query, found.ordinals));
        for (const ordinal of found.ordinals) if (bits) expect(ordinal % 2).toBe(0);
        same += found.ordinals.filter((ordinal) => expected.ordinals.includes(ordinal)).length;
      }
      expect(same).toBeGreaterThan(780);
    }
  });

  test("refuses codes for Manhattan", async () => {
    const vectors = clusteredVectors(20, 4, "Manhattan", 35);
    await expect(
      make(family, vectors, { dimensions: 4, metric: "Manhattan" }, { encoding: "int8" }),
    ).rejects.toMatchObject({ code: "BAD_REQUEST", details: { field: "encoding" } });
    expect(() => familyNamed(family).parameters({ encoding: "pq" })).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", details: { field: "encoding" } }),
    );
  });

  test("every ball holds its vectors, withheld ones too, on a worker as on this thread", async () => {
    const dimensions = 30;
    const vectors = clusteredVectors(4000, dimensions, "Euclid", 25);
    const options = { dimensions, metric: "Euclid" } as const;
    const index = await make(family, vectors, { ...options, kernels: "shared" });
    expect(index.calibration?.queries).toBe(160);
    checkBalls(index, vectors);
    const inline = await make(family, vectors, { ...options, kernels: "unshared" });
    expect(throughFile(inline.save()).sections).toEqual(throughFile(index.save()).sections);
    expect(inline.calibration).toEqual(index.calibration);
  });

  test.each(["Cosine", "Dot", "Manhattan"] as const)("keeps its promise: %s", async (metric) => {
    const dimensions = 16;
    const count = 16_000;
    const asked = 1500;
    const all = clusteredVectors(count + asked, dimensions, metric, 27);
    const index = await make(family, all.slice(0, count * dimensions), { dimensions, metric });
    const scan = new FlatIndex(index.store);
    for (const [k, selectivity] of [
      [1, 1],
      [10, 1],
      [100, 1],
      [10, 0.1],
    ]) {
      const bits = selectivity < 1 ? bitsOf(count, (ordinal) => (ordinal * 7) % 10 === 0) : undefined;
      for (const recall of [0.8, 0.95]) {
        const effort = effortFor(index.calibration!, { recall, k, selectivity })!;
        const shares = Array.from({ length: asked }, (_, i) => {
          const query = all.slice((count + i) * dimensions, (count + i + 1) * dimensions);
          const worst = scan.search({ query, k, bits }).distances[k - 1];
          const { distances } = index.search({ query, k, effort, bits });
          return distances.filter((distance) => distance <= worst).length / k;
        });
        const mean = shares.reduce((a, b) => a + b) / asked;
        // What 1,500 queries can tell: two standard errors.
        const unsure = (2 * Math.sqrt(shares.reduce((sum, x) => sum + (x - mean) ** 2, 0))) / asked;
        const where = `k ${k}, selectivity ${selectivity}, asked ${recall}, effort ${effort}`;
        expect(mean + unsure, where).toBeGreaterThan(recall - 0.01);
        expect(effort, where).toBeLessThan(count);
      }
    }
  });

  test("names what is damaged", async () => {
    const vectors = clusteredVectors(500, 8, "Euclid", 29);
    const options = { dimensions: 8, metric: "Euclid" } as const;
    const index = await make(family, vectors, options, { leafSize: 10 });
    const { store } = index;
    const good = throughFile(index.save());
    const before = store.arena.reservedBytes;
    const refused = (saved: LoadedIndex) =>
      expect(familyNamed(family).load(store, saved)).rejects.toMatchObject({ code: "CORRUPTION" });
    const metas = [{ format: 9 }, { count: 499 }, { dimensions: 9 }, { metric: "Dot" }, { nodeCount: -1 }];
    const odd = [
      { nodeCount: 1e9 },
      { nodeCount: 2 },
      { rule: {} },
      { rule: null },
      { calibration: 5 },
      { encoding: 8 },
    ];
    for (const meta of [...metas, ...odd]) await refused({ ...good, meta: { ...good.meta, ...meta } });
    const changed = (name: string, word: number, value: number) => {
      const bytes = good.sections.get(name)!.slice();
      new Uint32Array(bytes.buffer)[word] = value;
      return {
        ...good,
        readInto: async (asked: string, target: Uint8Array) =>
          target.set(asked === name ? bytes : good.sections.get(asked)!),
      } as LoadedIndex;
    };
    const NAN = 0x7fc00000;
    for (const [word, value] of [
      [START, 1],
      [LENGTH, 1000],
      [FIRST, 0],
      [FIRST, 7],
      [CHILDREN, 0xffffffff],
      [CHILDREN, 1],
      [RADIUS, NAN],
      [NODE_WORDS + START, 3],
      [NODE_WORDS + LENGTH, 0xffffffff],
    ])
      await refused(changed("nodes", word, value));
    await refused(changed("order", 3, 500));
    await refused(changed("order", 3, new Uint32Array(good.sections.get("order")!.buffer)[4]));
    await refused({ ...good, length: (name) => good.length(name) - (name === "pivots" ? 4 : 0) });
    expect(store.arena.reservedBytes).toBe(before);
  });

  test.each([
    [{ leafSize: 1 }, "leafSize"],
    [{ leaf_size: 2.5 }, "leaf_size"],
    [{ leafSize: "40" }, "leafSize"],
    [{ ef: 40 }, "ef"],
  ])("refuses parameters %o", (given, field) => {
    expect(() => familyNamed(family).parameters(given)).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", details: expect.objectContaining({ field }) }),
    );
  });

  test("takes parameters by either name, and none", () => {
    expect(familyNamed(family).parameters({ leaf_size: 50 })).toMatchObject({ leafSize: 50 });
    expect(familyNamed(family).parameters(undefined)).toEqual(familyNamed(family).parameters({}));
  });
});

test.each([
  { branching: 1 },
  { branching: 2000 },
  { iterations: 0 },
  { boundaryFactor: -0.1 },
  { boundary_factor: Number.NaN },
])("kmeans-tree refuses %o", (given) => {
  expect(() => familyNamed("kmeans-tree").parameters(given)).toThrow(
    expect.objectContaining({
      code: "BAD_REQUEST",
      details: expect.objectContaining({ field: Object.keys(given)[0] }),
    }),
  );
});

test("selection brings the least to the front", () => {
  const random = seededRandom(31);
  for (let round = 0; round < 500; round++) {
    const length = 1 + Math.floor(random() * 40);
    const keys = Float32Array.from({ length }, () => Math.floor(random() * 12) - 6);
    const before = keys.slice();
    const values = Uint32Array.from(keys.keys());
    const wanted = Math.floor(random() * (length + 1));
    selectFirst(keys, values, wanted);
    expect([...values].sort((a, b) => a - b)).toEqual([...before.keys()]);
    values.forEach((value, i) => {
      expect(keys[i]).toBe(before[value]);
    });
    expect(keys.slice(0, wanted).sort()).toEqual(before.slice().sort().slice(0, wanted));
  }
});

/** The order is a permutation, and each row lies in all balls above it. */
function checkBalls(index: TreeIndex, vectors: Float32Array): void {
  const { layout, store } = index;
  const { dimensions } = store;
  const { u32, f32 } = store.arena;
  const order = u32.slice(layout.order >>> 2, (layout.order >>> 2) + layout.count);
  expect([...order].sort((a, b) => a - b)).toEqual([...order.keys()]);
  let checked = 0;
  const visit = (node: number) => {
    const at = (layout.nodes >>> 2) + node * NODE_WORDS;
    const pivot = f32.subarray((layout.pivots >>> 2) + node * dimensions).subarray(0, dimensions);
    for (let i = u32[at + START]; i < u32[at + START] + u32[at + LENGTH]; i++) {
      const row = vectors.subarray(order[i] * dimensions, (order[i] + 1) * dimensions);
      const distance = Math.hypot(...row.map((x, j) => x - pivot[j]));
      expect(distance).toBeLessThanOrEqual(f32[at + RADIUS] * 1.00001);
      expect(Math.hypot(...row)).toBeLessThanOrEqual(f32[at + REACH] * 1.00001);
      checked++;
    }
    for (let i = 0; i < u32[at + CHILDREN]; i++) visit(u32[at + FIRST] + i);
  };
  visit(0);
  expect(checked).toBeGreaterThan(2 * layout.count);
}
