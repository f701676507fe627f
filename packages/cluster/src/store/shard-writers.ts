/** Writers of a ShardDirectory: a file becomes an object when it is synced, a manifest becomes what counts. */
import { corruption, crc32c, type FileWriter, VicinalError } from "vicinal/shard";
import type { ShardFile, ShardState } from "./shard-state.js";

export class ObjectWriter implements FileWriter {
  readonly #state: ShardState;
  readonly #file: ShardFile;
  readonly #local: FileWriter;

  private constructor(state: ShardState, file: ShardFile, local: FileWriter) {
    this.#state = state;
    this.#file = file;
    this.#local = local;
  }

  static async create(state: ShardState, file: ShardFile): Promise<ObjectWriter> {
    return new ObjectWriter(state, file, await state.cache.create(file.key));
  }

  get length(): number {
    return this.#file.size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const file = this.#file;
    if (file.sealed)
      throw new VicinalError("INTERNAL", `The object ${file.key} is written once: it was synced already`);
    await this.#local.append(bytes);
    file.crc = crc32c(bytes, file.crc);
    file.size += bytes.length;
  }

  async sync(): Promise<void> {
    const file = this.#file;
    const { cache } = this.#state;
    if (file.durable) return;
    file.sealed = true;
    const bytes = new Uint8Array(file.size);
    await cache.readInto(file, 0, bytes);
    const crc = crc32c(bytes);
    if (crc !== file.crc) throw corruption(`the local copy of ${file.key}`, 0, file.crc, crc, "checksum");
    await cache.store.put(file.key, bytes);
    file.durable = true;
    if (file.deleted) this.#state.forget(file.key);
  }

  async close(): Promise<void> {
    await this.#local.close();
    if (this.#file.durable) this.#state.cache.release(this.#file.key);
  }
}

export class ManifestWriter implements FileWriter {
  readonly #state: ShardState;
  readonly #path: string;
  readonly #local: FileWriter;
  #counts: boolean;

  constructor(state: ShardState, path: string, local: FileWriter) {
    this.#state = state;
    this.#path = path;
    this.#local = local;
    this.#counts = state.counts(path, local.length);
  }

  get length(): number {
    return this.#local.length;
  }

  /** After the sync: of no consequence to anybody else. */
  append(bytes: Uint8Array): Promise<void> {
    return this.#local.append(bytes);
  }

  async sync(): Promise<void> {
    if (this.#counts) return;
    const body = await this.#state.manifests.read(this.#path, 0, this.#local.length);
    await this.#state.commit(this.#path, body);
    this.#counts = true;
  }

  close(): Promise<void> {
    return this.#local.close();
  }
}
