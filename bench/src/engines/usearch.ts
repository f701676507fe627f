/** usearch: a C++ library with its own SIMD kernels behind a Node addon. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batchRows, type Engine } from "./engine.js";
import { loadPeer } from "./peers.js";

interface Index {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
  search(query: Float32Array, k: number, threads: number): { keys: BigUint64Array };
  save(path: string): void;
  load(path: string): void;
}

interface Configuration {
  dimensions: number;
  metric: "cos" | "l2sq";
  quantization: "f32";
  connectivity: number;
  expansion_add: number;
  expansion_search: number;
  multi: boolean;
}

interface Module {
  Index: new (configuration: Configuration) => Index;
}

export function usearch(): Engine<Float32Array, { keys: BigUint64Array }> {
  const { module, version } = loadPeer<Module>("usearch");
  const folder = mkdtempSync(join(tmpdir(), "bench-usearch-"));
  const path = join(folder, "index.usearch");
  let configuration: Configuration;
  let index: Index;
  return {
    name: "usearch",
    version,
    notes: [
      "the effort is fixed when an index object is made: for each effort the saved index is loaded anew",
    ],
    takesRecall: false,
    async build({ base, count, dimensions, metric }, { m, efConstruct }, report) {
      configuration = {
        dimensions,
        metric: metric === "Cosine" ? "cos" : "l2sq",
        quantization: "f32",
        connectivity: m,
        expansion_add: efConstruct,
        expansion_search: 64,
        multi: false,
      };
      index = new module.Index(configuration);
      for (let row = 0; row < count; row += batchRows) {
        const end = Math.min(count, row + batchRows);
        const keys = BigUint64Array.from({ length: end - row }, (_, i) => BigInt(row + i));
        // Its addon reads a typed array from the start of its buffer: a subarray must be copied.
        index.add(keys, base.slice(row * dimensions, end * dimensions), 1);
        report(end, count);
      }
      index.save(path);
    },
    setEffort: (effort) => {
      if (!("ef" in effort)) return;
      index = new module.Index({ ...configuration, expansion_search: effort.ef });
      index.load(path);
    },
    prepare: (query) => query.slice(),
    search: (query, k) => index.search(query, k, 1),
    ids: (hits) => Array.from(hits.keys, Number),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
