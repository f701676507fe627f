/**
 * `npm run bench -- --data fashion,words --peers`: measures Vicinal, and with `--peers` other engines on the same
 * data in the same run. Results: text on the terminal, `bench/results/<data>.json` and `.svg`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readDataSet } from "./data/layout.js";
import type { Engine } from "./engines/engine.js";
import { hnswlib } from "./engines/hnswlib.js";
import { usearch } from "./engines/usearch.js";
import { zvec } from "./engines/zvec.js";
import { type CurveOptions, measureCurves } from "./measure/curve.js";
import { lastConsumed } from "./measure/stats.js";
import { machine } from "./report/machine.js";
import { curvePlot } from "./report/plot.js";
import { curves, summary } from "./report/table.js";

const engineMakers: Record<string, () => Engine> = { "hnswlib-node": hnswlib, usearch, zvec };

const resultsFolder = fileURLToPath(new URL("../results/", import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string", default: "fashion,words" },
      peers: { type: "boolean", default: false },
      engines: { type: "string" },
      k: { type: "string", default: "10" },
      rounds: { type: "string", default: "3" },
      efs: { type: "string", default: "10,16,24,32,48,64,96,128,192,256,384,512,768" },
    },
  });
  const names = values.engines?.split(",") ?? Object.keys(engineMakers);
  const options: CurveOptions = {
    k: Number(values.k),
    rounds: Number(values.rounds),
    efs: values.efs.split(",").map(Number),
    recalls: [0.9, 0.95, 0.99],
    parameters: { m: 16, efConstruct: 200 },
  };
  for (const name of values.data.split(",")) {
    const set = await readDataSet(name);
    const engines = names.map((engine) => engineMakers[engine]());
    const results = await measureCurves(set, engines, options);
    for (const engine of engines) await engine.close();
    const here = machine();
    console.log(`\n${name}\n\n${curves(results)}\n\n${summary(results)}\n`);
    mkdirSync(resultsFolder, { recursive: true });
    const { k, rounds, parameters } = options;
    writeFileSync(
      join(resultsFolder, `${name}.json`),
      `${JSON.stringify({ machine: here, data: set.meta, k, rounds, parameters, results }, null, 2)}\n`,
    );
    writeFileSync(join(resultsFolder, `${name}.svg`), curvePlot(set.meta, results, k, here));
  }
  if (lastConsumed() === undefined) throw new Error("nothing was measured");
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
