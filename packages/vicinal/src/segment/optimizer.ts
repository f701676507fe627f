/**
 * Optimizer: keeps a collection's segments few, indexed, durable and free of the dead, without being asked. One
 * task at a time; none of them blocks writes or searches, and each can be stopped anywhere: what is not committed
 * to the manifest is as if it had not been begun.
 */
import { createColumn } from "../payload/columns.js";
import { parsePath } from "../payload/path.js";
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import {
  DELETED_THRESHOLD,
  IDLE_SEAL_MS,
  MERGE_AMPLIFICATION,
  MERGE_CREDIT_BYTES,
  VACUUM_MIN_ROWS,
} from "./defaults.js";
import { IndexWork, type Previous } from "./index-work.js";
import { backlogBytes, segmentBytes } from "./memory-budget.js";
import { abandon, copyLive, publish } from "./merge.js";
import { mergeGroup } from "./merge-policy.js";
import type { Segment } from "./segment.js";
import type { CollectionState } from "./state.js";

/** What the optimizer does at the moment, for people and for `status`. */
export interface OptimizerTask {
  kind: "persist" | "field" | "index" | "merge";
  /** Segments that it reads. */
  segments: number[];
  done: number;
  total: number;
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
  /** Writes the segment's files; undefined where nothing is kept (a database in memory). */
  readonly persist: ((segment: Segment) => Promise<void>) | undefined;
  /** Commits the manifest: from here on what the segments hold is the durable state. */
  checkpoint(): Promise<void>;
  /** Deletes the files of segments that no manifest names any more. */
  discard(segments: Segment[]): Promise<void>;
}

/** Rows of which a field column reads the payloads before other work gets its turn. */
const SLICE_ROWS = 4096;

export class Optimizer {
  readonly #host: OptimizerHost;
  readonly #stop = new AbortController();
  readonly #indexes: IndexWork;
  #running: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #credit = MERGE_CREDIT_BYTES;
  #everything = false;
  #failure: unknown;
  task: OptimizerTask | undefined;

  constructor(host: OptimizerHost) {
    this.#host = host;
    this.#indexes = new IndexWork(host.state, this.#stop.signal);
  }

  /** The reason why the last task failed; cleared by the next success. */
  get failure(): unknown {
    return this.#failure;
  }

  get idle(): boolean {
    return this.#running === undefined && this.#timer === undefined;
  }

  /** Vector bytes in sealed segments without an index. */
  backlogBytes(): number {
    let bytes = 0;
    for (const segment of this.#host.state.sealedSegments())
      if (this.#indexes.isBare(segment)) bytes += segment.vectorBytes();
    return bytes;
  }

  /** True while writes wait because too much is sealed but not indexed. */
  get backlogged(): boolean {
    return this.#working && this.backlogBytes() > backlogBytes(this.#host.state.config);
  }

  get #working(): boolean {
    return this.#running !== undefined && this.#failure === undefined;
  }

  /** Undefined, or what a writer waits for while the backlog is too long. */
  admit(): Promise<void> | undefined {
    return this.backlogged ? this.#while(() => this.backlogged) : undefined;
  }

  /** Resolves when every segment has a column for every indexed field. */
  async whenFieldsReady(): Promise<void> {
    this.#start();
    await this.#while(() => this.#working && this.#fieldTask() !== undefined);
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
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sealWhenIdle()) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#host.state.seal();
        this.#start();
      }, IDLE_SEAL_MS);
      // A process that has nothing else to do may end: the log holds the growing segment.
      (this.#timer as { unref?: () => void }).unref?.();
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
      clearTimeout(this.#timer);
      this.#timer = undefined;
      if (options.everything || this.#sealWhenIdle()) this.#host.state.seal();
      this.#start();
      if (!this.#running) break;
      await abortable(this.#running, options.signal);
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  #start(): void {
    if (this.#running || this.#stop.signal.aborted || !this.#next()) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.task = undefined;
    });
  }

  async #run(): Promise<void> {
    // The caller's turn comes first; tasks read the state as it leaves it.
    await yieldToOthers();
    for (let work = this.#next(); work && !this.#stop.signal.aborted; work = this.#next()) {
      try {
        await work();
        this.#failure = undefined;
      } catch (reason) {
        // Tried again after the next write: a full disk or a cancelled build is not retried in a loop.
        if (!this.#stop.signal.aborted) this.#failure = reason;
        return;
      }
    }
  }

  /** The most urgent task: durability first, then field columns, then indexes and merges. */
  #next(): (() => Promise<void>) | undefined {
    const { state, persist } = this.#host;
    const sealed = state.sealedSegments();
    if (persist) {
      const segment = sealed.find((candidate) => candidate.files === undefined);
      if (segment) return () => this.#persist(segment);
    }
    const field = this.#fieldTask();
    if (field) return field;
    const empty = sealed.filter((segment) => segment.liveCount === 0);
    if (empty.length > 0) return () => this.#drop(empty);
    const dirty = sealed.find(
      (segment) =>
        segment.rowCount >= VACUUM_MIN_ROWS &&
        (segment.deadCount > this.#deletedThreshold() * segment.rowCount || this.#indexes.isExpired(segment)),
    );
    if (dirty) return () => this.#merge([dirty]);
    return this.#nextIndex(sealed);
  }

  #fieldTask(): (() => Promise<void>) | undefined {
    const { state } = this.#host;
    for (const segment of state.sealedSegments())
      for (const path of Object.keys(state.config.fields))
        if (!segment.fields.has(path)) return () => this.#field(segment, path);
    return undefined;
  }

  #nextIndex(sealed: Segment[]): (() => Promise<void>) | undefined {
    const group = mergeGroup(
      sealed,
      this.#everything ? Number.POSITIVE_INFINITY : this.#credit,
      segmentBytes(this.#host.state.config),
    );
    if (group) return () => this.#merge(group);
    const segment =
      sealed.find((candidate) => this.#indexes.isBare(candidate)) ??
      sealed.find((candidate) => this.#indexes.isStale(candidate));
    return segment && (() => this.#index(segment));
  }

  #deletedThreshold(): number {
    const threshold = this.#host.state.config.optimizers.deleted_threshold;
    return typeof threshold === "number" ? threshold : DELETED_THRESHOLD;
  }

  async #persist(segment: Segment): Promise<void> {
    this.task = { kind: "persist", segments: [segment.id], done: 0, total: segment.rowCount };
    // Postings are saved with their vectors, once they are whole.
    await this.#indexes.consolidate(segment, () => {});
    await this.#host.persist?.(segment);
    await this.#host.checkpoint();
  }

  async #field(segment: Segment, path: string): Promise<void> {
    this.task = { kind: "field", segments: [segment.id], done: 0, total: segment.rowCount };
    const schema = this.#host.state.config.fields[path];
    const begun = this.#host.state.sequence;
    const column = createColumn(schema, parsePath(path));
    for (let row = 0; row < segment.rowCount; row++) {
      column.append(segment.payload(row));
      if (row % SLICE_ROWS === SLICE_ROWS - 1) {
        this.task.done = row + 1;
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
    await this.#host.checkpoint();
  }

  async #drop(segments: Segment[]): Promise<void> {
    for (const segment of segments) this.#host.state.detach(segment);
    await this.#host.checkpoint();
    await this.#host.discard(segments);
  }

  async #index(segment: Segment): Promise<void> {
    await this.#buildIndexes(segment, undefined);
    await this.#host.checkpoint();
  }

  async #buildIndexes(segment: Segment, previous: Previous | undefined): Promise<void> {
    await this.#indexes.build(segment, previous, (done, total) => {
      this.task = { kind: "index", segments: [segment.id], done, total };
    });
  }

  async #merge(sources: Segment[]): Promise<void> {
    const { state } = this.#host;
    const numbers = sources.map((source) => source.id);
    this.task = { kind: "merge", segments: numbers, done: 0, total: 1 };
    const merged = await copyLive(state, sources, {
      signal: this.#stop.signal,
      progress: (done, total) => {
        if (this.task) Object.assign(this.task, { done, total });
      },
    });
    try {
      await this.#buildIndexes(merged.target, { source: sources[0], newRows: merged.newRows[0] });
      await this.#host.persist?.(merged.target);
    } catch (reason) {
      abandon(state, merged.target);
      throw reason;
    }
    this.#credit = Math.max(0, this.#credit - merged.target.vectorBytes());
    publish(merged, state);
    for (const source of sources) state.detach(source);
    await this.#host.checkpoint();
    await this.#host.discard(sources);
  }

  /** Stops the running task; it leaves no trace. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
