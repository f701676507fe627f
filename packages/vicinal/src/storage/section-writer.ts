/** Writes section files (section-format.ts) in one pass, never holding a section. */
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import { VicinalError } from "../runtime/errors.js";
import { pack, type Width, widthOf } from "../runtime/packed-floats.js";
import { crc32c } from "./crc32c.js";
import type { Directory, FileWriter } from "./directory.js";
import {
  BLOCK_SIZE,
  encodeFooter,
  encodeHeader,
  SECTION_ALIGNMENT,
  type SectionPlace,
} from "./section-format.js";

/** A section's content: all at once, or in chunks of any size. */
export type SectionBytes = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface NamedSection {
  /** Unique in the file. */
  readonly name: string;
  readonly bytes: SectionBytes;
  /**
   * The bytes, given all at once, are float32 numbers: they are written in 2 or 1 bytes each where that loses nothing, and
   * read back as they were.
   */
  readonly floats?: boolean;
}

export interface SectionFileSource {
  /** What the file holds, e.g. `hnsw`: lower-case letters, digits and `-`, at most 48. */
  readonly kind: string;
  /** A JSON object: counts, parameters, what readers need first. Integers below 2^53. */
  readonly meta: Record<string, unknown>;
  /** In the order in which they are best read. An async iterable may yield them as they are made. */
  readonly sections: Iterable<NamedSection> | AsyncIterable<NamedSection>;
}

/** Chunks are gathered to this size before they are written. */
const STAGING_SIZE = 1 << 20;
/** Numbers that are packed at a time: some milliseconds. */
const PACKED_NUMBERS = 1 << 18;

/**
 * Creates the file at `path`, which must not exist, and resolves to its length in bytes when it is durable.
 * On failure or cancellation (CANCELLED) the file is deleted.
 */
export async function writeSections(
  dir: Directory,
  path: string,
  source: SectionFileSource,
  options: { signal?: AbortSignal } = {},
): Promise<number> {
  const header = encodeHeader(source.kind);
  const writer = await dir.create(path);
  try {
    await writeFile(writer, header, source, options.signal);
    await writer.sync();
  } catch (error) {
    await writer.close().catch(() => {});
    await dir.delete(path).catch(() => {});
    throw error;
  }
  await writer.close();
  return writer.length;
}

async function writeFile(
  writer: FileWriter,
  header: Uint8Array,
  { kind, meta, sections }: SectionFileSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  const places = new Map<string, SectionPlace>();
  const blocks = new BlockWriter(writer);
  await blocks.put(header);
  for await (const { name, bytes, floats } of sections) {
    if (places.has(name))
      throw new VicinalError("INTERNAL", `Two sections of a file are named ${name}`, { section: name });
    const offset = blocks.length;
    const packed = floats && bytes instanceof Uint8Array ? await packedFloats(bytes) : undefined;
    const given = packed?.chunks ?? bytes;
    for await (const chunk of given instanceof Uint8Array ? [given] : given) {
      throwIfCancelled(signal);
      await blocks.put(chunk);
    }
    places.set(name, { offset, length: blocks.length - offset, width: packed?.width });
    await blocks.align();
  }
  throwIfCancelled(signal);
  const checksums = await blocks.end();
  await writer.append(encodeFooter({ kind, meta, sections: places, checksums, offset: blocks.length }));
}

/** Undefined where the numbers take 4 bytes each. */
async function packedFloats(
  bytes: Uint8Array,
): Promise<{ width: 1 | 2; chunks: Iterable<Uint8Array> } | undefined> {
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (numbers.length === 0) return undefined;
  let width: Width = 1;
  for (let at = 0; at < numbers.length; at += PACKED_NUMBERS) {
    const own = widthOf(numbers.subarray(at, at + PACKED_NUMBERS));
    if (own === 4) return undefined;
    if (own > width) width = own;
    await yieldToOthers();
  }
  const found = width;
  return { width: found, chunks: packedChunks(numbers, found) };
}

function* packedChunks(numbers: Float32Array, width: Width): Generator<Uint8Array> {
  for (let at = 0; at < numbers.length; at += PACKED_NUMBERS)
    yield pack(numbers.subarray(at, at + PACKED_NUMBERS), width);
}

/** Where chunks were gathered for the file before: most files are small, and fresh bytes must be zeroed. */
let spare: Uint8Array | undefined;

/** Gathers chunks, writes them, and keeps the checksum of every block. */
class BlockWriter {
  length = 0;
  private readonly staging: Uint8Array;
  private staged = 0;
  private readonly checksums: number[] = [];

  constructor(private readonly writer: FileWriter) {
    this.staging = spare ?? new Uint8Array(STAGING_SIZE);
    spare = undefined;
  }

  async put(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(bytes.length - done, STAGING_SIZE - this.staged);
      this.staging.set(bytes.subarray(done, done + count), this.staged);
      this.staged += count;
      this.length += count;
      done += count;
      if (this.staged === STAGING_SIZE) await this.flush();
    }
  }

  async align(): Promise<void> {
    const excess = this.length % SECTION_ALIGNMENT;
    if (excess > 0) await this.put(new Uint8Array(SECTION_ALIGNMENT - excess));
  }

  async end(): Promise<Uint32Array> {
    await this.flush();
    spare = this.staging;
    return Uint32Array.from(this.checksums);
  }

  /** The staging area holds whole blocks except at the file's end. */
  private async flush(): Promise<void> {
    const bytes = this.staging.subarray(0, this.staged);
    for (let start = 0; start < bytes.length; start += BLOCK_SIZE) {
      this.checksums.push(crc32c(bytes.subarray(start, start + BLOCK_SIZE)));
    }
    if (bytes.length > 0) await this.writer.append(bytes);
    this.staged = 0;
  }
}
