/**
 * An ObjectStore that is a folder which all nodes share (NFS and the like). An object is written beside its place, synced and
 * renamed into it, so that nobody sees a part of one; then the folders that name it are synced. What a stopped process left
 * half written lies in `~incoming`, which may be emptied while no node runs.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { endsEarly, fileNotFound, VicinalError } from "vicinal/shard";
import { checkKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";

/** No key can have this part. */
const INCOMING = "~incoming";
const ATTEMPTS = 100;

export class FolderStore implements ObjectStore {
  readonly location: string;
  readonly #root: string;
  /** Folders whose own names are durable. */
  readonly #durable = new Set<string>();

  /** Makes the folder with the first object. */
  constructor(path: string) {
    this.#root = resolve(path);
    this.location = `dir:${this.#root}`;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const place = this.#place(key);
    const incoming = join(this.#root, INCOMING, randomUUID());
    await this.#attempt("write", key, async () => {
      await fs.mkdir(dirname(incoming), { recursive: true });
      const file = await fs.open(incoming, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#moveTo(incoming, place);
      await this.#syncNames(place);
    }).catch(async (reason) => {
      await fs.rm(incoming, { force: true }).catch(() => {});
      throw reason;
    });
  }

  async get(key: string, range?: { offset: number; length: number }): Promise<Uint8Array> {
    const place = this.#place(key);
    return this.#attempt("read", key, async () => {
      const file = await fs.open(place, "r");
      try {
        const { size } = await file.stat();
        const { offset, length } = range ?? { offset: 0, length: size };
        if (offset + length > size) throw endsEarly(`${this.location}/${key}`, offset, length, size);
        const bytes = new Uint8Array(length);
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
          if (bytesRead === 0) throw endsEarly(`${this.location}/${key}`, offset, length, offset + done);
          done += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    });
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number }> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    const keys = await this.#attempt("list", prefix, () => this.#keysBelow(folder));
    for (const key of keys.filter((key) => key.startsWith(prefix))) {
      const size = await fs.stat(join(this.#root, key)).then(
        (stat) => stat.size,
        () => undefined,
      );
      // Deleted since.
      if (size !== undefined) yield { key, size };
    }
  }

  async delete(key: string): Promise<void> {
    const place = this.#place(key);
    await this.#attempt("delete", key, async () => {
      await fs.rm(place, { force: true });
      try {
        for (let folder = dirname(place); folder.length > this.#root.length; folder = dirname(folder)) {
          await fs.rmdir(folder);
          this.#durable.delete(folder);
        }
      } catch {
        // Not empty, as most: it stays, and so do those above.
      }
    });
  }

  async close(): Promise<void> {}

  #place(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }

  /** Again where a deletion has taken the emptied folder away in between. */
  async #moveTo(incoming: string, place: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await fs.mkdir(dirname(place), { recursive: true });
        return await fs.rename(incoming, place);
      } catch (error) {
        if (codeOf(error) !== "ENOENT" || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #syncNames(place: string): Promise<void> {
    await syncFolder(dirname(place));
    for (let folder = dirname(place); !this.#durable.has(folder); folder = dirname(folder)) {
      // The folder above the root may be another's, where nothing can be done.
      const above = syncFolder(dirname(folder));
      await (folder.length > this.#root.length ? above : above.catch(() => {}));
      this.#durable.add(folder);
      if (folder.length <= this.#root.length) break;
    }
  }

  async #keysBelow(folder: string): Promise<string[]> {
    const keys: string[] = [];
    let entries: Awaited<ReturnType<typeof readEntries>>;
    try {
      entries = await readEntries(join(this.#root, folder));
    } catch (error) {
      if (isAbsent(error)) return keys;
      throw error;
    }
    for (const entry of entries) {
      if (entry.isDirectory() && entry.name !== INCOMING)
        keys.push(...(await this.#keysBelow(`${folder}${entry.name}/`)));
      else if (entry.isFile()) keys.push(`${folder}${entry.name}`);
    }
    return keys;
  }

  async #attempt<T>(action: string, key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      const path = `${this.location}/${key}`;
      if (action === "read" && isAbsent(error)) throw fileNotFound(path);
      const full = code === "ENOSPC" || code === "EDQUOT";
      const what = full ? `No room left to ${action} ${path}` : `Cannot ${action} ${path}: ${code}`;
      throw new VicinalError(full ? "DISK_FULL" : "IO", what, { path, cause: code }, { cause: error });
    }
  }
}

function readEntries(folder: string) {
  return fs.readdir(folder, { withFileTypes: true });
}

/** Windows cannot sync folders, and journals names itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return String(error.code);
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "");
}
