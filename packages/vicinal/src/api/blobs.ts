/**
 * Originals: the blobs of points as operations see them. What comes in is stored before the write that names it takes its turn,
 * and is held until that is done; what goes out is described in answers and read by name.
 */
import { type PointId, parsePointId } from "../payload/id.js";
import { VicinalError } from "../runtime/errors.js";
import { type BlobRef, type BlobRefs, decodeRefs } from "../segment/blob-refs.js";
import type { BlobBytes, BlobStore, ByteRange, HeldBlob } from "../segment/blob-store.js";
import { tooLarge } from "../segment/blob-store.js";
import type { Collection } from "../segment/collection.js";
import type { Segment } from "../segment/segment.js";
import type { WriteView } from "../segment/write-view.js";
import { fromBase64, toBase64 } from "./base64.js";
import { pointNotFound } from "./queries/query-vectors.js";
import { blobName, mediaType } from "./schema/blobs.js";
import type * as schema from "./schema/index.js";

/** Bytes of blobs that an answer holds at most. */
const INLINE_BYTES = 64 * 2 ** 20;

/** Blobs of a request that are written at the same time. */
const STORED_AT_ONCE = 16;

/** A blob to be stored. */
export interface BlobSource {
  /** Media type, such as `image/jpeg`. */
  type: string;
  bytes: BlobBytes;
}

/** A stored blob; its bytes are read as they are asked for, once. */
export interface StoredBlob {
  type: string;
  /** Bytes of the whole blob. */
  size: number;
  /** Of the whole blob. */
  sha256: string;
  /** What of it `bytes` gives. */
  range: ByteRange;
  /** CORRUPTION where they are not those that were stored. */
  bytes: AsyncIterable<Uint8Array>;
}

/** Part of a blob: from byte `start`, default 0, at most `length` bytes, default all. */
export type BlobRange = Partial<ByteRange>;

/** Which blob. */
export interface BlobPlace {
  collection: string;
  id: PointId;
  name: string;
}

export function blobPlace(collection: string, id: unknown, name: unknown): BlobPlace {
  return { collection, id: parsePointId(id), name: blobName.parse(name) };
}

// ------------------------------------------------------------------------------------------------ out

/** The path of a blob's own, below a server's address. */
function urlOf({ collection, id, name }: BlobPlace): string {
  return `/collections/${encodeURIComponent(collection)}/points/${id}/blobs/${name}`;
}

function described(place: BlobPlace, { type, size, sha256 }: BlobRef): schema.BlobDescription {
  return { type, size, sha256, url: urlOf(place) };
}

/** BLOB_NOT_FOUND, POINT_NOT_FOUND */
function refOf({ state }: Collection, { id, name }: BlobPlace): BlobRef {
  const place = state.find(id);
  if (!place) throw pointNotFound(id);
  return named(decodeRefs(place.segment.blobs?.of(place.row)), id, name);
}

function named(refs: BlobRefs, id: PointId, name: string): BlobRef {
  if (Object.hasOwn(refs, name)) return refs[name];
  throw new VicinalError("BLOB_NOT_FOUND", `Not found: Point ${id} has no blob ${name}`, { id, name });
}

export function storedBlob(collection: Collection, place: BlobPlace, range: BlobRange = {}): StoredBlob {
  const { type, size, sha256 } = refOf(collection, place);
  const { start = 0, length = size } = range;
  for (const [field, value, max] of [
    ["start", start, size],
    ["length", length, Number.MAX_SAFE_INTEGER],
  ] as const)
    if (!(Number.isSafeInteger(value) && value >= 0 && value <= max))
      throw new VicinalError("OUT_OF_RANGE", `range.${field}: must be from 0 to ${max}, got ${value}`, {
        field: `range.${field}`,
      });
  const part = { start, length: Math.min(length, size - start) };
  const bytes = collection.blobs.read({ type, size, sha256 }, part);
  return { type, size, sha256, range: part, bytes };
}

/** What of points' blobs goes into an answer. */
export class BlobView {
  readonly #collection: string;
  readonly #store: BlobStore;
  readonly #names: readonly string[] | undefined;
  readonly #inline: boolean;
  readonly #late: { ref: BlobRef; shown: schema.BlobDescription }[] = [];
  #inlineBytes = 0;

  private constructor(collection: string, store: BlobStore, asked: Exclude<schema.WithBlobs, boolean>) {
    const { names, inline } = Array.isArray(asked) ? { names: asked, inline: false } : asked;
    this.#collection = collection;
    this.#store = store;
    this.#names = names ?? undefined;
    this.#inline = inline === true;
  }

  /** Undefined where none are asked for. */
  static of(
    name: string,
    { blobs }: Collection,
    asked: schema.WithBlobs | null | undefined,
  ): BlobView | undefined {
    return asked ? new BlobView(name, blobs, asked === true ? {} : asked) : undefined;
  }

  read(segment: Segment, row: number): Record<string, schema.BlobDescription> {
    const id = segment.ids.get(row);
    const entries = Object.entries(decodeRefs(segment.blobs?.of(row))).filter(
      ([name]) => this.#names?.includes(name) ?? true,
    );
    return Object.fromEntries(
      entries.map(([name, ref]) => {
        const shown = described({ collection: this.#collection, id, name }, ref);
        if (this.#inline) this.#remember(ref, shown);
        return [name, shown];
      }),
    );
  }

  #remember(ref: BlobRef, shown: schema.BlobDescription): void {
    this.#inlineBytes += ref.size;
    if (this.#inlineBytes > INLINE_BYTES)
      throw new VicinalError(
        "OUT_OF_RANGE",
        `with_blobs.inline: the blobs of an answer are of at most ${INLINE_BYTES} bytes together; fetch them by their urls`,
        { field: "with_blobs.inline", allowed: INLINE_BYTES },
      );
    this.#late.push({ ref, shown });
  }

  /** Reads what is to be shown inline; undefined for nothing. */
  complete(): Promise<void> | undefined {
    return this.#late.length > 0 ? this.#readLate() : undefined;
  }

  async #readLate(): Promise<void> {
    for (const { ref, shown } of this.#late.splice(0)) {
      const bytes = new Uint8Array(ref.size);
      let at = 0;
      for await (const piece of this.#store.read(ref)) {
        bytes.set(piece, at);
        at += piece.length;
      }
      shown.base64 = toBase64(bytes);
    }
  }
}

// ------------------------------------------------------------------------------------------------ in

/** Stores the bytes and gives the point the blob. POINT_NOT_FOUND; BODY_TOO_LARGE; OUT_OF_RANGE beyond the limit of a point. */
export async function putBlob(
  collection: Collection,
  place: BlobPlace,
  source: BlobSource,
  operationId?: string,
): Promise<schema.BlobDescription> {
  const { id, name } = place;
  const type = mediaType.parse(source?.type);
  const { bytes } = source;
  const isStream = typeof bytes === "object" && bytes !== null && Symbol.asyncIterator in bytes;
  if (!(bytes instanceof Uint8Array) && !isStream)
    throw new VicinalError("BAD_REQUEST", "bytes: expected a Uint8Array or an AsyncIterable of them", {
      field: "bytes",
    });
  const check = (refs: BlobRefs) => {
    const count = Object.keys(refs).length + (Object.hasOwn(refs, name) ? 0 : 1);
    checkCount(collection.blobs, count, `point ${id}`);
  };
  const found = collection.state.find(id);
  if (!found) throw pointNotFound(id);
  check(decodeRefs(found.segment.blobs?.of(found.row)));
  return holding(collection, async (held) => {
    const { size, sha256 } = await store(collection.blobs, bytes, `blob ${name}`, held);
    await collection.keepBlobs();
    const blob = { type, size, sha256 };
    await collection.write({
      id: operationId,
      readsState: false,
      resolve(view) {
        if (!view.exists(id)) throw pointNotFound(id);
        check(decodeRefs(view.blobs(id)));
        return [{ kind: "blob", id, name, blob }];
      },
    });
    return described(place, blob);
  });
}

/** BLOB_NOT_FOUND, POINT_NOT_FOUND */
export async function deleteBlob(
  collection: Collection,
  { id, name }: BlobPlace,
  operationId?: string,
): Promise<boolean> {
  const resolve = (view: WriteView) => {
    if (!view.exists(id)) throw pointNotFound(id);
    named(decodeRefs(view.blobs(id)), id, name);
    return [{ kind: "blob" as const, id, name, blob: undefined }];
  };
  await collection.write({ id: operationId, readsState: false, resolve });
  return true;
}

/** The blobs of a point as a request gives them, and as a request whose bytes are stored has them. */
type GivenBlobs = Readonly<Record<string, schema.BlobInput>> | null | undefined;

/**
 * Stores the bytes that an upsert brings, and writes it with references in their place, held meanwhile. In the turn of the call
 * where there are none.
 */
export function withStoredBlobs<R>(
  collection: Collection,
  request: schema.PointInsertOperations,
  write: (request: schema.PointInsertOperations) => R | Promise<R>,
): R | Promise<R> {
  if (!bringsBlobs(request)) return write(request);
  return holding(collection, async (held) => {
    const stored = await storedUpsert(collection.blobs, request, "", held);
    await collection.keepBlobs();
    return write(stored);
  });
}

/** As `withStoredBlobs`, of several writes. */
export function operationsWithStoredBlobs<R>(
  collection: Collection,
  request: schema.UpdateOperations,
  write: (request: schema.UpdateOperations) => R | Promise<R>,
): R | Promise<R> {
  if (!request.operations.some((one) => "upsert" in one && bringsBlobs(one.upsert))) return write(request);
  return holding(collection, async (held) => {
    const operations: schema.UpdateOperation[] = [];
    for (const [i, one] of request.operations.entries())
      operations.push(
        "upsert" in one
          ? { upsert: await storedUpsert(collection.blobs, one.upsert, `operations[${i}].`, held) }
          : one,
      );
    await collection.keepBlobs();
    return write({ ...request, operations });
  });
}

/** By the time that `work` is over its write is published, or names nothing. */
async function holding<R>({ blobs }: Collection, work: (held: HeldBlob[]) => R | Promise<R>): Promise<R> {
  const held: HeldBlob[] = [];
  try {
    return await work(held);
  } catch (reason) {
    blobs.expectGarbage();
    throw reason;
  } finally {
    for (const { release } of held) release();
  }
}

async function store(into: BlobStore, bytes: BlobBytes, at: string, held: HeldBlob[]): Promise<HeldBlob> {
  const stored = await into.put(bytes, at);
  held.push(stored);
  return stored;
}

function blobsOf(request: schema.PointInsertOperations): { blobs: GivenBlobs; at: string }[] {
  if ("points" in request) return request.points.map(({ blobs }, i) => ({ blobs, at: `points[${i}]` }));
  return (request.batch.blobs ?? []).map((blobs, i) => ({ blobs, at: `batch.blobs[${i}]` }));
}

function bringsBlobs(request: schema.PointInsertOperations): boolean {
  if ("points" in request) return request.points.some(({ blobs }) => blobs);
  return request.batch.blobs?.some((blobs) => blobs) ?? false;
}

/** All are looked at before the first is stored. */
async function storedUpsert(
  into: BlobStore,
  request: schema.PointInsertOperations,
  before: string,
  held: HeldBlob[],
): Promise<schema.PointInsertOperations> {
  const given = blobsOf(request).map(({ blobs, at }) => {
    const names = Object.entries(blobs ?? {});
    checkCount(into, names.length, `${before}${at}`);
    return names.map(([name, blob]) => ({
      name,
      type: blob.type,
      bytes: bytesOf(blob, into.maxBytes, `${before}${at}.${"points" in request ? "blobs." : ""}${name}`),
    }));
  });
  const stored = given.map((): Record<string, BlobRef> => ({}));
  await atOnce(
    given.flatMap((blobs, i) =>
      blobs.map(({ name, type, bytes }) => async () => {
        const { size, sha256 } = await store(into, bytes, name, held);
        stored[i][name] = { type, size, sha256 };
      }),
    ),
  );
  const blobs = stored as unknown as Record<string, schema.BlobInput>[];
  if ("points" in request)
    return { ...request, points: request.points.map((point, i) => ({ ...point, blobs: blobs[i] })) };
  return { ...request, batch: { ...request.batch, blobs } };
}

/** Some at a time, so that their syncs are one to the disk. Whatever fails, none is under way any more afterwards. */
async function atOnce(works: readonly (() => Promise<void>)[]): Promise<void> {
  const left = works.values();
  const worker = async () => {
    for (const work of left) await work();
  };
  const results = await Promise.allSettled(
    Array.from({ length: Math.min(STORED_AT_ONCE, works.length) }, worker),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function bytesOf({ base64, bytes }: schema.BlobInput, maxBytes: number, at: string): Uint8Array {
  const isText = typeof base64 === "string";
  if (isText === bytes instanceof Uint8Array)
    throw new VicinalError("BAD_REQUEST", `${at}: expected one of \`bytes\` and \`base64\``, { path: at });
  if (isText && base64.length * 0.75 > maxBytes + 3) throw tooLarge(at, maxBytes);
  const given = isText ? fromBase64(base64, `${at}.base64`) : (bytes as Uint8Array);
  if (given.length > maxBytes) throw tooLarge(at, maxBytes);
  return given;
}

function checkCount({ perPoint }: BlobStore, count: number, at: string): void {
  if (count <= perPoint) return;
  const message = `${at}: a point has at most ${perPoint} blobs, this would be ${count}`;
  throw new VicinalError("OUT_OF_RANGE", message, { path: at, allowed: perPoint, actual: count });
}
