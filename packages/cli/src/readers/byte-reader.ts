/** Reads a stream of chunks as runs of exactly so many bytes. */
import { createReadStream } from "node:fs";
import { systemError } from "../errors.js";

const chunkBytes = 1 << 20;

/** The bytes of a file, chunk by chunk; errors name the file. */
export async function* readChunks(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw systemError(error, path);
  }
}

export class ByteReader {
  readonly #chunks: AsyncGenerator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes given out so far. */
  offset = 0;

  constructor(path: string) {
    this.#chunks = readChunks(path);
  }

  /** The next `length` bytes; fewer only where the file ends. */
  async read(length: number): Promise<Buffer> {
    if (this.#pending.length < length) await this.#fill(length);
    const bytes = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(bytes.length);
    this.offset += bytes.length;
    return bytes;
  }

  async #fill(length: number): Promise<void> {
    const parts = [this.#pending];
    let have = this.#pending.length;
    while (have < length) {
      const next = await this.#chunks.next();
      if (next.done) break;
      parts.push(next.value);
      have += next.value.length;
    }
    this.#pending = Buffer.concat(parts, have);
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}

/** Float32 values of little-endian bytes, copied, so that no alignment is asked of the bytes. */
export function float32(bytes: Buffer): Float32Array {
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i += 1) vector[i] = bytes.readFloatLE(i * 4);
  return vector;
}
