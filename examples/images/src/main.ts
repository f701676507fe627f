/** `npm start -w examples/images`: a folder of photos, indexed, searched and shown. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { progress } from "@vicinal/cli/progress";
import { cached, idOf, loadModel, type Model } from "@vicinal/extract";
import { type Database, open } from "vicinal";
import { contactSheet, type Hit, type SheetRow } from "./contact-sheet.js";
import { collection, fillLibrary, nearDuplicates, photoOf, similarTo, similarToStored } from "./library.js";
import { photosIn } from "./photos.js";
import { classAccuracy, groupPrecision } from "./quality.js";

const usage = `images [<folder of photos>] [--like <photo>]... [--limit <n>] [--data <folder>] [--page <file.html>]
images [<folder>] --duplicates [--distance <0..2>]
images [<folder>] --evaluate

Indexes the photos that are new, then shows what is like some of them. Without a folder: the photos of VICINAL_DATA.`;

const MODEL = "mobilenet-v2";
/** Photos that the page shows where none is named. */
const SHOWN = 8;

interface Options {
  folder: string;
  like: string[];
  limit: number;
  data: string;
  page: string;
  distance: number;
}

/** Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error("stopped; the next run goes on from here"));
  process.once("SIGINT", interrupt);
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        like: { type: "string", multiple: true, default: [] },
        limit: { type: "string", default: "5" },
        data: { type: "string", default: "./data/images" },
        page: { type: "string", default: "photos.html" },
        duplicates: { type: "boolean" },
        distance: { type: "string", default: "0.1" },
        evaluate: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    const options: Options = {
      folder: folderOf(positionals[0]),
      like: values.like,
      limit: numberOf("limit", values.limit, 1, 1000),
      data: values.data,
      page: values.page,
      distance: numberOf("distance", values.distance, 0, 2),
    };
    const work = values.evaluate ? printQuality : values.duplicates ? printDuplicates : printSimilar;
    await withLibrary(options, stop.signal, work);
    return 0;
  } catch (error) {
    console.error(`images: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    process.off("SIGINT", interrupt);
  }
}

function folderOf(given: string | undefined): string {
  const folder = given ?? (process.env.VICINAL_DATA && join(process.env.VICINAL_DATA, "photos"));
  if (!folder) throw new Error("name a folder of photos");
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`);
  return resolve(folder);
}

function numberOf(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!(value >= low && value <= high))
    throw new Error(`--${name} ${text}: it must be from ${low} to ${high}`);
  return value;
}

type Work = (database: Database, model: Model<Uint8Array>, options: Options) => Promise<void>;

async function withLibrary(options: Options, signal: AbortSignal, work: Work): Promise<void> {
  const database = await open(options.data);
  try {
    // The photos whose mean is taken are not embedded twice.
    const model = cached(await loadModel(MODEL, { signal }));
    try {
      await index(database, model, options.folder, signal);
      await work(database, model, options);
    } finally {
      await model.close();
    }
  } finally {
    await database.close();
  }
}

async function index(
  database: Database,
  model: Model<Uint8Array>,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const labels = labelsOf(folder);
  const source = () =>
    photosIn(folder, (file) => {
      const group = labels[file]?.group;
      return group ? { group } : {};
    });
  let total = 0;
  for await (const _ of source()) total++;
  const bar = progress("embedding photos");
  const report = await fillLibrary(database, source, model, {
    prune: true,
    signal,
    onProgress: ({ seen }) => bar.update(seen, total),
  }).finally(() => bar.end());
  const { stored, unchanged, failed, itemsPerSecond } = report;
  const speed = stored > 0 ? `, ${itemsPerSecond.toFixed(0)} photos/s` : "";
  const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  console.error(`${stored} photos new, ${unchanged} known${speed}; at most ${memory} MB of memory`);
  for (const { key, error } of failed) console.error(`  not read: ${key}: ${error.message}`);
}

interface Label {
  group?: string | null;
  classIndex?: number;
}

/** By file, where the folder has a `labels.json` that says it. */
function labelsOf(folder: string): Record<string, Label> {
  const path = join(folder, "labels.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, Label>) : {};
}

const printSimilar: Work = async (database, model, { folder, like, limit, page }) => {
  const rows: SheetRow[] = [];
  const add = async (photo: string, similar: Awaited<ReturnType<typeof similarTo>>) => {
    const hits: Hit[] = [];
    for (const { id, file, distance } of similar)
      hits.push({ file, distance, path: join(folder, file), photo: await photoOf(database, id) });
    rows.push({ photo, title: basename(photo), hits });
    console.log(basename(photo));
    for (const { file, distance } of hits) console.log(`  ${distance.toFixed(3)}  ${file}`);
  };
  for (const path of like)
    await add(resolve(path), await similarTo(database, model, readFileSync(path), limit));
  if (like.length === 0)
    for (const file of await someFiles(database))
      await add(join(folder, file), await similarToStored(database, await idOf(file), limit));
  writeFileSync(page, contactSheet("Photos that look alike", rows, resolve(page)));
  console.error(`the page with the photos: ${page}`);
};

/** Photos spread over the library, the same each time. */
async function someFiles(database: Database): Promise<string[]> {
  const { points } = await database.scroll(collection, { limit: 100_000, with_payload: ["file"] });
  const files = points.map(({ payload }) => String(payload?.file)).sort();
  return Array.from({ length: Math.min(SHOWN, files.length) }, (_, i) => {
    return files[Math.floor(((i + 0.5) * files.length) / SHOWN)] ?? files[i];
  });
}

const printDuplicates: Work = async (database, _model, { distance }) => {
  const groups = await nearDuplicates(database, distance);
  for (const group of groups) console.log(group.join("\n  = "));
  console.log(`${groups.length} groups of photos within ${distance} of each other`);
};

const printQuality: Work = async (database, _model, { folder }) => {
  const { photos, at1, at5 } = await groupPrecision(database);
  if (photos === 0) throw new Error("no photo has a group: the folder has no labels.json");
  console.log(`${photos} photos of groups: precision at 1 ${at1.toFixed(3)}, at 5 ${at5.toFixed(3)}`);
  const labels = labelsOf(folder);
  const {
    photos: named,
    top1,
    top5,
  } = await classAccuracy(photosIn(folder), (file) => labels[file]?.classIndex);
  if (named > 0)
    console.log(`${named} photos of classes: named first ${top1.toFixed(3)}, among five ${top5.toFixed(3)}`);
};
