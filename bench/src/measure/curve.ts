/**
 * Recall against queries per second. All engines are built first, one after the other; then they are measured in
 * turns, effort by effort and round by round, so that whatever else the machine does meanwhile meets all of them;
 * the median of the rounds counts.
 */

import { progress } from "@vicinal/cli/progress";
import type { DataSet } from "../data/layout.js";
import type { BuildParameters, Effort, Engine } from "../engines/engine.js";
import { recallOf } from "./recall.js";
import { clock, consume, type Elapsed, median, percentile, residentBytes } from "./stats.js";

export interface CurvePoint {
  effort: Effort;
  recall: number;
  /** One query at a time, by the clock on the wall. */
  queriesPerSecond: number;
  /** Per second of processor time: what a machine without other work would give. */
  queriesPerCpuSecond: number;
  p50Us: number;
  p99Us: number;
}

export interface EngineResult {
  engine: string;
  version?: string;
  notes: readonly string[];
  build: Elapsed;
  /** What the engine says it holds, or else the growth of the process's resident memory during the build. */
  bytesPerVector: number;
  points: CurvePoint[];
}

export interface CurveOptions {
  k: number;
  rounds: number;
  efs: readonly number[];
  recalls: readonly number[];
  parameters: BuildParameters;
}

/** A turn lasts at least this long, so that the clock of processor time (1 to 4 ms) is fine enough. */
const turnMs = 150;

export async function measureCurves(
  set: DataSet,
  engines: Engine[],
  options: CurveOptions,
): Promise<EngineResult[]> {
  const results: EngineResult[] = [];
  for (const engine of engines) results.push(await build(set, engine, options));

  const measuring = progress(`${set.meta.name}: queries`);
  const turns: Turn[] = [];
  for (const [i, engine] of engines.entries()) {
    const queries = prepared(set, engine);
    for (const effort of await efforts(set, engine, queries, options))
      turns.push({ engine, effort, queries, result: results[i], samples: [], recall: 0 });
  }
  // Turns of equal effort stand side by side: engines alternate within each effort.
  const order = turns.toSorted((a, b) => effortRank(a.effort) - effortRank(b.effort));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [i, turn] of order.entries()) {
      await turn.engine.setEffort(turn.effort);
      if (round === 0) turn.recall = await meanRecall(set, turn.engine, turn.queries, options.k);
      turn.samples.push(await sample(turn.engine, turn.queries, options.k));
      measuring.update(round * order.length + i + 1, order.length * options.rounds);
    }
  }
  measuring.end();
  for (const turn of turns) {
    const of = (field: keyof Sample) => median(turn.samples.map((one) => one[field]));
    turn.result.points.push({
      effort: turn.effort,
      recall: turn.recall,
      queriesPerSecond: of("queriesPerSecond"),
      queriesPerCpuSecond: of("queriesPerCpuSecond"),
      p50Us: of("p50Us"),
      p99Us: of("p99Us"),
    });
  }
  return results;
}

interface Turn {
  engine: Engine;
  effort: Effort;
  queries: unknown[];
  result: EngineResult;
  samples: Sample[];
  recall: number;
}

async function build(set: DataSet, engine: Engine, { parameters }: CurveOptions): Promise<EngineResult> {
  const { base, meta } = set;
  const building = progress(`${meta.name}: build of ${engine.name}`);
  const before = engine.memoryBytes ? 0 : await residentBytes();
  const elapsed = clock();
  await engine.build({ base, ...meta }, parameters, building.update);
  const time = elapsed();
  building.end(`(${time.cpuSeconds.toFixed(1)} s of processor time)`);
  return {
    engine: engine.name,
    version: engine.version,
    notes: engine.notes,
    build: time,
    bytesPerVector: Math.round((engine.memoryBytes?.() ?? (await residentBytes()) - before) / meta.count),
    points: [],
  };
}

async function efforts(
  set: DataSet,
  engine: Engine,
  queries: unknown[],
  options: CurveOptions,
): Promise<Effort[]> {
  const { efs, recalls, k } = options;
  const own = engine.efforts?.();
  if (own) return sifted(set, engine, queries, own, k);
  const dials: Effort[] = efs.filter((ef) => ef >= k).map((ef) => ({ ef }));
  return engine.takesRecall ? [...dials, ...recalls.map((recall) => ({ recall }))] : dials;
}

/** What some queries say about a dial: whether it is worth a measurement, and whether a larger one is. */
const sift = { queries: 100, leastRecall: 0.7, enough: 0.9995, mostCpuMs: 20 };

/** Of rising dials those from a recall that one would use to the one that finds all, or takes too long. */
async function sifted(
  set: DataSet,
  engine: Engine,
  queries: unknown[],
  own: readonly Effort[],
  k: number,
): Promise<Effort[]> {
  const kept: Effort[] = [];
  const step = Math.max(1, Math.floor(queries.length / sift.queries));
  let last = 0;
  for (const effort of own) {
    await engine.setEffort(effort);
    const elapsed = clock();
    const recall = await meanRecall(set, engine, queries, k, step);
    const milliseconds = (elapsed().cpuSeconds * 1000 * step) / queries.length;
    // A dial below the engine's least does what that does.
    if (recall >= sift.leastRecall && recall !== last) kept.push(effort);
    last = recall;
    if (recall >= sift.enough || milliseconds > sift.mostCpuMs) break;
  }
  return kept;
}

function effortRank(effort: Effort): number {
  if ("recall" in effort) return 1e9 + effort.recall;
  return "ef" in effort ? effort.ef : effort.effort;
}

function prepared({ meta, queries }: DataSet, engine: Engine): unknown[] {
  return Array.from({ length: meta.queries }, (_, i) =>
    engine.prepare(queries.subarray(i * meta.dimensions, (i + 1) * meta.dimensions)),
  );
}

/** Over every `step`-th query. */
async function meanRecall(
  set: DataSet,
  engine: Engine,
  queries: unknown[],
  k: number,
  step = 1,
): Promise<number> {
  let sum = 0;
  let asked = 0;
  for (let i = 0; i < queries.length; i += step) {
    sum += recallOf(set, i, engine.ids(await engine.search(queries[i], k)), k);
    asked += 1;
  }
  return sum / asked;
}

type Sample = Omit<CurvePoint, "effort" | "recall">;

/** A turn asks so many queries at least, however slow they are: */
const turnQueries = 100;
/** every so many-th, round and round. A prime, so that all get their turn and a few of them are a fair sample. */
const stride = 617;

/** The queries one after the other, again and again until the turn is over. */
async function sample(engine: Engine, queries: unknown[], k: number): Promise<Sample> {
  const latencies: number[] = [];
  const elapsed = clock();
  const started = performance.now();
  let last = started;
  while (last - started < turnMs || latencies.length < turnQueries) {
    const answer = engine.search(queries[(latencies.length * stride) % queries.length], k);
    // Only engines that answer with a promise pay for waiting.
    consume(answer instanceof Promise ? await answer : answer);
    const now = performance.now();
    latencies.push((now - last) * 1000);
    last = now;
  }
  const { wallSeconds, cpuSeconds } = elapsed();
  return {
    queriesPerSecond: latencies.length / wallSeconds,
    queriesPerCpuSecond: latencies.length / cpuSeconds,
    p50Us: percentile(latencies, 0.5),
    p99Us: percentile(latencies, 0.99),
  };
}

/** An engine as tables and pictures name it. */
export function titleOf({ engine, version }: Pick<EngineResult, "engine" | "version">): string {
  return version === undefined ? engine : `${engine} ${version}`;
}

/** Queries per second where the curve passes a recall, between its two neighbours on a logarithmic scale. */
export function atRecall(
  points: readonly CurvePoint[],
  recall: number,
  of: "queriesPerSecond" | "queriesPerCpuSecond",
): number | undefined {
  const dials = points.filter((point) => !("recall" in point.effort)).toSorted((a, b) => a.recall - b.recall);
  const next = dials.findIndex((point) => point.recall >= recall);
  if (next < 0) return undefined;
  if (next === 0) return dials[0][of];
  const [low, high] = [dials[next - 1], dials[next]];
  const share = (recall - low.recall) / (high.recall - low.recall);
  return Math.exp(Math.log(low[of]) * (1 - share) + Math.log(high[of]) * share);
}
