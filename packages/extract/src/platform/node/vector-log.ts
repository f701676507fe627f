/**
 * Vectors by their keys in one file that is only appended to:
 *
 *   record: 32 bytes key | dimensions * 4 bytes vector, little-endian | 8 bytes of the SHA-256 of both
 *
 * A cache, not a store: nothing is synced, and a record that a kill has torn is cut off with all behind it. Each record is checked
 * when it is read, so that another process at the same file can cost vectors but never give wrong ones.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { nameOf } from "../../cache/cached.js";

const KEY_BYTES = 32;
const CHECK_BYTES = 8;
/** Read at a time when a file is opened. */
const CHUNK_BYTES = 1 << 20;

export class VectorLog {
  /** Byte of each key's record. */
  readonly #places = new Map<string, number>();
  readonly #recordBytes: number;
  #bytes = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly dimensions: number,
  ) {
    this.#recordBytes = KEY_BYTES + dimensions * 4 + CHECK_BYTES;
  }

  static async open(path: string, dimensions: number): Promise<VectorLog> {
    const log = new VectorLog(await open(path, "a+"), dimensions);
    await log.#scan();
    return log;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async get(key: Uint8Array): Promise<Float32Array | undefined> {
    const place = this.#places.get(nameOf(key));
    if (place === undefined) return undefined;
    const record = Buffer.alloc(this.#recordBytes);
    const { bytesRead } = await this.file.read(record, 0, record.length, place);
    if (bytesRead < record.length || !isWhole(record) || !record.subarray(0, KEY_BYTES).equals(key)) {
      this.#places.delete(nameOf(key));
      return undefined;
    }
    const vector = new Float32Array(this.dimensions);
    for (let i = 0; i < vector.length; i++) vector[i] = record.readFloatLE(KEY_BYTES + 4 * i);
    return vector;
  }

  /** One call at a time. */
  async append(entries: readonly (readonly [key: Uint8Array, vector: Float32Array])[]): Promise<void> {
    const records = entries.filter(([key]) => !this.#places.has(nameOf(key)));
    if (records.length === 0) return;
    await this.file.appendFile(Buffer.concat(records.map(([key, vector]) => this.#record(key, vector))));
    const { size } = await this.file.stat();
    const begin = size - records.length * this.#recordBytes;
    for (const [i, [key]] of records.entries()) this.#places.set(nameOf(key), begin + i * this.#recordBytes);
    this.#bytes = size;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  #record(key: Uint8Array, vector: Float32Array): Buffer {
    const record = Buffer.alloc(this.#recordBytes);
    record.set(key);
    for (const [i, value] of vector.entries()) record.writeFloatLE(value, KEY_BYTES + 4 * i);
    record.set(checkOf(record), record.length - CHECK_BYTES);
    return record;
  }

  async #scan(): Promise<void> {
    const { size } = await this.file.stat();
    const records = Math.max(1, Math.floor(CHUNK_BYTES / this.#recordBytes));
    const chunk = Buffer.alloc(records * this.#recordBytes);
    scan: for (let at = 0; at < size; ) {
      const { bytesRead } = await this.file.read(chunk, 0, chunk.length, at);
      for (let from = 0; from + this.#recordBytes <= bytesRead; from += this.#recordBytes) {
        const record = chunk.subarray(from, from + this.#recordBytes);
        if (!isWhole(record)) break scan;
        this.#places.set(nameOf(record.subarray(0, KEY_BYTES)), at + from);
        this.#bytes = at + from + this.#recordBytes;
      }
      if (bytesRead < chunk.length) break;
      at += bytesRead;
    }
    if (this.#bytes < size) await this.file.truncate(this.#bytes);
  }
}

function checkOf(record: Buffer): Buffer {
  return createHash("sha256").update(record.subarray(0, -CHECK_BYTES)).digest().subarray(0, CHECK_BYTES);
}

function isWhole(record: Buffer): boolean {
  return checkOf(record).equals(record.subarray(-CHECK_BYTES));
}
