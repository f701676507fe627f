/**
 * Archives: several files as one stream, a plain tar (POSIX ustar) that any `tar` reads. The same files make the same
 * bytes. A size of 8 GiB and more stands in base 256, as GNU tar and others have it.
 *
 * Writing and reading hold one chunk at a time. What is read may come from anybody: a header that is not exactly of the
 * form written here, an end that comes too early and bytes behind the end are refused as BAD_REQUEST.
 */
import { VicinalError } from "../runtime/errors.js";

/** Bytes read and written at a time. */
export const CHUNK_BYTES = 2 ** 20;

const BLOCK_SIZE = 512;
const NAME_BYTES_MAX = 100;
const OCTAL_SIZE_MAX = 8 ** 11;
/** Zeros behind the end that are let pass: tars round up to 20 blocks. */
const PADDING_MAX = 20 * BLOCK_SIZE;

export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface ArchiveFile {
  /** At most 100 ASCII characters. */
  name: string;
  size: number;
  /** Gives exactly `size` bytes. */
  chunks(): Chunks;
}

const encoder = new TextEncoder();

function header(name: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE);
  const put = (text: string, offset: number) => block.set(encoder.encode(text), offset);
  put(name, 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  if (size < OCTAL_SIZE_MAX) put(`${size.toString(8).padStart(11, "0")}\0`, 124);
  else {
    block[124] = 0x80;
    new DataView(block.buffer).setBigUint64(128, BigInt(size));
  }
  put("00000000000\0", 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\0", 257);
  put("00", 263);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function paddingOf(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}

/** Bytes of the archive of files of these sizes. */
export function archiveSize(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + BLOCK_SIZE + size + paddingOf(size), 2 * BLOCK_SIZE);
}

export async function* writeArchive(files: Iterable<ArchiveFile>): AsyncGenerator<Uint8Array> {
  for (const { name, size, chunks } of files) {
    yield header(name, size);
    yield* chunks();
    const padding = paddingOf(size);
    if (padding > 0) yield new Uint8Array(padding);
  }
  yield new Uint8Array(2 * BLOCK_SIZE);
}

/** Reads an archive's files in their order: `next`, then the file's bytes, then `next` again. */
export class ArchiveReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(chunks: Chunks) {
    this.#source =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  /** Name and size of the next file; undefined at the archive's proper end, behind which there is nothing. */
  async next(): Promise<{ name: string; size: number } | undefined> {
    const block = await this.#exactly(BLOCK_SIZE, "a file's header");
    if (block.some((byte) => byte !== 0)) return parseHeader(block);
    await this.#expectEnd();
    return undefined;
  }

  /** The bytes of the file whose header was read last, all of which must be consumed. */
  async *bytes(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const part = await this.#some(left);
      if (part === undefined) throw endsEarly("a file's bytes");
      left -= part.length;
      yield part;
    }
    const padding = await this.#exactly(paddingOf(size), "a file's padding");
    if (padding.some((byte) => byte !== 0)) throw refused("a file's padding is not of zeros");
  }

  /** A whole small file. */
  exactly(size: number): Promise<Uint8Array> {
    return collect(this.bytes(size), size);
  }

  /** Lets the source go, read to its end or not. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #expectEnd(): Promise<void> {
    let zeros = BLOCK_SIZE;
    for (let part = await this.#some(CHUNK_BYTES); part !== undefined; part = await this.#some(CHUNK_BYTES)) {
      zeros += part.length;
      if (part.some((byte) => byte !== 0) || zeros > PADDING_MAX)
        throw refused("there are bytes behind its end");
    }
    if (zeros < 2 * BLOCK_SIZE) throw endsEarly("its end mark");
  }

  #exactly(size: number, what: string): Promise<Uint8Array> {
    const take = async function* (this: ArchiveReader) {
      for (let left = size; left > 0; ) {
        const part = await this.#some(left);
        if (part === undefined) throw endsEarly(what);
        left -= part.length;
        yield part;
      }
    };
    return collect(take.call(this), size);
  }

  /** At least one byte and at most `max`; undefined at the end of the source. */
  async #some(max: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      this.#chunk = value;
    }
    const part = this.#chunk.subarray(0, max);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }
}

async function collect(chunks: Chunks, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for await (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** A header is valid if and only if it is the one that would be written for its name and size. */
function parseHeader(block: Uint8Array): { name: string; size: number } {
  const nameEnd = block.subarray(0, NAME_BYTES_MAX).indexOf(0);
  const name = String.fromCharCode(...block.subarray(0, nameEnd < 0 ? NAME_BYTES_MAX : nameEnd));
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_SIZE);
  const digits = String.fromCharCode(...block.subarray(124, 135));
  const size =
    block[124] === 0x80
      ? Number(view.getBigUint64(128))
      : /^[0-7]{11}$/.test(digits)
        ? parseInt(digits, 8)
        : -1;
  if (!/^[\x21-\x7e]+$/.test(name) || !Number.isSafeInteger(size) || size < 0)
    throw refused("a file's header is not one of a snapshot's");
  const expected = header(name, size);
  // Owner, time and mode are nobody's business: an archive packed anew by other hands has others.
  const compared = [...range(0, 100), ...range(124, 136), ...range(156, 263)];
  if (compared.some((i) => block[i] !== expected[i]) || sumOf(block) !== statedSum(block))
    throw refused(`the header of ${JSON.stringify(name)} is damaged or not one of a snapshot's`);
  return { name, size };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function sumOf(block: Uint8Array): number {
  return block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
}

function statedSum(block: Uint8Array): number {
  return Number.parseInt(String.fromCharCode(...block.subarray(148, 154)), 8);
}

/** What keeps an archive from being taken. */
export function refused(why: string): VicinalError {
  return new VicinalError("BAD_REQUEST", `Bad request: The snapshot's archive is refused: ${why}`);
}

function endsEarly(what: string): VicinalError {
  return refused(`it ends within ${what}`);
}
