/** A Directory in this process's memory: for databases without a folder, and for tests. Nothing survives it. */
import { assert } from "../runtime/assert.js";
import { VicinalError } from "../runtime/errors.js";
import type { Directory, FileWriter } from "./directory.js";
import { endsEarly, fileExists, fileNotFound } from "./faults.js";
import { checkPath, joinPath } from "./paths.js";

/** Files are lists of pages, so that appending never copies what is there (except while a file is one small page). */
const PAGE_BITS = 18;
const PAGE_SIZE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SIZE - 1;
const FIRST_PAGE_SIZE = 1024;

class MemoryFile {
  length = 0;
  private readonly pages: Uint8Array[] = [];

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const pageIndex = Math.floor(this.length / PAGE_SIZE);
      const start = this.length & PAGE_MASK;
      const page = this.pageFor(pageIndex, start + bytes.length - done);
      const count = Math.min(page.length - start, bytes.length - done);
      page.set(bytes.subarray(done, done + count), start);
      done += count;
      this.length += count;
    }
  }

  copyTo(target: Uint8Array, offset: number): void {
    for (let done = 0; done < target.length; ) {
      const page = this.pages[Math.floor((offset + done) / PAGE_SIZE)];
      const start = (offset + done) & PAGE_MASK;
      const count = Math.min(page.length - start, target.length - done);
      target.set(page.subarray(start, start + count), done);
      done += count;
    }
  }

  cut(length: number): void {
    this.length = length;
    this.pages.length = Math.ceil(length / PAGE_SIZE);
  }

  /** The page, with room for `wanted` bytes or as many as a page holds. */
  private pageFor(pageIndex: number, wanted: number): Uint8Array {
    const page = this.pages[pageIndex];
    const needed = Math.min(wanted, PAGE_SIZE);
    if (page !== undefined && page.length >= needed) return page;
    const size =
      pageIndex > 0
        ? PAGE_SIZE
        : Math.min(PAGE_SIZE, Math.max(FIRST_PAGE_SIZE, needed, 2 * (page?.length ?? 0)));
    const larger = new Uint8Array(size);
    if (page !== undefined) larger.set(page);
    this.pages[pageIndex] = larger;
    return larger;
  }
}

interface MemoryState {
  readonly files: Map<string, MemoryFile>;
  closed: boolean;
}

export class MemoryDirectory implements Directory {
  private constructor(
    readonly location: string,
    private readonly prefix: string,
    private readonly state: MemoryState,
  ) {}

  /** A new, empty directory; `location` is what messages call it. */
  static empty(location = ":memory:"): MemoryDirectory {
    return new MemoryDirectory(location, "", { files: new Map(), closed: false });
  }

  folder(path: string): MemoryDirectory {
    checkPath(path);
    return new MemoryDirectory(`${this.location}/${path}`, joinPath(this.prefix, path), this.state);
  }

  async list(): Promise<string[]> {
    const below = this.prefix === "" ? "" : `${this.prefix}/`;
    return [...this.state.files.keys()]
      .filter((path) => path.startsWith(below))
      .map((path) => path.slice(below.length))
      .sort();
  }

  async size(path: string): Promise<number | undefined> {
    return this.state.files.get(this.inside(path))?.length;
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.existing(path);
    if (offset + length > file.length) throw endsEarly(this.label(path), offset, length, file.length);
    const bytes = new Uint8Array(length);
    file.copyTo(bytes, offset);
    return bytes;
  }

  async readInto(path: string, offset: number, target: Uint8Array): Promise<void> {
    this.readNow(path, offset, target);
  }

  readNow(path: string, offset: number, target: Uint8Array): void {
    const file = this.existing(path);
    if (offset + target.length > file.length)
      throw endsEarly(this.label(path), offset, target.length, file.length);
    file.copyTo(target, offset);
  }

  async create(path: string): Promise<FileWriter> {
    const full = this.inside(path);
    if (this.state.files.has(full)) throw fileExists(this.label(path));
    const file = new MemoryFile();
    this.state.files.set(full, file);
    return new MemoryWriter(file);
  }

  async reopen(path: string, length: number): Promise<FileWriter> {
    const file = this.existing(path);
    if (length > file.length) throw endsEarly(this.label(path), 0, length, file.length);
    file.cut(length);
    return new MemoryWriter(file);
  }

  async delete(path: string): Promise<void> {
    this.state.files.delete(this.inside(path));
  }

  async close(): Promise<void> {
    if (this.prefix === "") this.state.closed = true;
  }

  private existing(path: string): MemoryFile {
    const file = this.state.files.get(this.inside(path));
    if (this.state.closed) throw new VicinalError("CLOSED", `${this.location} is closed`);
    if (file === undefined) throw fileNotFound(this.label(path));
    return file;
  }

  private label(path: string): string {
    return `${this.location}/${path}`;
  }

  private inside(path: string): string {
    checkPath(path);
    return joinPath(this.prefix, path);
  }
}

class MemoryWriter implements FileWriter {
  private open = true;

  constructor(private readonly file: MemoryFile) {}

  get length(): number {
    return this.file.length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    assert(this.open, "a closed file is not appended to");
    this.file.append(bytes);
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {
    this.open = false;
  }
}
