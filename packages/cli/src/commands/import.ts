/** `vicinal import`: points of a file into a collection, batch by batch. */
import { statSync } from "node:fs";
import {
  type Client,
  type Distance,
  type Point,
  type Target,
  type Vector,
  type VectorSettings,
  withClient,
} from "../client.js";
import { systemError, UserError } from "../errors.js";
import { progress, taskProgress } from "../progress.js";
import { readPoints } from "../readers/source.js";

/** Of blobs in a batch, as base64: servers take no more than 32 MiB at once. */
const BATCH_BLOB_BYTES = 8 * 2 ** 20;

export interface ImportOptions extends Target {
  distance: Distance;
  batch: number;
  firstId: number;
  using?: string;
}

export async function importFile(collection: string, file: string, options: ImportOptions): Promise<void> {
  const points = readPoints(file, { firstId: options.firstId, using: options.using });
  const bytes = fileBytes(file);
  await withClient(options, "make", async (client) => {
    const bar = progress(`import ${collection}`);
    let batch: Point[] = [];
    let imported = 0;
    let known = (await client.collectionExists(collection)).exists;
    const flush = async (offset: number) => {
      if (!known) {
        await create(client, collection, batch[0], options.distance);
        known = true;
      }
      await upsert(client, collection, batch, imported);
      imported += batch.length;
      batch = [];
      bar.update(offset, bytes);
    };
    try {
      let blobBytes = 0;
      for await (const { point, offset } of points) {
        batch.push(point);
        for (const { base64 } of Object.values(point.blobs ?? {})) blobBytes += base64.length;
        if (batch.length < options.batch && blobBytes < BATCH_BLOB_BYTES) continue;
        await flush(offset);
        blobBytes = 0;
      }
      if (batch.length > 0) await flush(bytes);
    } finally {
      bar.end(`${imported.toLocaleString("en")} points`);
    }
    if (imported === 0) throw new UserError(`${file}: holds no points`);
    const indexing = taskProgress();
    await client.waitForIndex(collection, { progress: indexing.update });
    indexing.end();
  });
}

function fileBytes(file: string): number {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new UserError(`${file} is no file`);
    return stat.size;
  } catch (error) {
    throw systemError(error, file);
  }
}

/** A new collection, its vectors as long as the first point's. */
async function create(
  client: Client,
  collection: string,
  { vector }: Point,
  distance: Distance,
): Promise<void> {
  const settings = (one: Vector): VectorSettings => ({ size: one.length, distance });
  await client.createCollection(collection, {
    vectors: isVector(vector)
      ? settings(vector)
      : Object.fromEntries(Object.entries(vector).map(([name, one]) => [name, settings(one)])),
  });
}

async function upsert(client: Client, collection: string, points: Point[], before: number): Promise<void> {
  try {
    await client.upsert(collection, { wait: true, points });
  } catch (cause) {
    const place = `points ${before + 1} to ${before + points.length} of the file`;
    throw new UserError(`${(cause as Error).message} (${place}; ${before} before them are stored)`, {
      cause,
    });
  }
}

function isVector(vector: Vector | Record<string, Vector>): vector is Vector {
  return Array.isArray(vector) || vector instanceof Float32Array;
}
