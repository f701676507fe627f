/** `vicinal advise`: which index serves a collection best, measured on its own vectors. */
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Advice, AdviseOptions, AdviseStep, Database } from "vicinal";
import { defaultData, type Target } from "../client.js";
import { systemError, UserError } from "../errors.js";
import { progress } from "../progress.js";
import { readPoints } from "../readers/source.js";
import { isDense, isUnnamed } from "../readers/vectors.js";
import { advicePlot } from "../report/advice-plot.js";
import { adviceText } from "../report/advice-text.js";
import { RestClient } from "../rest-client.js";
import { copySample } from "./advise-remote.js";

export interface AdviseCommandOptions extends Target {
  using?: string;
  recall: number;
  limit: number;
  memory?: number;
  latency?: number;
  queries?: string;
  sample?: number;
  points?: number;
  families?: string[];
  time: number;
  verify: boolean;
  svg?: string;
  apply?: boolean;
  json?: boolean;
}

export async function advise(collection: string, options: AdviseCommandOptions): Promise<void> {
  const { svg } = options;
  if (svg !== undefined && !existsSync(dirname(svg)))
    throw new UserError(`there is no folder ${dirname(svg)} to write ${svg} to`);
  const queries =
    options.queries === undefined ? undefined : await readQueries(options.queries, options.using);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const source = await openSource(collection, options, stop.signal);
  try {
    const bar = progress(`advise ${collection}`);
    const question: AdviseOptions = {
      using: options.using,
      recall: options.recall,
      k: options.limit,
      memoryBytes: options.memory,
      latencyMs: options.latency,
      sample: options.sample,
      points: options.points ?? source.points,
      families: options.families,
      budgetMs: options.time * 1000,
      verify: options.verify,
      queries,
      signal: stop.signal,
      progress: (step) => bar.update(step.done, step.total, noteOf(step)),
    };
    const advice = await source.database.advise(collection, question).finally(() => bar.end());
    report(collection, advice, options);
    if (!options.apply) return;
    await source.apply(advice);
    console.error(`${collection} gets the index ${advice.recommended?.name}`);
  } finally {
    process.off("SIGINT", interrupt);
    await source.database.close();
  }
}

function report(collection: string, advice: Advice, { svg, json }: AdviseCommandOptions): void {
  if (svg !== undefined) {
    writeFileSync(svg, advicePlot(collection, advice));
    console.error(`the picture is in ${svg}`);
  }
  console.log(json ? JSON.stringify(advice, null, 2) : adviceText(advice));
}

const doing: Record<AdviseStep["kind"], string> = {
  sample: "sampling",
  build: "building",
  measure: "measuring",
  time: "timing all",
  verify: "building in full",
};

function noteOf({ kind, candidate }: AdviseStep): string {
  return candidate === undefined ? doing[kind] : `${doing[kind]} ${candidate}`;
}

interface Source {
  /** Holds the collection, or a sample of it. */
  database: Database;
  /** Points to plan for where the database holds a sample. */
  points?: number;
  apply(advice: Advice): Promise<unknown>;
}

async function openSource(
  collection: string,
  { data, url, using, sample }: AdviseCommandOptions,
  signal: AbortSignal,
): Promise<Source> {
  if (data !== undefined && url !== undefined) throw new UserError("give --data or --url, not both");
  if (url === undefined) {
    const folder = data ?? defaultData;
    if (!existsSync(folder)) throw new UserError(`there is no data folder ${folder}: name one with --data`);
    const database = await opened(folder);
    return { database, apply: (advice) => database.applyAdvice(collection, advice) };
  }
  const client = new RestClient(url);
  const { open } = await import("vicinal");
  const database = await open(":memory:");
  try {
    const points = await copySample(client, database, collection, { using, sample, signal });
    const apply = ({ update, why }: Advice) => {
      if (!update) throw new UserError(`there is nothing to apply: ${why}`);
      return client.updateCollection(collection, update);
    };
    return { database, points, apply };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function opened(folder: string): Promise<Database> {
  const { open } = await import("vicinal");
  try {
    return await open(folder);
  } catch (cause) {
    if ((cause as { code?: string }).code !== "FOLDER_IN_USE") throw cause;
    const hint = "if that is a server, ask it: --url instead of --data (http://127.0.0.1:6333 by default)";
    throw new UserError(`${(cause as Error).message}; ${hint}`, { cause });
  }
}

/** The vectors of a file, whatever else its points hold. */
async function readQueries(file: string, using: string | undefined): Promise<ArrayLike<number>[]> {
  const queries: ArrayLike<number>[] = [];
  try {
    for await (const { point } of readPoints(file, { firstId: 0, using })) {
      const { vector } = point;
      const one = isUnnamed(vector) ? vector : vector[using ?? ""];
      if (!isDense(one))
        throw new UserError(
          `${file}: point ${queries.length + 1} has no dense vector ${using ?? "without a name"}`,
        );
      queries.push(one);
    }
  } catch (error) {
    throw systemError(error, file);
  }
  return queries;
}
