/**
 * The table of a shard: which object each of its files is, and the newest manifest's own bytes, in one object. The shard's
 * pointer names it, so that what counts changes at once and as a whole.
 *
 *     offset size
 *          0    8  magic "VICTABLE"
 *          8    4  format version, 1, little-endian like the next
 *         12    4  length of the description in bytes
 *         16       the description: one JSON object, UTF-8
 *                  then the manifest's bytes
 */
import { corruption, crc32c, VicinalError } from "vicinal/shard";
import type { ObjectRef } from "./object-cache.js";
import type { ObjectStore } from "./object-store.js";
import type { Pointer } from "./pointer.js";

export interface Table {
  /** The manifest's path, e.g. `manifest-000000000012`. */
  readonly manifest: string;
  readonly body: Uint8Array;
  readonly files: ReadonlyMap<string, ObjectRef>;
}

/** A table that counts, and where it lies. */
export interface Counting {
  readonly revision: string;
  readonly value: string;
  readonly ref: ObjectRef;
  readonly table: Table;
}

const MAGIC = "VICTABLE";
const VERSION = 1;
const HEADER_SIZE = 16;
/** Each ends with a table whose object has gone since the pointer was read, or came damaged. */
const ATTEMPTS = 5;

export function encodeTable({ manifest, body, files }: Table): Uint8Array {
  const entries = [...files].map(([path, { key, size, crc }]) => [path, key, size, crc]);
  const description = new TextEncoder().encode(JSON.stringify({ manifest, files: entries }));
  const bytes = new Uint8Array(HEADER_SIZE + description.length + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, VERSION, true);
  view.setUint32(12, description.length, true);
  bytes.set(description, HEADER_SIZE);
  bytes.set(body, HEADER_SIZE + description.length);
  return bytes;
}

/** What the pointer holds. */
export function encodePointer({ key, size, crc }: ObjectRef): string {
  return JSON.stringify({ key, size, crc });
}

/**
 * The table that counts, or undefined before the first. CORRUPTION, FILE_NOT_FOUND
 * @param known Is not read again where it still counts.
 */
export async function readTable(
  store: ObjectStore,
  pointer: Pointer,
  known?: Counting,
): Promise<Counting | undefined> {
  for (let attempt = 1; ; attempt++) {
    const current = await pointer.read();
    if (!current) return undefined;
    const { value, revision } = current;
    if (value === known?.value) return { ...known, revision };
    const ref = decodePointer(value);
    try {
      return { revision, value, ref, table: decodeTable(store, ref, await store.get(ref.key)) };
    } catch (reason) {
      const passes = reason instanceof VicinalError && ["CORRUPTION", "FILE_NOT_FOUND"].includes(reason.code);
      if (!passes || attempt === ATTEMPTS) throw reason;
    }
  }
}

function decodePointer(value: string): ObjectRef {
  try {
    const { key, size, crc } = JSON.parse(value) as ObjectRef;
    if (typeof key === "string" && Number.isSafeInteger(size) && Number.isSafeInteger(crc))
      return { key, size, crc };
  } catch {}
  throw new VicinalError("CORRUPTION", `A shard's pointer does not name a table: ${value.slice(0, 200)}`);
}

function decodeTable(store: ObjectStore, ref: ObjectRef, bytes: Uint8Array): Table {
  const path = `${store.location}/${ref.key}`;
  if (bytes.length !== ref.size) throw corruption(path, 0, ref.size, bytes.length, "size");
  const crc = crc32c(bytes);
  if (crc !== ref.crc) throw corruption(path, 0, ref.crc, crc, "checksum");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder();
  const magic = text.decode(bytes.subarray(0, 8));
  if (magic !== MAGIC) throw corruption(path, 0, MAGIC, magic, "magic");
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw new VicinalError("UNSUPPORTED", `${path} has format ${version}; this version reads ${VERSION}`);
  const end = HEADER_SIZE + view.getUint32(12, true);
  const { manifest, files } = JSON.parse(text.decode(bytes.subarray(HEADER_SIZE, end))) as {
    manifest: string;
    files: [string, string, number, number][];
  };
  return {
    manifest,
    body: bytes.subarray(end),
    files: new Map(files.map(([path, key, size, crc]) => [path, { key, size, crc }])),
  };
}
