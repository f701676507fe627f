/** NSG's own promises: its neighbour graph, parameters, one graph whatever the memory. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import type { Metric } from "../contract.js";
import { clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import type { GraphJob } from "../graph/build-steps.js";
import {
  allocateGraph,
  allocateSlot,
  encodeVectors,
  type GraphShape,
  NO_NODE,
  openGraph,
} from "../graph/graph-memory.js";
import { SAMPLE } from "./defaults.js";
import { nsg } from "./index.js";
import { linkNeighbors } from "./neighbor-graph.js";

afterAll(endIdleWorkers);

const COUNT = 1500;
const K = 32;

test.each<[Metric, GraphShape["encoding"], number]>([
  ["Euclid", "int8", 0.93],
  ["Cosine", "int8", 0.93],
  ["Euclid", "float32", 0.95],
  ["Manhattan", "float32", 0.95],
])("neighbours of %s on %s are nearly the exact ones", async (metric, encoding, least) => {
  const dimensions = 24;
  const store = await filledStore(clusteredVectors(COUNT, dimensions, metric, 8), { dimensions, metric });
  const { arena, kernels } = store;
  const layout = allocateGraph(store, {
    ...{ dimensions, metric, encoding, count: COUNT },
    ...{ slots: K, upperSlots: 0, upperBlocks: 0, entryCount: 1 },
  });
  kernels.meanOf(store.rows, dimensions, COUNT, 1, arena.allocate(dimensions * 8), layout.mean);
  encodeVectors(store, layout, 0, COUNT);
  openGraph(store, layout, NO_NODE, -1);
  const order = arena.allocate(COUNT * 4);
  for (let i = 0; i < COUNT; i++) arena.u32[(order >>> 2) + i] = i;
  const job = { layout, slot: allocateSlot(store, layout, 64), order, bodyCount: COUNT, seed: 1 };
  const work = {
    neighbors: K,
    head: arena.allocate(kernels.nnBytes()),
    lists: arena.allocate(COUNT * K * 8),
    samples: arena.allocate(COUNT * kernels.nnSampleBytes(SAMPLE)),
  };
  const shares = [...linkNeighbors(store, job as GraphJob<unknown>, work, layout)];
  expect(Math.max(...shares)).toBeLessThanOrEqual(1);
  const scan = new FlatIndex(store);
  let found = 0;
  for (let node = 0; node < COUNT; node++) {
    const { ordinals } = scan.search({ query: store.get(node), k: K + 1 });
    const truth = new Set(ordinals);
    const start = (layout.links >>> 2) + node * K;
    for (const other of arena.u32.subarray(start, start + K)) {
      expect(other).not.toBe(node);
      if (truth.has(other)) found++;
    }
  }
  expect(found / (COUNT * K)).toBeGreaterThan(least);
  store.close();
});

describe("parameters", () => {
  test("have defaults and other names", () => {
    const defaults = { degree: 32, neighbors: 64, searchListSize: 100, candidates: 500, encoding: "auto" };
    expect(nsg.parameters(undefined)).toEqual(defaults);
    expect(nsg.parameters({ search_list_size: 60 })).toEqual({ ...defaults, searchListSize: 60 });
  });

  test.each([{ degree: 3 }, { neighbors: 257 }, { searchListSize: 0 }, { candidates: 5000 }, { K: 4 }])(
    "are checked: %o",
    (given) => {
      const [field] = Object.keys(given);
      expect(() => nsg.parameters(given)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
      expect(() => nsg.parameters(given)).toThrow(field);
    },
  );
});

test("without shared memory the build runs in slices and gives the same graph", async () => {
  const vectors = clusteredVectors(2600, 40, "Cosine", 4);
  const saved = [];
  for (const kernels of ["shared", "unshared"] as const) {
    const store = await filledStore(vectors, { dimensions: 40, metric: "Cosine", kernels });
    const index = await nsg.build(store, nsg.parameters({}), {});
    saved.push(throughFile(index.save()));
    store.close();
  }
  expect(saved[1].sections).toEqual(saved[0].sections);
  expect(saved[1].meta).toEqual(saved[0].meta);
});
