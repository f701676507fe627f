/**
 * The one layout of a benchmark's data set: a folder `bench/data/<name>/` with
 *
 *   base.f32       count   x dimensions float32, little-endian, row-major, no header
 *   queries.f32    queries x dimensions float32, same form; no query is in base.f32
 *   neighbors.i32  queries x 100 int32: ids (row numbers of base.f32) of the exact nearest, nearest first
 *   meta.json      the fields of `Meta`
 */
import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Metric = "Cosine" | "Euclid";

export interface Meta {
  name: string;
  dimensions: number;
  metric: Metric;
  /** Rows of base.f32. */
  count: number;
  /** Rows of queries.f32. */
  queries: number;
  /** Where the vectors come from: package and version, or the generator. */
  source: string;
  licence: string;
  /** Seed of every random choice (held-out rows, synthetic values). */
  seed: number;
}

export interface DataSet {
  meta: Meta;
  base: Float32Array;
  queries: Float32Array;
  neighbors: Int32Array;
}

/** Neighbours stored per query. */
export const truthDepth = 100;

/** Held-out queries of every set. */
export const queryCount = 1000;

export const dataFolder = fileURLToPath(new URL("../../data/", import.meta.url));

export function dataSetExists(name: string): boolean {
  return existsSync(join(dataFolder, name, "meta.json"));
}

/** Reads a data set into memory; throws naming the file that is absent or has another length than meta.json says. */
export async function readDataSet(name: string): Promise<DataSet> {
  const folder = join(dataFolder, name);
  if (!dataSetExists(name))
    throw new Error(`no data set in ${folder}: make it with \`npm run data -w bench -- ${name}\``);
  const meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as Meta;
  return {
    meta,
    base: new Float32Array(await readBytes(join(folder, "base.f32"), meta.count * meta.dimensions * 4)),
    queries: new Float32Array(
      await readBytes(join(folder, "queries.f32"), meta.queries * meta.dimensions * 4),
    ),
    neighbors: new Int32Array(await readBytes(join(folder, "neighbors.i32"), meta.queries * truthDepth * 4)),
  };
}

/** What is asked, without what is stored. */
export type HeldOut = Omit<DataSet, "base">;

export async function readHeldOut(name: string): Promise<HeldOut> {
  const folder = join(dataFolder, name);
  const meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as Meta;
  const queries = await readBytes(join(folder, "queries.f32"), meta.queries * meta.dimensions * 4);
  const neighbors = await readBytes(join(folder, "neighbors.i32"), meta.queries * truthDepth * 4);
  return { meta, queries: new Float32Array(queries), neighbors: new Int32Array(neighbors) };
}

/** Writes a data set; it appears under its name only when it is whole. */
export async function writeDataSet(set: DataSet): Promise<string> {
  const folder = join(dataFolder, set.meta.name);
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await writeBytes(join(unfinished, "base.f32"), set.base);
  await writeBytes(join(unfinished, "queries.f32"), set.queries);
  await writeBytes(join(unfinished, "neighbors.i32"), set.neighbors);
  await writeBytes(join(unfinished, "meta.json"), Buffer.from(`${JSON.stringify(set.meta, null, 2)}\n`));
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
  return folder;
}

async function readBytes(path: string, length: number): Promise<SharedArrayBuffer> {
  const target = new Uint8Array(new SharedArrayBuffer(length));
  let at = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 4 << 20 }) as AsyncIterable<Buffer>) {
    if (at + chunk.length > length)
      throw new Error(`${path} is longer than the ${length} bytes that meta.json says`);
    target.set(chunk, at);
    at += chunk.length;
  }
  if (at !== length) throw new Error(`${path} has ${at} bytes where meta.json says ${length}`);
  return target.buffer;
}

async function writeBytes(path: string, data: Float32Array | Int32Array | Buffer): Promise<void> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const file = await open(path, "w");
  try {
    // One call writes 2 GiB at most.
    const step = 1 << 28;
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step);
      for (let done = 0; done < part.length; ) {
        done += (await file.write(part, done)).bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}
