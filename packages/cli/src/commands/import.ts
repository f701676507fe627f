/** `vicinal import`: points of a file into a collection, batch by batch. */
import { statSync } from "node:fs";
import { type Client, type Distance, type Point, type Target, withClient } from "../client.js";
import { systemError, UserError } from "../errors.js";
import { progress, taskProgress } from "../progress.js";
import { readPoints } from "../readers/source.js";
import { settingsOf } from "./import-settings.js";

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
        await client.createCollection(collection, settingsOf(batch, options.distance));
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

async function upsert(client: Client, collection: string, points: Point[], before: number): Promise<void> {
  try {
    await client.upsert(collection, { wait: true, points: points.map(withoutLarge) });
    for (const { id, blobs } of points)
      for (const [name, { type, base64 }] of Object.entries(blobs ?? {}))
        if (isLarge(base64))
          await client.putBlob(collection, id, name, { type, bytes: Buffer.from(base64, "base64") });
  } catch (cause) {
    const place = `points ${before + 1} to ${before + points.length} of the file`;
    throw new UserError(`${(cause as Error).message} (${place}; ${before} before them are stored)`, {
      cause,
    });
  }
}

/** Whether a blob goes to the server by itself, behind its point. */
function isLarge(base64: string): boolean {
  return base64.length > BATCH_BLOB_BYTES;
}

function withoutLarge(point: Point): Point {
  if (!point.blobs) return point;
  const small = Object.entries(point.blobs).filter(([, { base64 }]) => !isLarge(base64));
  return { ...point, blobs: Object.fromEntries(small) };
}
