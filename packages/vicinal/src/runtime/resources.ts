/**
 * Resources: what the background work of all collections of a database may take of the machine. A task asks for room
 * before it starts, and what it was given counts until it is done, so that two collections do not both count on the
 * same free bytes.
 */
import { availableMemory } from "#platform/resources.js";
import type { Budget } from "./budget.js";
import { workerCount } from "./pool.js";
import { ReadCache } from "./read-cache.js";

export interface OptimizerOptions {
  /** Merges and index builds that run at a time, 1 or more. Default: half of the processors, at least 1. */
  threads?: number;
  /** Bytes that running merges and builds may take together beside what is there already. Default: what the machine or the container has left. */
  memoryBytes?: number;
  /** Bytes of the disk that merges and builds leave free for the log and for others; saving what the log holds may use them. Default 64 MiB. */
  diskReserveBytes?: number;
  /** Vector bytes that wait for their index, per collection, at which writes stop; from half of it on they are slowed down. Default 1 GiB. */
  backlogBytes?: number;
}

/** Bytes. */
export interface Room {
  disk: number;
  memory: number;
}

/** What may be taken; `disk` is negative where less than the reserve is free. */
export interface FreeRoom extends Room {
  /** What is left free on the disk by all but those who make the log shorter. */
  reserve: number;
}

export type Space = () => Promise<{ free: number; total: number } | undefined>;

const DISK_RESERVE_BYTES = 64 * 2 ** 20;
/** Bytes of payloads that are kept after they were read from files, where no budget says. */
const PAYLOAD_CACHE_BYTES = 16 * 2 ** 20;
/** How long a task that found no room waits before it looks again. */
const LOOK_AGAIN_MS = 5000;

export class Resources {
  readonly lookAgainMs: number;
  readonly backlogBytes: number;
  /** Of the database, where it has one. */
  readonly budget: Budget | undefined;
  /** Of payloads that lie in files. */
  readonly payloads: ReadCache;
  readonly #options: OptimizerOptions;
  readonly #taken: Room = { disk: 0, memory: 0 };
  #threads = 1;
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(options: OptimizerOptions = {}, lookAgainMs = LOOK_AGAIN_MS, budget?: Budget) {
    this.budget = budget;
    this.payloads = budget?.payloads ?? new ReadCache(PAYLOAD_CACHE_BYTES);
    this.#options = options;
    this.lookAgainMs = lookAgainMs;
    this.backlogBytes = options.backlogBytes ?? Number.POSITIVE_INFINITY;
  }

  /** What a task that starts now may take; infinite where nobody knows. */
  async room(space?: Space): Promise<FreeRoom> {
    const { threads, memoryBytes, diskReserveBytes = DISK_RESERVE_BYTES } = this.#options;
    this.#threads = threads ?? Math.max(1, Math.floor((await workerCount()) / 2));
    const free = (await space?.().catch(() => undefined))?.free ?? Number.POSITIVE_INFINITY;
    const most = memoryBytes ?? availableMemory() ?? Number.POSITIVE_INFINITY;
    const unused = this.budget?.freeBytes() ?? Number.POSITIVE_INFINITY;
    return {
      disk: free - diskReserveBytes - this.#taken.disk,
      memory: Math.max(0, Math.min(most - this.#taken.memory, unused)),
      reserve: diskReserveBytes,
    };
  }

  /** Takes a thread and the room, to be given back by a call of the result; undefined while all threads are busy. */
  begin(need: Room): (() => void) | undefined {
    if (this.#running >= this.#threads) return undefined;
    this.#running++;
    this.#taken.disk += need.disk;
    this.#taken.memory += need.memory;
    const returned = this.budget?.reserve(need.memory);
    return () => {
      this.#running--;
      this.#taken.disk -= need.disk;
      this.#taken.memory -= need.memory;
      returned?.();
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }

  /** Resolves when a thread may have become free. */
  freed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
