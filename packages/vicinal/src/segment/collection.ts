/**
 * Collection: a state in memory, the log that makes its writes durable, the files that make the log short, and the
 * optimizer that keeps its segments in shape.
 *
 *   <folder>/manifest-...      what the collection consists of; the highest valid one counts
 *   <folder>/log/log-...       writes since the manifest's checkpoint
 *   <folder>/segments/<id>/... files of sealed segments
 */
import { VicinalError } from "../runtime/errors.js";
import { loadKernels } from "../runtime/kernels.js";
import type { Directory } from "../storage/directory.js";
import { FileLog, type Log } from "../storage/log.js";
import { Manifests } from "../storage/manifest.js";
import type { CollectionConfig } from "./config.js";
import { decodeRecord } from "./effects.js";
import {
  loadSegment,
  type NameFile,
  releaseSaved,
  type SegmentEntry,
  saveDeletes,
  saveDerived,
  savePatch,
  saveSegment,
  takePatch,
} from "./files.js";
import { MemoryLog } from "./memory-log.js";
import { Optimizer } from "./optimizer.js";
import type { Segment, SegmentFiles } from "./segment.js";
import { CollectionState } from "./state.js";
import { type Operation, Writer } from "./writer.js";

export const FORMAT = 1;

export interface CollectionManifest {
  format: number;
  config: CollectionConfig;
  /** Replay begins above this sequence number. */
  checkpoint: number;
  /** The log held all writes up to here when this was committed; one that ends earlier is damaged. */
  synced: number;
  nextSegmentId: number;
  nextFile: number;
  segments: SegmentEntry[];
}

export interface CollectionOptions {
  /** Number of the opening that writes; greater than that of every opening before. */
  epoch: number;
  /** 0: acknowledge when synced. Else see FileLogOptions. */
  syncIntervalMs?: number;
  /** The clock by which points expire: milliseconds since 1970. Default `Date.now`. */
  now?: () => number;
}

export class Collection {
  readonly state: CollectionState;
  readonly optimizer: Optimizer;
  readonly #files: CollectionFiles | undefined;
  readonly #log: Log;
  readonly #writer: Writer;
  readonly #now: () => number;

  private constructor(
    state: CollectionState,
    log: Log,
    files: CollectionFiles | undefined,
    { now = Date.now }: CollectionOptions,
  ) {
    this.state = state;
    this.#now = now;
    this.#log = log;
    this.#files = files;
    // What follows a full segment goes to a file of its own, so that the file before can go once that is saved.
    state.onSealed = () => log.rotate().catch(() => {});
    this.optimizer = new Optimizer({
      state,
      persist: files && ((segment) => files.persist(segment)),
      checkpoint: async () => files?.checkpoint(state, log),
      discard: async (segments) => files?.discard(segments),
    });
    this.#writer = new Writer(
      state,
      log,
      () => this.optimizer.admit(),
      () => this.optimizer.poke(),
      now,
    );
  }

  /** Takes out what has expired by now: to be called before anything is read. */
  expire(): void {
    if (this.state.expire(this.#now()) > 0) this.optimizer.poke();
  }

  /** A new collection; `dir` must be empty. Without it, everything stays in memory. */
  static async create(
    dir: Directory | undefined,
    config: CollectionConfig,
    options: CollectionOptions,
  ): Promise<Collection> {
    const state = new CollectionState(config, 1, await loadKernels());
    if (!dir) return new Collection(state, new MemoryLog(), undefined, options);
    const files = await CollectionFiles.open(dir);
    await files.commit(state, { checkpoint: 0, synced: 0, segments: [] });
    const log = await FileLog.open(dir.folder("log"), options, () => {});
    return new Collection(state, log, files, options);
  }

  /** Loads the segments, replays the log. CORRUPTION names the damaged file. */
  static async open(dir: Directory, options: CollectionOptions): Promise<Collection> {
    const files = await CollectionFiles.open(dir);
    const manifest = files.manifest;
    if (!manifest)
      throw new VicinalError("CORRUPTION", `Corrupted collection ${dir.location}: it has no valid manifest`);
    const state = new CollectionState(manifest.config, manifest.nextSegmentId, await loadKernels());
    try {
      for (const entry of manifest.segments) state.adopt(await loadSegment(dir, state, entry));
      state.sequence = manifest.checkpoint;
      const log = await FileLog.open(
        dir.folder("log"),
        { ...options, after: manifest.checkpoint, synced: manifest.synced },
        ({ sequence, bytes }) =>
          state.apply(decodeRecord(bytes, `${dir.location}/log`).effects, sequence, true),
      );
      await files.deleteOrphans(manifest);
      const collection = new Collection(state, log, files, options);
      collection.optimizer.poke();
      return collection;
    } catch (reason) {
      state.close();
      throw reason;
    }
  }

  /** Resolves with the operation's sequence number once it is durable and visible. */
  write(operation: Operation): Promise<number> {
    return this.#writer.write(operation);
  }

  /** Takes no more writes: `reason` is what they are answered. */
  refuseWrites(reason: VicinalError): void {
    this.#writer.refuse(reason);
  }

  /** Operations that wait to be written. */
  get waitingWrites(): number {
    return this.#writer.waiting;
  }

  /** Bytes of the log that a reopening would read. */
  get logBytes(): number {
    return this.#log.bytes;
  }

  /** Finishes accepted writes, stops background work, saves what keeps the next start short, frees the memory. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.optimizer.close();
    try {
      await this.#files?.checkpoint(this.state, this.#log);
    } finally {
      await this.#log.close().finally(async () => {
        await Promise.all(this.state.segments().map(({ readers }) => readers.drained()));
        this.state.close();
      });
    }
  }
}

/** The durable side: which files there are, and the manifest that names them. */
class CollectionFiles {
  readonly #dir: Directory;
  readonly #manifests: Manifests;
  manifest: CollectionManifest | undefined;
  #nextFile = 1;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: Directory, manifests: Manifests) {
    this.#dir = dir;
    this.#manifests = manifests;
  }

  static async open(dir: Directory): Promise<CollectionFiles> {
    const manifests = new Manifests(dir);
    const files = new CollectionFiles(dir, manifests);
    const value = (await manifests.latest())?.value as CollectionManifest | undefined;
    if (!value) return files;
    if (value.format !== FORMAT)
      throw new VicinalError(
        "CORRUPTION",
        `${dir.location} was written in format ${value.format}; this version reads format ${FORMAT}`,
      );
    files.manifest = value;
    files.#nextFile = value.nextFile;
    return files;
  }

  /** Files that a stopped task left and no manifest names. To be called once the manifest has proved to be the right one. */
  async deleteOrphans(manifest: CollectionManifest): Promise<void> {
    const named = new Set(manifest.segments.flatMap(({ files }) => pathsOf(files)));
    for (const path of await this.#dir.list())
      if (path.startsWith("segments/") && !named.has(path)) await this.#dir.delete(path);
  }

  #namer(segment: Segment): NameFile {
    const folder = `segments/${String(segment.id).padStart(8, "0")}`;
    return (kind) => `${folder}/${kind}-${String(this.#nextFile++).padStart(8, "0")}`;
  }

  async persist(segment: Segment): Promise<void> {
    segment.files = await saveSegment(this.#dir, segment, this.#namer(segment));
  }

  /** One at a time: what the segments hold becomes the durable state, and the log gets shorter. */
  checkpoint(state: CollectionState, log: Log): Promise<void> {
    const done = this.#turn.then(() => this.#checkpoint(state, log));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #checkpoint(state: CollectionState, log: Log): Promise<void> {
    const segments = state.segments().filter((segment) => segment.files !== undefined);
    // The state as of this turn; the writes below see later changes only in the flags.
    const unsaved = state.segments().filter((segment) => segment.files === undefined && segment.rowCount > 0);
    const upTo = Math.min(state.sequence, ...unsaved.map((segment) => segment.firstSequence - 1));
    const changed = segments.map((segment) => {
      const live = segment.deletesChanged ? segment.live.slice() : undefined;
      const patch = segment.patchChanged ? takePatch(segment) : undefined;
      segment.deletesChanged = false;
      segment.patchChanged = false;
      return { segment, files: { ...(segment.files as SegmentFiles) }, live, patch };
    });
    try {
      for (const { segment, files, live, patch } of changed) {
        const name = this.#namer(segment);
        if (live) files.deletes = await saveDeletes(this.#dir, live, name);
        if (patch) files.patch = await savePatch(this.#dir, patch, name);
        await saveDerived(this.#dir, segment, files, name);
      }
      await log.rotate();
      await this.commit(state, {
        checkpoint: upTo,
        synced: Math.min(state.sequence, log.synced),
        segments: changed.map(({ segment, files }) => ({ id: segment.id, rows: segment.rowCount, files })),
      });
    } catch (reason) {
      for (const { segment, live, patch } of changed) {
        segment.deletesChanged ||= live !== undefined;
        segment.patchChanged ||= patch !== undefined;
      }
      throw reason;
    }
    // From here on this is the durable state, whatever fails below.
    const gone = changed.flatMap(({ segment, files }) => {
      const old = segment.files as SegmentFiles;
      segment.files = files;
      const kept = new Set(pathsOf(files));
      return pathsOf(old).flatMap((path) => (kept.has(path) ? [] : [{ segment, path }]));
    });
    await log.truncate(upTo);
    for (const { segment, path } of gone) {
      // Searches that began with an index that has gone may still read it.
      await segment.readers.left();
      await this.#sweep(path);
    }
    for (const { segment, files } of changed) await releaseSaved(this.#dir, state, segment, files);
  }

  /** Deletes a file that no manifest names. Where that fails, the next opening does it. */
  async #sweep(path: string): Promise<void> {
    await this.#dir.delete(path).catch(() => {});
  }

  async commit(
    state: CollectionState,
    durable: Pick<CollectionManifest, "checkpoint" | "synced" | "segments">,
  ): Promise<void> {
    const manifest: CollectionManifest = {
      format: FORMAT,
      config: state.config,
      nextSegmentId: state.nextSegmentId,
      nextFile: this.#nextFile,
      ...durable,
    };
    // Opening and closing without a change writes nothing.
    if (JSON.stringify(manifest) === JSON.stringify(this.manifest)) return;
    await this.#manifests.commit(manifest);
    this.manifest = manifest;
  }

  async discard(segments: Segment[]): Promise<void> {
    for (const { files, readers } of segments) {
      await readers.drained();
      if (files) for (const path of pathsOf(files)) await this.#sweep(path);
    }
  }
}

function pathsOf(files: SegmentFiles): string[] {
  const paths = [files.rows, ...files.fields.map(({ file }) => file)];
  for (const { file, index } of files.vectors) paths.push(file, ...(index ? [index.file] : []));
  for (const { file } of files.sparse ?? []) paths.push(file);
  if (files.deletes) paths.push(files.deletes);
  if (files.patch) paths.push(files.patch);
  return paths;
}
