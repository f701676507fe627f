/** Memory: what a process has above one that runs nothing, once it has answered queries at recall 0.95, and has rested. */
import type { MemoryTree } from "vicinal";
import { median } from "../stats.js";
import type { Filled } from "./folders.js";
import { bareBytes, inProcess } from "./tasks.js";

export interface MemoryResult {
  name: string;
  version: string;
  index: string;
  /** Resident bytes of the process, less those of a bare runtime; the median of the rounds. */
  aboveBytes: number;
  rounds: number[];
  /** Of the 10 nearest, over 200 queries that are not in the index, at this effort. */
  recall: number;
  effort: number;
  cpuMsPerQuery: number;
  /** Where the store says that it goes. */
  tree?: MemoryTree;
}

export async function measureMemory(
  stores: readonly Filled[],
  data: string,
  rounds: number,
): Promise<MemoryResult[]> {
  const bare = stores.map((): number[] => []);
  const held = stores.map((): Awaited<ReturnType<typeof inProcess<"hold">>>[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, { key, folder, store }] of stores.entries()) {
      bare[i].push(await bareBytes(key));
      held[i].push(await inProcess("hold", { store: key, folder, data, mode: store.modes[0] }));
    }
  }
  return stores.map(({ store: { name, version, index } }, i) => {
    const above = held[i].map(({ resident }) => resident - median(bare[i]));
    const [{ recall, effort, tree }] = held[i];
    const cpuMsPerQuery = median(held[i].map((one) => one.cpuMsPerQuery));
    return {
      name,
      version,
      index,
      aboveBytes: median(above),
      rounds: above,
      recall,
      effort,
      cpuMsPerQuery,
      tree,
    };
  });
}
