/** Reads section files (section-format.ts): the footer at once, sections when asked for, each block checked once. */
import { assert } from "../runtime/assert.js";
import { throwIfCancelled } from "../runtime/cancel.js";
import { corruption, VicinalError } from "../runtime/errors.js";
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

  /** Bytes in the section; 0 when absent. */
  length(name: string): number {
    return this.footer.sections.get(name)?.length ?? 0;
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

  /** As `read`, filling `target`, which may be shared memory. After a failure its content is undefined. */
  async readInto(name: string, target: Uint8Array, offset = 0): Promise<void> {
    const place = this.place(name);
    assert(offset >= 0 && offset + target.length <= place.length, `a read stays inside section ${name}`);
    await this.fill(target, place.offset + offset);
  }

  /** Reads and checks every byte of the file, whatever was checked before. CORRUPTION names the first bad block. */
  async verify(
    options: { onProgress?: (doneBytes: number, totalBytes: number) => void; signal?: AbortSignal } = {},
  ): Promise<void> {
    const { onProgress, signal } = options;
    const total = (await readFooter(this.dir, this.path)).offset;
    for (let offset = 0; offset < total; offset += CHECK_SIZE) {
      throwIfCancelled(signal);
      const bytes = await this.dir.read(this.path, offset, Math.min(CHECK_SIZE, total - offset));
      this.check(bytes, offset);
      onProgress?.(offset + bytes.length, total);
    }
  }

  /** Fills `target` from the file's `start` on. Blocks not yet checked are read whole. */
  private async fill(target: Uint8Array, start: number): Promise<void> {
    if (this.uncheckedCount === 0) return this.dir.readInto(this.path, start, target);
    const end = start + target.length;
    for (let position = start; position < end; ) {
      const block = Math.floor(position / BLOCK_SIZE);
      const blockEnd = Math.min((block + 1) * BLOCK_SIZE, this.footer.offset);
      const isEdge = position % BLOCK_SIZE !== 0 || blockEnd > end;
      if (isEdge && this.checked[block] === 0) {
        const bytes = await this.dir.read(this.path, block * BLOCK_SIZE, blockEnd - block * BLOCK_SIZE);
        this.check(bytes, block * BLOCK_SIZE);
        const stop = Math.min(blockEnd, end);
        target.set(
          bytes.subarray(position - block * BLOCK_SIZE, stop - block * BLOCK_SIZE),
          position - start,
        );
        position = stop;
      } else if (isEdge) {
        const stop = Math.min(blockEnd, end);
        await this.dir.readInto(this.path, position, target.subarray(position - start, stop - start));
        position = stop;
      } else {
        const stop = this.lastBlockEndWithin(position, end);
        const whole = target.subarray(position - start, stop - start);
        await this.dir.readInto(this.path, position, whole);
        this.check(whole, position);
        position = stop;
      }
    }
  }

  /** The end of the blocks that lie wholly in `position..end`, at most a check's worth of them. */
  private lastBlockEndWithin(position: number, end: number): number {
    if (end === this.footer.offset) return Math.min(end, position + CHECK_SIZE);
    return Math.min(Math.floor(end / BLOCK_SIZE) * BLOCK_SIZE, position + CHECK_SIZE);
  }

  /** `bytes` are whole blocks from the file's `offset` on. */
  private check(bytes: Uint8Array, offset: number): void {
    for (let start = 0; start < bytes.length; start += BLOCK_SIZE) {
      const block = (offset + start) / BLOCK_SIZE;
      const expected = this.footer.checksums[block];
      const actual = crc32c(bytes.subarray(start, start + BLOCK_SIZE));
      if (actual !== expected) {
        throw corruption(
          `${this.dir.location}/${this.path}`,
          offset + start,
          expected,
          actual,
          "checksum of the block",
        );
      }
      this.uncheckedCount -= 1 - this.checked[block];
      this.checked[block] = 1;
    }
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

async function readFooter(dir: Directory, path: string): Promise<Footer> {
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
