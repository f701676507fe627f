/** From where a snapshot is restored: a name, a file in the store's folder, or an address. */
import { localFile } from "#platform/local-file.js";
import { VicinalError } from "../../runtime/errors.js";
import { CHUNK_BYTES } from "../../storage/archive.js";
import type { SnapshotRecover } from "../schema/index.js";
import type { SnapshotStore } from "./store.js";

type Bytes = AsyncIterable<Uint8Array>;

/**
 * The archive at a location. `home` is the collection whose snapshots a bare name stands for.
 *
 * @throws SNAPSHOT_NOT_FOUND for a name, BAD_REQUEST for an address that gives nothing, FORBIDDEN for a file elsewhere.
 */
export async function archiveAt(
  store: SnapshotStore,
  home: string,
  { location, api_key }: SnapshotRecover,
): Promise<Bytes> {
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (url === undefined) return namedArchive(store, home, location);
  if (url.protocol === "file:") return fileArchive(store, url);
  if (url.protocol === "http:" || url.protocol === "https:") return download(url, api_key ?? undefined);
  throw badRequest(`Invalid snapshot URI, it must be http, https or file, not ${url.protocol}`, location);
}

async function namedArchive(store: SnapshotStore, home: string, name: string): Promise<Bytes> {
  const snapshot = await store.find(home, name);
  if (snapshot) return store.archive(snapshot);
  throw snapshotNotFound(name);
}

async function fileArchive(store: SnapshotStore, url: URL): Promise<Bytes> {
  const file = localFile(url);
  if (!file) throw badRequest("Invalid snapshot URI, file path must be absolute or on localhost", url.href);
  if (!file.exists) throw badRequest(`Snapshot file ${JSON.stringify(file.path)} does not exist`, url.href);
  const root = `${store.location}/`;
  const path = file.path.startsWith(root) ? file.path.slice(root.length) : undefined;
  if (path === undefined)
    throw new VicinalError(
      "FORBIDDEN",
      `Forbidden: Snapshot file path must be inside the snapshots directory ${store.location}`,
      { location: url.href },
    );
  const snapshot = await store.findAt(path);
  const archive = snapshot ? store.archive(snapshot) : await store.foreign(path);
  if (archive) return archive;
  throw badRequest(`Snapshot file ${JSON.stringify(file.path)} is no snapshot`, url.href);
}

async function download(url: URL, apiKey: string | undefined): Promise<Bytes> {
  let response: Response;
  try {
    response = await fetch(url, { headers: apiKey === undefined ? {} : { "api-key": apiKey } });
  } catch (cause) {
    throw badRequest(`Failed to download snapshot from ${url}: ${(cause as Error).message}`, url.href, cause);
  }
  if (response.ok && response.body) return bodyOf(url, response.body);
  await response.body?.cancel();
  throw badRequest(`Failed to download snapshot from ${url}: status ${response.status}`, url.href);
}

async function* bodyOf(url: URL, body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (let offset = 0; offset < value.length; offset += CHUNK_BYTES)
        yield value.subarray(offset, offset + CHUNK_BYTES);
    }
  } catch (cause) {
    throw badRequest(`The download of ${url} broke off: ${(cause as Error).message}`, url.href, cause);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

export function snapshotNotFound(name: string): VicinalError {
  return new VicinalError("SNAPSHOT_NOT_FOUND", `Not found: Snapshot ${JSON.stringify(name)} not found`, {
    name,
  });
}

function badRequest(text: string, location: string, cause?: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `Bad request: ${text}`, { location }, { cause });
}
