/**
 * Optimizer: keeps a collection's segments few, indexed, durable and free of the dead, without being asked. One
 * task at a time; none of them blocks writes or searches, and each can be stopped anywhere: what is not committed
 * to the manifest is as if it had not been begun.
 */
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import type { VicinalError } from "../runtime/errors.js";
import type { FreeRoom } from "../runtime/resources.js";
import {
  admission,
  indexPressure,
  memoryPressure,
  type Pressure,
  slownessOf,
  wastePressure,
} from "./backlog.js";
import { IDLE_SEAL_MS, MERGE_AMPLIFICATION } from "./defaults.js";
import { IndexWork } from "./index-work.js";
import { isFull, noRoom } from "./no-room.js";
import { type OptimizerHost, type OptimizerTask, OptimizerTasks } from "./optimizer-tasks.js";
import { dirtySegments, fieldWork, type Plan, planWork } from "./work-plan.js";

export interface SettleOptions {
  /** Merge segments into as few as fit, at any cost. Default false. */
  everything?: boolean;
  /** Called about ten times a second with what is being done. */
  progress?: (task: Readonly<OptimizerTask>) => void;
  /** Ends the waiting, not the work. */
  signal?: AbortSignal;
}

/** Milliseconds between two reports of progress. */
const PROGRESS_MS = 100;

const UNBOUNDED: FreeRoom = {
  disk: Number.POSITIVE_INFINITY,
  memory: Number.POSITIVE_INFINITY,
  reserve: 0,
};

export class Optimizer {
  readonly #host: OptimizerHost;
  readonly #stop = new AbortController();
  readonly #indexes: IndexWork;
  readonly #tasks: OptimizerTasks;
  #running: Promise<void> | undefined;
  /** Seals the growing segment once writes rest. */
  #sealTimer: ReturnType<typeof setTimeout> | undefined;
  /** Looks again for room. */
  #roomTimer: ReturnType<typeof setTimeout> | undefined;
  #everything = false;
  #failure: unknown;
  /** As it was when last asked for. */
  #room = UNBOUNDED;
  /** Where the disk was full earlier than it had said, bytes of what is still tried until it is time to look again. */
  #mostDisk = Number.POSITIVE_INFINITY;
  #waiting: VicinalError | undefined;
  /** Wakes a run that waits for a thread. */
  #wake = () => {};

  constructor(host: OptimizerHost) {
    this.#host = host;
    this.#indexes = new IndexWork(host.state, this.#stop.signal);
    this.#tasks = new OptimizerTasks(host, this.#indexes, this.#stop.signal);
  }

  /** What it does at the moment. */
  get task(): OptimizerTask | undefined {
    return this.#tasks.current;
  }

  /** The reason why the last task failed; cleared by the next success. */
  get failure(): unknown {
    return this.#failure;
  }

  /** What waits for room on the disk or in memory, and how much of it: it is looked for every few seconds. */
  get waiting(): string | undefined {
    return this.#waiting?.message;
  }

  get idle(): boolean {
    return this.#running === undefined && this.#sealTimer === undefined;
  }

  /** How far it is behind; nothing where it does not work. */
  #pressure(): Pressure {
    if (!this.#working) return { share: 0, what: "" };
    const { state, resources } = this.#host;
    const bare = state.sealedSegments().filter((segment) => this.#indexes.isBare(segment));
    const index = indexPressure(state, bare, resources.backlogBytes);
    const waste = wastePressure(state, dirtySegments(state));
    return [waste, memoryPressure(state)].reduce(
      (most, other) => (other.share > most.share ? other : most),
      index,
    );
  }

  /** Why writes are slowed down or wait, if they are. */
  get slowness(): string | undefined {
    return slownessOf(this.#pressure());
  }

  get #working(): boolean {
    return this.#running !== undefined && this.#failure === undefined;
  }

  /** Undefined, or what a writer waits for while the backlog is long. */
  admit(): Promise<void> | undefined {
    return admission(() => this.#pressure().share);
  }

  /** Waits while work is done that may make room for so many bytes in the memory budget. MEMORY_BUDGET when there is none. */
  async demand(bytes: number): Promise<void> {
    const { state } = this.#host;
    const { budget } = state;
    if (!budget || budget.fits(bytes)) return;
    // What a segment on disk holds in memory is less.
    if (!this.#working) state.seal();
    if (!this.#running) this.#lookAgain();
    await this.#while(() => !budget.fits(bytes) && (this.#working || budget.isReserved));
    budget.demand(bytes, "The write");
  }

  /** Resolves when every segment has a column for every indexed field. */
  async whenFieldsReady(): Promise<void> {
    this.#start();
    await this.#while(() => this.#working && fieldWork(this.#host.state) !== undefined);
  }

  async #while(condition: () => boolean): Promise<void> {
    while (condition()) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Vector bytes were written; they earn merges. */
  ingested(bytes: number): void {
    this.#tasks.creditBytes += bytes * MERGE_AMPLIFICATION;
  }

  /** Looks for work now; a growing segment is sealed once writes rest. */
  poke(): void {
    if (this.#stop.signal.aborted) return;
    this.#host.state.considerSpilling();
    this.#indexes.reconsider();
    clearTimeout(this.#sealTimer);
    this.#sealTimer = undefined;
    if (this.#sealWhenIdle()) {
      this.#sealTimer = later(IDLE_SEAL_MS, () => {
        this.#sealTimer = undefined;
        this.#host.state.seal();
        this.#start();
      });
    }
    this.#start();
  }

  #sealWhenIdle(): boolean {
    const growing = this.#host.state.growing;
    return growing !== undefined && growing.vectorBytes() >= this.#indexes.leastBytes;
  }

  /** Resolves once there is nothing left to do. */
  async settle(options: SettleOptions = {}): Promise<void> {
    if (options.everything) this.#everything = true;
    const { progress } = options;
    const timer = progress && setInterval(() => this.task && progress(this.task), PROGRESS_MS);
    try {
      await this.#settle(options);
    } finally {
      clearInterval(timer);
      this.#everything = false;
    }
  }

  async #settle(options: SettleOptions): Promise<void> {
    while (!this.#stop.signal.aborted) {
      clearTimeout(this.#sealTimer);
      this.#sealTimer = undefined;
      if (options.everything || this.#sealWhenIdle()) this.#host.state.seal();
      if (!this.#running) this.#lookAgain();
      if (!this.#running) break;
      await abortable(this.#running, options.signal);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#waiting) throw this.#waiting;
    }
  }

  #plan(): Plan {
    return planWork(
      {
        state: this.#host.state,
        indexes: this.#indexes,
        kept: this.#host.persist !== undefined,
        logBytes: this.#tasks.newLogBytes,
        unsaved: this.#tasks.unsaved,
        creditBytes: this.#tasks.creditBytes,
        everything: this.#everything,
      },
      this.#room,
    );
  }

  #start(): void {
    this.#wake();
    if (this.#running || this.#stop.signal.aborted || !this.#plan().work) return;
    clearTimeout(this.#roomTimer);
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#tasks.current = undefined;
      if (this.#waiting && !this.#stop.signal.aborted)
        this.#roomTimer = later(this.#host.resources.lookAgainMs, () => this.#lookAgain());
    });
  }

  /** Starts as if there were room; the run finds out. */
  #lookAgain(): void {
    this.#room = UNBOUNDED;
    this.#mostDisk = Number.POSITIVE_INFINITY;
    this.#start();
  }

  async #run(): Promise<void> {
    // The caller's turn comes first; tasks read the state as it leaves it.
    await yieldToOthers();
    while (!this.#stop.signal.aborted) {
      const room = await this.#host.resources.room(this.#host.space);
      this.#room =
        this.#mostDisk < room.disk + room.reserve
          ? { ...room, disk: Math.min(room.disk, this.#mostDisk), reserve: 0 }
          : room;
      const { work, waiting } = this.#plan();
      this.#waiting = waiting && noRoom(waiting, this.#room);
      if (!work) return;
      const need = "need" in work ? work.need : undefined;
      const isHeavy = work.kind === "merge" || work.kind === "part" || work.kind === "index";
      const done = isHeavy ? this.#host.resources.begin(work.need) : () => {};
      if (!done) {
        await this.#threadOrNews();
        continue;
      }
      try {
        await this.#tasks.run(work);
        this.#failure = undefined;
      } catch (reason) {
        if (this.#stop.signal.aborted) return;
        if (need && isFull(reason)) {
          // Something smaller may fit; this is tried again later.
          this.#mostDisk = need.disk / 2;
          continue;
        }
        this.#failed(reason);
        return;
      } finally {
        done();
      }
    }
  }

  /** A full disk is looked at again; anything else is tried again after the next write, rather than in a loop. */
  #failed(reason: unknown): void {
    if (!isFull(reason)) {
      this.#failure = reason;
      return;
    }
    this.#room = { disk: 0, memory: 0, reserve: 0 };
    this.#waiting = reason;
  }

  /** Resolves when a thread may be free, or when there may be more urgent work that needs none. */
  async #threadOrNews(): Promise<void> {
    const news = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([this.#host.resources.freed(), news]);
    this.#wake = () => {};
  }

  /** Stops the running task; it leaves no trace. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#sealTimer);
    clearTimeout(this.#roomTimer);
    this.#sealTimer = undefined;
    this.#wake();
    await this.#running;
  }
}

async function abortable(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  throwIfCancelled(signal);
  if (!signal) return work;
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = () => resolve();
    signal.addEventListener("abort", stop, { once: true });
  });
  await Promise.race([work, stopped]);
  signal.removeEventListener("abort", stop);
  throwIfCancelled(signal);
}

/** A process that has nothing else to do may end: the log holds what is not saved. */
function later(milliseconds: number, work: () => void): ReturnType<typeof setTimeout> {
  const timer = setTimeout(work, milliseconds);
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
