/**
 * ShardDirectory: the folder of a collection's files whose bytes lie in an object store, for a shard's one writer or for a reader.
 *
 * A file becomes an object of its own when its writer syncs it, under a key that no other file ever has. Which object is which
 * file says the table (table.ts). It changes when a manifest is synced: manifest and table are put as one object, then a
 * compare-and-set makes the shard's pointer name it. So what is in the store and not in the table does not count, and no listing
 * of the store is ever asked what there is.
 *
 * A writer sees the table that it has read or committed, and what it has made since; nobody else sees the latter before it commits.
 * A reader turns to what counts when it lists files or misses an object.
 * Deleting takes a file out of that view; its object goes once a table without it counts. What a writer that stopped has left
 * behind is for collectGarbage. What a manifest gains after its sync (its mark) is lost with its writer.
 *
 * Files are written once: appended to, synced and closed. Syncing holds the whole file in memory.
 */
import {
  checkPath,
  type Directory,
  endsEarly,
  type FileWriter,
  fileExists,
  fileNotFound,
  joinPath,
  VicinalError,
} from "vicinal/shard";
import { type ShardDirectoryOptions, type ShardFile, ShardState } from "./shard-state.js";
import { ManifestWriter, ObjectWriter } from "./shard-writers.js";

export type { ShardDirectoryOptions } from "./shard-state.js";

const COPY_PIECE = 2 ** 20;

export class ShardDirectory implements Directory {
  readonly location: string;
  readonly #state: ShardState;
  readonly #prefix: string;

  private constructor(state: ShardState, prefix: string) {
    this.#state = state;
    this.#prefix = prefix;
    this.location = prefix === "" ? state.location : `${state.location}/${prefix}`;
  }

  /** As of what counts now. FENCED to a writer where one of a later epoch has committed. */
  static async open(options: ShardDirectoryOptions): Promise<ShardDirectory> {
    return new ShardDirectory(await ShardState.open(options), "");
  }

  /**
   * For a reader: turns to what counts now, and resolves to whether that is something else than before. Listing does it too.
   */
  async refresh(): Promise<boolean> {
    if (this.#state.isWriter)
      throw new VicinalError("INTERNAL", `The writer of ${this.location} knows what counts`);
    return this.#state.refresh();
  }

  folder(path: string): ShardDirectory {
    checkPath(path);
    return new ShardDirectory(this.#state, joinPath(this.#prefix, path));
  }

  async list(): Promise<string[]> {
    if (!this.#state.isWriter) await this.#state.refresh();
    const below = this.#prefix === "" ? "" : `${this.#prefix}/`;
    return [...this.#state.files.keys(), ...(await this.#state.manifests.list())]
      .filter((path) => path.startsWith(below))
      .map((path) => path.slice(below.length))
      .sort();
  }

  async size(path: string): Promise<number | undefined> {
    const full = this.#inside(path);
    return isManifest(full) ? this.#state.manifests.size(full) : this.#state.files.get(full)?.size;
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.readInto(path, offset, bytes);
    return bytes;
  }

  async readInto(path: string, offset: number, target: Uint8Array): Promise<void> {
    const full = this.#inside(path);
    this.#checkOpen();
    if (isManifest(full)) return this.#state.manifests.readInto(full, offset, target);
    const file = this.#existing(path);
    if (offset + target.length > file.size)
      throw endsEarly(`${this.location}/${path}`, offset, target.length, file.size);
    try {
      await this.#state.cache.readInto(file, offset, target);
    } catch (reason) {
      const gone = reason instanceof VicinalError && reason.code === "FILE_NOT_FOUND";
      if (!gone || this.#state.isWriter) throw reason;
      await this.#state.refresh();
      const now = this.#state.files.get(full);
      if (!now) throw fileNotFound(`${this.location}/${path}`);
      // It counts, and is not there: that is damage.
      if (now.key === file.key) throw reason;
      await this.readInto(path, offset, target);
    }
  }

  async create(path: string): Promise<FileWriter> {
    const full = this.#inside(path);
    this.#checkWriter(path);
    if (isManifest(full))
      return new ManifestWriter(this.#state, full, await this.#state.manifests.create(full));
    const { files } = this.#state;
    if (files.has(full)) throw fileExists(`${this.location}/${path}`);
    const file = this.#state.newFile(full);
    files.set(full, file);
    try {
      return await ObjectWriter.create(this.#state, file);
    } catch (reason) {
      files.delete(full);
      throw reason;
    }
  }

  async reopen(path: string, length: number): Promise<FileWriter> {
    const full = this.#inside(path);
    this.#checkWriter(path);
    if (isManifest(full))
      return new ManifestWriter(this.#state, full, await this.#state.manifests.reopen(full, length));
    const before = this.#existing(path);
    if (length > before.size) throw endsEarly(`${this.location}/${path}`, 0, length, before.size);
    const file = this.#state.newFile(full);
    const writer = await ObjectWriter.create(this.#state, file);
    try {
      for (let at = 0; at < length; at += COPY_PIECE)
        await writer.append(await this.read(path, at, Math.min(COPY_PIECE, length - at)));
    } catch (reason) {
      await writer.close();
      await this.#state.retire(file);
      throw reason;
    }
    this.#state.files.set(full, file);
    await this.#state.retire(before);
    return writer;
  }

  async delete(path: string): Promise<void> {
    const full = this.#inside(path);
    this.#checkWriter(path);
    if (isManifest(full)) return this.#state.manifests.delete(full);
    const file = this.#state.files.get(full);
    if (!file) return;
    this.#state.files.delete(full);
    await this.#state.retire(file);
  }

  async close(): Promise<void> {
    if (this.#prefix === "") await this.#state.close();
  }

  #inside(path: string): string {
    checkPath(path);
    return joinPath(this.#prefix, path);
  }

  #existing(path: string): ShardFile {
    const full = this.#inside(path);
    const file = this.#state.files.get(full) ?? this.#state.former.get(full);
    if (!file) throw fileNotFound(`${this.location}/${path}`);
    return file;
  }

  #checkOpen(): void {
    if (this.#state.closed) throw new VicinalError("CLOSED", `${this.#state.location} is closed`);
  }

  #checkWriter(path: string): void {
    this.#checkOpen();
    if (!this.#state.isWriter)
      throw new VicinalError("READ_ONLY", `${this.location}/${path}: the shard is only being read here`);
  }
}

function isManifest(path: string): boolean {
  return /^manifest-\d+$/.test(path);
}
