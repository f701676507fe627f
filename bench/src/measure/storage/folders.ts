/** Folders of filled stores, kept beside their data set, since filling them takes minutes. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dataFolder } from "../../data/layout.js";
import { type KeptStore, keptStore } from "../../engines/kept.js";
import { machine } from "../../report/machine.js";
import type { Elapsed } from "../stats.js";
import { inProcess } from "./tasks.js";

export interface Filled {
  key: string;
  store: KeptStore;
  folder: string;
  built: Elapsed & { version: string; commit: string };
}

/** @param anew Whether to fill those again that are there. */
export async function filledStore(key: string, data: string, anew: boolean): Promise<Filled> {
  const store = await keptStore(key);
  const place = join(dataFolder, data, "stores", key);
  const folder = join(place, "store");
  const note = join(place, "built.json");
  if (anew || !existsSync(note)) {
    rmSync(place, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const elapsed = await inProcess("build", { store: key, folder, data });
    const built = { ...elapsed, version: store.version, commit: machine().commit };
    writeFileSync(note, JSON.stringify(built));
    console.log(`${store.name}: filled in ${elapsed.wallSeconds.toFixed(1)} s`);
  }
  return { key, store, folder, built: JSON.parse(readFileSync(note, "utf8")) };
}
