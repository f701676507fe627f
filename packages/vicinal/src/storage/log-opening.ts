/**
 * Opening a log: which files there are and whose, that no record is missing between them, and where the last one ends. A writer
 * takes the log over before; who only looks does not.
 */
import { corruption, type VicinalError } from "../runtime/errors.js";
import type { Directory } from "./directory.js";
import { type LogFileName, parseLogFileName } from "./log-format.js";
import { type LogRecord, replayLogFile } from "./log-replay.js";

export interface LogFile extends LogFileName {
  /** Highest sequence number in it. */
  last: number;
  bytes: number;
}

export async function namesIn(dir: Directory): Promise<LogFileName[]> {
  return (await dir.list()).map(parseLogFileName).filter((name) => name !== undefined);
}

/** Leaves a mark that no other has and deletes theirs; returns its path. */
export async function takeOver(dir: Directory): Promise<string> {
  const random = Array.from({ length: 3 }, () => Math.floor(Math.random() * 2 ** 32).toString(16));
  const mark = `writer-${random.join("")}`;
  await (await dir.create(mark)).close();
  for (const path of await dir.list())
    if (path.startsWith("writer-") && path !== mark) await dir.delete(path);
  return mark;
}

/** Replays the files in order, checks that no record is missing between them, and cuts and syncs the last. */
export async function replayLog(
  dir: Directory,
  names: LogFileName[],
  { after, synced }: { after: number; synced: number },
  onRecord: (record: LogRecord) => void,
): Promise<{ files: LogFile[]; next: number }> {
  const ordered = names.sort((a, b) => a.first - b.first || a.epoch - b.epoch);
  const { current, replaced } = splitByEpoch(ordered);
  const files: LogFile[] = [];
  let next = after + 1;
  for (const [i, name] of current.entries()) {
    const before = current[i + 1]?.first ?? Number.POSITIVE_INFINITY;
    if (before <= after + 1) {
      files.push({ ...name, last: before - 1, bytes: (await dir.size(name.path)) ?? 0 });
      continue;
    }
    if (name.first > next) throw missing(dir, name, 0, next);
    const end = await replayLogFile(dir, name, { after, before }, onRecord);
    const isLast = i === current.length - 1;
    // A checkpoint may hold all that was synced: a last file that ends before it is one whose deletion a crash undid,
    // or that a writer began late which had been replaced.
    const lastNeeded = synced > after ? synced + 1 : 0;
    if (end.next < (isLast ? lastNeeded : before)) throw missing(dir, name, end.length, end.next);
    next = Math.max(next, Math.min(end.next, before));
    const bytes = isLast ? await keepWhatIsCommitted(dir, name, end.length) : end.size;
    if (bytes > 0) files.push({ ...name, last: Math.min(end.next, before) - 1, bytes });
  }
  if (next <= synced)
    throw corruption(`${dir.location}`, 0, `record ${next}`, "none", "records are missing from the log");
  // Never read again: they go with the next truncation.
  for (const name of replaced)
    files.unshift({ ...name, last: name.first, bytes: (await dir.size(name.path)) ?? 0 });
  return { files, next };
}

/** Files of a lower epoch than one before them were begun by a writer that had been replaced. */
export function splitByEpoch(ordered: LogFileName[]): { current: LogFileName[]; replaced: LogFileName[] } {
  let epoch = 0;
  const current: LogFileName[] = [];
  const replaced: LogFileName[] = [];
  for (const name of ordered) {
    (name.epoch < epoch ? replaced : current).push(name);
    epoch = Math.max(epoch, name.epoch);
  }
  return { current, replaced };
}

/**
 * Cuts the last file after its last committed batch and makes that durable: those records are about to be shown
 * to readers, but the writer that appended them may have been killed before its sync. Returns the bytes kept.
 */
async function keepWhatIsCommitted(dir: Directory, { path }: LogFileName, length: number): Promise<number> {
  if (length === 0) {
    await dir.delete(path);
    return 0;
  }
  // Of a writer whose sync failed the system may have kept the bytes in memory alone.
  const writer = await dir.reopen(path, length, true);
  try {
    await writer.sync();
  } finally {
    await writer.close();
  }
  return length;
}

function missing(dir: Directory, { path }: LogFileName, offset: number, sequence: number): VicinalError {
  return corruption(
    `${dir.location}/${path}`,
    offset,
    `record ${sequence}`,
    "none",
    "records are missing from the log",
  );
}
