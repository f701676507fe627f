/** `vicinal export`: the points of a collection into a file of JSON lines, which `vicinal import` reads. */
import { open } from "node:fs/promises";
import { stringifyJson } from "vicinal/protocol";
import { type Client, type PointId, plainVectors, type Target, withClient } from "../client.js";
import { systemError } from "../errors.js";
import { progress } from "../progress.js";

export interface ExportOptions extends Target {
  batch: number;
  blobs?: boolean;
}

export async function exportFile(collection: string, path: string, options: ExportOptions): Promise<void> {
  await withClient(options, "read", async (client) => {
    const { points_count: total } = await client.getCollection(collection);
    const file = await open(path, "wx").catch((error: unknown) => {
      throw systemError(error, path);
    });
    const bar = progress(`export ${collection}`);
    let exported = 0;
    try {
      for await (const line of lines(client, collection, options)) {
        await file.write(`${line}\n`);
        bar.update(++exported, total ?? exported);
      }
    } catch (error) {
      throw systemError(error, path);
    } finally {
      await file.close();
      bar.end(`${exported.toLocaleString("en")} points`);
    }
  });
}

async function* lines(
  client: Client,
  collection: string,
  { batch, blobs }: ExportOptions,
): AsyncGenerator<string> {
  let offset: PointId | null | undefined;
  do {
    const request = { limit: batch, with_payload: true, with_vector: true, with_blobs: blobs === true };
    const page = await client.scroll(collection, offset === undefined ? request : { ...request, offset });
    for (const { id, vector, payload, blobs } of page.points) {
      const kept: Record<string, { type: string; base64: string }> = {};
      for (const [name, { type }] of Object.entries(blobs ?? {}))
        kept[name] = { type, base64: await base64Of(client, collection, id, name) };
      const some = Object.keys(kept).length > 0 ? { blobs: kept } : {};
      yield stringifyJson({ id, vector: plainVectors(vector ?? {}), payload: payload ?? {}, ...some });
    }
    offset = page.next_page_offset as PointId | null | undefined;
  } while (offset !== null && offset !== undefined);
}

async function base64Of(client: Client, collection: string, id: PointId, name: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of (await client.getBlob(collection, id, name)).bytes) parts.push(part);
  return Buffer.concat(parts).toString("base64");
}
