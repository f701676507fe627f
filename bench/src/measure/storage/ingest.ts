/** Durable ingestion: rows in batches, each acknowledged before the next; stores take turns, round by round. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataSet } from "../../data/layout.js";
import type { Store } from "../../engines/stores.js";
import { clock, type Elapsed, median } from "../stats.js";

const batch = 500;
const colours = ["red", "green", "blue"];

export interface IngestResult extends Elapsed {
  name: string;
  version: string;
  promise: string;
  /** Until the last acknowledgement; medians of the rounds stand in `wallSeconds` and `cpuSeconds`. */
  rounds: Elapsed[];
}

export async function measureIngest(set: DataSet, stores: Store[], rounds: number): Promise<IngestResult[]> {
  const measured = stores.map((): Elapsed[] => []);
  for (let round = 0; round < rounds; round += 1)
    for (const [i, store] of stores.entries()) measured[i].push(await fill(set, store));
  return stores.map(({ name, version, promise }, i) => ({
    name,
    version,
    promise,
    wallSeconds: median(measured[i].map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(measured[i].map(({ cpuSeconds }) => cpuSeconds)),
    rounds: measured[i],
  }));
}

async function fill({ base, meta }: DataSet, store: Store): Promise<Elapsed> {
  const { count, dimensions } = meta;
  const folder = mkdtempSync(join(tmpdir(), "bench-ingest-"));
  try {
    const open = await store.create(folder, dimensions);
    const elapsed = clock();
    for (let first = 0; first < count; first += batch) {
      const rows = Array.from({ length: Math.min(batch, count - first) }, (_, i) => {
        const id = first + i;
        return { id, vector: base.slice(id * dimensions, (id + 1) * dimensions), colour: colours[id % 3] };
      });
      await open.add(rows);
    }
    const used = elapsed();
    await open.close();
    return used;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
