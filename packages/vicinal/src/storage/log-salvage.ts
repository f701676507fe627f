/**
 * Reads what is left of a log: every record whose frame is intact, before and behind damaged ones. A frame's checksum
 * continues from its file's name, so that bytes which match are a record of this file and of its number.
 */
import type { Directory } from "./directory.js";
import {
  decodeFrameHeader,
  encodeHeader,
  FLAG_COMMIT,
  FRAME_HEADER_SIZE,
  frameSeed,
  frameSize,
  HEADER_SIZE,
  isFrameIntact,
  type LogFileName,
  parseLogFileName,
} from "./log-format.js";
import type { LogRecord } from "./log-replay.js";

export interface SalvagedLog {
  /** In order of their numbers, each once. */
  records: LogRecord[];
  /** Numbers of records that were written and are not there. */
  lost: { first: number; last: number }[];
}

/**
 * Records above `after`. What is missing is known up to `synced` and up to the last record found; records at the very
 * end of which the last of the batch is missing were never acknowledged.
 */
export async function salvageLog(
  dir: Directory,
  { after, synced }: { after: number; synced: number },
): Promise<SalvagedLog> {
  const found = new Map<number, LogRecord & { isCommit: boolean }>();
  const names = (await dir.list()).map(parseLogFileName).filter((name) => name !== undefined);
  names.sort((a, b) => a.first - b.first || a.epoch - b.epoch);
  let epoch = 0;
  for (const name of names) {
    // What a writer wrote after it had been replaced does not count.
    if (name.epoch < epoch) continue;
    epoch = name.epoch;
    for (const number of found.keys()) if (number >= name.first) found.delete(number);
    for (const record of await framesOf(dir, name)) found.set(record.sequence, record);
  }
  const records = [...found.values()]
    .filter(({ sequence }) => sequence > after)
    .sort((a, b) => a.sequence - b.sequence);
  while (records.length > 0) {
    const { isCommit, sequence } = records[records.length - 1];
    if (isCommit || sequence <= synced) break;
    records.pop();
  }
  const lost: SalvagedLog["lost"] = [];
  let next = after + 1;
  for (const { sequence } of records) {
    if (sequence > next) lost.push({ first: next, last: sequence - 1 });
    next = sequence + 1;
  }
  if (next <= synced) lost.push({ first: next, last: synced });
  return { records, lost };
}

/** The intact frames of one file, wherever they lie: behind a bad one every place where a frame may begin is tried. */
async function framesOf(dir: Directory, name: LogFileName) {
  const size = (await dir.size(name.path)) ?? 0;
  const bytes = await dir.read(name.path, 0, size);
  const seed = frameSeed(encodeHeader(name));
  const frames: (LogRecord & { isCommit: boolean })[] = [];
  for (let offset = HEADER_SIZE; offset + FRAME_HEADER_SIZE <= size; ) {
    const { length, sequence, flags } = decodeFrameHeader(bytes.subarray(offset, offset + FRAME_HEADER_SIZE));
    const end = offset + frameSize(length);
    if (sequence >= name.first && end <= size && isFrameIntact(bytes.subarray(offset, end), seed)) {
      const start = offset + FRAME_HEADER_SIZE;
      const record = bytes.subarray(start, start + length);
      frames.push({ sequence, bytes: record, isCommit: (flags & FLAG_COMMIT) !== 0 });
      offset = end;
    } else offset += 8;
  }
  return frames;
}
