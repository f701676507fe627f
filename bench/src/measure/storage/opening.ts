/**
 * Opening: from nothing to the first answer, each time in a process of its own, beside reading the store's files. Stores and
 * readings take turns, round by round. The system has the files in its memory: what is measured is the work, not the disk.
 */
import { type Elapsed, median } from "../stats.js";
import type { Filled } from "./folders.js";
import { inProcess } from "./tasks.js";

export interface OpeningResult extends Elapsed {
  name: string;
  version: string;
  /** How it is opened; `files, ...`: every byte is read once, brought to a checksum, and left in memory of its own. */
  mode: string;
  rounds: Elapsed[];
}

export async function measureOpening(
  stores: readonly Filled[],
  data: string,
  rounds: number,
): Promise<OpeningResult[]> {
  const turns = stores.flatMap(({ key, folder, store }) => {
    const openings = store.modes.map((mode) => ({
      mode,
      run: () => inProcess("first", { store: key, folder, data, mode }),
    }));
    const readings = [
      { mode: "files, read", run: () => inProcess("read", { store: key, folder }) },
      { mode: "files, checked", run: () => inProcess("check", { store: key, folder }) },
      { mode: "files, checked and kept", run: () => inProcess("keep", { store: key, folder }) },
    ];
    return [...openings, ...readings].map((turn) => ({ store, ...turn, measured: [] as Elapsed[] }));
  });
  // The first round brings the files into the system's memory, and does not count.
  for (let round = -1; round < rounds; round += 1)
    for (const { run, measured } of turns) {
      const elapsed = await run();
      if (round >= 0) measured.push(elapsed);
    }
  return turns.map(({ store: { name, version }, mode, measured }) => ({
    name,
    version,
    mode,
    wallSeconds: median(measured.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(measured.map(({ cpuSeconds }) => cpuSeconds)),
    rounds: measured,
  }));
}
