/**
 * Committer: a node's group commit. What its shards received while the commit before was under way goes into one object, and
 * the entries of all of them into one etcd transaction, each on the condition that the node still owns the shard, that points
 * are still routed as they were, and that the entry does not exist. That transaction is the acknowledgement.
 *
 * A shard whose condition fails is taken out, and the others are tried again. An outcome that is not known is settled by
 * sending the same once more: an entry that is there already is the one of the first time.
 */
import { VicinalError } from "vicinal/shard";
import { type Change, type Condition, type Etcd, OutcomeUnknown, pause } from "../etcd/etcd.js";
import type { ObjectStore } from "../store/object-store.js";
import { batchKey, keys } from "./keys.js";
import { chained, encodeBatch, type LogEntry } from "./slices.js";

/** etcd takes 128 operations in each part of a transaction; three are looked at per shard. */
const SHARDS_MAX = 40;
/** A group takes no further slice beyond this: its bytes are gathered in memory. */
const GROUP_BYTES_MAX = 32 * 2 ** 20;

/** What a shard's next commit depends on. */
export interface Claim {
  shard: string;
  /** The collection's id. */
  collection: string;
  /** Creation of the owner's key. */
  owner: number;
  /** Last change of the routing key under which the records were accepted. */
  routing: number;
}

interface Waiting {
  claim: Claim;
  first: number;
  last: number;
  before: string;
  slice: Uint8Array;
  done(entry: LogEntry): void;
  failed(reason: unknown): void;
}

type Pending = Waiting & { entry: LogEntry };

export interface CommitterOptions {
  etcd: Etcd;
  store: ObjectStore;
  /** Greater than that of the node's earlier lives, so that no two write the same objects. */
  epoch: number;
  /** After so long an outcome that is not known is given up. Default 10,000. */
  timeoutMs?: number;
}

export class Committer {
  readonly #etcd: Etcd;
  readonly #store: ObjectStore;
  readonly #epoch: number;
  readonly #timeoutMs: number;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #number = 0;
  #closed = false;
  /** By object: slices that their shards' logs still need. */
  readonly #needed = new Map<string, number>();
  readonly counts = { transactions: 0, objects: 0, bytes: 0, slices: 0 };

  constructor({ etcd, store, epoch, timeoutMs = 10_000 }: CommitterOptions) {
    this.#etcd = etcd;
    this.#store = store;
    this.#epoch = epoch;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves when the slice counts. FENCED: the shard has another owner. ROUTING_CHANGED: nothing was done, and the shard may
   * go on. UNKNOWN_OUTCOME: it may count; the shard must be opened anew. Other failures: nothing was done.
   */
  commit(claim: Claim, first: number, last: number, before: string, slice: Uint8Array): Promise<LogEntry> {
    if (this.#closed) return Promise.reject(new VicinalError("CLOSED", "The node is closed"));
    return new Promise((done, failed) => {
      this.#queue.push({ claim, first, last, before, slice, done, failed });
      this.#running ??= this.#run();
    });
  }

  /** The shard's log needs its slice in that object no more; an object that nobody needs goes. */
  async release(object: string): Promise<void> {
    const count = this.#needed.get(object);
    // Of an earlier life or of another node: the collection of garbage finds it.
    if (count === undefined) return;
    if (count > 1) this.#needed.set(object, count - 1);
    else {
      this.#needed.delete(object);
      await this.#store.delete(object).catch(() => {});
    }
  }

  async #run(): Promise<void> {
    // Lets all who write in this turn of the event loop share the first group.
    await undefined;
    while (this.#queue.length > 0) await this.#group(this.#take());
    this.#running = undefined;
  }

  #take(): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(this.#queue.length, SHARDS_MAX) && bytes < GROUP_BYTES_MAX; count++)
      bytes += this.#queue[count].slice.length;
    return this.#queue.splice(0, count);
  }

  async #group(group: Waiting[]): Promise<void> {
    const object = batchKey(this.#epoch, this.#number++);
    const slices = group.map(({ claim, first, slice }) => ({ shard: claim.shard, first, bytes: slice }));
    const { object: bytes, offsets } = encodeBatch(slices);
    try {
      await this.#store.put(object, bytes);
    } catch (reason) {
      for (const { failed } of group) failed(reason);
      return;
    }
    this.counts.objects++;
    this.counts.bytes += bytes.length;
    const pending = group.map((waiting, i): Pending => {
      const { first, last, before, slice } = waiting;
      const entry = {
        first,
        last,
        object,
        offset: offsets[i],
        length: slice.length,
        before,
        hash: chained(before, slice),
      };
      return { ...waiting, entry };
    });
    this.#needed.set(object, pending.length);
    await this.#settle(pending, performance.now() + this.#timeoutMs);
  }

  async #settle(pending: Pending[], end: number): Promise<void> {
    for (let attempt = 1; pending.length > 0; attempt++) {
      try {
        this.counts.transactions++;
        const looked = pending.flatMap(({ claim, first }) => [
          keys.owner(claim.shard),
          keys.entry(claim.shard, first),
          keys.routing(claim.collection),
        ]);
        const answer = await this.#etcd.transact(
          pending.flatMap(conditionsOf),
          pending.flatMap(changesOf),
          looked,
        );
        if (answer.done) {
          for (const waiting of pending) this.#done(waiting);
          return;
        }
        pending = pending.filter((waiting, i) => this.#stays(waiting, answer.found.slice(i * 3, i * 3 + 3)));
      } catch (reason) {
        if (!(reason instanceof OutcomeUnknown) || performance.now() > end) {
          for (const { claim, failed, entry } of pending) {
            // It may count: the collection of garbage decides.
            this.#needed.delete(entry.object);
            failed(unknown(claim.shard, reason));
          }
          return;
        }
        await pause(Math.min(20 * attempt, 200));
      }
    }
  }

  #done({ done, entry }: Waiting & { entry: LogEntry }): void {
    this.counts.slices++;
    done(entry);
  }

  /** Whether to try once more what a transaction refused. */
  #stays(
    waiting: Pending,
    [owner, entry, routing]: ({ value: string; created: number; changed: number } | undefined)[],
  ) {
    const { claim, failed } = waiting;
    if (entry?.value === JSON.stringify(waiting.entry)) this.#done(waiting);
    else if (entry !== undefined || owner?.created !== claim.owner) {
      failed(
        new VicinalError("FENCED", `Shard ${claim.shard} has another owner: ${owner?.value ?? "none yet"}`, {
          shard: claim.shard,
        }),
      );
      void this.release(waiting.entry.object);
    } else if (routing?.changed !== claim.routing) {
      failed(
        new VicinalError("ROUTING_CHANGED", `The shards of ${claim.collection} have changed`, {
          shard: claim.shard,
        }),
      );
      void this.release(waiting.entry.object);
    } else return true;
    return false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }
}

function conditionsOf({ claim, first }: Pending): Condition[] {
  return [
    { key: keys.owner(claim.shard), created: claim.owner },
    { key: keys.routing(claim.collection), changed: claim.routing },
    { key: keys.entry(claim.shard, first), absent: true },
  ];
}

function changesOf({ claim, entry }: Pending): Change[] {
  const value = JSON.stringify(entry);
  return [
    { put: keys.entry(claim.shard, entry.first), value },
    { put: keys.head(claim.shard), value },
  ];
}

function unknown(shard: string, cause: unknown): VicinalError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VicinalError(
    "UNKNOWN_OUTCOME",
    `Nobody knows yet whether the write to shard ${shard} is done: ${reason}`,
    { shard },
    { cause },
  );
}
