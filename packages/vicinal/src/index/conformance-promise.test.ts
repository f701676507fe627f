/**
 * The recall promise: at least what was asked, less 0.01, on queries that are not in the index, for 1, 10 and 100
 * neighbours, under filters, and when a fifth is deleted. Overshoot is printed: it is what the promise costs.
 */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../runtime/pool.js";
import { seededRandom } from "../runtime/random.js";
import {
  build,
  type Data,
  keptRecall,
  makeData,
  metrics,
  truthOf,
  type Variant,
  variants,
} from "./conformance.test.helper.js";
import type { Metric, VectorIndex } from "./contract.js";

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

const made = new Map<Metric, Promise<Trials>>();
const overshoots = new Map<string, Map<string, number[]>>();

/** The same vectors, queries and truth serve all families of a metric. */
function trialsFor(metric: Metric): Promise<Trials> {
  const known = made.get(metric);
  if (known) return known;
  const making = makeTrials(metric);
  made.set(metric, making);
  return making;
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

afterAll(async () => {
  endIdleWorkers();
  for (const { store } of await Promise.all(made.values())) store.close();
  const names = [...(await trialsFor("Euclid")).trials.map(({ name }) => name)];
  const lines = [...overshoots].map(([family, of]) =>
    [
      family.padEnd(14),
      ...names.map((name) =>
        average(of.get(name) ?? [])
          .toFixed(3)
          .padStart(13),
      ),
    ].join(""),
  );
  console.log(
    [
      "recall beyond what was asked (mean over metrics, choices and 0.8, 0.9, 0.95)",
      [" ".repeat(14), ...names.map((name) => name.padStart(13))].join(""),
      ...lines,
    ].join("\n"),
  );
});

const average = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length);

function note(family: string, trial: string, overshoot: number): void {
  const of = overshoots.get(family) ?? new Map<string, number[]>();
  overshoots.set(family, of);
  of.set(trial, [...(of.get(trial) ?? []), overshoot]);
}

describe.each(metrics)("%s", (metric) => {
  test.each(variants.filter((variant) => variant.metric === metric))(
    "$name keeps its promise",
    async (variant) => {
      const { store, trials } = await trialsFor(metric);
      const index = await build(variant, store);
      const broken = trials.flatMap((trial) =>
        [0.8, 0.9, 0.95].flatMap((recall) => kept(variant, index, trial, recall)),
      );
      expect(broken).toEqual([]);
      (index as { release?: () => void }).release?.();
    },
  );
});

function kept(variant: Variant, index: VectorIndex, trial: Trial, recall: number): string[] {
  const { k, bits, selectivity } = trial;
  const { mean, error, effort } = keptRecall(index, trial.queries, trial.truth, {
    recall,
    k,
    bits,
    selectivity,
  });
  note(variant.family.family, trial.name, mean - recall);
  // What so many queries can tell: two standard errors.
  return mean + 2 * error >= recall - SLACK
    ? []
    : [`${trial.name}: ${mean.toFixed(3)} +- ${error.toFixed(3)} at effort ${effort}, asked ${recall}`];
}
