/**
 * Collection: a state in memory, the log that makes its writes durable, the files that make the log short, and the
 * optimizer that keeps its segments in shape.
 *
 *   <folder>/manifest-...      what the collection consists of; the highest valid one counts
 *   <folder>/log/log-...       writes since the manifest's checkpoint
 *   <folder>/segments/<id>/... files of sealed segments
 *   <folder>/blobs/...         what points keep beside their payloads (blob-store.ts)
 */
import { yieldToOthers } from "../runtime/cancel.js";
import { VicinalError } from "../runtime/errors.js";
import { loadKernels } from "../runtime/kernels.js";
import { Resources, type Space } from "../runtime/resources.js";
import type { Directory } from "../storage/directory.js";
import { FileLog, type HeldLog, type Log, type LogRecord } from "../storage/log.js";
import { type Manifest, Manifests } from "../storage/manifest.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { readOnly as readOnlyView } from "../storage/read-only.js";
import { type BlobLimits, BlobStore, pathOf } from "./blob-store.js";
import type { Capture } from "./capture.js";
import type { CollectionConfig } from "./config.js";
import { PATCHED_THRESHOLD } from "./defaults.js";
import { decodeRecord } from "./effects.js";
import {
  fillEarly,
  forgetFiles,
  leavePayloads,
  liesOnDisk,
  loadSegment,
  memoryNeed,
  type NameFile,
  releaseSaved,
  type SegmentEntry,
  saveDeletes,
  saveDerived,
  savePatch,
  saveRows,
  saveSegment,
  takePatch,
  takeRows,
} from "./files.js";
import { growingBytes } from "./memory-budget.js";
import { MemoryLog } from "./memory-log.js";
import { OperationWindow } from "./operation-window.js";
import { Optimizer } from "./optimizer.js";
import { ReadOnlyLog, readOnly } from "./read-only-log.js";
import type { Segment, SegmentFiles } from "./segment.js";
import { CollectionState } from "./state.js";
import { ingestedBytes, WriteCounts } from "./write-counts.js";
import { type Operation, Writer } from "./writer.js";

export const FORMAT = 1;
/** Rows that are entered in the id map at a time, behind an early opening: about a millisecond. */
const ROWS_ENTERED = 20_000;

export interface CollectionManifest {
  format: number;
  config: CollectionConfig;
  /** Of the opening that committed it; absent in older manifests. */
  epoch?: number;
  /** Replay begins above this sequence number. */
  checkpoint: number;
  /** The log held all writes up to here when this was committed; one that ends earlier is damaged. */
  synced: number;
  nextSegmentId: number;
  nextFile: number;
  segments: SegmentEntry[];
  /** The window of named operations up to the checkpoint; absent where none were named. */
  operations?: [string, number][];
}

export interface CollectionOptions {
  /** Number of the opening that writes; greater than that of every opening before. */
  epoch: number;
  /** 0: acknowledge when synced. Else see FileLogOptions. */
  syncIntervalMs?: number;
  /** Shared by the collections of a database. Default: of its own. */
  resources?: Resources;
  /** The clock by which points expire: milliseconds since 1970. Default `Date.now`. */
  now?: () => number;
  blobs?: BlobLimits;
  /** Answers as soon as it can, from its files, while these are read into memory. Default false: what is opened is in memory. */
  early?: boolean;
  /** Opens the log that makes writes durable. Default: files in the collection's folder. */
  openLog?: OpenLog;
}

/**
 * Opens a log for the one writer after handing out its records above `after`. `synced`: up to here there must be records;
 * CORRUPTION where there are fewer.
 */
export type OpenLog = (
  from: { after: number; synced: number },
  onRecord: (record: LogRecord) => void,
) => Promise<Log>;

export class Collection {
  readonly state: CollectionState;
  readonly blobs: BlobStore;
  readonly optimizer: Optimizer;
  readonly writes: WriteCounts;
  readonly #files: CollectionFiles | undefined;
  readonly #log: Log;
  readonly #writer: Writer;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  #filling: Promise<void> | undefined;

  private constructor(
    state: CollectionState,
    log: Log,
    files: CollectionFiles | undefined,
    { now = Date.now, resources = new Resources(), blobs }: CollectionOptions,
    dir?: Directory,
  ) {
    this.state = state;
    this.blobs = files?.blobs ?? new BlobStore(dir?.folder("blobs") ?? MemoryDirectory.empty(), blobs);
    state.canSpill = files !== undefined;
    this.#now = now;
    this.#log = log;
    this.#files = files;
    this.writes = files?.writes ?? new WriteCounts();
    // What follows a full segment goes to a file of its own, so that the file before can go once that is saved.
    state.onSealed = () => log.rotate().catch(() => {});
    this.optimizer = new Optimizer({
      state,
      resources,
      persist: files && ((segment, merged) => files.persist(segment, merged)),
      space: files?.space,
      logBytes: () => log.bytes,
      checkpoint: async () => (files ? files.checkpoint(state, log) : this.blobs.collect(state)),
      discard: async (segments) => files?.discard(segments),
    });
    this.#writer = new Writer(
      state,
      log,
      () => this.optimizer.admit(),
      (bytes) => (resources.budget ? this.optimizer.demand(bytes) : undefined),
      (effects, bytes) => {
        this.writes.ingested += ingestedBytes(effects);
        this.writes.log += bytes;
      },
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
    options = { resources: new Resources(), ...options };
    const { budget } = options.resources ?? {};
    budget?.demand(growingBytes(config, budget), "The collection");
    const state = new CollectionState(config, 1, await loadKernels(), options.resources);
    if (!dir) return new Collection(state, new MemoryLog(), undefined, options);
    const files = await CollectionFiles.open(dir, options.epoch, options.blobs);
    if (files.manifest)
      throw new VicinalError("FENCED", `Another writer has made a collection in ${dir.location}`, {
        location: dir.location,
      });
    await files.commit(state, { checkpoint: 0, synced: 0, segments: [] });
    const log = await openLogOf(dir, options)({ after: 0, synced: 0 }, () => {});
    return new Collection(state, log, files, options);
  }

  /** Loads the segments, replays the log. CORRUPTION names the damaged file. */
  static async open(dir: Directory, options: CollectionOptions): Promise<Collection> {
    const { files, manifest } = await CollectionFiles.takeOver(dir, options.epoch, options.blobs);
    options = { resources: new Resources(), ...options };
    const { resources } = options;
    const state = new CollectionState(
      manifest.config,
      manifest.nextSegmentId,
      await loadKernels(),
      resources,
    );
    try {
      state.spilled = manifest.segments.some((entry) => liesOnDisk(manifest.config, entry));
      if (state.budget)
        state.budget.demand(await memoryNeed(dir, manifest.segments), `Opening ${dir.location}`);
      for (const entry of manifest.segments)
        state.adopt(await loadSegment(dir, state, entry, options), options.early);
      state.sequence = manifest.checkpoint;
      state.operations = new OperationWindow(manifest.operations);
      const log = await openLogOf(dir, options)(
        { after: manifest.checkpoint, synced: manifest.synced },
        ({ sequence, bytes }) =>
          state.apply(decodeRecord(bytes, `${dir.location}/log`).effects, sequence, true),
      );
      await files.deleteOrphans(manifest);
      const collection = new Collection(state, log, files, options);
      collection.optimizer.poke();
      if (options.early) collection.#filling = collection.#fill();
      return collection;
    } catch (reason) {
      state.close();
      throw reason;
    }
  }

  /**
   * As `open`, of a state that followed those files and has read the log up to its sequence: nothing that is in memory is read once
   * more. Undefined where other files count by now.
   */
  static async promote(
    state: CollectionState,
    followed: CollectionManifest,
    dir: Directory,
    options: CollectionOptions,
  ): Promise<Collection | undefined> {
    const { files, manifest } = await CollectionFiles.takeOver(dir, options.epoch, options.blobs);
    const said = ({ epoch: _, ...rest }: CollectionManifest) => JSON.stringify(rest);
    if (said(manifest) !== said(followed)) return undefined;
    const log = await openLogOf(dir, options)(
      { after: state.sequence, synced: manifest.synced },
      ({ sequence, bytes }) =>
        state.apply(decodeRecord(bytes, `${dir.location}/log`).effects, sequence, true),
    );
    await files.deleteOrphans(manifest);
    const collection = new Collection(state, log, files, options);
    collection.optimizer.poke();
    return collection;
  }

  /** One whose state somebody else brings forward: writes are READ_ONLY, and nothing is tidied. */
  static async reading(state: CollectionState, dir: Directory, now?: () => number): Promise<Collection> {
    const view = readOnlyView(dir);
    const collection = new Collection(state, new ReadOnlyLog(), undefined, { epoch: 0, now }, view);
    await collection.optimizer.close();
    collection.blobs.refuse(readOnly());
    return collection;
  }

  /** What the opening has left. Whoever waited for it is answered first. */
  async #fill(): Promise<void> {
    const { signal } = this.#closing;
    do await yieldToOthers();
    while (!signal.aborted && this.state.enter(ROWS_ENTERED));
    try {
      await fillEarly(this.state, signal);
    } catch (reason) {
      // Cancelled, or there is no room: files go on serving.
      if (!(reason instanceof VicinalError)) throw reason;
    }
  }

  /** Resolves when nothing is served from files any more that is to lie in memory. */
  async filled(): Promise<void> {
    await this.#filling;
  }

  /** To be awaited between storing blobs and the write that names them. */
  keepBlobs(): Promise<void> | undefined {
    return this.#files?.keepBlobs(this.state, this.#log);
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

  /**
   * The state as of now, whole batches, held until its release; writes and the optimizer go on meanwhile. Undefined for a
   * collection in memory.
   */
  async capture(): Promise<Capture | undefined> {
    return this.#files?.capture(this.state, this.#log);
  }

  /** Finishes accepted writes, stops background work, saves what keeps the next start short, frees the memory. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.optimizer.close();
    this.#closing.abort();
    await this.#filling;
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

function openLogOf(dir: Directory, options: CollectionOptions): OpenLog {
  return (
    options.openLog ??
    ((from, onRecord) => FileLog.open(dir.folder("log"), { ...options, ...from }, onRecord))
  );
}

export function readManifest(dir: Directory, manifest: Manifest | undefined): CollectionManifest | undefined {
  const value = manifest?.value as CollectionManifest | undefined;
  if (value && value.format !== FORMAT)
    throw new VicinalError(
      "CORRUPTION",
      `${dir.location} was written in format ${value.format}; this version reads format ${FORMAT}`,
    );
  return value;
}

/** The durable side: which files there are, and the manifest that names them. */
export class CollectionFiles {
  readonly #dir: Directory;
  readonly #manifests: Manifests;
  manifest: CollectionManifest | undefined;
  readonly writes = new WriteCounts();
  readonly blobs: BlobStore;
  /** Files that no manifest names, or that only one names which may not be whole. */
  readonly #stray = new Set<string>();
  #nextFile = 1;
  #turn: Promise<unknown> = Promise.resolve();
  /** A commit for blobs that has not begun. */
  #keeping: Promise<void> | undefined;
  /** Captures that are not released; until the last one is, files that go are only noted. */
  #captures = 0;
  #gone: string[] = [];

  readonly #epoch: number;

  private constructor(dir: Directory, manifests: Manifests, epoch: number, blobs?: BlobLimits) {
    this.#dir = dir;
    this.blobs = new BlobStore(dir.folder("blobs"), blobs);
    this.#manifests = manifests;
    this.#epoch = epoch;
  }

  static async open(dir: Directory, epoch: number, blobs?: BlobLimits): Promise<CollectionFiles> {
    const manifests = new Manifests(dir);
    const files = new CollectionFiles(dir, manifests, epoch, blobs);
    files.manifest = readManifest(dir, await manifests.latest());
    files.#nextFile = files.manifest?.nextFile ?? 1;
    return files;
  }

  /**
   * Commits what counts once more, in the name of this opening: whoever wrote before cannot commit after that, and so deletes
   * nothing that is about to be read.
   */
  static async takeOver(
    dir: Directory,
    epoch: number,
    blobs?: BlobLimits,
  ): Promise<{ files: CollectionFiles; manifest: CollectionManifest }> {
    const manifests = new Manifests(dir);
    const files = new CollectionFiles(dir, manifests, epoch, blobs);
    let manifest: CollectionManifest | undefined;
    await manifests.takeOver((latest) => {
      manifest = readManifest(dir, latest);
      if (manifest) return { ...manifest, epoch };
      throw new VicinalError("CORRUPTION", `Corrupted collection ${dir.location}: it has no valid manifest`);
    });
    const taken = manifest as unknown as CollectionManifest;
    files.manifest = { ...taken, epoch };
    files.#nextFile = taken.nextFile;
    return { files, manifest: taken };
  }

  /** For repair: whatever manifests there are, the next commit replaces them all. New files get numbers from `nextFile` on. */
  static over(dir: Directory, nextFile: number): CollectionFiles {
    const files = new CollectionFiles(dir, new Manifests(dir), 0);
    files.#nextFile = nextFile;
    return files;
  }

  get space(): Space | undefined {
    return this.#dir.space && (() => this.#dir.space?.() ?? Promise.resolve(undefined));
  }

  /** Files that a stopped task left and no manifest names. To be called once the manifest has proved to be the right one. */
  async deleteOrphans(manifest: CollectionManifest): Promise<void> {
    const named = new Set(manifest.segments.flatMap(({ files }) => pathsOf(files)));
    for (const path of await this.#dir.list())
      if (path.startsWith("segments/") && !named.has(path)) await this.#dir.delete(path);
  }

  /** Names files of a segment, and lists them in `given`. */
  #namer(segment: Segment, given: string[]): NameFile {
    const folder = `segments/${String(segment.id).padStart(8, "0")}`;
    return (kind) => {
      const path = `${folder}/${kind}-${String(this.#nextFile++).padStart(8, "0")}`;
      given.push(path);
      return path;
    };
  }

  async persist(segment: Segment, merged: boolean): Promise<void> {
    const given: string[] = [];
    try {
      segment.files = await saveSegment(this.#dir, segment, this.#namer(segment, given));
    } catch (reason) {
      await this.#undo(given, [segment]);
      throw reason;
    }
    await this.#count(given, merged);
  }

  /** What a task that failed had written goes, so that a full disk is not made fuller. */
  async #undo(given: readonly string[], segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) forgetFiles(segment, given);
    for (const path of given) await this.#sweep(path);
  }

  async #count(paths: readonly string[], merged: boolean): Promise<void> {
    for (const path of paths) {
      const bytes = (await this.#dir.size(path).catch(() => 0)) ?? 0;
      if (path.includes("/index-")) this.writes.indexes += bytes;
      else if (merged) this.writes.merges += bytes;
      else this.writes.segments += bytes;
    }
  }

  /** Where files count by manifests alone, commits one: shared by all who ask before it begins. */
  keepBlobs(state: CollectionState, log: Log): Promise<void> | undefined {
    if (!this.#dir.countsByManifest) return undefined;
    this.#keeping ??= this.#inTurn(() => {
      this.#keeping = undefined;
      return this.#checkpoint(state, log, true);
    });
    return this.#keeping;
  }

  /** One at a time: what the segments hold becomes the durable state, and the log gets shorter. */
  checkpoint(state: CollectionState, log: Log): Promise<void> {
    return this.#inTurn(() => this.#checkpoint(state, log));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** In the checkpoints' turn, so that the manifest and the log, which is taken after it, fit together. */
  capture(state: CollectionState, log: Log): Promise<Capture> {
    return this.#inTurn(async () => {
      await this.#checkpoint(state, log);
      const manifest = this.manifest as CollectionManifest;
      this.#captures++;
      let held: HeldLog | undefined;
      const release = async () => {
        await held?.release();
        if (--this.#captures === 0) for (const path of this.#gone.splice(0)) await this.#sweep(path);
      };
      try {
        // Before the log is held, and after: writes go on meanwhile, and those that are in it are of neither alone.
        const named = await this.blobs.named(state);
        held = await log.hold(manifest.checkpoint);
        for (const [sha256, bytes] of await this.blobs.named(state)) named.set(sha256, bytes);
        const files = held.files.map(({ path, bytes }) => ({ path: `log/${path}`, bytes }));
        for (const path of manifest.segments.flatMap(({ files }) => pathsOf(files)))
          files.push({ path, bytes: (await this.#dir.size(path)) ?? 0 });
        for (const [sha256, bytes] of named) files.push({ path: `blobs/${pathOf(sha256)}`, bytes });
        // The manifest was committed before; what the log has grown by since may not be missing either.
        const body = { ...manifest, synced: held.synced };
        return { manifest: body, directory: this.#dir, files, release };
      } catch (reason) {
        await release();
        throw reason;
      }
    });
  }

  /** @param anew Commits a manifest though nothing has changed. */
  async #checkpoint(state: CollectionState, log: Log, anew = false): Promise<void> {
    // Captures may need what nobody names any more.
    this.blobs.look(state);
    const unnamed = this.#captures === 0 ? await this.blobs.mark(state).catch(() => []) : [];
    const marked = state.sequence;
    const segments = state.segments().filter((segment) => segment.files !== undefined);
    // The state as of this turn; the writes below see later changes only in the flags.
    const unsaved = state.segments().filter((segment) => segment.files === undefined && segment.rowCount > 0);
    const upTo = Math.min(state.sequence, ...unsaved.map((segment) => segment.firstSequence - 1));
    const changed = segments.map((segment) => ({ segment, ...takeChanges(segment) }));
    const given: string[] = [];
    const restore = () => {
      for (const { segment, live, patch, rows } of changed) {
        segment.deletesChanged ||= live !== undefined;
        segment.patchChanged ||= patch !== undefined || rows !== undefined;
        if (rows) segment.payloads.markChanged(rows.changed);
      }
    };
    try {
      for (const { segment, files, live, patch, rows } of changed) {
        const name = this.#namer(segment, given);
        if (live) files.deletes = await saveDeletes(this.#dir, live, name);
        if (patch) files.patch = await savePatch(this.#dir, patch, name);
        if (rows) {
          files.rows = await saveRows(this.#dir, rows.saved, name);
          delete files.patch;
          // No patch says any more which rows the field columns in files have not seen.
          forgetFiles(
            segment,
            files.fields.map(({ file }) => file),
          );
        }
        await saveDerived(this.#dir, segment, files, name);
      }
      await log.rotate();
    } catch (reason) {
      restore();
      await this.#undo(given, segments);
      throw reason;
    }
    try {
      await this.commit(
        state,
        {
          checkpoint: upTo,
          synced: Math.min(state.sequence, log.synced),
          segments: changed.map(({ segment, files }) => ({ id: segment.id, rows: segment.rowCount, files })),
        },
        anew || unnamed.length > 0,
      );
    } catch (reason) {
      restore();
      // The manifest may be whole all the same, and name them: they stay until there is another.
      for (const path of given) this.#stray.add(path);
      throw reason;
    }
    // From here on this is the durable state, whatever fails below.
    for (const { segment, files, rows } of changed) {
      if (rows && !(await leavePayloads(this.#dir, state, segment, files))) segment.payloads.compact();
    }
    const gone = changed.flatMap(({ segment, files }) => {
      const old = segment.files as SegmentFiles;
      segment.files = files;
      const kept = new Set(pathsOf(files));
      return pathsOf(old).flatMap((path) => (kept.has(path) ? [] : [{ segment, path }]));
    });
    await log.truncate(upTo);
    // What a crash brings back is as new as the mark.
    if (log.synced >= marked) await this.blobs.sweep(unnamed);
    for (const { segment, path } of gone) {
      // Searches that began with an index that has gone may still read it.
      await segment.readers.left();
      await this.#sweep(path);
    }
    const named = new Set(changed.flatMap(({ files }) => pathsOf(files)));
    for (const path of [...this.#stray]) if (!named.has(path)) await this.#sweep(path);
    for (const path of named) this.#stray.delete(path);
    for (const { segment, files } of changed) {
      if (!segment.payloads.inFile) await leavePayloads(this.#dir, state, segment, files);
      await releaseSaved(this.#dir, state, segment, files);
    }
    await this.#count(given, false);
  }

  /**
   * Deletes a file that no manifest names, once no capture does. Where that fails, it is tried again after the next checkpoint.
   */
  async #sweep(path: string): Promise<void> {
    this.#stray.delete(path);
    if (this.#captures > 0) this.#gone.push(path);
    else await this.#dir.delete(path).catch(() => this.#stray.add(path));
  }

  /** @param anew Though nothing has changed: who is not the writer any more learns it. */
  async commit(
    state: CollectionState,
    durable: Pick<CollectionManifest, "checkpoint" | "synced" | "segments">,
    anew = false,
  ): Promise<void> {
    const manifest: CollectionManifest = {
      format: FORMAT,
      epoch: this.#epoch,
      config: state.config,
      nextSegmentId: state.nextSegmentId,
      nextFile: this.#nextFile,
      ...durable,
    };
    const operations = state.operations.list(durable.checkpoint);
    if (operations.length > 0) manifest.operations = operations;
    // Opening and closing without a change writes nothing.
    const text = JSON.stringify(manifest);
    if (text === JSON.stringify(this.manifest) && !anew) return;
    this.writes.manifests += text.length;
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

/** Payloads that were patched are saved beside the rows, or with them once they are many. */
function takeChanges(segment: Segment) {
  const files = { ...(segment.files as SegmentFiles) };
  const live = segment.deletesChanged ? segment.live.slice() : undefined;
  const isMany = segment.payloads.dirtyCount > PATCHED_THRESHOLD * segment.rowCount;
  const changed = segment.patchChanged && isMany ? segment.payloads.dirtyRows() : undefined;
  const rows = changed && { changed, saved: takeRows(segment) };
  const patch = segment.patchChanged ? takePatch(segment) : undefined;
  segment.deletesChanged = false;
  segment.patchChanged = false;
  return { files, live, patch, rows };
}

function pathsOf(files: SegmentFiles): string[] {
  const paths = [files.rows, ...files.fields.map(({ file }) => file)];
  for (const { file, index } of files.vectors) paths.push(file, ...(index ? [index.file] : []));
  for (const { file } of files.sparse ?? []) paths.push(file);
  if (files.deletes) paths.push(files.deletes);
  if (files.patch) paths.push(files.patch);
  return paths;
}
