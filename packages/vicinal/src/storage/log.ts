/**
 * The log: every acknowledged write since the last checkpoint, in order, durable before it is acknowledged.
 *
 * A *record* is bytes with a sequence number. A *batch* is the records of one `append`: after a crash all of
 * them are there, or none. A *group* is the batches that wait while the one before is synced: they share one
 * write and one sync, so that many callers pay for one. Bytes are drawn in log-format.ts, the rule of torn
 * tails in log-replay.ts, the first thing done with a log in log-opening.ts.
 *
 * Every opening writes to new files of its own epoch, and sequence numbers run on through all files. So a gap
 * between files is damage, and what a writer that has been replaced still appended is recognised and ignored:
 * a file of a lower epoch ends where the next file begins.
 *
 * Such a writer does not acknowledge what nobody will find. Whoever opens the log leaves a mark of its own beside the files and
 * deletes those of others, before it reads. A writer looks for its mark between syncing and acknowledging: if it is there, the
 * next opener has not begun to read, and will find the batch; if not, the batch is FENCED.
 */
import { assert } from "../runtime/assert.js";
import { VicinalError } from "../runtime/errors.js";
import type { Directory, FileWriter } from "./directory.js";
import {
  BATCH_BYTES_MAX,
  encodeBatch,
  encodeHeader,
  frameSeed,
  framesSize,
  logFileName,
} from "./log-format.js";
import { type LogFile, namesIn, replayLog, takeOver } from "./log-opening.js";
import type { LogRecord } from "./log-replay.js";

export type { LogRecord } from "./log-replay.js";

/** What the engine asks of a log; a cluster's shared log can stand behind it as well as files. */
export interface Log {
  /** Sequence number that the next appended record gets. */
  readonly next: number;
  /** Sequence number up to which everything is synced. */
  readonly synced: number;
  /** Bytes that the log takes. */
  readonly bytes: number;
  /**
   * Appends one batch, at least one record and at most 1 GiB; records get consecutive numbers in the order of calls, without
   * waiting for earlier calls. Resolves to the first record's number when the batch is durable (see
   * `FileLogOptions.syncIntervalMs`). The records' bytes must not change before that.
   * A rejection leaves open whether the batch is found when the log is opened again, until a later append resolves: then
   * it is not. DISK_FULL passes, once there is room; any other is final, and later appends reject with WRITES_REFUSED.
   */
  append(records: readonly Uint8Array[]): Promise<number>;
  /** Makes the following batches go to a new file, so that `truncate` can drop those before. */
  rotate(): Promise<void>;
  /** Deletes what holds only records numbered `upTo` and lower, and is not being written to; held files go later. */
  truncate(upTo: number): Promise<void>;
  /** Syncs, and keeps the files with records above `after` from being deleted, until the release. */
  hold(after: number): Promise<HeldLog>;
  /** Writes and syncs what waits, and releases the files. Later appends are CLOSED errors. */
  close(): Promise<void>;
}

export interface FileLogOptions {
  /** Replay begins above this sequence number: what a checkpoint holds already. Default 0: everything. */
  after?: number;
  /**
   * Up to here the log was synced, as somebody else knows who saved `Log.synced`: when records are missing below, that
   * is damage, where it would otherwise look like a torn tail. Default 0: nobody knows.
   */
  synced?: number;
  /** Greater than that of every writer before, e.g. the number of a manifest just committed. Default: one more
   * than the log's files show. */
  epoch?: number;
  /**
   * 0, the default: a batch is acknowledged when it is synced, and no acknowledged write is ever lost.
   * Above 0: acknowledged when it is handed to the operating system, and synced that many milliseconds later, beside
   * later appends. A killed process still loses nothing, but a power cut loses what was acknowledged since the last sync
   * began: up to so many milliseconds' batches, and those of the time that a sync takes, which are 64 MiB at most.
   */
  syncIntervalMs?: number;
}

/** A group takes no further batch beyond this: its bytes are gathered in memory. */
const GROUP_BYTES_MAX = 32 * 2 ** 20;

/** While a sync runs, appends wait once so much is not known to be synced. */
const UNSYNCED_BYTES_MAX = 64 * 2 ** 20;

/** The log's files as they were at one moment: whole batches, all of them synced. */
export interface HeldLog {
  /** Path in the log's folder, and how many of its bytes count: it may grow. */
  files: { path: string; bytes: number }[];
  /** Number of the last record in them, or before them. */
  synced: number;
  /** Lets `truncate` delete the files. */
  release(): Promise<void>;
}

interface WaitingBatch {
  readonly records: readonly Uint8Array[];
  readonly first: number;
  readonly resolve: (first: number) => void;
  readonly reject: (reason: unknown) => void;
}

export class FileLog implements Log {
  private nextSequence: number;
  /** Everything below is durable. */
  private durableNext: number;
  /** Of the file in hand. */
  private durableBytes = 0;
  private waiting: WaitingBatch[] = [];
  private writer: FileWriter | undefined;
  private seed = 0;
  private failure: unknown;
  private closed = false;
  private holds = 0;
  /** What a truncation left for the last hold's release. */
  private truncateTo = 0;
  private syncTimer: ReturnType<typeof setTimeout> | undefined;
  /** File operations run one after the other: each waits for this. Never rejects. */
  private tail: Promise<unknown> = Promise.resolve();
  /** So do syncs, beside appends. Whoever closes the writer waits for this first. Never rejects. */
  private syncs: Promise<unknown> = Promise.resolve();
  private isSyncing = false;

  private constructor(
    private readonly dir: Directory,
    private readonly files: LogFile[],
    next: number,
    private readonly epoch: number,
    private readonly syncIntervalMs: number,
    private readonly mark: string,
  ) {
    this.nextSequence = next;
    this.durableNext = next;
  }

  /**
   * Opens the log in `dir` for writing, after calling `onRecord` in order for every record above
   * `options.after`. A torn tail is cut; what is kept is synced. CORRUPTION names the file and offset where
   * synced bytes are damaged or missing; the log is then left as it was.
   */
  static async open(
    dir: Directory,
    options: FileLogOptions,
    onRecord: (record: LogRecord) => void,
  ): Promise<FileLog> {
    const { after = 0, synced = 0, syncIntervalMs = 0 } = options;
    const mark = await takeOver(dir);
    const names = await namesIn(dir);
    const { files, next } = await replayLog(dir, names, { after, synced }, onRecord);
    const epoch = options.epoch ?? Math.max(0, ...names.map((name) => name.epoch)) + 1;
    return new FileLog(dir, files, next, epoch, syncIntervalMs, mark);
  }

  /** Replays as `open` does, for who only looks: the log is not taken over. `dir` should be a view that changes nothing. */
  static async check(
    dir: Directory,
    { after, synced }: { after: number; synced: number },
    onRecord: (record: LogRecord) => void,
  ): Promise<void> {
    await replayLog(dir, await namesIn(dir), { after, synced }, onRecord);
  }

  get next(): number {
    return this.nextSequence;
  }

  get synced(): number {
    return this.durableNext - 1;
  }

  get bytes(): number {
    return this.files.reduce((sum, file) => sum + file.bytes, 0);
  }

  append(records: readonly Uint8Array[]): Promise<number> {
    assert(records.length > 0, "a batch has at least one record");
    assert(framesSize(records) <= BATCH_BYTES_MAX, "a batch is at most 1 GiB");
    if (this.closed) return Promise.reject(new VicinalError("CLOSED", "The log is closed"));
    if (this.failure !== undefined) return Promise.reject(this.refusal());
    const first = this.nextSequence;
    this.nextSequence += records.length;
    assert(Number.isSafeInteger(this.nextSequence), "sequence numbers are below 2^53");
    return new Promise((resolve, reject) => {
      this.waiting.push({ records, first, resolve, reject });
      // The first to wait enqueues the write that takes all who wait by then.
      if (this.waiting.length === 1) void this.enqueue(() => this.writeGroup());
    });
  }

  rotate(): Promise<void> {
    return this.enqueue(() => this.finishFile());
  }

  truncate(upTo: number): Promise<void> {
    return this.enqueue(async () => {
      this.truncateTo = Math.max(this.truncateTo, upTo);
      if (this.holds > 0) return;
      const current = this.writer === undefined ? undefined : this.files.at(-1);
      // Oldest first: a crash in between leaves no gap.
      for (const file of this.files.filter((file) => file !== current && file.last <= upTo)) {
        await this.dir.delete(file.path);
        this.files.splice(this.files.indexOf(file), 1);
      }
    });
  }

  hold(after: number): Promise<HeldLog> {
    return this.enqueue(async () => {
      if (this.failure !== undefined) throw this.refusal();
      await this.sync();
      this.holds++;
      let held = true;
      return {
        synced: this.synced,
        files: this.files.filter(({ last }) => last > after).map(({ path, bytes }) => ({ path, bytes })),
        release: async () => {
          if (!held) return;
          held = false;
          this.holds--;
          await this.truncate(this.truncateTo);
        },
      };
    });
  }

  close(): Promise<void> {
    this.closed = true;
    return this.enqueue(async () => {
      try {
        await this.finishFile();
      } finally {
        await this.dir.delete(this.mark);
      }
    });
  }

  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.tail.then(work);
    this.tail = done.catch(() => {});
    return done;
  }

  private async writeGroup(): Promise<void> {
    const group = this.takeGroup();
    if (group.length === 0) return;
    try {
      if (this.isSyncing && this.unsyncedBytes >= UNSYNCED_BYTES_MAX) await this.syncs;
      if (this.failure !== undefined) throw this.refusal();
      try {
        await this.write(group);
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        await this.takeBack(group[0].first);
        for (const batch of [...group, ...this.waiting.splice(0)]) batch.reject(error);
        return;
      }
      // The sync of an interval may have failed meanwhile.
      if (this.failure !== undefined) throw this.refusal();
      if (this.syncIntervalMs === 0) await this.sync();
      else this.syncLater();
      if ((await this.dir.size(this.mark)) === undefined) throw this.fenced();
    } catch (error) {
      this.failure ??= error;
      for (const batch of group) batch.reject(error);
      return;
    }
    for (const batch of group) batch.resolve(batch.first);
  }

  /**
   * A full disk is no damage: the file is cut to what it held before, and the numbers from `first` on are given again. Not
   * durable before the next sync, which all that follows waits for.
   */
  private async takeBack(first: number): Promise<void> {
    // Another writer may have found it.
    if ((await this.dir.size(this.mark)) === undefined) throw this.fenced();
    this.nextSequence = first;
    const { writer } = this;
    const file = this.files.at(-1);
    if (writer === undefined || file === undefined) return;
    const isDue = this.stopTimer();
    await this.syncs;
    this.writer = undefined;
    await writer.close();
    if (this.failure !== undefined) throw this.refusal();
    if (file.bytes > 0) {
      this.writer = await this.dir.reopen(file.path, file.bytes);
      if (isDue) this.syncLater();
    } else {
      await this.dir.delete(file.path);
      this.files.pop();
    }
  }

  /** What waits, as far as it fits; the rest becomes the next group. */
  private takeGroup(): WaitingBatch[] {
    let count = 0;
    for (let size = 0; count < this.waiting.length && size < GROUP_BYTES_MAX; count++) {
      size += framesSize(this.waiting[count].records);
    }
    const group = this.waiting.splice(0, count);
    if (this.waiting.length > 0) void this.enqueue(() => this.writeGroup());
    return group;
  }

  /** One contiguous write of all batches, preceded by the file's header if they are its first. */
  private async write(group: readonly WaitingBatch[]): Promise<void> {
    const header = this.writer === undefined ? await this.startFile(group[0].first) : new Uint8Array(0);
    const size = group.reduce((sum, { records }) => sum + framesSize(records), header.length);
    const bytes = new Uint8Array(size);
    bytes.set(header);
    let offset = header.length;
    for (const { records, first } of group) {
      const unsynced = first - this.durableNext;
      offset = encodeBatch(bytes, offset, records, { first, unsynced, seed: this.seed });
    }
    await this.writer!.append(bytes);
    const { records, first } = group[group.length - 1];
    const file = this.files[this.files.length - 1];
    file.last = first + records.length - 1;
    file.bytes = this.writer!.length;
  }

  /**
   * Creates the file of which `first` is the first record, and returns the header that it must begin with. A file of
   * that name means another writer: FENCED.
   */
  private async startFile(first: number): Promise<Uint8Array> {
    const name = logFileName(first, this.epoch);
    const header = encodeHeader(name);
    this.writer = await this.dir.create(name.path).catch((error: unknown) => {
      if (!(error instanceof VicinalError) || error.code !== "FILE_EXISTS") throw error;
      throw this.fenced(error);
    });
    this.seed = frameSeed(header);
    this.durableBytes = 0;
    this.files.push({ ...name, last: first - 1, bytes: 0 });
    return header;
  }

  private fenced(cause?: unknown): VicinalError {
    const { location } = this.dir;
    return new VicinalError(
      "FENCED",
      `Another writer has taken over the log in ${location}`,
      { location },
      { cause },
    );
  }

  private get unsyncedBytes(): number {
    return this.writer === undefined ? 0 : this.files[this.files.length - 1].bytes - this.durableBytes;
  }

  /** Syncs what has been appended by the time that the syncs before are done. A failure is final. */
  private sync(): Promise<void> {
    const done = this.syncs.then(() => this.syncNow());
    this.syncs = done.catch(() => {});
    return done;
  }

  private async syncNow(): Promise<void> {
    if (this.failure !== undefined) throw this.refusal();
    if (this.writer === undefined) return;
    // Appends go on meanwhile: what they add is the next sync's.
    const { last, bytes } = this.files[this.files.length - 1];
    if (this.durableNext > last) return;
    this.isSyncing = true;
    try {
      await this.writer.sync();
      this.durableNext = last + 1;
      this.durableBytes = bytes;
    } catch (error) {
      this.failure ??= error;
      throw error;
    } finally {
      this.isSyncing = false;
    }
  }

  private syncLater(): void {
    if (this.syncTimer !== undefined) return;
    this.syncTimer = setTimeout(() => {
      this.syncTimer = undefined;
      // Who appends next hears of a failure.
      this.sync().catch(() => {});
    }, this.syncIntervalMs);
    // A process that has nothing else to do may end: the operating system has the bytes.
    (this.syncTimer as { unref?: () => void }).unref?.();
  }

  /** Whether there was one. */
  private stopTimer(): boolean {
    const isDue = this.syncTimer !== undefined;
    clearTimeout(this.syncTimer);
    this.syncTimer = undefined;
    return isDue;
  }

  /** Syncs what is not, and closes the file in hand, if any. */
  private async finishFile(): Promise<void> {
    this.stopTimer();
    const { writer } = this;
    if (writer === undefined) return;
    try {
      await this.syncs;
      if (this.failure === undefined) await this.sync();
    } finally {
      this.writer = undefined;
      await writer.close();
    }
  }

  private refusal(): VicinalError {
    const reason = this.failure instanceof Error ? this.failure.message : String(this.failure);
    return new VicinalError(
      "WRITES_REFUSED",
      `Writes are refused since one to the log in ${this.dir.location} failed: ${reason}`,
      { location: this.dir.location },
      { cause: this.failure },
    );
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof VicinalError && error.code === "DISK_FULL";
}
