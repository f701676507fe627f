/**
 * Slices: how records lie in the object store. A node writes what its shards received in one batch object, a slice per shard;
 * an entry in etcd makes a slice count, and says where it is.
 *
 *   object:  "VICINBAT" | version u32 = 1 | length of the index u32 | index, JSON: [[shard, first, offset, length], ...] | slices
 *   slice:   per record: length u32 | bytes                                                    all little-endian
 *
 * The entries of a shard form a chain: each hash is of the one before and of the slice, so that replicas which have applied the
 * same have the same hash.
 */
import { createHash } from "node:crypto";
import { corruption } from "vicinal/shard";

/** What etcd holds of a commit, at the key of its first record. */
export interface LogEntry {
  /** Numbers of the first and the last record. */
  first: number;
  last: number;
  object: string;
  /** Of the slice in the object. */
  offset: number;
  length: number;
  /** Hash of the chain before this slice and with it: 32 hexadecimal digits. */
  before: string;
  hash: string;
}

export const CHAIN_START = "0".repeat(32);

const MAGIC = "VICINBAT";
const VERSION = 1;
const HEADER = 16;

export function chained(before: string, slice: Uint8Array): string {
  return createHash("sha256").update(before).update(slice).digest("hex").slice(0, 32);
}

export function encodeSlice(records: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(records.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const record of records) {
    view.setUint32(offset, record.length, true);
    bytes.set(record, offset + 4);
    offset += 4 + record.length;
  }
  return bytes;
}

/** CORRUPTION where the slice is not what the entry says. */
export function decodeSlice(slice: Uint8Array, entry: LogEntry): Uint8Array[] {
  const hash = chained(entry.before, slice);
  if (hash !== entry.hash)
    throw corruption(entry.object, entry.offset, entry.hash, hash, "hash of the slice");
  const view = new DataView(slice.buffer, slice.byteOffset, slice.byteLength);
  const records: Uint8Array[] = [];
  for (let offset = 0; offset < slice.length; ) {
    const length = view.getUint32(offset, true);
    records.push(slice.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  const count = entry.last - entry.first + 1;
  if (records.length !== count)
    throw corruption(entry.object, entry.offset, count, records.length, "records of the slice");
  return records;
}

export interface SliceOf {
  shard: string;
  first: number;
  bytes: Uint8Array;
}

/** The object, and where each slice begins in it. */
export function encodeBatch(slices: readonly SliceOf[]): { object: Uint8Array; offsets: number[] } {
  const encoder = new TextEncoder();
  // Offsets in the index are from its end, so that it need not know its own length.
  let at = 0;
  const rows = slices.map(({ shard, first, bytes }) => {
    const row = [shard, first, at, bytes.length];
    at += bytes.length;
    return row;
  });
  const index = encoder.encode(JSON.stringify(rows));
  const object = new Uint8Array(HEADER + index.length + at);
  object.set(encoder.encode(MAGIC));
  const view = new DataView(object.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, index.length, true);
  object.set(index, HEADER);
  const start = HEADER + index.length;
  const offsets = rows.map((row) => start + (row[2] as number));
  slices.forEach(({ bytes }, i) => {
    object.set(bytes, offsets[i]);
  });
  return { object, offsets };
}

/** Which slices a batch object holds, for the collection of garbage. */
export function readIndex(object: Uint8Array, key: string): { shard: string; first: number }[] {
  const magic = new TextDecoder().decode(object.subarray(0, 8));
  if (object.length < HEADER || magic !== MAGIC) throw corruption(key, 0, MAGIC, magic, "magic");
  const length = new DataView(object.buffer, object.byteOffset).getUint32(12, true);
  const rows = JSON.parse(new TextDecoder().decode(object.subarray(HEADER, HEADER + length)));
  return (rows as [string, number][]).map(([shard, first]) => ({ shard, first }));
}
