/**
 * `npm run bench -- --data fashion,words --peers`: measures Vicinal, and with `--peers` other engines on the same
 * data in the same run. `--families` measures Vicinal's index families beside each other instead.
 * Results: text on the terminal, `bench/results/<data>.json` and `.svg`, `families-<data>` for families.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type DataSet, readDataSet } from "./data/layout.js";
import type { Engine } from "./engines/engine.js";
import { familyEngines } from "./engines/family.js";
import { hnswlib } from "./engines/hnswlib.js";
import { usearch } from "./engines/usearch.js";
import { vicinal } from "./engines/vicinal.js";
import { zvec } from "./engines/zvec.js";
import { type CurveOptions, type EngineResult, measureCurves } from "./measure/curve.js";
import { type FixedCost, measureFixedCost } from "./measure/fixed-cost.js";
import { measureProduct, type ProductResult } from "./measure/product.js";
import { lastConsumed } from "./measure/stats.js";
import { type Machine, machine } from "./report/machine.js";
import { curvePlot } from "./report/plot.js";
import { curves, fixedCosts, notes, product, summary } from "./report/table.js";

/** In the order of the tables and of the plot's colours. */
const products: Record<string, () => Engine> = { vicinal, "hnswlib-node": hnswlib, usearch, zvec };

const resultsFolder = fileURLToPath(new URL("../results/", import.meta.url));

interface Report {
  machine: Machine;
  data: DataSet["meta"];
  options: CurveOptions;
  curves: EngineResult[];
  product?: ProductResult;
}

interface Arguments {
  data: string[];
  /** In the order of the tables and of the plot's colours. */
  engines: (() => Engine)[];
  /** Before the names of result files. */
  prefix: string;
  /** Whether results are kept: a picture of some families would take the place of the one of all. */
  kept: boolean;
  /** Which measurements: `curve`, `fixed`, `product`. */
  only: string[];
  options: CurveOptions;
}

const measurements = ["fixed", "curve", "product"];

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      peers: { type: "boolean", default: false },
      families: { type: "boolean", default: false },
      engines: { type: "string" },
      only: { type: "string" },
      k: { type: "string", default: "10" },
      rounds: { type: "string", default: "3" },
      efs: { type: "string", default: "10,16,24,32,48,64,96,128,192,256,384,512,768,1024,1536" },
    },
  });
  const { families, peers } = values;
  const makers = families ? familyEngines : products;
  const all = Object.keys(makers);
  const names = values.engines?.split(",") ?? (families || peers ? all : ["vicinal"]);
  const only = values.only?.split(",") ?? (families ? ["curve"] : measurements);
  return {
    data: (values.data ?? (families ? "words-100k,fashion" : "fashion,words")).split(","),
    engines: known(names, all, "--engines").map((name) => makers[name]),
    prefix: families ? "families-" : "",
    kept: !families || names.length === all.length,
    only: known(only, families ? ["curve"] : measurements, "--only"),
    options: {
      k: wholeNumber(values.k, "--k"),
      rounds: wholeNumber(values.rounds, "--rounds"),
      efs: values.efs.split(",").map((ef) => wholeNumber(ef, "--efs")),
      recalls: [0.9, 0.95, 0.98, 0.99],
      parameters: { m: 16, efConstruct: 200 },
    },
  };
}

function known(names: string[], all: string[], option: string): string[] {
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`${option}: unknown ${unknown}; known are ${all.join(", ")}`);
  return names;
}

function wholeNumber(text: string, option: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${option}: ${text} is no positive integer`);
  return Number(text);
}

async function main(): Promise<void> {
  const { data, ...rest } = readArguments();
  const { engines: makers, only, options, prefix } = rest;
  mkdirSync(resultsFolder, { recursive: true });
  if (only.includes("fixed")) {
    const costs = await withEngines(makers, (engines) => measureFixedCost(engines, options.parameters));
    console.log(`\nfixed cost of a query, 100 dimensions\n\n${fixedCosts(costs)}`);
    save<{ machine: Machine; costs: FixedCost[] }>(`${prefix}fixed-cost`, { machine: machine(), costs });
  }
  for (const name of data) await measureSet(await readDataSet(name), rest);
  if (lastConsumed() === undefined) throw new Error("nothing was measured");
}

async function measureSet(
  set: DataSet,
  { engines: makers, only, options, prefix, kept }: Omit<Arguments, "data">,
): Promise<void> {
  const name = prefix + set.meta.name;
  const report: Report = { machine: machine(), data: set.meta, options, curves: [] };
  if (only.includes("curve")) {
    report.curves = await withEngines(makers, (engines) => measureCurves(set, engines, options));
    console.log(
      `\n${name}\n\n${curves(report.curves)}\n\n${summary(report.curves)}\n\n${notes(report.curves)}`,
    );
    if (kept)
      writeFileSync(
        join(resultsFolder, `${name}.svg`),
        curvePlot(set.meta, report.curves, options.k, report.machine),
      );
  }
  if (only.includes("product")) {
    report.product = await measureProduct(set, options.parameters, options.k);
    console.log(`\n${name}: the product\n\n${product(report.product)}`);
  }
  const whole = prefix !== "" || only.length === measurements.length;
  if (kept) save(whole ? name : `${name}.${only.join("-")}`, report);
}

/** Closes the engines, whatever happens. */
async function withEngines<T>(makers: (() => Engine)[], work: (engines: Engine[]) => Promise<T>): Promise<T> {
  const engines = makers.map((make) => make());
  try {
    return await work(engines);
  } finally {
    for (const engine of engines) await engine.close();
  }
}

function save<T>(name: string, report: T): void {
  writeFileSync(join(resultsFolder, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? (process.env.DEBUG ? error.stack : error.message) : error);
  process.exitCode = 1;
}
