/**
 * Budget: the bytes of memory that a database may hold, shared by its collections, and how they are divided:
 *
 *   1/16 payloads read lately | 1/16 postings read lately | 1/16 memories that wait for reuse
 *   1/8 work of the optimizer, which makes room where writes have none left | the rest: what is held
 *
 * What is held of vectors while they are written and their indexes are built passes through a quarter of the whole
 * (segment/memory-budget.ts says how that is divided); ids, links and codes of what is there take what remains.
 */
import { VicinalError } from "./errors.js";
import { boundIdleMemories } from "./memory.js";
import { ReadCache } from "./read-cache.js";

/** Below this a growing segment and its index do not fit, whatever is stored. */
export const LEAST_BUDGET_BYTES = 16 * 2 ** 20;

const CACHE_SHARE = 1 / 16;
const IDLE_SHARE = 1 / 16;
const WORK_SHARE = 1 / 8;
/** Beyond it memories are kept for reuse all the same. */
const DROPPED_SHARE = 1 / 4;
/** Of vectors that wait for their index and are worked on. */
const VECTOR_SHARE = 1 / 4;
/** From which on vectors move to the disk. */
const SPILL_SHARE = 1 / 2;

export class Budget {
  readonly bytes: number;
  readonly payloads: ReadCache;
  readonly postings: ReadCache;
  readonly #holders = new Set<() => number>();
  #reserved = 0;
  readonly #unlimit: () => void;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.payloads = new ReadCache(Math.floor(bytes * CACHE_SHARE));
    this.postings = new ReadCache(Math.floor(bytes * CACHE_SHARE));
    this.#unlimit = boundIdleMemories({ idle: bytes * IDLE_SHARE, dropped: bytes * DROPPED_SHARE });
  }

  /** Bytes that may be held beside the caches. */
  get roomBytes(): number {
    return Math.floor(this.bytes * (1 - 2 * CACHE_SHARE - IDLE_SHARE - WORK_SHARE));
  }

  /** Bytes through which the vectors of one collection pass on their way to the disk. */
  get vectorBytes(): number {
    return Math.floor((this.bytes * VECTOR_SHARE) / Math.max(1, this.#holders.size));
  }

  /** Bytes held beside the caches from which on vectors are better served from files. */
  get spillBytes(): number {
    return this.bytes * SPILL_SHARE;
  }

  /** Counts what `held` answers, until the result is called. */
  count(held: () => number): () => void {
    this.#holders.add(held);
    return () => this.#holders.delete(held);
  }

  /** Bytes that the collections hold at the moment, the caches not counted. */
  heldBytes(): number {
    let bytes = 0;
    for (const held of this.#holders) bytes += held();
    return bytes;
  }

  /** Counts what a task takes until the result is called. */
  reserve(bytes: number): () => void {
    this.#reserved += bytes;
    return () => {
      this.#reserved -= bytes;
    };
  }

  /** Whether tasks run that were given room. */
  get isReserved(): boolean {
    return this.#reserved > 0;
  }

  /** What is held and what running tasks may take. */
  usedBytes(): number {
    return this.heldBytes() + this.#reserved;
  }

  /** Bytes that are free for a task. */
  freeBytes(): number {
    return Math.max(0, this.roomBytes + this.bytes * WORK_SHARE - this.usedBytes());
  }

  /** Whether so many bytes more may be held at once. */
  fits(bytes: number): boolean {
    return this.heldBytes() + bytes <= this.roomBytes && bytes <= this.freeBytes();
  }

  /** Whether so many bytes more may be held, once tasks that run now are done. */
  holds(bytes: number): boolean {
    return this.heldBytes() + bytes <= this.roomBytes;
  }

  /** Throws MEMORY_BUDGET unless so many bytes more may be held. */
  demand(bytes: number, what: string): void {
    if (this.holds(bytes)) return;
    const need = this.heldBytes() + bytes;
    // The shares of the caches belong to it.
    const needBytes = Math.ceil((need * this.bytes) / this.roomBytes);
    throw new VicinalError(
      "MEMORY_BUDGET",
      `${what} needs a memory budget of ${inMib(needBytes)}; it is ${inMib(this.bytes)}`,
      { needBytes, budgetBytes: this.bytes },
    );
  }

  close(): void {
    this.#unlimit();
  }
}

function inMib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
