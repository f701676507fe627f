/**
 * One half of the conformance suite's largest part, for the metrics that a test file names. The recall promise: at least what was asked, less 0.01, on queries that are not in the index, for 1, 10 and 100
 * neighbours, under filters, and when a fifth is deleted. Overshoot is printed: it is what the promise costs.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../runtime/pool.js";
import { seededRandom } from "../runtime/random.js";
import { type Data, keptRecall, makeData, truthOf, variants } from "./conformance.test.helper.js";
import type { Metric } from "./contract.js";

const COUNT = 4000;
const DIMENSIONS = 24;
const QUERIES = 1000;
/** For 100 neighbours, and for each filter. */
const FEWER_QUERIES = 400;
const SLACK = 0.01;

interface Trial {
  name: string;
  k: number;
  queries: Float32Array[];
  truth: Float32Array[];
  bits?: Uint32Array;
  selectivity?: number;
}

interface Trials extends Data {
  trials: Trial[];
}

/** The tests of some metrics. */
export function promiseTests(metrics: readonly Metric[]): void {
  const overshoots = new Overshoots();
  afterAll(() => {
    endIdleWorkers();
    console.log(overshoots.table(metrics));
  });
  describe.each(metrics)("%s", (metric) => {
    let data: Trials;
    beforeAll(async () => {
      data = await makeTrials(metric);
    });
    afterAll(() => data.store.close());

    const own = variants.filter((variant) => variant.metric === metric);
    test.each(own)("$name keeps its promise", async ({ family, parameters }) => {
      const { store, trials } = data;
      const index = await family.build(store, parameters, {});
      const broken: string[] = [];
      for (const trial of trials) {
        for (const recall of [0.8, 0.9, 0.95]) {
          const { mean, error, effort } = keptRecall(index, trial.queries, trial.truth, { ...trial, recall });
          overshoots.note(family.family, trial.name, effort === undefined ? undefined : mean - recall);
          // What so many queries can tell: two standard errors.
          if (mean + 2 * error < recall - SLACK)
            broken.push(`${trial.name}: asked ${recall}, got ${mean} +- ${error} at effort ${effort}`);
        }
      }
      expect(broken).toEqual([]);
      index.release();
    });
  });
}

async function makeTrials(metric: Metric): Promise<Trials> {
  const { store, queries } = await makeData(metric, {
    count: COUNT,
    dimensions: DIMENSIONS,
    queries: QUERIES,
    seed: 81,
  });
  const few = queries.slice(0, FEWER_QUERIES);
  const truth = truthOf(store, queries, 10);
  const trials: Trial[] = [
    { name: "k 1", k: 1, queries, truth },
    { name: "k 10", k: 10, queries, truth },
    { name: "k 100", k: 100, queries: few, truth: truthOf(store, few, 100) },
  ];
  const random = seededRandom(82);
  for (const [name, selectivity] of [
    ["20 % deleted", 0.8],
    ["filter 50 %", 0.5],
    ["filter 10 %", 0.1],
    ["filter 1 %", 0.01],
    ["filter 0.1 %", 0.001],
  ] as const) {
    const bits = new Uint32Array((COUNT + 31) >>> 5);
    for (let i = 0; i < COUNT; i++) if (random() < selectivity) bits[i >>> 5] |= 1 << (i & 31);
    trials.push({ name, k: 10, queries: few, truth: truthOf(store, few, 10, bits), bits, selectivity });
  }
  return { store, queries, trials };
}

/** Recall beyond what was asked, per family and trial. */
class Overshoots {
  readonly #families = new Map<string, Map<string, number[]>>();

  /** `undefined`: a scan, which finds all whatever is asked. */
  note(family: string, trial: string, overshoot: number | undefined): void {
    const trials = this.#families.get(family) ?? new Map<string, number[]>();
    this.#families.set(family, trials);
    const values = trials.get(trial) ?? [];
    trials.set(trial, values);
    if (overshoot !== undefined) values.push(overshoot);
  }

  table(metrics: readonly Metric[]): string {
    const names = [...new Set([...this.#families.values()].flatMap((trials) => [...trials.keys()]))];
    const row = (head: string, cells: string[]) =>
      [head.padEnd(16), ...cells.map((cell, i) => cell.padStart(names[i].length + 2))].join("");
    const mean = (values: number[]) =>
      values.length ? (values.reduce((sum, x) => sum + x, 0) / values.length).toFixed(3) : "scan";
    const lines = [...this.#families].map(([family, trials]) =>
      row(
        family,
        names.map((name) => mean(trials.get(name) ?? [])),
      ),
    );
    return [`Recall beyond what was asked, ${metrics.join(" and ")}`, row("", names), ...lines].join("\n");
  }
}
