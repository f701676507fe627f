/** Vicinal through its public interface: a database in memory, one collection. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Database, open } from "vicinal";
import { type BuildInput, type BuildParameters, batchRows, type Engine } from "./engine.js";

const collection = "bench";

interface Hits {
  points: { id: number | bigint | string }[];
}

export function vicinal(): Engine<Float32Array, Hits> {
  let database: Database;
  let params: { hnsw_ef: number } | { effort: number } | { recall: number };
  return {
    name: "vicinal",
    version: vicinalVersion(),
    notes: [],
    takesRecall: true,
    async build(input, parameters, report) {
      database = await open(":memory:");
      await fill(database, input, parameters, report);
      await database.waitForIndex(collection, { everything: true });
    },
    setEffort: (effort) => {
      params = "ef" in effort ? { hnsw_ef: effort.ef } : effort;
    },
    prepare: (query) => query.slice(),
    search: (query, k) => database.query(collection, { query, limit: k, params }),
    ids: (hits) => hits.points.map(({ id }) => Number(id)),
    close: () => database.close(),
  };
}

/** Makes the collection and stores all vectors, their ids being row numbers, in batches that are awaited. */
export async function fill(
  database: Database,
  { base, count, dimensions, metric }: BuildInput,
  { m, efConstruct }: BuildParameters,
  report: (done: number, total: number) => void,
): Promise<void> {
  await database.createCollection(collection, {
    vectors: { size: dimensions, distance: metric },
    hnsw_config: { m, ef_construct: efConstruct },
  });
  for (let row = 0; row < count; row += batchRows) {
    const points = Array.from({ length: Math.min(batchRows, count - row) }, (_, i) => ({
      id: row + i,
      vector: base.subarray((row + i) * dimensions, (row + i + 1) * dimensions),
    }));
    await database.upsert(collection, { wait: true, points });
    report(row + points.length, count);
  }
}

export { collection as vicinalCollection };

export function vicinalVersion(): string {
  return JSON.parse(readFileSync(createRequire(import.meta.url).resolve("vicinal/package.json"), "utf8"))
    .version;
}
