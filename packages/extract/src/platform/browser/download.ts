/**
 * Downloads that can be resumed. What has come is kept in the cache in parts; the next attempt asks for the rest by `Range`, under the
 * condition (`If-Range`) that the file is still the same, so that halves of two files are never joined.
 */
import type { LocateOptions } from "../../models/locate.js";

/** Bytes of a kept part. */
const PART = 4 << 20;
const VERSION = "x-version";

/** The whole, which the cache has then too. */
export async function download(
  address: string,
  cache: Cache | undefined,
  { onDownload, signal }: LocateOptions,
): Promise<Uint8Array> {
  const partial = await partsOf(address, cache);
  const wants = partial.bytes > 0 && partial.version !== "";
  const answer = await fetch(address, {
    signal,
    cache: "no-store",
    headers: wants ? { range: `bytes=${partial.bytes}-`, "if-range": partial.version } : {},
  });
  const resumed = wants && answer.status === 206;
  if (!resumed) await partial.drop();
  if (wants && answer.status === 416) return download(address, cache, { onDownload, signal });
  if (!answer.ok || !answer.body) throw new Error(`it answers ${answer.status} ${answer.statusText}`);

  const chunks = resumed ? partial.parts : [];
  let done = resumed ? partial.bytes : 0;
  // A compressed answer says the length of what is sent, not of what arrives.
  const isPlain = !answer.headers.get("content-encoding");
  const length = isPlain ? Number(answer.headers.get("content-length") ?? 0) : 0;
  const total = length > 0 ? done + length : 0;
  // Parts of what cannot be asked for again under a condition are of no use.
  const etag = answer.headers.get("etag") ?? "";
  const version = isPlain && !etag.startsWith("W/") ? etag : "";
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const keep = async () => {
    if (waitingBytes > 0 && version)
      await putPart(cache, address, done - waitingBytes, joined(waiting, waitingBytes), version);
    waiting = [];
    waitingBytes = 0;
  };
  const reader = answer.body.getReader();
  try {
    for (let { value } = await reader.read(); value; { value } = await reader.read()) {
      signal?.throwIfAborted();
      chunks.push(value);
      waiting.push(value);
      done += value.length;
      waitingBytes += value.length;
      if (waitingBytes >= PART) await keep();
      onDownload?.(done, total);
    }
  } catch (error) {
    await keep();
    throw error;
  }
  if (total > 0 && done < total) {
    await keep();
    throw new Error(`it broke off after ${done} of ${total} bytes`);
  }
  const whole = joined(chunks, done);
  // A full disk costs the next visit a download, no more.
  await cache?.put(address, new Response(whole as Uint8Array<ArrayBuffer>)).catch(() => {});
  await (await partsOf(address, cache)).drop();
  return whole;
}

interface Parts {
  parts: Uint8Array[];
  bytes: number;
  version: string;
  drop(): Promise<void>;
}

async function partsOf(address: string, cache: Cache | undefined): Promise<Parts> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let version = "";
  const names: string[] = [];
  for (;;) {
    const name = partAddress(address, bytes);
    const kept = await cache?.match(name);
    const of = kept?.headers.get(VERSION) ?? "";
    if (!kept || (bytes > 0 && of !== version)) break;
    version = of;
    names.push(name);
    const part = new Uint8Array(await kept.arrayBuffer());
    if (part.length === 0) break;
    parts.push(part);
    bytes += part.length;
  }
  const drop = async () => {
    for (const name of names) await cache?.delete(name);
  };
  return { parts, bytes, version, drop };
}

async function putPart(
  cache: Cache | undefined,
  address: string,
  at: number,
  bytes: Uint8Array,
  version: string,
): Promise<void> {
  const part = new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { [VERSION]: version } });
  await cache?.put(partAddress(address, at), part).catch(() => {});
}

function partAddress(address: string, at: number): string {
  const url = new URL(address);
  url.searchParams.set("vicinal-part", String(at));
  return url.href;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
