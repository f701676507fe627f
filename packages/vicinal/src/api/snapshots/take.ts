/** Taking a snapshot: the captured files become objects, of which those that are there already are not written again. */

import { Sha256 } from "../../runtime/sha256.js";
import { blobDigest, type Capture, isLogFile } from "../../segment/capture.js";
import {
  SNAPSHOT_FORMAT,
  type SnapshotBody,
  type SnapshotCollection,
  type StoredSnapshot,
} from "./description.js";
import { type Owner, readChunks, type SnapshotStore } from "./store.js";

/** Digests of a collection's files that never change, so that they are read for it once. */
export type KnownDigests = WeakMap<object, Map<string, string>>;

export interface TakeOptions {
  owner: Owner;
  collections: readonly { name: string; capture: Capture; home: object }[];
  aliases?: [string, string][];
  digests: KnownDigests;
  /** Throws when the work is to stop. */
  mayGoOn: () => void;
}

export async function takeSnapshot(store: SnapshotStore, options: TakeOptions): Promise<StoredSnapshot> {
  const { owner, collections, aliases, mayGoOn } = options;
  const there = await store.sweep();
  const described: SnapshotCollection[] = [];
  for (const { name, capture, home } of collections) {
    const files: SnapshotCollection["files"] = [];
    for (const { path, bytes } of capture.files) {
      const sha256 = await digestOf(options, home, capture, { path, bytes });
      if (!there.has(sha256)) await store.write(sha256, stoppable(capture, path, bytes, mayGoOn));
      there.add(sha256);
      files.push({ path, bytes, sha256 });
    }
    described.push({ name, manifest: capture.manifest as Record<string, unknown>, files });
  }
  const created = new Date();
  const body: SnapshotBody = {
    format: SNAPSHOT_FORMAT,
    kind: owner === undefined ? "full" : "collection",
    name: await freeName(store, owner, created),
    created: created.toISOString(),
    collections: described,
    ...(aliases ? { aliases } : {}),
  };
  // What is listed has been read back, and is what was captured.
  const snapshot = { ...body, ...(await store.measure(body, mayGoOn)) };
  await store.commit(owner, snapshot);
  return snapshot;
}

async function* stoppable(
  { directory }: Capture,
  path: string,
  bytes: number,
  mayGoOn: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of readChunks(directory, path, bytes)) {
    mayGoOn();
    yield chunk;
  }
}

async function digestOf(
  { digests, mayGoOn }: TakeOptions,
  home: object,
  capture: Capture,
  { path, bytes }: { path: string; bytes: number },
): Promise<string> {
  const named = blobDigest(path);
  if (named !== undefined) return named;
  const known = digests.get(home) ?? new Map<string, string>();
  digests.set(home, known);
  const old = known.get(path);
  if (old !== undefined) return old;
  const hash = new Sha256();
  for await (const chunk of stoppable(capture, path, bytes, mayGoOn)) hash.update(chunk);
  const digest = hash.hex();
  if (!isLogFile(path)) known.set(path, digest);
  return digest;
}

/** `films-2026-11-23-09-30-00.snapshot`, and a number more where there is one of that name. */
async function freeName(store: SnapshotStore, owner: Owner, created: Date): Promise<string> {
  const whose = owner === undefined ? "full-snapshot" : owner.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 100);
  const when = created.toISOString().slice(0, 19).replace(/[T:]/g, "-");
  for (let count = 1; ; count++) {
    const name = `${whose}-${when}${count === 1 ? "" : `-${count}`}.snapshot`;
    if (!(await store.find(owner, name))) return name;
  }
}
