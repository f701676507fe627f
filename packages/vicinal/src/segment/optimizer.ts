/**
 * Optimizer: keeps a collection's segments few, indexed, durable and free of the dead, without being asked. One
 * task at a time; none of them blocks writes or searches, and each can be stopped anywhere: what is not committed
 * to the manifest is as if it had not been begun.
 */
import { createColumn } from "../payload/columns.js";
import { parsePath } from "../payload/path.js";
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import { VicinalError } from "../runtime/errors.js";
import type { Resources, Room, Space } from "../runtime/resources.js";
import { admission, indexPressure, type Pressure, slownessOf, wastePressure } from "./backlog.js";
import { IDLE_SEAL_MS, MERGE_AMPLIFICATION, MERGE_CREDIT_BYTES } from "./defaults.js";
import { IndexWork, type Previous } from "./index-work.js";
import { abandon, copyLive, publish } from "./merge.js";
import type { Segment } from "./segment.js";
import type { CollectionState } from "./state.js";
import { dirtySegments, fieldWork, type Plan, planWork, type Work } from "./work-plan.js";

/** What the optimizer does at the moment, for people and for `status`. */
export interface OptimizerTask {
  kind: "checkpoint" | "drop" | "persist" | "field" | "index" | "merge";
  /** What of it: a merge copies, builds indexes and saves. */
  step?: "copy" | "index" | "save";
  /** Segments that it reads. */
  segments: number[];
  /** Of the step. */
  done: number;
  total: number;
  /** Milliseconds since 1970 at which the step began. */
  begun: number;
}

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

/** What the optimizer asks of the collection it works for. */
export interface OptimizerHost {
  readonly state: CollectionState;
  /** Shared with the other collections of the database. */
  readonly resources: Resources;
  /** Writes the segment's files; undefined where nothing is kept (a database in memory). */
  readonly persist: ((segment: Segment, merged: boolean) => Promise<void>) | undefined;
  /** What the disk has; undefined where there is none, or nobody knows. */
  readonly space?: Space;
  /** Bytes of the log that a reopening would read. */
  readonly logBytes: () => number;
  /** Commits the manifest: from here on what the segments hold is the durable state. */
  checkpoint(): Promise<void>;
  /** Deletes the files of segments that no manifest names any more. */
  discard(segments: Segment[]): Promise<void>;
}

const UNBOUNDED: Room = { disk: Number.POSITIVE_INFINITY, memory: Number.POSITIVE_INFINITY };

/** Rows of which a field column reads the payloads before other work gets its turn. */
const SLICE_ROWS = 4096;

export class Optimizer {
  readonly #host: OptimizerHost;
  readonly #stop = new AbortController();
  readonly #indexes: IndexWork;
  #running: Promise<void> | undefined;
  /** Seals the growing segment once writes rest. */
  #sealTimer: ReturnType<typeof setTimeout> | undefined;
  /** Looks again for room. */
  #roomTimer: ReturnType<typeof setTimeout> | undefined;
  #credit = MERGE_CREDIT_BYTES;
  #everything = false;
  #failure: unknown;
  /** As it was when last asked for. */
  #room = UNBOUNDED;
  /** What the disk held less than it had said: less than this is tried, until it is time to look again. */
  #mostRoom = UNBOUNDED;
  #waiting: VicinalError | undefined;
  /** Wakes a run that waits for a thread. */
  #wake = () => {};
  /** Segments that have been replaced, but that the manifest may still name. */
  #replaced: Segment[] = [];
  /** Bytes of the log after the last checkpoint. */
  #logBytes = 0;
  task: OptimizerTask | undefined;

  constructor(host: OptimizerHost) {
    this.#host = host;
    this.#indexes = new IndexWork(host.state, this.#stop.signal);
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
    return waste.share > index.share ? waste : index;
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
    this.#credit += bytes * MERGE_AMPLIFICATION;
  }

  /** Looks for work now; a growing segment is sealed once writes rest. */
  poke(): void {
    if (this.#stop.signal.aborted) return;
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
    for (;;) {
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
        logBytes: this.#host.logBytes() - this.#logBytes,
        unsaved: this.#replaced.length > 0,
        creditBytes: this.#credit,
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
      this.task = undefined;
      if (this.#waiting && !this.#stop.signal.aborted)
        this.#roomTimer = later(this.#host.resources.lookAgainMs, () => this.#lookAgain());
    });
  }

  /** Starts as if there were room; the run finds out. */
  #lookAgain(): void {
    this.#room = UNBOUNDED;
    this.#mostRoom = UNBOUNDED;
    this.#start();
  }

  async #run(): Promise<void> {
    // The caller's turn comes first; tasks read the state as it leaves it.
    await yieldToOthers();
    while (!this.#stop.signal.aborted) {
      const { disk, memory } = await this.#host.resources.room(this.#host.space);
      this.#room = {
        disk: Math.min(disk, this.#mostRoom.disk),
        memory: Math.min(memory, this.#mostRoom.memory),
      };
      const { work, waiting } = this.#plan();
      this.#waiting = waiting && noRoom(waiting, this.#room);
      if (!work) return;
      const need = "need" in work ? work.need : undefined;
      const isHeavy = work.kind === "merge" || work.kind === "index";
      const done = isHeavy ? this.#host.resources.begin(work.need) : () => {};
      if (!done) {
        await this.#threadOrNews();
        continue;
      }
      try {
        await this.#do(work);
        this.#failure = undefined;
      } catch (reason) {
        if (this.#stop.signal.aborted) return;
        if (need && isFull(reason)) {
          // Something smaller may fit; this is tried again later.
          this.#mostRoom = { ...this.#mostRoom, disk: need.disk / 2 };
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
    this.#room = { disk: 0, memory: 0 };
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

  async #do(work: Work): Promise<void> {
    switch (work.kind) {
      case "checkpoint":
        return this.#shortenLog();
      case "drop":
        return this.#replace(work.segments);
      case "persist":
        return this.#persist(work.segment);
      case "field":
        return this.#field(work.segment, work.path);
      case "index":
        return this.#index(work.segment);
      case "merge":
        return this.#merge(work.segments);
    }
  }

  #begin(
    kind: OptimizerTask["kind"],
    segments: Segment[],
    total: number,
    step?: OptimizerTask["step"],
  ): void {
    this.task = {
      kind,
      ...(step ? { step } : {}),
      segments: segments.map(({ id }) => id),
      done: 0,
      total,
      begun: Date.now(),
    };
  }

  #progress = (done: number, total: number): void => {
    if (this.task) Object.assign(this.task, { done, total });
  };

  /** Saves what the growing segment keeps in the log, and drops what no manifest needs. */
  async #shortenLog(): Promise<void> {
    const { state, logBytes } = this.#host;
    this.#begin("checkpoint", [...state.sealedSegments()], 1);
    if (logBytes() > this.#logBytes && this.#replaced.length === 0 && state.seal()) return;
    await this.#checkpoint();
    for (const segment of state.sealedSegments()) await segment.closeDropped();
  }

  async #checkpoint(): Promise<void> {
    await this.#host.checkpoint();
    this.#logBytes = this.#host.logBytes();
    await this.#host.discard(this.#replaced.splice(0));
  }

  async #persist(segment: Segment): Promise<void> {
    this.#begin("persist", [segment], segment.rowCount);
    // Postings are saved with their vectors, once they are whole.
    await this.#indexes.consolidate(segment, () => {});
    await this.#host.persist?.(segment, false);
    await this.#checkpoint();
  }

  async #field(segment: Segment, path: string): Promise<void> {
    this.#begin("field", [segment], segment.rowCount);
    const schema = this.#host.state.config.fields[path];
    const begun = this.#host.state.sequence;
    const column = createColumn(schema, parsePath(path));
    for (let row = 0; row < segment.rowCount; row++) {
      column.append(segment.payload(row));
      if (row % SLICE_ROWS === SLICE_ROWS - 1) {
        this.#progress(row + 1, segment.rowCount);
        await yieldToOthers();
        throwIfCancelled(this.#stop.signal);
      }
    }
    // What was patched meanwhile is read again; what was dropped or made anew meanwhile is not put back.
    const versions = segment.versions();
    for (let row = 0; row < versions.length; row++)
      if (versions[row] > begun) column.update(row, segment.payload(row));
    column.prepare();
    if (this.#host.state.config.fields[path] === schema) segment.fields.set(path, column);
    await this.#checkpoint();
  }

  /** Segments without a live row leave; their files go when no manifest names them any more. */
  async #replace(segments: Segment[]): Promise<void> {
    for (const segment of segments) this.#host.state.detach(segment);
    this.#replaced.push(...segments);
    await this.#checkpoint();
  }

  async #index(segment: Segment): Promise<void> {
    this.#begin("index", [segment], segment.rowCount);
    await this.#indexes.build(segment, undefined, this.#progress);
    await this.#checkpoint();
  }

  async #merge(sources: Segment[]): Promise<void> {
    const { state } = this.#host;
    this.#begin("merge", sources, 1, "copy");
    const merged = await copyLive(state, sources, { signal: this.#stop.signal, progress: this.#progress });
    const previous: Previous = { source: sources[0], newRows: merged.newRows[0] };
    try {
      this.#begin("merge", sources, merged.target.rowCount, "index");
      await this.#indexes.build(merged.target, previous, this.#progress);
      this.#begin("merge", sources, merged.target.rowCount, "save");
      await this.#host.persist?.(merged.target, true);
    } catch (reason) {
      abandon(state, merged.target);
      throw reason;
    }
    this.#credit = Math.max(0, this.#credit - merged.target.vectorBytes());
    publish(merged, state);
    await this.#replace(sources);
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

function isFull(reason: unknown): reason is VicinalError {
  return reason instanceof VicinalError && reason.code === "DISK_FULL";
}

/** Says what waits for room: DISK_FULL or OUT_OF_MEMORY. */
function noRoom({ what, need }: { what: string; need: Room }, room: Room): VicinalError {
  const kind = need.disk > room.disk ? "disk" : "memory";
  const details = { needBytes: need[kind], freeBytes: room[kind] };
  const message = `${what} waits: needs ${inMib(need[kind])} of ${kind}, free ${inMib(room[kind])}`;
  return new VicinalError(kind === "disk" ? "DISK_FULL" : "OUT_OF_MEMORY", message, details);
}

function inMib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
