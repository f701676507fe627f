/** Reads section files (section-format.ts): the footer at once, sections when asked for, each block checked once. */
import { assert } from "../runtime/assert.js";
import { throwIfCancelled } from "../runtime/cancel.js";
import { corruption, VicinalError } from "../runtime/errors.js";
import { unpack, type Width } from "../runtime/packed-floats.js";
import { crc32c } from "./crc32c.js";
import type { Directory } from "./directory.js";
import {
  BLOCK_SIZE,
  decodeFooter,
  decodeTrailer,
  type Footer,
  type SectionPlace,
  TRAILER_SIZE,
} from "./section-format.js";

export {
  type NamedSection,
  type SectionBytes,
  type SectionFileSource,
  writeSections,
} from "./section-writer.js";

/** Bytes read at a time when checking. A multiple of the block size. */
const CHECK_SIZE = 16 * BLOCK_SIZE;
/** Such reads under way at a time: the first touch of new memory costs more than the reading, and several threads share it. */
const READS_AHEAD = 3;
/** What is read at once to be checked, of all files in turn. */
const blockNow = new Uint8Array(BLOCK_SIZE);
/** Packed bytes read at a time. */
const PACKED_READ = CHECK_SIZE;

/** Opens the section file at `path`. CORRUPTION unless its footer is whole and its kind is `kind`. */
export async function openSections(dir: Directory, path: string, kind: string): Promise<Sections> {
  const footer = await readFooter(dir, path);
  if (footer.kind !== kind) {
    throw corruption(`${dir.location}/${path}`, 0, kind, footer.kind, "kind of file");
  }
  return new Sections(dir, path, footer);
}

export class Sections {
  /** One byte per block: 1 once its checksum was seen to be right. */
  private readonly checked: Uint8Array;
  private uncheckedCount: number;

  constructor(
    private readonly dir: Directory,
    readonly path: string,
    private readonly footer: Footer,
  ) {
    this.checked = new Uint8Array(footer.checksums.length);
    this.uncheckedCount = footer.checksums.length;
  }

  get kind(): string {
    return this.footer.kind;
  }

  /** What the writer gave as `meta`. */
  get meta(): Record<string, unknown> {
    return this.footer.meta;
  }

  /** In file order. */
  get names(): string[] {
    return [...this.footer.sections.keys()];
  }

  has(name: string): boolean {
    return this.footer.sections.has(name);
  }

  /** Bytes in the section, packed numbers counted as float32; 0 when absent. */
  length(name: string): number {
    const place = this.footer.sections.get(name);
    return place ? lengthOf(place) : 0;
  }

  /**
   * `length` bytes of the section from `offset`, by default all of it, at the start of a buffer of their own.
   * CORRUPTION names the block when bytes are not what was written, or the section when it is absent.
   */
  async read(name: string, offset = 0, length = this.length(name) - offset): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.readInto(name, bytes, offset);
    return bytes;
  }

  /** As `read`, filling `target`, which may be shared memory. After a failure its content is undefined. CANCELLED. */
  async readInto(name: string, target: Uint8Array, offset = 0, signal?: AbortSignal): Promise<void> {
    const place = this.place(name);
    assert(offset >= 0 && offset + target.length <= lengthOf(place), `a read stays inside section ${name}`);
    if (place.width === undefined) await this.fill(target, place.offset + offset, signal);
    else await this.fillPacked(target, place.offset, offset, place.width, signal);
  }

  /** Whether `readNow` can be called. */
  get answersAtOnce(): boolean {
    return this.dir.readNow !== undefined;
  }

  /** Whether it can be called for that section. */
  readsNow(name: string): boolean {
    return this.answersAtOnce && this.place(name).width === undefined;
  }

  /** As `readInto`, before it returns; of sections of bytes. */
  readNow(name: string, offset: number, target: Uint8Array): void {
    const place = this.place(name);
    assert(place.width === undefined, "packed numbers are read by promises");
    assert(offset >= 0 && offset + target.length <= place.length, `a read stays inside section ${name}`);
    const end = place.offset + offset + target.length;
    for (let from = place.offset + offset; from < end; ) {
      const to = Math.min(end, (Math.floor(from / BLOCK_SIZE) + 1) * BLOCK_SIZE);
      this.fillPartNow(target.subarray(target.length - (end - from), target.length - (end - to)), from);
      from = to;
    }
  }

  /** As `fillPart`. */
  private fillPartNow(target: Uint8Array, start: number): void {
    const readNow = (offset: number, bytes: Uint8Array) => this.dir.readNow?.(this.path, offset, bytes);
    const block = Math.floor(start / BLOCK_SIZE);
    if (this.checked[block] === 1) {
      readNow(start, target);
      return;
    }
    const blockStart = block * BLOCK_SIZE;
    const bytes = blockNow.subarray(0, Math.min(BLOCK_SIZE, this.footer.offset - blockStart));
    readNow(blockStart, bytes);
    this.checkOnce(bytes, blockStart);
    target.set(bytes.subarray(start - blockStart, start - blockStart + target.length));
  }

  /** Fills `target` with float32 numbers from the `offset`-th byte on, that lie packed from `start` on. */
  private async fillPacked(
    target: Uint8Array,
    start: number,
    offset: number,
    width: Width,
    signal?: AbortSignal,
  ): Promise<void> {
    assert(offset % 4 === 0 && target.length % 4 === 0, "packed numbers are read whole");
    const step = PACKED_READ / width;
    const total = target.length / 4;
    for (let at = 0; at < total; at += step) {
      const length = Math.min(step, total - at);
      const packed = new Uint8Array(length * width);
      await this.fill(packed, start + (offset / 4 + at) * width, signal);
      const numbers = new Float32Array(length);
      unpack(packed, width, numbers);
      target.set(new Uint8Array(numbers.buffer), at * 4);
    }
  }

  /** Reads and checks every byte of the file, whatever was checked before. CORRUPTION names the first bad block. */
  async verify(
    options: { onProgress?: (doneBytes: number, totalBytes: number) => void; signal?: AbortSignal } = {},
  ): Promise<void> {
    for await (const { problem } of this.checkAll(options)) if (problem) throw problem;
  }

  /** As `verify`, block by block; `problem` is CORRUPTION where the block is bad. */
  async *checkAll(
    options: { onProgress?: (doneBytes: number, totalBytes: number) => void; signal?: AbortSignal } = {},
  ): AsyncGenerator<{ block: number; problem?: VicinalError }> {
    const { onProgress, signal } = options;
    const total = (await readFooter(this.dir, this.path)).offset;
    for (let offset = 0; offset < total; offset += CHECK_SIZE) {
      throwIfCancelled(signal);
      const bytes = await this.dir.read(this.path, offset, Math.min(CHECK_SIZE, total - offset));
      for (let start = 0; start < bytes.length; start += BLOCK_SIZE) {
        const block = (offset + start) / BLOCK_SIZE;
        yield { block, problem: this.problemOf(bytes.subarray(start, start + BLOCK_SIZE), block) };
      }
      onProgress?.(offset + bytes.length, total);
    }
  }

  /** Fills `target` from the file's `start` on. Blocks not yet checked are read whole. */
  private async fill(target: Uint8Array, start: number, signal?: AbortSignal): Promise<void> {
    if (this.uncheckedCount === 0) return this.dir.readInto(this.path, start, target);
    const end = start + target.length;
    // Blocks from here to there lie wholly in the range; what is before and after are parts of one block each.
    const wholeStart = Math.min(roundUp(start), end);
    const wholeEnd = end === this.footer.offset ? end : Math.max(wholeStart, end - (end % BLOCK_SIZE));
    await this.fillPart(target.subarray(0, wholeStart - start), start);
    await this.fillWhole(target.subarray(wholeStart - start, wholeEnd - start), wholeStart, signal);
    await this.fillPart(target.subarray(wholeEnd - start), wholeEnd);
  }

  /** Fills `target` with a part of one block. */
  private async fillPart(target: Uint8Array, start: number): Promise<void> {
    if (target.length === 0) return;
    const block = Math.floor(start / BLOCK_SIZE);
    if (this.checked[block] === 1) return this.dir.readInto(this.path, start, target);
    const blockStart = block * BLOCK_SIZE;
    const length = Math.min(BLOCK_SIZE, this.footer.offset - blockStart);
    const bytes = await this.dir.read(this.path, blockStart, length);
    this.checkOnce(bytes, blockStart);
    target.set(bytes.subarray(start - blockStart, start - blockStart + target.length));
  }

  /** Fills `target` with whole blocks, checking some while the next are read. */
  private async fillWhole(target: Uint8Array, start: number, signal?: AbortSignal): Promise<void> {
    const ahead: Promise<void>[] = [];
    let next = 0;
    const readOn = () => {
      for (; next < target.length && ahead.length < READS_AHEAD; next += CHECK_SIZE) {
        const reading = this.dir.readInto(this.path, start + next, target.subarray(next, next + CHECK_SIZE));
        // Looked at in its turn.
        reading.catch(() => {});
        ahead.push(reading);
      }
    };
    try {
      for (let offset = 0; offset < target.length; offset += CHECK_SIZE) {
        throwIfCancelled(signal);
        readOn();
        await ahead.shift();
        readOn();
        this.checkOnce(target.subarray(offset, offset + CHECK_SIZE), start + offset);
      }
    } finally {
      // Nothing may be written to the target after this has failed.
      await Promise.allSettled(ahead);
    }
  }

  /** Checks those of the blocks that were not; `bytes` are whole blocks from the file's `offset` on. */
  private checkOnce(bytes: Uint8Array, offset: number): void {
    for (let start = 0; start < bytes.length; start += BLOCK_SIZE) {
      const block = (offset + start) / BLOCK_SIZE;
      if (this.checked[block] === 1) continue;
      this.checkBlock(bytes.subarray(start, start + BLOCK_SIZE), block);
      this.checked[block] = 1;
      this.uncheckedCount--;
    }
  }

  private checkBlock(bytes: Uint8Array, block: number): void {
    const problem = this.problemOf(bytes, block);
    if (problem) throw problem;
  }

  private problemOf(bytes: Uint8Array, block: number): VicinalError | undefined {
    const expected = this.footer.checksums[block];
    const actual = crc32c(bytes);
    if (actual === expected) return undefined;
    const label = `${this.dir.location}/${this.path}`;
    return corruption(label, block * BLOCK_SIZE, expected, actual, "checksum of the block");
  }

  private place(name: string): SectionPlace {
    const place = this.footer.sections.get(name);
    if (place === undefined) {
      const label = `${this.dir.location}/${this.path}`;
      throw corruption(label, this.footer.offset, `section ${name}`, "none", "table of contents");
    }
    return place;
  }
}

/** Bytes of a section as they are read. */
function lengthOf({ length, width }: SectionPlace): number {
  return width === undefined ? length : (length / width) * 4;
}

function roundUp(offset: number): number {
  return Math.ceil(offset / BLOCK_SIZE) * BLOCK_SIZE;
}

/** Trailer, table of contents and checksums. CORRUPTION, FILE_NOT_FOUND. */
export async function readFooter(dir: Directory, path: string): Promise<Footer> {
  const label = `${dir.location}/${path}`;
  const size = await dir.size(path);
  if (size === undefined) throw new VicinalError("FILE_NOT_FOUND", `There is no file ${label}`, { path });
  if (size < TRAILER_SIZE)
    throw corruption(label, 0, `${TRAILER_SIZE} bytes or more`, size, "length of the file");
  const trailerStart = size - TRAILER_SIZE;
  const trailer = decodeTrailer(await dir.read(path, trailerStart, TRAILER_SIZE), label, size);
  const footer = await dir.read(path, trailer.footerOffset, trailerStart - trailer.footerOffset);
  return decodeFooter(footer, trailer, label);
}
