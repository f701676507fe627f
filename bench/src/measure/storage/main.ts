/** `npm run storage -w bench`: what storing costs. Results: text on the terminal and `bench/results/storage.json`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readDataSet } from "../../data/layout.js";
import { lanceStore, vicinalStore, zvecStore } from "../../engines/stores.js";
import { machine } from "../../report/machine.js";
import { measureIngest } from "./ingest.js";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: ${values.rounds} is no positive integer`);

const set = await readDataSet("fashion");
const stores = [vicinalStore("sync"), vicinalStore({ interval: 100 }), zvecStore(), lanceStore()];
const ingest = await measureIngest(set, stores, rounds);
const [sync] = ingest;
for (const { name, version, wallSeconds, cpuSeconds, promise } of ingest) {
  const ratio = (wallSeconds / sync.wallSeconds).toFixed(2);
  console.log(
    `${name} ${version}: ${wallSeconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} processor s, ${ratio} of sync's time (${promise})`,
  );
}
const folder = new URL("../../../results/", import.meta.url);
mkdirSync(folder, { recursive: true });
const report = { machine: machine(), data: set.meta, batch: 500, rounds, ingest };
writeFileSync(new URL("storage.json", folder), `${JSON.stringify(report, null, 2)}\n`);
