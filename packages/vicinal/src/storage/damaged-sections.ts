/**
 * Reads what is left of a damaged section file: a byte counts when its block matches its checksum. Where footer or trailer
 * are damaged, the table of contents is looked for before the end: blocks that match the checksums behind it prove it.
 */
import { unpack } from "../runtime/packed-floats.js";
import { crc32c } from "./crc32c.js";
import type { Directory } from "./directory.js";
import { BLOCK_SIZE, type Footer, readToc, type SectionPlace, TRAILER_SIZE } from "./section-format.js";
import { readFooter } from "./sections.js";

/** A section, with zeros where its bytes are damaged. */
export class DamagedSection {
  constructor(
    private readonly bytes: Uint8Array<ArrayBuffer>,
    /** Whether the bytes from..to are what was written. */
    private readonly holds: (from: number, to: number) => boolean,
    private readonly width: number,
  ) {}

  /** Whether `count` numbers of `size` bytes from number `at` on are there, as they were written. */
  has(at: number, count: number, size: number): boolean {
    const stored = this.width === 0 ? size : this.width;
    const to = (at + count) * stored;
    return count >= 0 && to <= this.bytes.length && this.holds(at * stored, to);
  }

  words(): Uint32Array {
    return new Uint32Array(this.bytes.buffer, 0, this.bytes.length >>> 2);
  }

  doubles(): Float64Array {
    return new Float64Array(this.bytes.buffer, 0, this.bytes.length >>> 3);
  }

  floats(): Float32Array {
    if (this.width === 0) return new Float32Array(this.bytes.buffer, 0, this.bytes.length >>> 2);
    const numbers = new Float32Array(this.bytes.length / this.width);
    unpack(this.bytes, this.width as 1 | 2, numbers);
    return numbers;
  }

  slice(from: number, to: number): Uint8Array {
    return this.bytes.slice(from, to);
  }
}

export class DamagedSections {
  private constructor(
    private readonly dir: Directory,
    private readonly path: string,
    private readonly footer: Footer,
    /** By block: 1 where it matches its checksum. */
    private readonly good: Uint8Array,
  ) {}

  /** Undefined where there is no such file, or nothing in it can be proved. */
  static async open(dir: Directory, path: string): Promise<DamagedSections | undefined> {
    const footer = (await readFooter(dir, path).catch(() => undefined)) ?? (await findFooter(dir, path));
    if (!footer) return undefined;
    const good = new Uint8Array(footer.checksums.length);
    for (let block = 0; block < good.length; block++) {
      const start = block * BLOCK_SIZE;
      const length = Math.min(BLOCK_SIZE, footer.offset - start);
      const bytes = await dir.read(path, start, length).catch(() => undefined);
      if (bytes && crc32c(bytes) === footer.checksums[block]) good[block] = 1;
    }
    return good.includes(1) ? new DamagedSections(dir, path, footer, good) : undefined;
  }

  get meta(): Record<string, unknown> {
    return this.footer.meta;
  }

  get kind(): string {
    return this.footer.kind;
  }

  has(name: string): boolean {
    return this.footer.sections.has(name);
  }

  /** Undefined where there is no such section. */
  async section(name: string): Promise<DamagedSection | undefined> {
    const place = this.footer.sections.get(name);
    if (!place) return undefined;
    const bytes = new Uint8Array(place.length);
    for (let at = 0; at < bytes.length; ) {
      const from = place.offset + at;
      const block = Math.floor(from / BLOCK_SIZE);
      const length = Math.min(bytes.length - at, (block + 1) * BLOCK_SIZE - from);
      if (this.good[block] === 1)
        await this.dir.readInto(this.path, from, bytes.subarray(at, at + length)).catch(() => {
          this.good[block] = 0;
          bytes.fill(0, at, at + length);
        });
      at += length;
    }
    return new DamagedSection(bytes, (from, to) => this.#holds(place, from, to), place.width ?? 0);
  }

  #holds({ offset }: SectionPlace, from: number, to: number): boolean {
    if (to <= from) return true;
    const first = Math.floor((offset + from) / BLOCK_SIZE);
    const last = Math.floor((offset + to - 1) / BLOCK_SIZE);
    for (let block = first; block <= last; block++) if (this.good[block] !== 1) return false;
    return true;
  }
}

const tocStart = '{"kind":"';

/** The footer, from the table of contents alone. Sections begin at multiples of 64, and so does it. */
async function findFooter(dir: Directory, path: string): Promise<Footer | undefined> {
  const size = (await dir.size(path)) ?? 0;
  const length = Math.min(size, (1 << 20) + Math.ceil(size / BLOCK_SIZE) * 4);
  const from = size - length;
  const tail = await dir.read(path, from, length).catch(() => undefined);
  if (!tail || size < TRAILER_SIZE) return undefined;
  for (let at = tail.length - TRAILER_SIZE - 1; at >= 0; at--) {
    const offset = from + at;
    if (offset % 64 !== 0 || !tocStart.split("").every((c, i) => tail[at + i] === c.charCodeAt(0))) continue;
    const bytes = tail.subarray(at, tail.length - TRAILER_SIZE);
    const tocLength = bytes.length - Math.ceil(offset / BLOCK_SIZE) * 4;
    try {
      if (tocLength > 0) return readToc(bytes, tocLength, offset);
    } catch {
      // Not the table, or not as it was written.
    }
  }
  return undefined;
}
