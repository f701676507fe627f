/** IVF's own promises: encodings, bounds, balanced lists, calibration, parameters, damaged files, threads. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { effortFor } from "../calibration.js";
import type { LoadedIndex, Metric } from "../contract.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import { VectorStore } from "../vector-store.js";
import { IvfIndex, ivf } from "./index.js";

afterAll(endIdleWorkers);

interface Wish {
  count?: number;
  dimensions?: number;
  metric?: Metric;
  parameters?: Record<string, unknown>;
  kernels?: "shared" | "unshared";
  calibrate?: boolean;
  seed?: number;
}

async function built(wish: Wish) {
  const { count = 2000, dimensions = 48, metric = "Euclid", seed = 7 } = wish;
  // The last 100 are queries, from the same clusters.
  const all = clusteredVectors(count + 100, dimensions, metric, seed);
  const vectors = all.slice(0, count * dimensions);
  const queries = all.slice(count * dimensions);
  const store = await filledStore(vectors, { dimensions, metric, kernels: wish.kernels });
  const index = await ivf.build(store, ivf.parameters(wish.parameters ?? {}), {
    calibrate: wish.calibrate ?? false,
  });
  return { store, queries, vectors, index: index as IvfIndex };
}

/** Mean recall@k, where a hit as near as the k-th counts. */
function recall(index: IvfIndex, queries: Float32Array, effort: number, k = 10, bits?: Uint32Array): number {
  const { dimensions } = index.store;
  const scan = new FlatIndex(index.store);
  let hits = 0;
  let wanted = 0;
  for (let at = 0; at < queries.length; at += dimensions) {
    const query = queries.subarray(at, at + dimensions);
    const truth = scan.search({ query, k, bits }).distances;
    const worst = truth.at(-1) as number;
    wanted += truth.length;
    hits += index.search({ query, k, effort, bits }).distances.filter((distance) => distance <= worst).length;
  }
  return hits / wanted;
}

describe.each(["rabitq", "pq4", "sq8", "float32"])("encoding %s", (encoding) => {
  const cases: [Metric, number][] = [
    ["Euclid", 1],
    ["Euclid", 3],
    ["Euclid", 100],
    ["Cosine", 100],
    ["Dot", 100],
    ["Euclid", 784],
    ["Cosine", 2048],
  ];
  test.each(cases)(
    "with every list read the bounds lose hardly anything: %s, %i",
    async (metric, dimensions) => {
      const count = dimensions > 500 ? 600 : 2000;
      const { store, queries, index } = await built({ count, dimensions, metric, parameters: { encoding } });
      for (const k of [1, 10, 100]) {
        const got = recall(index, queries, index.layout.lists, k);
        expect(got, `k ${k}`).toBeGreaterThan(k === 1 ? 0.97 : 0.985);
        if (encoding === "float32") expect(got).toBe(1);
      }
      store.close();
    },
  );

  test("codes save most of the float distances", async () => {
    const { store, queries, index } = await built({ count: 5000, dimensions: 64, parameters: { encoding } });
    index.search({ query: queries.subarray(0, 64), k: 10, effort: index.layout.lists });
    if (encoding === "float32") expect(index.refined).toBe(5000);
    else expect(index.refined).toBeLessThan(1000);
    store.close();
  });

  test("reads on until there are k, and no list twice", async () => {
    const { store, queries, index } = await built({ count: 3000, parameters: { encoding } });
    const query = queries.subarray(0, 48);
    for (const k of [200, 1500, 3000]) {
      const { ordinals, distances, exhausted, stats } = index.search({ query, k, effort: 1 });
      expect(new Set(ordinals).size).toBe(k);
      expect(distances).toEqual(new FlatIndex(store).distances(query, ordinals));
      expect(stats.visited).toBeLessThanOrEqual(index.layout.lists);
      if (k === 3000) expect(exhausted).toBe(true);
    }
    const few = bitsOf(3000, (ordinal) => ordinal % 1000 === 7);
    expect([...index.search({ query, k: 10, effort: 1, bits: few }).ordinals].sort((a, b) => a - b)).toEqual([
      7, 1007, 2007,
    ]);
    store.close();
  });

  test("the recall that was measured holds for other queries, also under filters", async () => {
    const { store, queries, index } = await built({
      count: 6000,
      dimensions: 32,
      calibrate: true,
      parameters: { encoding },
    });
    const { calibration } = index;
    if (!calibration) throw new Error("6,000 vectors are measured");
    for (const wanted of [0.8, 0.9, 0.95, 0.98]) {
      for (const k of [1, 10, 100]) {
        const effort = effortFor(calibration, { recall: wanted, k }) as number;
        expect(recall(index, queries, effort, k), `k ${k}, asked ${wanted}`).toBeGreaterThan(wanted - 0.03);
      }
    }
    const bits = bitsOf(6000, (ordinal) => (ordinal * 7919) % 10 === 0);
    const effort = effortFor(calibration, { recall: 0.9, k: 10, selectivity: 0.1 }) as number;
    expect(recall(index, queries, effort, 10, bits)).toBeGreaterThan(0.87);
    store.close();
  });
});

test("the lower bound of a RaBitQ estimate holds at its rate", async () => {
  // Without a bound (epsilon 0) a search loses what each estimate overrates; with a wide one nothing at all.
  const lost = async (epsilon: number) => {
    const { store, queries, index } = await built({ count: 3000, dimensions: 96, parameters: { epsilon } });
    const got = recall(index, queries, index.layout.lists);
    store.close();
    return 1 - got;
  };
  expect(await lost(0)).toBeGreaterThan(0.02);
  expect(await lost(1.9)).toBeLessThan(0.005);
  expect(await lost(4)).toBeLessThan(0.0005);
});

test("another thread's view of the index finds the same", async () => {
  const { store, queries, index } = await built({ count: 2500 });
  const lent = store.lend();
  const handle = index.lend();
  const twin = new IvfIndex(VectorStore.attach(lent), handle.layout, index.parameters, handle.slot);
  for (let at = 0; at < queries.length; at += 48) {
    const request = { query: queries.subarray(at, at + 48), k: 10, effort: 5 };
    expect(twin.search(request)).toEqual(index.search(request));
  }
  const before = store.arena.reservedBytes;
  index.takeBack(handle);
  store.takeBack(lent);
  expect(store.arena.reservedBytes).toBeLessThan(before);
  store.close();
});

test("large lists are split, identical vectors are left together", async () => {
  const dimensions = 24;
  const vectors = clusteredVectors(4000, dimensions, "Euclid", 3);
  // Half of all vectors lie very near each other.
  for (let i = 0; i < 2000 * dimensions; i++) vectors[i] = 0.3 + 0.01 * vectors[i];
  const store = await filledStore(vectors, { dimensions, metric: "Euclid" });
  const index = (await ivf.build(store, ivf.parameters({ lists: 100 }), { calibrate: false })) as IvfIndex;
  const { sizes, lists } = index.layout;
  const largest = Math.max(...store.arena.u32.subarray(sizes >>> 2, (sizes >>> 2) + lists));
  expect(lists).toBeGreaterThan(100);
  expect(lists).toBeLessThanOrEqual(200);
  expect(largest).toBeLessThan(400);
  store.close();
});

test("without shared memory the build runs in slices and gives the same lists", async () => {
  const shared = await built({ count: 3000, kernels: "shared", calibrate: true });
  const alone = await built({ count: 3000, kernels: "unshared", calibrate: true });
  expect(alone.store.shared).toBe(false);
  const sections = (index: IvfIndex) => throughFile(index.save()).sections;
  expect(sections(alone.index)).toEqual(sections(shared.index));
  expect(alone.index.calibration).toEqual(shared.index.calibration);
  shared.store.close();
  alone.store.close();
});

test.each([
  [{ lists: 0 }, "lists"],
  [{ lists: 1.5 }, "lists"],
  [{ iterations: 0 }, "iterations"],
  [{ epsilon: -1 }, "epsilon"],
  [{ epsilon: Number.NaN }, "epsilon"],
  [{ encoding: "zip" }, "encoding"],
  [{ nlist: 5 }, "nlist"],
])("bad parameters are named: %j", (given, field) => {
  expect(() => ivf.parameters(given)).toThrow(
    expect.objectContaining({ code: "BAD_REQUEST", details: expect.objectContaining({ field }) }),
  );
});

test("a code that cannot serve the metric is refused before anything changes", async () => {
  const store = await filledStore(clusteredVectors(100, 20, "Manhattan", 1), {
    dimensions: 20,
    metric: "Manhattan",
  });
  const before = store.arena.reservedBytes;
  await expect(ivf.build(store, ivf.parameters({ encoding: "sq8" }), {})).rejects.toMatchObject({
    code: "BAD_REQUEST",
    details: { field: "encoding" },
  });
  expect(store.arena.reservedBytes).toBe(before);
  store.close();
});

describe("a damaged file", () => {
  const damage: [string, (saved: LoadedIndex & { sections: Map<string, Uint8Array> }) => void][] = [
    [
      "format",
      (saved) => {
        saved.meta.format = 99;
      },
    ],
    [
      "count",
      (saved) => {
        saved.meta.count = 1999;
      },
    ],
    [
      "encoding",
      (saved) => {
        saved.meta.encoding = "zip";
      },
    ],
    [
      "lists",
      (saved) => {
        saved.meta.lists = -1;
      },
    ],
    [
      "epsilon",
      (saved) => {
        saved.meta.epsilon = "x";
      },
    ],
    [
      "calibration",
      (saved) => {
        saved.meta.calibration = { queries: 1, curves: [{}] };
      },
    ],
    [
      "sections",
      (saved) => {
        saved.sections.set("blocks", new Uint8Array(8));
      },
    ],
    [
      "sizes",
      (saved) => {
        words(saved, "sizes")[0] += 1;
      },
    ],
    [
      "a name out of range",
      (saved) => {
        words(saved, "ids")[0] = 2000;
      },
    ],
    [
      "a name twice",
      (saved) => {
        words(saved, "ids")[0] = words(saved, "ids")[1];
      },
    ],
  ];
  const words = (saved: { sections: Map<string, Uint8Array> }, name: string) =>
    new Uint32Array((saved.sections.get(name) as Uint8Array).buffer);
  test.each(damage)("is refused: %s", async (_name, change) => {
    const { store, index } = await built({});
    const saved = throughFile(index.save());
    change(saved);
    const before = store.arena.reservedBytes;
    await expect(ivf.load(store, saved)).rejects.toMatchObject({ code: "CORRUPTION" });
    expect(store.arena.reservedBytes).toBe(before);
    store.close();
  });
});
