/**
 * A disk that stops at any operation. After a power cut it keeps what a real one may keep: synced bytes always;
 * unsynced ones not at all, in part, or with sectors missing in between; unsynced names and deletions or not.
 * After the mere death of its process it keeps all, what was not synced as unsynced as before. Everything
 * follows from the seed.
 */
import type { Directory, FileWriter } from "./directory.js";
import { endsEarly, fileExists, fileNotFound } from "./faults.js";
import { checkPath } from "./paths.js";

const SECTOR_SIZE = 64;

/** Thrown by the operation at which the disk stops, and by every later one. */
export class Stopped extends Error {}

/** A small generator of numbers in 0..1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Operation = "create" | "append" | "sync" | "reopen" | "delete";

interface CrashFile {
  bytes: Uint8Array;
  synced: Uint8Array;
}

export class CrashDisk implements Directory {
  readonly location = "crash-disk";
  /** Operations that change something, so far. */
  operations = 0;
  /** The operation that never ends. */
  stopAt = Number.POSITIVE_INFINITY;
  /** Called before each operation that changes something; what it throws is the operation's failure. */
  intercept: (operation: Operation, path: string) => void = () => {};
  private current = new Map<string, CrashFile>();
  private durable = new Map<string, CrashFile>();
  private off = false;

  constructor(private readonly random: () => number) {}

  /** Cuts the power, and returns the disk as the next process finds it. */
  afterCrash(): CrashDisk {
    this.off = true;
    const next = new CrashDisk(this.random);
    for (const path of new Set([...this.current.keys(), ...this.durable.keys()])) {
      const isSettled = this.current.get(path) === this.durable.get(path);
      if (!isSettled && this.random() < 0.5) continue;
      const file = this.current.get(path) ?? this.durable.get(path)!;
      const bytes = this.surviving(file);
      const kept = { bytes, synced: bytes };
      next.current.set(path, kept);
      next.durable.set(path, kept);
    }
    return next;
  }

  folder(path: string): Directory {
    return new CrashFolder(this, path);
  }

  /** Ends the process, and returns the disk as the next process finds it. */
  afterKill(): CrashDisk {
    this.off = true;
    const next = new CrashDisk(this.random);
    next.current = this.current;
    next.durable = this.durable;
    return next;
  }

  async list(): Promise<string[]> {
    this.refuseIfOff();
    return [...this.current.keys()].sort();
  }

  async size(path: string): Promise<number | undefined> {
    this.refuseIfOff();
    return this.current.get(path)?.bytes.length;
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const { bytes } = this.existing(path);
    if (offset + length > bytes.length) throw endsEarly(path, offset, length, bytes.length);
    return bytes.slice(offset, offset + length);
  }

  async readInto(path: string, offset: number, target: Uint8Array): Promise<void> {
    target.set(await this.read(path, offset, target.length));
  }

  async create(path: string): Promise<FileWriter> {
    checkPath(path);
    const isCut = this.begin("create", path);
    if (this.current.has(path)) throw fileExists(path);
    const file = { bytes: new Uint8Array(0), synced: new Uint8Array(0) };
    if (!isCut || this.random() < 0.5) this.current.set(path, file);
    this.end(isCut);
    return this.writer(path, file);
  }

  async reopen(path: string, length: number): Promise<FileWriter> {
    const file = this.existing(path);
    const isCut = this.begin("reopen", path);
    if (length > file.bytes.length) throw endsEarly(path, 0, length, file.bytes.length);
    if (!isCut || this.random() < 0.5) file.bytes = file.bytes.slice(0, length);
    this.end(isCut);
    return this.writer(path, file);
  }

  async delete(path: string): Promise<void> {
    const isCut = this.begin("delete", path);
    if (!isCut || this.random() < 0.5) this.current.delete(path);
    this.end(isCut);
  }

  async close(): Promise<void> {}

  private writer(path: string, file: CrashFile): FileWriter {
    const disk = this;
    return {
      get length() {
        return file.bytes.length;
      },
      async append(bytes) {
        const isCut = disk.begin("append", path);
        const appended = Buffer.concat([file.bytes, bytes]);
        const kept = isCut ? Math.floor(disk.random() * (appended.length + 1)) : appended.length;
        file.bytes = Uint8Array.from(appended.subarray(0, Math.max(file.bytes.length, kept)));
        disk.end(isCut);
      },
      async sync() {
        const isCut = disk.begin("sync", path);
        if (!isCut || disk.random() < 0.5) {
          file.synced = file.bytes;
          if (disk.current.get(path) === file) disk.durable.set(path, file);
        }
        disk.end(isCut);
      },
      async close() {},
    };
  }

  private begin(operation: Operation, path: string): boolean {
    this.refuseIfOff();
    this.intercept(operation, path);
    return this.operations++ === this.stopAt;
  }

  private end(isCut: boolean): void {
    if (!isCut) return;
    this.off = true;
    throw new Stopped("the disk has stopped");
  }

  private existing(path: string): CrashFile {
    this.refuseIfOff();
    checkPath(path);
    const file = this.current.get(path);
    if (file === undefined) throw fileNotFound(path);
    return file;
  }

  private refuseIfOff(): void {
    if (this.off) throw new Stopped("the disk has stopped");
  }

  private surviving({ bytes, synced }: CrashFile): Uint8Array {
    if (bytes.length <= synced.length) return this.random() < 0.5 ? bytes : synced;
    const fate = this.random();
    if (fate < 0.2) return synced;
    if (fate < 0.4) return bytes;
    const length = synced.length + Math.floor(this.random() * (bytes.length - synced.length + 1));
    const kept = bytes.slice(0, fate < 0.7 ? length : bytes.length);
    if (fate < 0.55) return kept;
    for (let start = synced.length; start < kept.length; ) {
      const end = Math.min((Math.floor(start / SECTOR_SIZE) + 1) * SECTOR_SIZE, kept.length);
      if (this.random() < 0.4) kept.fill(0, start, end);
      start = end;
    }
    return kept;
  }
}

/** A folder of a crash disk: its files bear the folder's path before their own. */
class CrashFolder implements Directory {
  readonly location: string;

  constructor(
    private readonly disk: CrashDisk,
    private readonly prefix: string,
  ) {
    this.location = `${disk.location}/${prefix}`;
  }

  folder(path: string): Directory {
    return new CrashFolder(this.disk, this.at(path));
  }

  async list(): Promise<string[]> {
    const start = this.at("");
    return (await this.disk.list())
      .filter((path) => path.startsWith(start))
      .map((path) => path.slice(start.length));
  }

  size = (path: string) => this.disk.size(this.at(path));
  read = (path: string, offset: number, length: number) => this.disk.read(this.at(path), offset, length);
  readInto = (path: string, offset: number, target: Uint8Array) =>
    this.disk.readInto(this.at(path), offset, target);
  create = (path: string) => this.disk.create(this.at(path));
  reopen = (path: string, length: number) => this.disk.reopen(this.at(path), length);
  delete = (path: string) => this.disk.delete(this.at(path));

  async close(): Promise<void> {}

  private at(path: string): string {
    return `${this.prefix}/${path}`;
  }
}
