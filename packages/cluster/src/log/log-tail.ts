/** LogTail: hands out a shard's records from a number on, as they are committed; what replicas and new owners read. */
import { type FollowedLog, type LogRecord, VicinalError } from "vicinal/shard";
import type { Etcd } from "../etcd/etcd.js";
import type { ObjectStore } from "../store/object-store.js";
import { keys } from "./keys.js";
import { CHAIN_START, decodeSlice, type LogEntry } from "./slices.js";

/** Slices that are read at the same time. */
const PARALLEL = 8;

export interface LogSource {
  etcd: Etcd;
  store: ObjectStore;
  shard: string;
}

export class LogTail implements FollowedLog {
  readonly #source: LogSource;
  #next: number;
  /** Undefined until the first entry was seen: a log that was cut begins anywhere. */
  #hash: string | undefined;

  /** @param after Reading begins above this number. */
  constructor(source: LogSource, after: number) {
    this.#source = source;
    this.#next = after + 1;
    if (after === 0) this.#hash = CHAIN_START;
  }

  get next(): number {
    return this.#next;
  }

  get hash(): string {
    return this.#hash ?? CHAIN_START;
  }

  /** Takes over where the log ends, when all of it lies in the files. */
  adopt({ last, hash }: LogEntry): void {
    if (last !== this.#next - 1) return;
    this.#hash = hash;
  }

  /**
   * All that is committed by now. FILE_NOT_FOUND where the owner has cut off what comes next: a newer manifest holds it.
   * DIVERGED where the chain is another than the one that was applied.
   */
  async read(
    onRecord: (record: LogRecord) => void,
    onEntry: (entry: LogEntry) => unknown = () => {},
  ): Promise<void> {
    const { etcd, shard } = this.#source;
    const found = await this.#entries();
    if (found.length === 0) {
      const head = await etcd.get(keys.head(shard));
      if (head && (JSON.parse(head.value) as LogEntry).last >= this.#next) {
        // Committed since, or cut.
        const again = await this.#entries();
        if (again.length === 0) throw this.#vanished();
        return this.#take(again, onRecord, onEntry);
      }
    }
    return this.#take(found, onRecord, onEntry);
  }

  /** What the log has kept of what was read. */
  async passed(): Promise<LogEntry[]> {
    const { etcd, shard } = this.#source;
    const all = await etcd.list(keys.log(shard));
    return all.map(({ value }) => JSON.parse(value) as LogEntry).filter(({ last }) => last < this.#next);
  }

  /** Those from the next record on, and the one that it may lie within. */
  async #entries(): Promise<LogEntry[]> {
    const { etcd, shard } = this.#source;
    // The first record wanted may lie within an entry, whose number is not known then.
    const from = this.#hash === undefined ? keys.log(shard) : keys.entry(shard, this.#next);
    const all = await etcd.list(keys.log(shard), { from });
    return all.map(({ value }) => JSON.parse(value) as LogEntry).filter(({ last }) => last >= this.#next);
  }

  async #take(
    entries: LogEntry[],
    onRecord: (record: LogRecord) => void,
    onEntry: (entry: LogEntry) => unknown,
  ): Promise<void> {
    if (entries.length > 0 && entries[0].first > this.#next) throw this.#vanished();
    const { store } = this.#source;
    for (let from = 0; from < entries.length; from += PARALLEL) {
      const part = entries.slice(from, from + PARALLEL);
      const slices = await Promise.all(
        part.map(({ object, offset, length }) => store.get(object, { offset, length })),
      );
      part.forEach((entry, i) => {
        this.#apply(entry, slices[i], onRecord);
        onEntry(entry);
      });
    }
  }

  #apply(entry: LogEntry, slice: Uint8Array, onRecord: (record: LogRecord) => void): void {
    const { shard } = this.#source;
    if (this.#hash !== undefined && entry.before !== this.#hash)
      throw new VicinalError(
        "DIVERGED",
        `Shard ${shard}: the log's chain before record ${entry.first} is ${entry.before}, applied was ${this.#hash}`,
        { shard, expected: entry.before, actual: this.#hash },
      );
    decodeSlice(slice, entry).forEach((bytes, i) => {
      const sequence = entry.first + i;
      if (sequence >= this.#next) onRecord({ sequence, bytes });
    });
    this.#hash = entry.hash;
    this.#next = entry.last + 1;
  }

  #vanished(): VicinalError {
    const { shard } = this.#source;
    return new VicinalError(
      "FILE_NOT_FOUND",
      `Record ${this.#next} is not in the log of shard ${shard} any more`,
      { shard },
    );
  }
}
