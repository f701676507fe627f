/**
 * A model's file in a page: below an address of the page's own, else from the hub. What has been had once is kept by the Cache API,
 * where there is one (https and localhost), so that the page works offline. A download that breaks off is resumed by the next one.
 */
import { ExtractError } from "../../errors.js";
import type { ModelFile } from "../../models/catalogue.js";
import { damaged, hubAddress, type LocateOptions } from "../../models/locate.js";
import { download } from "./download.js";
import { placeOf } from "./machine.js";

/** @throws ExtractError MODEL_NOT_FOUND says what to put where; MODEL_DAMAGED */
export async function locateModel(
  id: string,
  file: ModelFile,
  options: LocateOptions = {},
): Promise<Uint8Array> {
  const named = placeOf(options.folder, "models/");
  const folder = named.endsWith("/") ? named : `${named}/`;
  const own = new URL(file.path, folder).href;
  const places = [own, ...(file.hub && options.download !== false ? [hubAddress(file.hub, options)] : [])];
  const cache = await openCache(options.cache ?? "vicinal-models");
  for (const place of places) {
    const kept = await cache?.match(place);
    if (kept) return checked(id, place, new Uint8Array(await kept.arrayBuffer()), file, cache);
  }
  const reasons: string[] = [];
  for (const place of places) {
    try {
      const bytes = await download(place, cache, options);
      return await checked(id, place, bytes, file, cache);
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (cause instanceof ExtractError) throw cause;
      reasons.push(`${place}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  throw new ExtractError(
    "MODEL_NOT_FOUND",
    `${id} cannot be had (${reasons.join("; ")}): put ${file.path} below ${folder}, or name another address as folder`,
  );
}

/** Undefined where the browser keeps nothing: on pages that are neither https nor local, and where the user forbids it. */
async function openCache(name: string): Promise<Cache | undefined> {
  return globalThis.caches?.open(name).catch(() => undefined);
}

/** What is not the file is not kept either, so that the next attempt can get the right one. */
async function checked(
  id: string,
  place: string,
  bytes: Uint8Array,
  file: ModelFile,
  cache: Cache | undefined,
): Promise<Uint8Array> {
  const found = file.sha256 && (await sha256(bytes));
  if ((file.bytes === undefined || file.bytes === bytes.length) && found === file.sha256) return bytes;
  await cache?.delete(place);
  throw damaged(id, place, bytes.length, found, file);
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
