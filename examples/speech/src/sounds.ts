/** Sounds of a folder as points: what their names say of them becomes payload. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AudioItem,
  createFor,
  type Embedder,
  type FillReport,
  fill,
  lessMean,
  type Model,
  meanVector,
  type SourceItem,
} from "@vicinal/extract";
import type { Database } from "vicinal";

export interface Collection {
  name: string;
  /** What is to be recognised: a member of the payload. */
  label: string;
  /** A member of the payload that a neighbour must not share: the same voice or recording proves nothing. */
  apart: string;
  /** The payload by a file's name. */
  describe(file: string): Record<string, unknown>;
}

/** Spoken digits: `<digit>_<speaker>_<take>.wav`. */
export const digits: Collection = {
  name: "digits",
  label: "digit",
  apart: "speaker",
  describe: (file) => {
    const [digit, speaker, take] = file.replace(/\.wav$/, "").split("_");
    return { digit, speaker, take: Number(take) };
  },
};

/** Everyday sounds: `<class>_<fold>-<source>-<take>.wav`. */
export const noises: Collection = {
  name: "noises",
  label: "class",
  apart: "source",
  describe: (file) => {
    const [, kind, fold, source] = /^(.*)_(\d+)-(\w+)-/.exec(file) ?? [];
    return { class: kind, fold: Number(fold), source };
  },
};

/** Fills the collection with the folder's sounds that are new; vectors are less their mean, which parts them better. */
export async function fillSounds(
  database: Database,
  folder: string,
  { name, describe }: Collection,
  model: Model<AudioItem>,
  options: { onProgress?: (report: Readonly<FillReport>, total: number) => void; signal?: AbortSignal } = {},
): Promise<FillReport> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".wav")).sort();
  const items = files.map(
    (file): SourceItem<AudioItem> => ({
      key: file,
      version: "1",
      load: () => readFile(join(folder, file)),
      payload: { file, ...describe(file) },
    }),
  );
  if (!(await database.collectionExists(name)).exists) {
    const mean = await meanVector(items, model, { of: MEAN_OF });
    await createFor(database, name, model, { metadata: { mean: Array.from(mean) } });
  }
  return fill(database, name, items, await centred(database, name, model), {
    signal: options.signal,
    onProgress: (report) => options.onProgress?.(report, files.length),
  });
}

/** Sounds whose mean is taken for that of all. */
const MEAN_OF = 100;

/** The model less the collection's mean. */
export async function centred(
  database: Database,
  name: string,
  model: Model<AudioItem>,
): Promise<Embedder<AudioItem>> {
  const { metadata } = (await database.getCollection(name)).config as unknown as {
    metadata: { mean: number[] };
  };
  return lessMean(model, metadata.mean);
}

export interface Heard {
  file: string;
  distance: number;
  label: string;
}

/** The sounds most like a recording, and what they say of it. */
export async function soundsLike(
  database: Database,
  { name, label }: Collection,
  model: Model<AudioItem>,
  sound: AudioItem,
  limit: number,
): Promise<Heard[]> {
  const { vectors, failures } = await (await centred(database, name, model)).embed([sound]);
  if (!vectors[0]) throw failures[0].error;
  const { points } = await database.query(name, { query: Array.from(vectors[0]), limit, with_payload: true });
  return points.map(({ score, payload }) => ({
    file: String(payload?.file),
    distance: 1 - score,
    label: String(payload?.[label]),
  }));
}
