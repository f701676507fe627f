/** What all views of a ShardDirectory share: which files there are, and how that comes to count. */
import { randomBytes } from "node:crypto";
import { checkPath, crc32c, MemoryDirectory, VicinalError } from "vicinal/shard";
import type { ObjectCache, ObjectRef } from "./object-cache.js";
import type { Pointer } from "./pointer.js";
import { settleSwap } from "./pointer-swap.js";
import { epochOf, keyPrefix } from "./shard-keys.js";
import { type Counting, encodePointer, encodeTable, readTable } from "./table.js";

export interface ShardDirectoryOptions {
  /** Of the store in which the shard lies. */
  cache: ObjectCache;
  /** The shard's. */
  pointer: Pointer;
  /** The shard's name: one part of a path, or several. */
  shard: string;
  /** For the writer: a whole number, greater than that of every ownership of the shard before. A reader gives none. */
  epoch?: number;
  /** The first wait before a swap of the pointer is tried again, in milliseconds. Default 50. */
  delayMs?: number;
}

/** A file other than a manifest. */
export class ShardFile implements ObjectRef {
  size = 0;
  crc = 0;
  /** Its object may be in the store: nothing is appended any more. */
  sealed = false;
  /** Its object is in the store. */
  durable = false;
  deleted = false;

  constructor(readonly key: string) {}

  static of({ key, size, crc }: ObjectRef): ShardFile {
    return Object.assign(new ShardFile(key), { size, crc, sealed: true, durable: true });
  }
}

export class ShardState {
  readonly location: string;
  readonly cache: ObjectCache;
  readonly isWriter: boolean;
  files = new Map<string, ShardFile>();
  /** Of a reader: what earlier tables named, as long as it lies in the cache. What was opened then may still read it. */
  former = new Map<string, ShardFile>();
  manifests = MemoryDirectory.empty();
  closed = false;
  readonly #options: ShardDirectoryOptions;
  /** No two openings have the same, so that a key is never used again. */
  readonly #opening = randomBytes(6).toString("hex");
  #nextFile = 1;
  #counting: Counting | undefined;
  /** Objects that no table will name any more; they go after the next commit. */
  #gone: string[] = [];
  /** By the pointer's value: tables of which nobody knows whether they count. */
  readonly #unsettled = new Map<string, string>();
  #hasCommitted = false;
  /** Another writer has committed since this one did: this one never will again. */
  #fenced: VicinalError | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #sweeping: Promise<void> = Promise.resolve();

  private constructor(options: ShardDirectoryOptions) {
    this.#options = options;
    this.cache = options.cache;
    this.isWriter = options.epoch !== undefined;
    this.location = `${options.cache.store.location}/shards/${options.shard}`;
  }

  static async open(options: ShardDirectoryOptions): Promise<ShardState> {
    checkPath(options.shard);
    const { epoch } = options;
    if (epoch !== undefined && !(Number.isSafeInteger(epoch) && epoch >= 0))
      throw new VicinalError("OUT_OF_RANGE", `Bad epoch ${epoch}: expected a whole number`, { epoch });
    const state = new ShardState(options);
    await state.#load();
    return state;
  }

  /** Reads what counts now; resolves to whether that is something else than before. */
  refresh(): Promise<boolean> {
    const done = this.#turn.then(() => this.#load());
    this.#turn = done.catch(() => {});
    return done;
  }

  newFile(path: string): ShardFile {
    return new ShardFile(this.#newKey(path));
  }

  /** The file has no name any more. */
  async retire(file: ShardFile): Promise<void> {
    file.deleted = true;
    if (file.sealed) this.forget(file.key);
    else await this.cache.drop(file.key);
  }

  /** The object goes after the next commit. */
  forget(key: string): void {
    this.#gone.push(key);
  }

  /** Whether the manifest of that many bytes is the one that counts. */
  counts(path: string, length: number): boolean {
    const table = this.#counting?.table;
    return table?.manifest === path && table.body.length === length;
  }

  /**
   * Makes the manifest count, with all files that are durable now. FENCED where another writer has committed: for good, except
   * to one that has not committed yet, which sees what counts now and may try again.
   */
  async commit(manifest: string, body: Uint8Array): Promise<void> {
    if (this.#fenced) throw this.#fenced;
    const { cache, pointer, delayMs } = this.#options;
    const going = this.#gone.splice(0);
    const files = new Map([...this.files].filter(([, { durable }]) => durable));
    const table = { manifest, body, files };
    const bytes = encodeTable(table);
    const ref = { key: this.#newKey(manifest), size: bytes.length, crc: crc32c(bytes) };
    const value = encodePointer(ref);
    const replaced = this.#counting;
    try {
      await cache.store.put(ref.key, bytes).catch((reason) => {
        going.push(ref.key);
        throw reason;
      });
      const unsettled = new Set(this.#unsettled.keys());
      this.#unsettled.set(value, ref.key);
      const revision = await settleSwap({ pointer, revision: replaced?.revision, value, unsettled, delayMs });
      this.#counting = { revision, value, ref, table };
    } catch (reason) {
      this.#gone.unshift(...going);
      if (reason instanceof VicinalError && reason.code === "FENCED") await this.#giveWay(manifest, reason);
      throw reason;
    }
    this.#hasCommitted = true;
    this.#unsettled.delete(value);
    going.push(...this.#unsettled.values(), ...(replaced ? [replaced.ref.key] : []));
    this.#unsettled.clear();
    this.#sweeping = this.#sweeping.then(() => this.#sweep(going));
  }

  /** Once what was to be deleted has been. */
  async close(): Promise<void> {
    this.closed = true;
    await this.#sweeping;
    for (const key of this.#gone) this.cache.release(key);
    for (const { key, durable } of this.files.values()) if (!durable) await this.cache.drop(key);
  }

  async #giveWay(manifest: string, reason: VicinalError): Promise<void> {
    await this.manifests.delete(manifest);
    // The next owner knows what of this still counts.
    for (const key of this.#gone.splice(0)) this.cache.release(key);
    this.#unsettled.clear();
    if (this.#hasCommitted) this.#fenced = reason;
    else await this.refresh();
  }

  async #load(): Promise<boolean> {
    const { cache, pointer, shard, epoch } = this.#options;
    const before = this.#counting;
    const counting = await readTable(cache.store, pointer, before);
    this.#counting = counting;
    if (counting?.value === before?.value) return false;
    const later = counting && epochOf(shard, counting.ref.key);
    if (epoch !== undefined && later !== undefined && later > epoch) {
      const message = `Another writer has taken over ${this.location}: its epoch ${later} is above ${epoch}`;
      throw new VicinalError("FENCED", message, { location: this.location, epoch: later });
    }
    const files = new Map<string, ShardFile>();
    for (const [path, ref] of counting?.table.files ?? []) files.set(path, ShardFile.of(ref));
    if (epoch === undefined) {
      for (const [path, file] of this.files) this.former.set(path, file);
      for (const [path, { key }] of this.former)
        if (files.has(path) || !cache.has(key)) this.former.delete(path);
    } else {
      // What this writer has made itself.
      for (const [path, file] of this.files)
        if (!before?.table.files.has(path) && !files.has(path)) files.set(path, file);
    }
    const manifests = MemoryDirectory.empty(this.location);
    if (counting) {
      const writer = await manifests.create(counting.table.manifest);
      await writer.append(counting.table.body);
      await writer.close();
    }
    this.files = files;
    this.manifests = manifests;
    return true;
  }

  #newKey(path: string): string {
    const { shard, epoch } = this.#options;
    return `${keyPrefix(shard)}${epoch}/${this.#opening}/${this.#nextFile++}-${path}`;
  }

  /** What cannot be deleted now is tried again after the next commit. */
  async #sweep(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      await this.cache.drop(key).catch(() => {});
      await this.cache.store.delete(key).catch(() => this.forget(key));
    }
  }
}
