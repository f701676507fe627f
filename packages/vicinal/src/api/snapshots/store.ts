/**
 * Where snapshots lie. A file that several of them have is there once:
 *
 *   objects/<sha256>                       a file's bytes
 *   full/<name>/manifest-...               description of a snapshot of all collections (storage/manifest.ts)
 *   collections/<folder>/<name>/manifest-...   of one collection
 *
 * Objects are durable before the description that names them is written, and go after it: a stop in between leaves objects
 * that no description names, and `sweep` deletes those.
 */
import { VicinalError } from "../../runtime/errors.js";
import { Sha256 } from "../../runtime/sha256.js";
import { archiveSize, CHUNK_BYTES, writeArchive } from "../../storage/archive.js";
import type { Directory } from "../../storage/directory.js";
import { Manifests } from "../../storage/manifest.js";
import { isPathPart } from "../../storage/paths.js";
import { objectsOf, type SnapshotBody, type StoredSnapshot } from "./description.js";

/** Name of an archive's first file. */
export const DESCRIPTION = "vicinal-snapshot.json";
export const OBJECTS = "objects";
const FULL = "full";

/** Whose snapshots: a collection's, by its name, or (undefined) those of all collections together. */
export type Owner = string | undefined;

/** The folder of an owner: the collection's name where every file system can have it, else one made from it. */
export function ownerFolder(owner: Owner): string {
  if (owner === undefined) return FULL;
  if (/^[a-z0-9_-]{1,100}$/.test(owner)) return `collections/${owner}`;
  const hash = new Sha256();
  hash.update(new TextEncoder().encode(owner));
  return `collections/${hash.hex().slice(0, 32)}.name`;
}

export class SnapshotStore {
  readonly #dir: Directory;
  /** Snapshots whose objects are being read: they stay until that ends. */
  readonly #held = new Map<StoredSnapshot, number>();
  /** Folders whose mark of deletion is younger than this start. */
  readonly #buried = new Set<string>();

  constructor(dir: Directory) {
    this.#dir = dir;
  }

  get location(): string {
    return this.#dir.location;
  }

  /** The oldest first. One whose description is damaged is left out; asking for it by its name says what is damaged. */
  async list(owner: Owner): Promise<StoredSnapshot[]> {
    const found: StoredSnapshot[] = [];
    for (const folder of await this.#folders(ownerFolder(owner))) {
      const snapshot = await this.#read(folder).catch(unlessDamaged);
      if (snapshot) found.push(snapshot);
    }
    return found.sort((a, b) => (a.created < b.created ? -1 : 1));
  }

  /** Undefined where there is none of that name. CORRUPTION */
  async find(owner: Owner, name: string): Promise<StoredSnapshot | undefined> {
    return isPathPart(name) ? this.#read(`${ownerFolder(owner)}/${name}`) : undefined;
  }

  /** By its path in the store, as `<owner's folder>/<name>`. */
  async findAt(path: string): Promise<StoredSnapshot | undefined> {
    const known = path.startsWith(`${FULL}/`) || path.startsWith("collections/");
    return known && path.split("/").every(isPathPart) ? this.#read(path) : undefined;
  }

  async #read(folder: string): Promise<StoredSnapshot | undefined> {
    const latest = await new Manifests(this.#dir.folder(folder)).latest();
    return isMark(latest?.value) ? undefined : (latest?.value as StoredSnapshot | undefined);
  }

  /** Folders of snapshots below one, or all. */
  async #folders(below?: string): Promise<string[]> {
    const folders = snapshotFolders(await this.#dir.list());
    return folders.filter((folder) => below === undefined || folder.startsWith(`${below}/`));
  }

  /** Makes the snapshot one that is listed. Its objects are there. */
  async commit(owner: Owner, snapshot: StoredSnapshot): Promise<void> {
    await new Manifests(this.#dir.folder(`${ownerFolder(owner)}/${snapshot.name}`)).commit(snapshot);
  }

  /** False when there was none. Objects that no other snapshot names go, too. Works for a damaged one. */
  async delete(owner: Owner, name: string): Promise<boolean> {
    if (!isPathPart(name)) return false;
    const folder = `${ownerFolder(owner)}/${name}`;
    const dir = this.#dir.folder(folder);
    const isDamaged = (await this.#read(folder).catch(unlessDamaged)) === undefined;
    if (isDamaged && ((await dir.list()).length === 0 || (await this.#isDeleted(folder)))) return false;
    await new Manifests(dir).commit({ deleted: true });
    this.#buried.add(folder);
    await this.sweep();
    return true;
  }

  async #isDeleted(folder: string): Promise<boolean> {
    const latest = await new Manifests(this.#dir.folder(folder)).latest().catch(unlessDamaged);
    return isMark(latest?.value);
  }

  /**
   * A crash may undo a file's deletion. Were a description to come back whose objects are gone, it would be listed; so a
   * mark that is durable takes its place, and goes itself once the description has been seen to be gone after a start.
   */
  async #bury(folder: string): Promise<void> {
    const dir = this.#dir.folder(folder);
    const paths = await dir.list();
    if (paths.length > 1) this.#buried.add(folder);
    for (const path of paths.slice(0, -1)) await dir.delete(path);
    if (!this.#buried.has(folder)) await dir.delete(paths[0]);
  }

  /**
   * Deletes what no snapshot names: what a stopped creation or deletion left. Nothing, while a description is damaged: which
   * objects it names is not known. Returns the objects there are.
   */
  async sweep(): Promise<Set<string>> {
    const named = new Set([...this.#held.keys()].flatMap((snapshot) => [...objectsOf(snapshot).keys()]));
    let isSure = true;
    for (const folder of await this.#folders()) {
      try {
        const snapshot = await this.#read(folder);
        if (snapshot) for (const sha256 of objectsOf(snapshot).keys()) named.add(sha256);
        else if (await this.#isDeleted(folder)) await this.#bury(folder);
        else await this.#deleteAll(folder);
      } catch (reason) {
        unlessDamaged(reason);
        isSure = false;
      }
    }
    const there = new Set<string>();
    for (const path of await this.#dir.folder(OBJECTS).list()) {
      if (named.has(path)) there.add(path);
      else if (isSure) await this.#dir.delete(`${OBJECTS}/${path}`);
    }
    return there;
  }

  /** Of a description that was never finished. */
  async #deleteAll(folder: string): Promise<void> {
    const dir = this.#dir.folder(folder);
    for (const path of await dir.list()) await dir.delete(path);
  }

  /** Writes an object's bytes; what was there of it, torn or damaged, goes. Durable when it resolves. */
  async write(sha256: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const path = `${OBJECTS}/${sha256}`;
    await this.#dir.delete(path);
    const writer = await this.#dir.create(path);
    try {
      for await (const chunk of chunks) await writer.append(chunk);
      await writer.sync();
    } finally {
      await writer.close();
    }
  }

  /** The snapshot as one stream. CORRUPTION where an object is not what it was. */
  async *archive(snapshot: StoredSnapshot): AsyncGenerator<Uint8Array> {
    this.#held.set(snapshot, (this.#held.get(snapshot) ?? 0) + 1);
    try {
      yield* this.#archive(snapshot);
    } finally {
      const left = (this.#held.get(snapshot) ?? 1) - 1;
      if (left > 0) this.#held.set(snapshot, left);
      else this.#held.delete(snapshot);
    }
  }

  #archive(body: SnapshotBody): AsyncGenerator<Uint8Array> {
    const description = descriptionBytes(body);
    const objects = [...objectsOf(body)].map(([sha256, size]) => ({
      name: `${OBJECTS}/${sha256}`,
      size,
      chunks: () =>
        verified(
          readChunks(this.#dir, `${OBJECTS}/${sha256}`, size),
          sha256,
          `${this.location}/${OBJECTS}/${sha256}`,
        ),
    }));
    return writeArchive([
      { name: DESCRIPTION, size: description.length, chunks: () => [description] },
      ...objects,
    ]);
  }

  /** Reads everything back once: what a snapshot's archive comes to. */
  async measure(body: SnapshotBody, mayGoOn: () => void): Promise<{ size: number; checksum: string }> {
    const hash = new Sha256();
    for await (const chunk of this.#archive(body)) {
      mayGoOn();
      hash.update(chunk);
    }
    const size = archiveSize([descriptionBytes(body).length, ...objectsOf(body).values()]);
    return { size, checksum: hash.hex() };
  }

  /** An archive that lies in the store's folder as a file, which somebody has put there. */
  async foreign(path: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    if (!path.split("/").every(isPathPart) || path.startsWith(`${OBJECTS}/`)) return undefined;
    const size = await this.#dir.size(path);
    return size === undefined ? undefined : readChunks(this.#dir, path, size);
  }
}

/** Folders that have descriptions, of all paths in a store. */
export function snapshotFolders(paths: readonly string[]): string[] {
  const descriptions = paths.filter(
    (path) => !path.startsWith(`${OBJECTS}/`) && /\/manifest-\d+$/.test(path),
  );
  return [...new Set(descriptions.map((path) => path.slice(0, path.lastIndexOf("/"))))];
}

function descriptionBytes({ format, kind, name, created, collections, aliases }: SnapshotBody): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ format, kind, name, created, collections, aliases }));
}

export async function* readChunks(dir: Directory, path: string, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < size; offset += CHUNK_BYTES)
    yield await dir.read(path, offset, Math.min(CHUNK_BYTES, size - offset));
}

/** Passes the chunks on, and throws at their end where they are not those of the digest. */
async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  sha256: string,
  path: string,
): AsyncGenerator<Uint8Array> {
  const hash = new Sha256();
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.hex();
  if (actual !== sha256)
    throw new VicinalError("CORRUPTION", `Corrupted file ${path}: its SHA-256 is ${actual}`, {
      path,
      actual,
    });
}

/** What stands in the place of a deleted description. */
export function isMark(value: unknown): boolean {
  return (value as { deleted?: unknown } | undefined)?.deleted === true;
}

function unlessDamaged(reason: unknown): undefined {
  if (reason instanceof VicinalError && reason.code === "CORRUPTION") return undefined;
  throw reason;
}
