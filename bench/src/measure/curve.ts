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
  version: string;
  notes: readonly string[];
  build: Elapsed;
  /** Growth of the process's resident memory during the build, divided by the number of vectors. */
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
  const turns = engines.flatMap((engine, i) =>
    efforts(engine, options).map((effort) => ({
      engine,
      effort,
      queries: prepared(set, engine),
      result: results[i],
      samples: [] as Sample[],
      recall: 0,
    })),
  );
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

async function build(set: DataSet, engine: Engine, { parameters }: CurveOptions): Promise<EngineResult> {
  const { base, meta } = set;
  const building = progress(`${meta.name}: build of ${engine.name}`);
  const before = await residentBytes();
  const elapsed = clock();
  await engine.build({ base, ...meta }, parameters, building.update);
  const time = elapsed();
  building.end(`(${time.cpuSeconds.toFixed(1)} s of processor time)`);
  return {
    engine: engine.name,
    version: engine.version,
    notes: engine.notes,
    build: time,
    bytesPerVector: Math.round(((await residentBytes()) - before) / meta.count),
    points: [],
  };
}

function efforts(engine: Engine, { efs, recalls, k }: CurveOptions): Effort[] {
  const dials: Effort[] = efs.filter((ef) => ef >= k).map((ef) => ({ ef }));
  return engine.takesRecall ? [...dials, ...recalls.map((recall) => ({ recall }))] : dials;
}

function effortRank(effort: Effort): number {
  return "ef" in effort ? effort.ef : 1e6 + effort.recall;
}

function prepared({ meta, queries }: DataSet, engine: Engine): unknown[] {
  return Array.from({ length: meta.queries }, (_, i) =>
    engine.prepare(queries.subarray(i * meta.dimensions, (i + 1) * meta.dimensions)),
  );
}

async function meanRecall(set: DataSet, engine: Engine, queries: unknown[], k: number): Promise<number> {
  let sum = 0;
  for (const [i, query] of queries.entries()) {
    sum += recallOf(set, i, engine.ids(await engine.search(query, k)), k);
  }
  return sum / queries.length;
}

type Sample = Omit<CurvePoint, "effort" | "recall">;

/** All queries one after the other, as many times as it takes to fill a turn. */
async function sample(engine: Engine, queries: unknown[], k: number): Promise<Sample> {
  const latencies: number[] = [];
  const elapsed = clock();
  const started = performance.now();
  let last = started;
  while (last - started < turnMs) {
    for (const query of queries) {
      const answer = engine.search(query, k);
      // Only engines that answer with a promise pay for waiting.
      consume(answer instanceof Promise ? await answer : answer);
      const now = performance.now();
      latencies.push((now - last) * 1000);
      last = now;
    }
  }
  const { wallSeconds, cpuSeconds } = elapsed();
  return {
    queriesPerSecond: latencies.length / wallSeconds,
    queriesPerCpuSecond: latencies.length / cpuSeconds,
    p50Us: percentile(latencies, 0.5),
    p99Us: percentile(latencies, 0.99),
  };
}

/** Queries per second where the curve passes a recall, between its two neighbours on a logarithmic scale. */
export function atRecall(
  points: readonly CurvePoint[],
  recall: number,
  of: "queriesPerSecond" | "queriesPerCpuSecond",
): number | undefined {
  const dials = points.filter((point) => "ef" in point.effort).toSorted((a, b) => a.recall - b.recall);
  const next = dials.findIndex((point) => point.recall >= recall);
  if (next < 0) return undefined;
  if (next === 0) return dials[0][of];
  const [low, high] = [dials[next - 1], dials[next]];
  const share = (recall - low.recall) / (high.recall - low.recall);
  return Math.exp(Math.log(low[of]) * (1 - share) + Math.log(high[of]) * share);
}
