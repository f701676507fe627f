/**
 * Effects: what a write does to a collection once everything is resolved: no filter, no clock, no randomness is
 * left in them, so that replay (and a replica) arrives at the same state. One log record holds the effects of
 * one batch, all of it or none.
 *
 *   record:  version u8 = 1 | timestamp f64 (ms since 1970, the writer's clock) | count u16 | effect...
 *   effect:  kind u8 | body
 *     1 upsert     names u16, name string...; points u32, then per point:
 *                    id; payload sized, UTF-8 JSON; vectors u16, then per vector:
 *                    name index u16 | form u8, then by form
 *                    0..2 dense: length u32 | norm f32 | numbers (0 f32, 1 halves, 2 bytes; runtime/packed-floats.ts)
 *                    3 sparse: length u32 | terms u32... | values f32...
 *                    4 multi: rows u32 | length of all u32 | norms u8 (0 none, 1 f32 of each row) | norms | form u8 | numbers
 *     2 delete     ids
 *     3 payload    mode u8 (0 set, 1 overwrite, 2 delete keys, 3 clear) | path string | JSON sized | keys u32, string... | ids
 *     4 field      path string | schema JSON sized (empty: the field index goes)
 *     5 configure  JSON sized
 *     6 upsert     as 1; then of each point when it expires: f64, ms since 1970, 0 never. Where some expire.
 *     7 operation  string: the name that the sender gave what this record does
 *   id:  kind u8 (0 number, 1 UUID) | the key's last two or all four words (payload/id.ts)        ids:  u32 count, id...
 *   string, sized:  u32 length | bytes                              all little-endian
 */
import type { SparseVector } from "../index/sparse/index.js";
import { ID_KIND_UUID, type IdKind, type PointId, readIdKey, writeIdKey } from "../payload/id.js";
import { ByteReader, ByteWriter } from "../runtime/bytes.js";
import { corruption } from "../runtime/errors.js";
import { pack, unpack, type Width, widthOf } from "../runtime/packed-floats.js";

/** A dense vector as it is stored: of unit length for Cosine, with the length that it came with. */
export interface DenseVector {
  data: Float32Array;
  /** Euclidean length before normalising; 1 where the metric does not normalise. */
  norm: number;
}

/** Several dense vectors of one point, one after the other. */
export interface MultiVector {
  data: Float32Array;
  /** How many they are, 1 or more. */
  count: number;
  /** Their lengths before normalising, where the metric normalises. */
  norms?: Float32Array;
}

export type StoredVector = DenseVector | MultiVector | SparseVector;

/** Bytes of the numbers of a vector. */
export function bytesOf(vector: StoredVector): number {
  return "terms" in vector ? vector.terms.byteLength * 2 : vector.data.byteLength;
}

export interface StoredPoint {
  id: PointId;
  vectors: { name: string; vector: StoredVector }[];
  /** UTF-8 JSON of an object; `{}` for none. */
  payload: Uint8Array;
  /** When the point expires, milliseconds since 1970; undefined for never. */
  expires?: number;
}

export const payloadModes = ["set", "overwrite", "delete", "clear"] as const;
export type PayloadMode = (typeof payloadModes)[number];

export interface PayloadEffect {
  kind: "payload";
  mode: PayloadMode;
  ids: PointId[];
  /** set: the key path below which the payload is merged; empty for the root. */
  path: string;
  /** set, overwrite: UTF-8 JSON of an object. */
  payload: Uint8Array;
  /** delete: key paths. */
  keys: string[];
}

export type Effect =
  | { kind: "upsert"; points: StoredPoint[] }
  | { kind: "delete"; ids: PointId[] }
  | PayloadEffect
  | { kind: "field"; path: string; schema: Uint8Array | undefined }
  | { kind: "configure"; change: Uint8Array }
  | { kind: "operation"; id: string };

const RECORD_VERSION = 1;
const UPSERT = 1;
const DELETE = 2;
const PAYLOAD = 3;
const FIELD = 4;
const CONFIGURE = 5;
const UPSERT_EXPIRING = 6;
const OPERATION = 7;

/** Of the numbers of a dense vector, by its form. */
const widths: readonly Width[] = [4, 2, 1];
const SPARSE = 3;
const MULTI = 4;

const words = new Uint32Array(4);

function writeId(writer: ByteWriter, id: PointId): void {
  const kind = writeIdKey(id, words);
  writer.u8(kind);
  for (let i = kind === ID_KIND_UUID ? 0 : 2; i < 4; i++) writer.u32(words[i]);
}

function readId(reader: ByteReader): PointId {
  const kind = reader.u8() as IdKind;
  words.fill(0);
  for (let i = kind === ID_KIND_UUID ? 0 : 2; i < 4; i++) words[i] = reader.u32();
  return readIdKey(kind, words);
}

function writeIds(writer: ByteWriter, ids: PointId[]): void {
  writer.u32(ids.length);
  for (const id of ids) writeId(writer, id);
}

function readIds(reader: ByteReader): PointId[] {
  return Array.from({ length: reader.u32() }, () => readId(reader));
}

export function encodeRecord(timestampMs: number, effects: readonly Effect[]): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.u8(RECORD_VERSION);
  writer.f64(timestampMs);
  writer.u16(effects.length);
  for (const effect of effects) writeEffect(writer, effect);
  return writer.finish();
}

function writeEffect(writer: ByteWriter, effect: Effect): void {
  switch (effect.kind) {
    case "upsert": {
      const expire = effect.points.some(({ expires }) => expires !== undefined);
      writer.u8(expire ? UPSERT_EXPIRING : UPSERT);
      const names = new Map<string, number>();
      for (const point of effect.points)
        for (const { name } of point.vectors) if (!names.has(name)) names.set(name, names.size);
      writer.u16(names.size);
      for (const name of names.keys()) writer.string(name);
      writer.u32(effect.points.length);
      for (const point of effect.points) {
        writeId(writer, point.id);
        writer.sized(point.payload);
        writer.u16(point.vectors.length);
        for (const { name, vector } of point.vectors) {
          writer.u16(names.get(name) as number);
          writeVector(writer, vector);
        }
      }
      if (expire) for (const { expires } of effect.points) writer.f64(expires ?? 0);
      break;
    }
    case "delete":
      writer.u8(DELETE);
      writeIds(writer, effect.ids);
      break;
    case "payload":
      writer.u8(PAYLOAD);
      writer.u8(payloadModes.indexOf(effect.mode));
      writer.string(effect.path);
      writer.sized(effect.payload);
      writer.u32(effect.keys.length);
      for (const key of effect.keys) writer.string(key);
      writeIds(writer, effect.ids);
      break;
    case "field":
      writer.u8(FIELD);
      writer.string(effect.path);
      writer.sized(effect.schema ?? new Uint8Array(0));
      break;
    case "configure":
      writer.u8(CONFIGURE);
      writer.sized(effect.change);
      break;
    case "operation":
      writer.u8(OPERATION);
      writer.string(effect.id);
      break;
  }
}

function writeVector(writer: ByteWriter, vector: StoredVector): void {
  if ("terms" in vector) {
    writer.u8(SPARSE);
    writer.u32(vector.terms.length);
    writer.bytes(viewOf(vector.terms));
    writer.bytes(viewOf(vector.values));
    return;
  }
  const width = widthOf(vector.data);
  const form = widths.indexOf(width);
  if ("count" in vector) {
    writer.u8(MULTI);
    writer.u32(vector.count);
    writer.u32(vector.data.length);
    writer.u8(vector.norms ? 1 : 0);
    if (vector.norms) writer.bytes(viewOf(vector.norms));
    writer.u8(form);
  } else {
    writer.u8(form);
    writer.u32(vector.data.length);
    writer.f32(vector.norm);
  }
  writer.bytes(pack(vector.data, width));
}

function readVector(reader: ByteReader): StoredVector {
  const form = reader.u8();
  if (form === SPARSE) {
    const count = reader.u32();
    return { terms: new Uint32Array(copyOf(reader, count)), values: new Float32Array(copyOf(reader, count)) };
  }
  if (form === MULTI) {
    const count = reader.u32();
    const length = reader.u32();
    const norms = reader.u8() === 1 ? new Float32Array(copyOf(reader, count)) : undefined;
    return { data: readNumbers(reader, reader.u8(), length), count, norms };
  }
  const length = reader.u32();
  const norm = reader.f32();
  return { data: readNumbers(reader, form, length), norm };
}

/** So many numbers of 4 bytes, in a buffer of their own. */
function copyOf(reader: ByteReader, count: number): ArrayBuffer {
  return reader.bytes(count * 4).slice().buffer as ArrayBuffer;
}

function readNumbers(reader: ByteReader, form: number, count: number): Float32Array {
  const width = widths[form];
  if (width === undefined) throw corruption("log record", 0, "a known form", form, "vector form");
  const data = new Float32Array(count);
  unpack(reader.bytes(count * width), width, data);
  return data;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** `source` names the log in errors. The effects hold copies: the bytes may be reused. */
export function decodeRecord(bytes: Uint8Array, source: string): { timestampMs: number; effects: Effect[] } {
  const reader = new ByteReader(bytes, source);
  const version = reader.u8();
  if (version !== RECORD_VERSION) throw corruption(source, 0, RECORD_VERSION, version, "record version");
  const timestampMs = reader.f64();
  const count = reader.u16();
  const effects: Effect[] = [];
  for (let i = 0; i < count; i++) effects.push(readEffect(reader, source));
  return { timestampMs, effects };
}

function readEffect(reader: ByteReader, source: string): Effect {
  const kind = reader.u8();
  switch (kind) {
    case UPSERT:
    case UPSERT_EXPIRING: {
      const names = Array.from({ length: reader.u16() }, () => reader.string());
      const points = Array.from({ length: reader.u32() }, () => readPoint(reader, names));
      if (kind === UPSERT_EXPIRING)
        for (const point of points) {
          const expires = reader.f64();
          if (expires > 0) point.expires = expires;
        }
      return { kind: "upsert", points };
    }
    case DELETE:
      return { kind: "delete", ids: readIds(reader) };
    case PAYLOAD: {
      const mode = payloadModes[reader.u8()];
      const path = reader.string();
      const payload = reader.sized().slice();
      const keys = Array.from({ length: reader.u32() }, () => reader.string());
      return { kind: "payload", mode, path, payload, keys, ids: readIds(reader) };
    }
    case FIELD: {
      const path = reader.string();
      const schema = reader.sized().slice();
      return { kind: "field", path, schema: schema.length === 0 ? undefined : schema };
    }
    case CONFIGURE:
      return { kind: "configure", change: reader.sized().slice() };
    case OPERATION:
      return { kind: "operation", id: reader.string() };
    default:
      throw corruption(source, 0, "a known effect", kind, "effect kind");
  }
}

function readPoint(reader: ByteReader, names: string[]): StoredPoint {
  const id = readId(reader);
  const payload = reader.sized().slice();
  const vectors = Array.from({ length: reader.u16() }, () => ({
    name: names[reader.u16()],
    vector: readVector(reader),
  }));
  return { id, payload, vectors };
}
