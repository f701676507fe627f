/** zvec: an in-process vector database in C++ (Alibaba) behind a Node addon. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batchRows, type Engine } from "./engine.js";
import { loadPeer } from "./peers.js";

interface Collection {
  insertSync(documents: { id: string; vectors: { v: Float32Array } }[]): { ok?: boolean }[];
  optimizeSync(options?: { concurrency?: number }): void;
  querySync(query: {
    fieldName: string;
    vector: Float32Array;
    topk: number;
    outputFields: string[];
    params: { indexType: number; ef: number };
  }): { id: string }[];
  destroySync(): void;
}

interface Module {
  ZVecInitialize(options: { queryThreads: number; optimizeThreads: number; logLevel: number }): void;
  ZVecCollectionSchema: new (schema: object) => object;
  ZVecCreateAndOpen(path: string, schema: object): Collection;
  ZVecDataType: { VECTOR_FP32: number };
  ZVecIndexType: { HNSW: number };
  ZVecMetricType: { L2: number; COSINE: number };
  ZVecLogLevel: { ERROR: number };
}

let initialized = false;

export function zvec(): Engine<Float32Array, { id: string }[]> {
  const { module, version } = loadPeer<Module>("@zvec/zvec");
  if (!initialized) {
    // Once per process, and before any collection.
    module.ZVecInitialize({ queryThreads: 1, optimizeThreads: 1, logLevel: module.ZVecLogLevel.ERROR });
    initialized = true;
  }
  const folder = mkdtempSync(join(tmpdir(), "bench-zvec-"));
  const indexType = module.ZVecIndexType.HNSW;
  let collection: Collection;
  let ef = 64;
  return {
    name: "zvec",
    version,
    notes: ["a database with a log on disk: its build time holds the writing of its files"],
    takesRecall: false,
    async build({ base, count, dimensions, metric }, { m, efConstruct }, report) {
      const schema = new module.ZVecCollectionSchema({
        name: "bench",
        vectors: {
          name: "v",
          dataType: module.ZVecDataType.VECTOR_FP32,
          dimension: dimensions,
          indexParams: {
            indexType,
            metricType: metric === "Cosine" ? module.ZVecMetricType.COSINE : module.ZVecMetricType.L2,
            m,
            efConstruction: efConstruct,
          },
        },
      });
      collection = module.ZVecCreateAndOpen(join(folder, "collection"), schema);
      for (let row = 0; row < count; row += batchRows) {
        const end = Math.min(count, row + batchRows);
        collection.insertSync(
          Array.from({ length: end - row }, (_, i) => ({
            id: String(row + i),
            vectors: { v: base.slice((row + i) * dimensions, (row + i + 1) * dimensions) },
          })),
        );
        report(end / 2, count);
      }
      collection.optimizeSync({ concurrency: 1 });
    },
    setEffort: (effort) => {
      if ("ef" in effort) ef = effort.ef;
    },
    prepare: (query) => query.slice(),
    search: (query, k) =>
      collection.querySync({
        fieldName: "v",
        vector: query,
        topk: k,
        outputFields: [],
        params: { indexType, ef },
      }),
    ids: (hits) => hits.map((hit) => Number(hit.id)),
    close: () => {
      collection.destroySync();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
