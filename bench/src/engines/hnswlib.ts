/** hnswlib-node: the C++ library hnswlib behind a Node addon. */
import { batchRows, type Engine } from "./engine.js";
import { loadPeer } from "./peers.js";

interface HierarchicalNSW {
  initIndex(options: { maxElements: number; m: number; efConstruction: number; randomSeed: number }): void;
  addPoint(point: number[], label: number): void;
  searchKnn(query: number[], k: number): { neighbors: number[]; distances: number[] };
  setEf(ef: number): void;
}

interface Module {
  HierarchicalNSW: new (space: "l2" | "cosine", dimensions: number) => HierarchicalNSW;
}

export function hnswlib(): Engine<number[], { neighbors: number[] }> {
  const { module, version } = loadPeer<Module>("hnswlib-node");
  let index: HierarchicalNSW;
  return {
    name: "hnswlib-node",
    version,
    notes: ["its install compiles for any x86-64 processor: SSE, no AVX"],
    takesRecall: false,
    async build({ base, count, dimensions, metric }, { m, efConstruct }, report) {
      index = new module.HierarchicalNSW(metric === "Cosine" ? "cosine" : "l2", dimensions);
      index.initIndex({ maxElements: count, m, efConstruction: efConstruct, randomSeed: 100 });
      for (let row = 0; row < count; row += 1) {
        index.addPoint(Array.from(base.subarray(row * dimensions, (row + 1) * dimensions)), row);
        if (row % batchRows === 0) report(row, count);
      }
    },
    setEffort: (effort) => {
      if ("ef" in effort) index.setEf(effort.ef);
    },
    prepare: (query) => Array.from(query),
    search: (query, k) => index.searchKnn(query, k),
    ids: (hits) => hits.neighbors,
    close: () => {},
  };
}
