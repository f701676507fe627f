/** ShardLog: the log of the shard that this node owns, as the engine sees it. */
import { type HeldLog, type Log, type LogRecord, VicinalError } from "vicinal/shard";
import type { Etcd } from "../etcd/etcd.js";
import type { ObjectStore } from "../store/object-store.js";
import type { Claim, Committer } from "./committer.js";
import { keys } from "./keys.js";
import { LogTail } from "./log-tail.js";
import { encodeSlice, type LogEntry } from "./slices.js";

export interface ShardLogOptions {
  etcd: Etcd;
  store: ObjectStore;
  committer: Committer;
  /** What commits depend on; `routing` is asked for each time. */
  claim(): Claim;
  /** Whether what lies in files may be cut off now. */
  mayTruncate(): boolean;
  /** Called once, when no further write can be taken: the shard must be opened anew. */
  onFailure(reason: unknown): void;
}

/** Failures after which the shard must be opened anew; after all others nothing was done, and it goes on. */
const FINAL = new Set(["FENCED", "UNKNOWN_OUTCOME"]);

export class ShardLog implements Log {
  #next: number;
  #hash: string;
  readonly #entries: LogEntry[];
  readonly #options: ShardLogOptions;
  #failure: unknown;
  #closed = false;
  /** Appends happen one after the other: an entry's hash needs the one before. */
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(options: ShardLogOptions, tail: LogTail, entries: LogEntry[]) {
    this.#options = options;
    this.#next = tail.next;
    this.#hash = tail.hash;
    this.#entries = entries;
  }

  /**
   * After handing out the records above `after`, of a shard that this node has become the owner of.
   * @param following Has handed out those up to `after`: reading goes on where it is.
   */
  static async open(
    options: ShardLogOptions,
    { after, synced }: { after: number; synced: number },
    onRecord: (record: LogRecord) => void,
    following?: LogTail,
  ): Promise<ShardLog> {
    const { etcd, store } = options;
    const { shard } = options.claim();
    const tail = following ?? new LogTail({ etcd, store, shard }, after);
    const entries = following ? await following.passed() : [];
    await tail.read(onRecord, (entry) => entries.push(entry));
    const head = await etcd.get(keys.head(shard));
    const last = head ? (JSON.parse(head.value) as LogEntry) : undefined;
    const end = Math.max(synced, last?.last ?? 0);
    if (tail.next <= end)
      throw new VicinalError(
        "CORRUPTION",
        `Corrupted log of shard ${shard}: record ${tail.next} of ${end} is missing`,
        { shard },
      );
    if (last) tail.adopt(last);
    return new ShardLog(options, tail, entries);
  }

  get next(): number {
    return this.#next;
  }

  get synced(): number {
    return this.#next - 1;
  }

  get bytes(): number {
    return this.#entries.reduce((sum, { length }) => sum + length, 0);
  }

  /** Hash of the chain up to the last record. */
  get hash(): string {
    return this.#hash;
  }

  append(records: readonly Uint8Array[]): Promise<number> {
    return this.#inTurn(async () => {
      if (this.#closed) throw new VicinalError("CLOSED", "The log is closed");
      if (this.#failure !== undefined) throw this.#failure;
      const first = this.#next;
      const last = first + records.length - 1;
      try {
        const claim = this.#options.claim();
        const entry = await this.#options.committer.commit(
          claim,
          first,
          last,
          this.#hash,
          encodeSlice(records),
        );
        this.#next = last + 1;
        this.#hash = entry.hash;
        this.#entries.push(entry);
        return first;
      } catch (reason) {
        const passes = reason instanceof VicinalError && !FINAL.has(reason.code);
        if (!passes) this.#fail(reason);
        throw reason;
      }
    });
  }

  #fail(reason: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#options.onFailure(reason);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Nothing to do: every commit is an object of its own. */
  async rotate(): Promise<void> {}

  async truncate(upTo: number): Promise<void> {
    const kept = this.#entries.findIndex(({ last }) => last > upTo);
    const count = kept < 0 ? this.#entries.length : kept;
    if (count === 0 || !this.#options.mayTruncate()) return;
    const { etcd, committer, claim } = this.#options;
    const { shard, owner } = claim();
    const next = this.#entries[count]?.first ?? this.#next;
    const range = { delete: keys.entry(shard, 0), to: keys.entry(shard, next) };
    const answer = await etcd.settle([{ key: keys.owner(shard), created: owner }], [range]);
    if (!answer.done) return;
    for (const { object } of this.#entries.splice(0, count)) await committer.release(object);
  }

  async hold(): Promise<HeldLog> {
    throw new VicinalError(
      "UNSUPPORTED",
      "A shard of a cluster lies in the object store; it has no files to copy",
    );
  }

  async close(): Promise<void> {
    await this.#tail;
    this.#closed = true;
  }
}
