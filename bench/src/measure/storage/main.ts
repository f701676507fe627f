/**
 * `npm run storage -w bench`: what storing costs: ingesting, opening, memory and disk. Results: text on the terminal,
 * `bench/results/storage-ingest.json` and `bench/results/storage-<points>.json` with its picture.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readDataSet, readHeldOut } from "../../data/layout.js";
import { keptStoreNames } from "../../engines/kept.js";
import { lanceStore, vicinalStore, zvecStore } from "../../engines/stores.js";
import { machine } from "../../report/machine.js";
import { measureDisk } from "./disk.js";
import { type Filled, filledStore } from "./folders.js";
import { measureIngest } from "./ingest.js";
import { measureMemory } from "./memory.js";
import { measureOpening } from "./opening.js";
import { picture, printed, type StorageReport } from "./report.js";

const kinds = ["ingest", "opening", "memory", "disk"];
/** Sets of `npm run data`, by their rows. */
const sets: Record<string, string> = { 100000: "clustered-100k", 1000000: "clustered-1m" };

const { values } = parseArgs({
  options: {
    only: { type: "string", default: kinds.join() },
    points: { type: "string", default: "100000" },
    stores: { type: "string", default: keptStoreNames.join() },
    rounds: { type: "string", default: "3" },
    rebuild: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: ${values.rounds} is no positive integer`);
const chosen = values.only.split(",");
const unknown = chosen.find((kind) => !kinds.includes(kind));
if (unknown !== undefined) throw new Error(`--only: ${unknown} is none of ${kinds.join(", ")}`);
const data = sets[values.points];
if (data === undefined)
  throw new Error(`--points: ${values.points} is none of ${Object.keys(sets).join(", ")}`);

const folder = new URL("../../../results/", import.meta.url);
mkdirSync(folder, { recursive: true });
const save = (name: string, content: string) => writeFileSync(new URL(name, folder), content);

if (chosen.includes("ingest")) {
  const set = await readDataSet("fashion");
  const stores = [vicinalStore("sync"), vicinalStore({ interval: 100 }), zvecStore(), lanceStore()];
  const ingest = await measureIngest(set, stores, rounds);
  for (const { name, version, wallSeconds, cpuSeconds, promise } of ingest) {
    const ratio = (wallSeconds / ingest[0].wallSeconds).toFixed(2);
    console.log(
      `${name} ${version}: ${wallSeconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} processor s, ${ratio} of sync's time (${promise})`,
    );
  }
  const report = { machine: machine(), data: set.meta, batch: 500, rounds, ingest };
  save("storage-ingest.json", `${JSON.stringify(report, null, 2)}\n`);
}

if (chosen.some((kind) => kind !== "ingest")) {
  const { meta } = await readHeldOut(data);
  const stores: Filled[] = [];
  for (const key of values.stores.split(",")) stores.push(await filledStore(key, data, values.rebuild));
  const report: StorageReport = { machine: machine(), data: meta, rounds };
  report.built = stores.map(({ store: { name, version, index }, built }) => ({
    name,
    version,
    index,
    built,
  }));
  if (chosen.includes("disk")) report.disk = measureDisk(stores, meta);
  if (chosen.includes("opening")) report.opening = await measureOpening(stores, data, rounds);
  if (chosen.includes("memory")) report.memory = await measureMemory(stores, data, rounds);
  console.log(printed(report));
  save(`storage-${data}.json`, `${JSON.stringify(report, null, 2)}\n`);
  save(`storage-${data}.svg`, picture(report));
}
