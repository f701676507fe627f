/**
 * A model's file: in the folder of models, or in the cache, into which it is downloaded when it is wanted for the first time.
 * A download that breaks off is resumed by the next one.
 */
import { createHash, type Hash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { ExtractError } from "../../errors.js";
import type { ModelFile } from "../../models/catalogue.js";
import { damaged, hubAddress, type LocateOptions } from "../../models/locate.js";
import { environment, fileBytes, fileSize, fileStream } from "./machine.js";

/** @throws ExtractError MODEL_NOT_FOUND says what to put where; MODEL_DAMAGED */
export async function locateModel(
  id: string,
  file: ModelFile,
  options: LocateOptions = {},
): Promise<Uint8Array> {
  const { folder = environment("VICINAL_MODELS") } = options;
  const cache = options.cache ?? join(homedir(), ".cache/vicinal/models");
  const places = [...(folder ? [join(folder, file.path)] : []), join(cache, file.path)];
  for (const place of places) {
    const bytes = await fileBytes(place);
    if (bytes) return checked(id, place, bytes, file);
  }
  const { hub } = file;
  const url = hub && hubAddress(hub, options);
  const what = url ? `${url}, as ${file.path},` : file.path;
  const wanted = `put ${what} into ${folder || "a folder and name that in VICINAL_MODELS"}`;
  const absent = `${id} is not here (looked for ${places.join(" and ")})`;
  if (!url || options.download === false) throw new ExtractError("MODEL_NOT_FOUND", `${absent}: ${wanted}`);
  const place = join(cache, file.path);
  try {
    await download(url, place, file, options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof ExtractError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("MODEL_NOT_FOUND", `${absent} and cannot be had (${reason}): ${wanted}`, {
      cause,
    });
  }
  return checked(id, place, (await fileBytes(place)) as Uint8Array, file);
}

function checked(id: string, place: string, bytes: Uint8Array, file: ModelFile): Uint8Array {
  const found = file.sha256 && createHash("sha256").update(bytes).digest("hex");
  if ((file.bytes !== undefined && file.bytes !== bytes.length) || found !== file.sha256)
    throw damaged(id, place, bytes.length, found, file);
  return bytes;
}

async function download(url: string, place: string, file: ModelFile, options: LocateOptions): Promise<void> {
  const partial = `${place}.part`;
  await mkdir(dirname(place), { recursive: true });
  const have = (await fileSize(partial)) ?? 0;
  const answer = await fetch(url, {
    signal: options.signal,
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
  });
  if (answer.status === 416) {
    // What lies there is not the beginning of what the hub has.
    await rm(partial, { force: true });
    return download(url, place, file, options);
  }
  if (!answer.ok || !answer.body) throw new Error(`it answers ${answer.status} ${answer.statusText}`);
  const resumed = answer.status === 206;
  const begun = resumed ? have : 0;
  const length = Number(answer.headers.get("content-length") ?? 0);
  const total = length > 0 ? begun + length : 0;
  const hash = file.sha256 ? createHash("sha256") : undefined;
  if (hash && resumed) for await (const chunk of fileStream(partial)) hash.update(chunk);
  const done = await save(answer.body, partial, { begun, total, hash }, options);
  if (total > 0 && done < total) throw new Error(`it broke off after ${done} of ${total} bytes`);
  const digest = hash?.digest("hex");
  if (digest !== file.sha256) {
    await rm(partial, { force: true });
    throw new ExtractError("MODEL_DAMAGED", `${url} has SHA-256 ${digest}, expected ${file.sha256}`);
  }
  await rename(partial, place);
}

/** Bytes that are in the file then. */
async function save(
  body: ReadableStream<Uint8Array>,
  partial: string,
  { begun, total, hash }: { begun: number; total: number; hash: Hash | undefined },
  { onDownload, signal }: LocateOptions,
): Promise<number> {
  const out = createWriteStream(partial, { flags: begun > 0 ? "a" : "w" });
  let done = begun;
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      hash?.update(chunk);
      if (!out.write(chunk)) await new Promise<void>((resolve) => out.once("drain", () => resolve()));
      done += chunk.length;
      onDownload?.(done, total);
    }
  } finally {
    await new Promise<void>((resolve, reject) => {
      out.once("error", reject);
      out.end(() => resolve());
    });
  }
  return done;
}
