/**
 * The bytes of a log file, version 1. All integers are little-endian.
 *
 * A file is named `log-<first sequence, 12 digits>-<writer's epoch, 6 digits>` (more digits when they are
 * needed), so that its whole header follows from its name:
 *
 *     offset size
 *          0    8  magic "VICINLOG"
 *          8    4  format version, 1
 *         12    4  epoch of the writer that made the file
 *         16    8  sequence number of the file's first record
 *         24    4  zero
 *         28    4  CRC-32C of bytes 0..28
 *         32       frames, one per record, without gaps
 *
 * A frame; its start is a multiple of 8 in the file:
 *
 *          0    4  CRC-32C of the rest of the frame, continued from the header's (bytes 28..32), so that a frame
 *                  copied from elsewhere, stale or forged, does not count
 *          4    4  length of the record in bytes
 *          8    8  sequence number, one more than that of the frame before
 *         16    4  records right before this one that were not yet synced when it was written
 *         20    4  flags; bit 0: commit, the last frame of its batch
 *         24       the record, then zeros up to a multiple of 8
 */

import { crc32c } from "./crc32c.js";

export const LOG_VERSION = 1;
export const HEADER_SIZE = 32;
export const FRAME_HEADER_SIZE = 24;
export const FLAG_COMMIT = 1;
export const BATCH_BYTES_MAX = 2 ** 30;

const MAGIC = "VICINLOG";
const ALIGNMENT = 8;

/** What a log file's name says. */
export interface LogFileName {
  readonly path: string;
  readonly first: number;
  readonly epoch: number;
}

export function logFileName(first: number, epoch: number): LogFileName {
  const path = `log-${String(first).padStart(12, "0")}-${String(epoch).padStart(6, "0")}`;
  return { path, first, epoch };
}

/** Undefined for files that are no log files. */
export function parseLogFileName(path: string): LogFileName | undefined {
  const match = /^log-(\d{12,16})-(\d{6,10})$/.exec(path);
  return match === null ? undefined : { path, first: Number(match[1]), epoch: Number(match[2]) };
}

export function encodeHeader({ first, epoch }: LogFileName): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, LOG_VERSION, true);
  view.setUint32(12, epoch, true);
  setInteger(view, 16, first);
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true);
  return bytes;
}

/** The version that a header names, if it is whole and a log's; else undefined. */
export function headerVersion(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < MAGIC.length; i++) if (bytes[i] !== MAGIC.charCodeAt(i)) return undefined;
  return crc32c(bytes.subarray(0, 28)) === view.getUint32(28, true) ? view.getUint32(8, true) : undefined;
}

/** What the checksums of a file's frames continue from. */
export function frameSeed(header: Uint8Array): number {
  return new DataView(header.buffer, header.byteOffset, header.byteLength).getUint32(28, true);
}

/** Bytes of a frame that holds a record of `recordLength` bytes. */
export function frameSize(recordLength: number): number {
  return FRAME_HEADER_SIZE + Math.ceil(recordLength / ALIGNMENT) * ALIGNMENT;
}

/** Bytes that `records` take as frames. */
export function framesSize(records: readonly Uint8Array[]): number {
  return records.reduce((sum, record) => sum + frameSize(record.length), 0);
}

/**
 * Writes one batch into `target` (zeros so far) from `offset` on: its records framed from sequence number `first`
 * on, the last one committing. Returns the offset of the batch's end.
 */
export function encodeBatch(
  target: Uint8Array,
  offset: number,
  records: readonly Uint8Array[],
  { first, unsynced, seed }: { first: number; unsynced: number; seed: number },
): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let i = 0; i < records.length; i++) {
    const record = records[i];
    const end = offset + frameSize(record.length);
    view.setUint32(offset + 4, record.length, true);
    setInteger(view, offset + 8, first + i);
    view.setUint32(offset + 16, unsynced + i, true);
    view.setUint32(offset + 20, i === records.length - 1 ? FLAG_COMMIT : 0, true);
    target.set(record, offset + FRAME_HEADER_SIZE);
    view.setUint32(offset, crc32c(target.subarray(offset + 4, end), seed), true);
    offset = end;
  }
  return offset;
}

export interface FrameHeader {
  readonly length: number;
  readonly sequence: number;
  readonly unsynced: number;
  readonly flags: number;
}

/** Reads a frame's header; nothing is checked. The sequence is NaN where it cannot be one. */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    length: view.getUint32(4, true),
    sequence: getInteger(view, 8),
    unsynced: view.getUint32(16, true),
    flags: view.getUint32(20, true),
  };
}

/** True if the checksum of a whole frame is right. */
export function isFrameIntact(frame: Uint8Array, seed: number): boolean {
  const stored = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(0, true);
  return crc32c(frame.subarray(4), seed) === stored;
}

function setInteger(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

function getInteger(view: DataView, offset: number): number {
  const value = view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
