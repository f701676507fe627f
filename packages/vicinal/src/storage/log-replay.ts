/**
 * Reads one log file: hands out the records of committed batches in order, and finds out where they end and why.
 *
 * Torn or damaged? What was not synced when the power went may be lost or kept in any order of pages, so a bad
 * frame at the end says nothing. But every frame tells how many before it were unsynced when it was written: an
 * intact frame anywhere behind a bad one which says that the bad one was synced by then proves damage.
 * (The last synced frames of the last file have no such witness: damage there looks like a torn tail, unless the
 * opener knows how far the log was synced.)
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import type { Directory } from "./directory.js";
import {
  decodeFrameHeader,
  encodeHeader,
  FLAG_COMMIT,
  FRAME_HEADER_SIZE,
  frameSeed,
  frameSize,
  HEADER_SIZE,
  headerVersion,
  isFrameIntact,
  LOG_VERSION,
  type LogFileName,
} from "./log-format.js";

export interface LogRecord {
  readonly sequence: number;
  /** The receiver's to keep. Starts at a multiple of 8 in its buffer, which it may share with its neighbours. */
  readonly bytes: Uint8Array;
}

export interface LogFileEnd {
  /** Sequence number after the last committed record. */
  readonly next: number;
  /** Bytes up to the end of the last committed batch; 0 when there is none. */
  readonly length: number;
  /** Bytes of the file. */
  readonly size: number;
}

const WINDOW_SIZE = 1 << 20;

/** Between two records of a file. */
export interface LogPosition {
  /** Sequence number of the record that comes next. */
  readonly next: number;
  readonly offset: number;
}

/**
 * Calls `onRecord` for every record of a committed batch in `file` with a sequence number above `after` and
 * below `before`. CORRUPTION if bytes that were synced are damaged.
 * @param from Where to begin: behind the last committed batch of an earlier call.
 */
export async function replayLogFile(
  dir: Directory,
  file: LogFileName,
  range: { after: number; before: number },
  onRecord: (record: LogRecord) => void,
  from: LogPosition = { next: file.first, offset: HEADER_SIZE },
): Promise<LogFileEnd> {
  const size = (await dir.size(file.path)) ?? 0;
  const window = new Window(dir, file.path, size);
  const header = encodeHeader(file);
  const seed = frameSeed(header);

  let length = from.offset === HEADER_SIZE ? 0 : from.offset;
  let { next, offset } = from;
  let batch: LogRecord[] = [];
  if (await isHeaderWhole(dir, window, file, header)) {
    while (batch.length > 0 || next < range.before) {
      const frame = await window.frame(offset, seed);
      if (frame === undefined || frame.header.sequence !== next + batch.length) break;
      batch.push({ sequence: frame.header.sequence, bytes: frame.record });
      offset += frameSize(frame.header.length);
      if ((frame.header.flags & FLAG_COMMIT) === 0) continue;
      for (const record of batch) if (record.sequence > range.after) onRecord(record);
      next += batch.length;
      length = offset;
      batch = [];
    }
  }
  if (next < range.before && length < size) {
    await refuseIfSynced(dir, window, file, { offset, sequence: next + batch.length, seed });
  }
  return { next, length, size };
}

async function isHeaderWhole(
  dir: Directory,
  window: Window,
  file: LogFileName,
  expected: Uint8Array,
): Promise<boolean> {
  const header = await window.bytes(0, HEADER_SIZE);
  if (header === undefined) return false;
  const version = headerVersion(header);
  if (version !== undefined && version !== LOG_VERSION) {
    throw new VicinalError(
      "UNSUPPORTED",
      `${dir.location}/${file.path} is a log of format ${version}; this version of Vicinal reads ${LOG_VERSION}`,
      { path: file.path, expected: LOG_VERSION, actual: version },
    );
  }
  return header.every((byte, i) => byte === expected[i]);
}

/** Looks behind the bad frame for an intact one that was written when the bad one had been synced. */
async function refuseIfSynced(
  dir: Directory,
  window: Window,
  file: LogFileName,
  bad: { offset: number; sequence: number; seed: number },
): Promise<void> {
  for (let offset = bad.offset; offset + FRAME_HEADER_SIZE <= window.size; offset += 8) {
    const bytes = (await window.bytes(offset, FRAME_HEADER_SIZE))!;
    const { sequence, unsynced } = decodeFrameHeader(bytes);
    const isWitness = sequence - unsynced > bad.sequence && sequence - bad.sequence < window.size;
    if (!isWitness) continue;
    if ((await window.frame(offset, bad.seed)) === undefined) continue;
    throw corruption(
      `${dir.location}/${file.path}`,
      bad.offset,
      `record ${bad.sequence}`,
      "damaged bytes",
      `a record that had been synced is followed by record ${sequence} at offset ${offset}`,
    );
  }
}

/** A part of the file in memory, moved forward by reading. Its buffers are never reused: records point into them. */
class Window {
  private start = 0;
  private buffer: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly dir: Directory,
    private readonly path: string,
    readonly size: number,
  ) {}

  /** The bytes, or undefined when the file ends before. */
  async bytes(offset: number, length: number): Promise<Uint8Array | undefined> {
    if (offset + length > this.size) return undefined;
    if (offset < this.start || offset + length > this.start + this.buffer.length) {
      this.start = offset;
      this.buffer = await this.dir.read(
        this.path,
        offset,
        Math.min(Math.max(length, WINDOW_SIZE), this.size - offset),
      );
    }
    return this.buffer.subarray(offset - this.start, offset - this.start + length);
  }

  /** The frame at `offset` if it is whole and its checksum right. */
  async frame(offset: number, seed: number) {
    const headerBytes = await this.bytes(offset, FRAME_HEADER_SIZE);
    if (headerBytes === undefined) return undefined;
    const header = decodeFrameHeader(headerBytes);
    const frame = await this.bytes(offset, frameSize(header.length));
    if (frame === undefined || !isFrameIntact(frame, seed)) return undefined;
    return { header, record: frame.subarray(FRAME_HEADER_SIZE, FRAME_HEADER_SIZE + header.length) };
  }
}
