/**
 * OptimizerTasks: carries out what was planned. None of the tasks blocks writes or searches, and each can be stopped anywhere:
 * what is not committed to the manifest is as if it had not been begun.
 */
import { createColumn } from "../payload/columns.js";
import { parsePath } from "../payload/path.js";
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import type { Resources, Space } from "../runtime/resources.js";
import { MERGE_CREDIT_BYTES } from "./defaults.js";
import type { IndexWork, Previous } from "./index-work.js";
import { abandon, copyLive, publish } from "./merge.js";
import type { Segment } from "./segment.js";
import type { CollectionState } from "./state.js";
import type { Work } from "./work-plan.js";

/** What the optimizer does at the moment, for people and for `status`. */
export interface OptimizerTask {
  kind: "checkpoint" | "drop" | "persist" | "field" | "index" | "merge" | "part";
  /** What of it: a merge, or a part of a segment on its way to the disk, copies, builds indexes and saves. */
  step?: "copy" | "index" | "save";
  /** Segments that it reads. */
  segments: number[];
  /** Of the step. */
  done: number;
  total: number;
  /** Milliseconds since 1970 at which the step began. */
  begun: number;
}

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

/** Rows of which a field column reads the payloads before other work gets its turn. */
const SLICE_ROWS = 4096;

export class OptimizerTasks {
  readonly #host: OptimizerHost;
  readonly #indexes: IndexWork;
  readonly #stop: AbortSignal;
  /** What is being done. */
  current: OptimizerTask | undefined;
  /** Vector bytes that merges may copy. */
  creditBytes = MERGE_CREDIT_BYTES;
  /** Segments that have been replaced, but that the manifest may still name. */
  #replaced: Segment[] = [];
  /** Bytes of the log after the last checkpoint. */
  #logBytes = 0;

  constructor(host: OptimizerHost, indexes: IndexWork, stop: AbortSignal) {
    this.#host = host;
    this.#indexes = indexes;
    this.#stop = stop;
  }

  /** Whether something was changed that the manifest does not say yet. */
  get unsaved(): boolean {
    return this.#replaced.length > 0;
  }

  /** Bytes that the log has grown by since the last checkpoint. */
  get newLogBytes(): number {
    return this.#host.logBytes() - this.#logBytes;
  }

  async run(work: Work): Promise<void> {
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
      case "part":
        return this.#merge([work.segment], work.rows);
    }
  }

  #begin(
    kind: OptimizerTask["kind"],
    segments: Segment[],
    total: number,
    step?: OptimizerTask["step"],
  ): void {
    this.current = {
      kind,
      ...(step ? { step } : {}),
      segments: segments.map(({ id }) => id),
      done: 0,
      total,
      begun: Date.now(),
    };
  }

  #progress = (done: number, total: number): void => {
    if (this.current) Object.assign(this.current, { done, total });
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
        throwIfCancelled(this.#stop);
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

  /** @param most Rows that are copied; what has others stays with them. */
  async #merge(sources: Segment[], most?: number): Promise<void> {
    const { state } = this.#host;
    const kind = most === undefined ? "merge" : "part";
    this.#begin(kind, sources, 1, "copy");
    const merged = await copyLive(state, sources, { signal: this.#stop, progress: this.#progress, most });
    const previous: Previous = { source: sources[0], newRows: merged.newRows[0] };
    try {
      this.#begin(kind, sources, merged.target.rowCount, "index");
      await this.#indexes.build(merged.target, previous, this.#progress);
      this.#begin(kind, sources, merged.target.rowCount, "save");
      await this.#host.persist?.(merged.target, true);
    } catch (reason) {
      abandon(state, merged.target);
      throw reason;
    }
    // What the budget asks for is not paid for.
    if (kind === "merge") this.creditBytes = Math.max(0, this.creditBytes - merged.target.vectorBytes());
    publish(merged, state);
    await this.#replace(sources.filter(({ liveCount }) => liveCount === 0));
  }
}
