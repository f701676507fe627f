/** `vicinal embed`: files and records become vectors, in a collection or in a file. */
import type { FillReport, Model, ModelCard, PointStore } from "@vicinal/extract";
import { type Client, type Target, withClient } from "../client.js";
import { openVectorFile } from "../embed/files.js";
import { type Item, type Source, sourceOf } from "../embed/sources.js";
import { UserError } from "../errors.js";
import { progress, taskProgress } from "../progress.js";
import { table } from "../report/table.js";

export interface EmbedCommandOptions {
  model?: string;
  /** Print the catalogue instead. */
  models?: boolean;
  /** A data folder, or the address of a server. */
  into?: string;
  collection?: string;
  using?: string;
  out?: string;
  field?: string;
  /** Folder of vectors that were made before, by any run. */
  cache?: string;
  batch: number;
  /** Threads of the model's own. */
  workers?: number;
  prune?: boolean;
}

/** The exit code: 2 where items could not be read. */
export async function embed(paths: readonly string[], options: EmbedCommandOptions): Promise<number> {
  const extract = await extractPackage();
  if (options.models) {
    console.log(catalogueOf(extract.modelCards()));
    return 0;
  }
  const { model: name, into, out, collection } = options;
  if (name === undefined) throw new UserError("give --model; --models lists what there is");
  if (paths.length === 0) throw new UserError("name what is to be embedded: folders, files, .jsonl or -");
  if ((into === undefined) === (out === undefined)) throw new UserError("give one of --into and --out");
  if (into !== undefined && collection === undefined) throw new UserError("--into needs --collection");
  if (out !== undefined && options.prune) throw new UserError("--prune is for --into");
  const loaded: Model<Item> = /\.(txt|vec|bin|npz|npy)$/i.test(name)
    ? ((await extract.wordVectors(name)) as Model<never>)
    : await extract.loadModel<Item>(name, { workers: options.workers });
  const model = options.cache === undefined ? loaded : extract.cached(loaded, { folder: options.cache });
  try {
    const field = options.field ?? (model.modality === "text" ? "text" : "file");
    const source = await sourceOf(paths, model.modality, field);
    const report = await (out !== undefined
      ? intoFile(out, source, model, options)
      : intoCollection(into as string, collection as string, source, model, options));
    return said(report);
  } finally {
    await model.close();
  }
}

type Extract = typeof import("@vicinal/extract");

export async function extractPackage(): Promise<Extract> {
  return import("@vicinal/extract").catch((cause: unknown) => {
    throw new UserError("models need the package @vicinal/extract: npm install @vicinal/extract", {
      cause,
    });
  });
}

function catalogueOf(cards: readonly ModelCard[]): string {
  const rows = cards.map(({ id, modality, dimensions, metric, licence, from }) => [
    id,
    modality,
    String(dimensions),
    metric,
    licence,
    from,
  ]);
  return table(["model", "of", "numbers", "metric", "licence", "from"], rows);
}

async function intoCollection(
  into: string,
  collection: string,
  source: Source,
  model: Model<Item>,
  options: EmbedCommandOptions,
): Promise<FillReport> {
  const target: Target = /^https?:/.test(into) ? { url: into } : { data: into };
  const { createFor } = await extractPackage();
  return withClient(target, "make", async (client) => {
    const { using } = options;
    await createFor(client, collection, model, { metric: model.metric, using });
    const report = await run(waiting(client), collection, source, model, options);
    const indexing = taskProgress();
    await client.waitForIndex(collection, { progress: indexing.update });
    indexing.end();
    return report;
  });
}

/** Each batch is stored when the next one begins. */
function waiting(client: Client): PointStore {
  return {
    retrieve: (name, request) => client.retrieve(name, request),
    scroll: (name, request) => client.scroll(name, request),
    upsert: (name, { points }) => client.upsert(name, { wait: true, points }),
    delete: (name, { points }) => client.delete(name, { wait: true, points }),
  };
}

async function intoFile(
  path: string,
  source: Source,
  model: Model<Item>,
  options: EmbedCommandOptions,
): Promise<FillReport> {
  const file = await openVectorFile(path, model.dimensions);
  let complete = false;
  try {
    const report = await run(file, path, source, model, options);
    complete = true;
    return report;
  } finally {
    await file.close(complete);
  }
}

async function run(
  store: PointStore,
  name: string,
  { items, total }: Source,
  model: Model<Item>,
  { batch, using, prune }: EmbedCommandOptions,
): Promise<FillReport> {
  const { fill } = await extractPackage();
  const bar = progress(`embed ${name}`);
  const stopping = new AbortController();
  const stop = () =>
    stopping.abort(new UserError("stopped; what is stored stays: the same command goes on from there"));
  process.once("SIGINT", stop);
  let note = "";
  try {
    return await fill(store, name, items, model, {
      using,
      prune,
      batchSize: batch,
      signal: stopping.signal,
      onProgress: (report) => {
        const { seen, stored, unchanged, failed, itemsPerSecond } = report;
        note = `${stored} stored, ${unchanged} unchanged, ${failed.length} failed, ${itemsPerSecond.toFixed(1)}/s`;
        bar.update(seen, total ?? seen, note);
      },
    });
  } finally {
    process.off("SIGINT", stop);
    bar.end(note);
  }
}

/** At the end, so that what failed is not scrolled away. */
function said({ seen, stored, unchanged, failed, pruned }: FillReport): number {
  const gone = pruned > 0 ? `, ${pruned} deleted` : "";
  console.log(`${stored} stored, ${unchanged} unchanged, ${failed.length} failed of ${seen}${gone}`);
  for (const { key, error } of failed) console.error(`${key}: ${error.message.split("\n")[0]}`);
  return failed.length > 0 ? 2 : 0;
}
