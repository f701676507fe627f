/**
 * SimulatedDisk: a Directory that does everything a real disk may do to the bytes it was given, and nothing it may not.
 *
 * It stops at any step. After a power cut it keeps what was synced; what was not is there, or not, or in part: each sector
 * for itself, zeros or older bytes in its place. Files that were made, and deletions, are there or not as long as no sync
 * made the name durable. After the mere death of the process everything stays, what was not synced as unsynced as before.
 *
 * It fails: it fills up, and reads, appends, syncs, creations and deletions end in errors. A sync that failed may have kept
 * what it was to keep, or not, or have dropped it for good: later syncs then succeed without it, as on Linux.
 * Where it behaves like Windows, nothing is deleted that is open. Everything follows from the random numbers given to it.
 */
import { VicinalError } from "../runtime/errors.js";
import type { Directory, FileWriter } from "./directory.js";
import { endsEarly, fileExists, fileNotFound } from "./faults.js";
import { checkPath, joinPath } from "./paths.js";
import { type SimulatedFile, survivingBytes, withoutDropped } from "./simulated-file.test.helper.js";

export { randomFrom } from "./simulated-file.test.helper.js";

/** Thrown by the operation at which the disk stops, and by every later one. */
export class Stopped extends Error {}

/** What changes something. */
export type Step = "create" | "append" | "sync" | "reopen" | "delete";
export type Operation = Step | "read" | "list";

export interface DiskOptions {
  /** Bytes that are written as one or not at all. Default 512. */
  sectorBytes?: number;
  /** Files that are open cannot be deleted. Default false. */
  windows?: boolean;
  /** Says how much room is left. Default false. */
  tellsSpace?: boolean;
}

type Files = Map<string, SimulatedFile>;

export class SimulatedDisk implements Directory {
  readonly location = "simulated-disk";
  /** Steps so far. */
  steps = 0;
  /** The step that never ends. */
  stopAt = Number.POSITIVE_INFINITY;
  /** Bytes that all files together may take. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Called before each operation; what it throws is the operation's failure, of which nothing has happened. */
  intercept: (operation: Operation, path: string) => void = () => {};
  /** Asked at each operation; true makes it fail with IO, some part of it done or not. */
  fails: (operation: Operation, path: string) => boolean = () => false;
  /** Failures that were reported, a full disk among them. */
  failures = 0;
  #current: Files = new Map();
  #durable: Files = new Map();
  /** How often each path is open. */
  readonly #open = new Map<string, number>();
  #off = false;
  #closed = false;

  constructor(
    private readonly random: () => number,
    private readonly options: DiskOptions = {},
  ) {}

  /** Cuts the power, and returns the disk as the next process finds it. */
  afterCrash(): SimulatedDisk {
    const next = this.#successor();
    for (const path of [...new Set([...this.#current.keys(), ...this.#durable.keys()])].sort()) {
      const current = this.#current.get(path);
      const durable = this.#durable.get(path);
      const file = this.random() < 0.5 ? current : durable;
      if (file === undefined) continue;
      const bytes = survivingBytes(file, this.options.sectorBytes ?? 512, this.random);
      const kept = { bytes, synced: bytes, dropped: [] };
      next.#current.set(path, kept);
      next.#durable.set(path, kept);
    }
    return next;
  }

  /** Ends the process, and returns the disk as the next process finds it. */
  afterKill(): SimulatedDisk {
    const next = this.#successor();
    next.#current = this.#current;
    next.#durable = this.#durable;
    // What a failed sync has dropped is still in the system's memory, or is read from the disk by now.
    for (const file of this.#current.values()) {
      if (this.random() < 0.5) continue;
      file.bytes = withoutDropped(file);
      file.dropped = [];
    }
    return next;
  }

  #successor(): SimulatedDisk {
    this.#off = true;
    return new SimulatedDisk(this.random, this.options);
  }

  get stopped(): boolean {
    return this.#off;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#current.values()) sum += bytes.length;
    return sum;
  }

  folder(path: string): Directory {
    checkPath(path);
    return new SimulatedFolder(this, path);
  }

  async list(): Promise<string[]> {
    this.#begin("list", "");
    return [...this.#current.keys()].sort();
  }

  async size(path: string): Promise<number | undefined> {
    this.#refuseIfOff();
    checkPath(path);
    return this.#current.get(path)?.bytes.length;
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    await this.readInto(path, offset, target);
    return target;
  }

  async readInto(path: string, offset: number, target: Uint8Array): Promise<void> {
    const { bytes } = this.#existing(path);
    if (this.#closed) throw new VicinalError("CLOSED", `${this.location} is closed`);
    const isBad = this.#begin("read", path);
    const end = offset + target.length;
    if (end > bytes.length) throw endsEarly(this.#label(path), offset, target.length, bytes.length);
    const given = isBad ? Math.floor(this.random() * target.length) : target.length;
    target.set(bytes.subarray(offset, offset + given));
    if (isBad) throw this.#failure("read", path);
    this.#opened(path, 1);
    // A read takes its time: what happens meanwhile finds the file open.
    await undefined;
    this.#opened(path, -1);
  }

  async create(path: string): Promise<FileWriter> {
    checkPath(path);
    const isBad = this.#begin("create", path);
    if (this.#current.has(path)) throw fileExists(this.#label(path));
    const file: SimulatedFile = { bytes: new Uint8Array(0), synced: new Uint8Array(0), dropped: [] };
    this.#take("create", path, isBad, () => this.#current.set(path, file));
    return this.#writer(path, file);
  }

  async reopen(path: string, length: number, anew = false): Promise<FileWriter> {
    const file = this.#existing(path);
    const isBad = this.#begin("reopen", path);
    if (length > file.bytes.length) throw endsEarly(this.#label(path), 0, length, file.bytes.length);
    this.#take("reopen", path, isBad, () => {
      file.bytes = file.bytes.slice(0, length);
      file.dropped = anew ? [] : file.dropped.filter(({ start }) => start < length);
    });
    return this.#writer(path, file);
  }

  async delete(path: string): Promise<void> {
    checkPath(path);
    const isBad = this.#begin("delete", path);
    if (this.options.windows && (this.#open.get(path) ?? 0) > 0) {
      this.failures++;
      throw new VicinalError("IO", `Cannot delete ${this.#label(path)}: EBUSY`, { path });
    }
    this.#take("delete", path, isBad, () => this.#current.delete(path));
  }

  async space(): Promise<{ free: number; total: number } | undefined> {
    const { capacityBytes: total } = this;
    return this.options.tellsSpace ? { free: Math.max(0, total - this.usedBytes), total } : undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #writer(path: string, file: SimulatedFile): FileWriter {
    const disk = this;
    let isOpen = true;
    this.#opened(path, 1);
    return {
      get length() {
        return file.bytes.length;
      },
      append: async (bytes) => disk.#append(path, file, bytes),
      sync: async () => disk.#sync(path, file),
      async close() {
        if (isOpen) disk.#opened(path, -1);
        isOpen = false;
      },
    };
  }

  #append(path: string, file: SimulatedFile, bytes: Uint8Array): void {
    const isBad = this.#begin("append", path);
    const isCut = this.#isStop();
    const room = Math.max(0, this.capacityBytes - this.usedBytes);
    const part = isBad || isCut ? Math.floor(this.random() * (bytes.length + 1)) : bytes.length;
    const count = Math.min(room, part);
    const longer = new Uint8Array(file.bytes.length + count);
    longer.set(file.bytes);
    longer.set(bytes.subarray(0, count), file.bytes.length);
    file.bytes = longer;
    if (isCut) this.#stop();
    if (isBad) throw this.#failure("append", path);
    if (count === bytes.length) return;
    this.failures++;
    throw new VicinalError("DISK_FULL", `Cannot write ${this.#label(path)}: ENOSPC`, { path });
  }

  #sync(path: string, file: SimulatedFile): void {
    const isBad = this.#begin("sync", path);
    const isCut = this.#isStop();
    const isKept = (!isBad && !isCut) || this.random() < 0.4;
    if (isKept) {
      file.synced = withoutDropped(file);
      if (this.#current.get(path) === file) this.#durable.set(path, file);
    } else if (isBad && this.random() < 0.5) {
      const start = file.synced.length;
      const sectorBytes = this.options.sectorBytes ?? 512;
      file.dropped.push({ start, bytes: survivingBytes(file, sectorBytes, this.random).slice(start) });
    }
    if (isCut) this.#stop();
    if (isBad) throw this.#failure("sync", path);
  }

  /** A step that happens whole or not: not for sure where it fails, or the disk stops at it. */
  #take(step: Step, path: string, isBad: boolean, change: () => void): void {
    const isCut = this.#isStop();
    // A creation that is reported as failed has left nothing: who made the file takes it away.
    const isDone = isBad && step === "create" ? false : (!isBad && !isCut) || this.random() < 0.5;
    if (isDone) change();
    if (isCut) this.#stop();
    if (isBad) throw this.#failure(step, path);
  }

  #begin(operation: Operation, path: string): boolean {
    this.#refuseIfOff();
    this.intercept(operation, path);
    return this.fails(operation, path);
  }

  /** Counts a step; true for the one at which the disk stops. */
  #isStop(): boolean {
    return this.steps++ === this.stopAt;
  }

  #stop(): never {
    this.#off = true;
    throw new Stopped("the disk has stopped");
  }

  #failure(operation: Operation, path: string): VicinalError {
    this.failures++;
    return new VicinalError("IO", `Cannot ${operation} ${this.#label(path)}: EIO`, { path });
  }

  #opened(path: string, change: 1 | -1): void {
    this.#open.set(path, (this.#open.get(path) ?? 0) + change);
  }

  #existing(path: string): SimulatedFile {
    this.#refuseIfOff();
    checkPath(path);
    const file = this.#current.get(path);
    if (file === undefined) throw fileNotFound(this.#label(path));
    return file;
  }

  #refuseIfOff(): void {
    if (this.#off) throw new Stopped("the disk has stopped");
  }

  #label(path: string): string {
    return `${this.location}/${path}`;
  }
}

/** A folder of a simulated disk: its files bear the folder's path before their own. */
class SimulatedFolder implements Directory {
  readonly location: string;

  constructor(
    private readonly disk: SimulatedDisk,
    private readonly prefix: string,
  ) {
    this.location = `${disk.location}/${prefix}`;
  }

  folder(path: string): Directory {
    checkPath(path);
    return new SimulatedFolder(this.disk, this.at(path));
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
  reopen = (path: string, length: number, anew?: boolean) => this.disk.reopen(this.at(path), length, anew);
  delete = (path: string) => this.disk.delete(this.at(path));
  space = () => this.disk.space();

  async close(): Promise<void> {}

  private at(path: string): string {
    return joinPath(this.prefix, path);
  }
}
