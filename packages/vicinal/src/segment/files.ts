/**
 * Files of a sealed segment, each a container of sections (storage/sections.ts). Those of `rows`, `vector`, `index`,
 * `sparse` and `field` never change; `deletes` and `patch` are written anew, under a new name, at each checkpoint that has
 * something to say, and the manifest names the ones that count.
 *
 *   rows      ids, id-kinds, versions, payload.*, expires (when rows expire, where any do; see ExpiryColumn),
 *             blobs.* (where rows have blobs; see BlobColumn)
 *   vector    floats, norms, rows (see VectorColumn)
 *   index     what the family saves
 *   sparse    vectors.*, the postings' parts, rows (see SparseColumn)
 *   field     what the column saves
 *   deletes   live: the bits of the rows that live
 *   patch     patch.* (payloads changed since `rows`), patch.versions, blobs.* (of the same rows)
 */
import type { FileIndex, VectorIndex } from "../index/contract.js";
import { familyNamed } from "../index/families.js";
import { loadEncoded, MaxSimScan } from "../index/multi/index.js";
import type { VectorStore } from "../index/vector-store.js";
import type { FieldColumn } from "../payload/column.js";
import { type FieldSchema, loadColumn } from "../payload/columns.js";
import type { SavedSections } from "../payload/sections.js";
import { PayloadStore } from "../payload/store.js";
import { assert } from "../runtime/assert.js";
import { bitWords, fillBits } from "../runtime/bits.js";
import { corruption } from "../runtime/errors.js";
import type { Directory } from "../storage/directory.js";
import { openSections, type Sections, writeSections } from "../storage/sections.js";
import { BlobColumn, hasBlobs } from "./blob-column.js";
import { type CollectionConfig, choiceOf } from "./config.js";
import { openEarly, openHome, serveFromFiles, servesFromFile, unlessDamaged } from "./disk-columns.js";
import { ExpiryColumn } from "./expiry.js";
import { IdColumn } from "./id-column.js";
import type { IndexFile, Segment, SegmentFiles } from "./segment.js";
import type { SparseColumn } from "./sparse-column.js";
import type { CollectionState } from "./state.js";
import type { VectorColumn } from "./vector-column.js";

/** What the manifest says of one segment. */
export interface SegmentEntry {
  id: number;
  rows: number;
  files: SegmentFiles;
}

/** Where an index or a column lies that has been saved or loaded: neither changes after that, so it is saved once. */
const fileOf = new WeakMap<VectorIndex | FileIndex | FieldColumn, string>();

/** Gives each new file a name that no file had before. */
export type NameFile = (kind: string) => string;

/** What a `rows` file will hold, taken now; what changes from here on belongs to a patch of it. */
export function takeRows(segment: Segment): SavedSections {
  const payloads = segment.payloads.save();
  segment.payloads.markBase();
  segment.patchChanged = false;
  const blobs = segment.blobs?.save(Uint32Array.from({ length: segment.rowCount }, (_, row) => row));
  return {
    meta: { rows: segment.rowCount, payload: payloads.meta, ...blobs?.meta },
    sections: [
      ...segment.ids.sections(),
      { name: "versions", bytes: bytesOf(segment.versions().slice()) },
      ...payloads.sections,
      ...(segment.expiry
        ? [{ name: "expires", bytes: bytesOf(segment.expiry.times(segment.rowCount)) }]
        : []),
      ...(blobs?.sections ?? []),
    ],
  };
}

export async function saveRows(dir: Directory, rows: SavedSections, name: NameFile): Promise<string> {
  const file = name("rows");
  await write(dir, file, "rows", rows);
  return file;
}

/** Forgets that indexes and columns lie in files that have gone: they are saved again. */
export function forgetFiles(segment: Segment, gone: readonly string[]): void {
  for (const saved of [
    ...[...segment.vectors.values()].map(({ index }) => index),
    ...segment.fields.values(),
  ])
    if (gone.includes(fileOf.get(saved) ?? "")) fileOf.delete(saved);
}

/** Writes rows and vectors of a sealed segment, and the indexes and columns that it has; returns their names. */
export async function saveSegment(dir: Directory, segment: Segment, name: NameFile): Promise<SegmentFiles> {
  segment.deletesChanged = segment.deadCount > 0;
  // Everything that may change meanwhile is copied in this turn.
  const rows = takeRows(segment);
  const files: SegmentFiles = { rows: await saveRows(dir, rows, name), vectors: [], fields: [] };
  for (const column of segment.vectors.values()) {
    const { store } = column.memory ?? {};
    assert(store !== undefined, "vectors are saved from memory");
    const file = name("vector");
    await write(dir, file, "vector", {
      meta: { name: column.name, count: store.count },
      sections: [{ name: "floats", bytes: store.bytes(), floats: true }, ...column.sections()],
    });
    files.vectors.push({ name: column.name, file, ...bornOf(column) });
  }
  for (const column of segment.sparse.values()) {
    const file = name("sparse");
    await write(dir, file, "sparse", column.save());
    files.sparse = [...(files.sparse ?? []), { name: column.name, file, ...bornOf(column) }];
  }
  await saveDerived(dir, segment, files, name);
  return files;
}

/** Writes the indexes and field columns that have no file yet, and lists those that the segment has now. */
export async function saveDerived(
  dir: Directory,
  segment: Segment,
  files: SegmentFiles,
  name: NameFile,
): Promise<void> {
  const vectors: SegmentFiles["vectors"] = [];
  for (const entry of files.vectors) {
    const column = segment.vectors.get(entry.name);
    if (column && isOf(column, entry)) vectors.push({ ...entry, index: await saveIndex(dir, column, name) });
  }
  const sparse = files.sparse?.filter((entry) => isOf(segment.sparse.get(entry.name), entry));
  const fields: SegmentFiles["fields"] = [];
  for (const [path, column] of [...segment.fields])
    fields.push({ path, file: await saveField(dir, column, name) });
  Object.assign(files, { vectors, fields }, sparse ? { sparse } : {});
}

function bornOf({ born }: { born: number }): { born?: number } {
  return born === 0 ? {} : { born };
}

/** Whether the file is of this vector, and not of an older one of its name. */
function isOf(column: { born: number } | undefined, { born = 0 }: { born?: number }): boolean {
  return column?.born === born;
}

/** Undefined for an index that needs no file. */
async function saveIndex(
  dir: Directory,
  { index, memory, choice }: VectorColumn,
  name: NameFile,
): Promise<IndexFile | undefined> {
  if (!choice) return undefined;
  let file = fileOf.get(index);
  if (file === undefined) {
    assert(memory !== undefined, "what is served from a file was saved");
    const { meta, sections } = memory.index.save();
    file = name("index");
    await write(dir, file, "index", { meta, sections });
    fileOf.set(index, file);
  }
  return { file, ...choice };
}

/** Rows whose payload changes later are read again when the column is loaded, so one file is enough. */
async function saveField(dir: Directory, column: FieldColumn, name: NameFile): Promise<string> {
  let file = fileOf.get(column);
  if (file === undefined) {
    file = name("field");
    await write(dir, file, "field", column.save());
    fileOf.set(column, file);
  }
  return file;
}

export async function saveDeletes(dir: Directory, live: Uint32Array, name: NameFile): Promise<string> {
  const file = name("deletes");
  await write(dir, file, "deletes", { meta: {}, sections: [{ name: "live", bytes: bytesOf(live) }] });
  return file;
}

/** What a patch file will hold, taken now. */
export function takePatch(segment: Segment): SavedSections {
  const rows = segment.payloads.dirtyRows();
  const versions = Float64Array.from(rows, (row) => segment.version(row));
  const { meta, sections } = segment.payloads.savePatch();
  const blobs = segment.blobs?.save(rows);
  return {
    meta: { ...meta, ...blobs?.meta },
    sections: [...sections, { name: "patch.versions", bytes: bytesOf(versions) }, ...(blobs?.sections ?? [])],
  };
}

export async function savePatch(dir: Directory, patch: SavedSections, name: NameFile): Promise<string> {
  const file = name("patch");
  await write(dir, file, "patch", patch);
  return file;
}

/** Whether an index of the segment serves from files though another was asked for. */
export function liesOnDisk(config: CollectionConfig, { files }: SegmentEntry): boolean {
  return files.vectors.some(({ name, index }) => {
    if (!index || !servesFromFile(index.family) || !Object.hasOwn(config.vectors, name)) return false;
    return !servesFromFile(choiceOf(config, name).family);
  });
}

/** Bytes of a row's id, version, place in the id map and of its payload. */
const ROW_BYTES = 52;

/** About how many bytes of memory the segments take once they are read back. */
export async function memoryNeed(dir: Directory, entries: readonly SegmentEntry[]): Promise<number> {
  let bytes = 0;
  const paths: string[] = [];
  for (const { rows, files } of entries) {
    bytes += rows * ROW_BYTES;
    for (const { file } of [...files.fields, ...(files.sparse ?? [])]) paths.push(file);
    for (const { file, index } of files.vectors)
      if (!index || !servesFromFile(index.family)) paths.push(file, ...(index ? [index.file] : []));
  }
  for (const path of paths) bytes += (await dir.size(path)) ?? 0;
  return bytes;
}

export interface LoadOptions {
  /** Names of vectors that are not read, since the caller has them and will have the segment borrow them. */
  lent?: ReadonlySet<string>;
  /** Whether files are to serve what can be searched in them; `fillEarly` reads that into memory. Default false. */
  early?: boolean;
}

/** Reads a segment back; its rows are not entered into the id map yet. */
export async function loadSegment(
  dir: Directory,
  state: CollectionState,
  entry: SegmentEntry,
  { lent, early = false }: LoadOptions = {},
): Promise<Segment> {
  const { files } = entry;
  const segment = state.createSegment(Math.max(1, entry.rows), entry.id);
  try {
    const rows = await openSections(dir, files.rows, "rows");
    expectCount(files.rows, "rows", entry.rows, rows.meta.rows);
    // Reads wait for one another no longer than the checking of what came takes.
    const [words, kinds, versionBytes, payloads] = await Promise.all([
      own(rows, "ids"),
      rows.length("id-kinds") > 0 ? own(rows, "id-kinds") : undefined,
      own(rows, "versions"),
      PayloadStore.load(
        under(rows, "payload"),
        undefined,
        early ? state.resources?.payloads : state.payloadCache,
      ),
    ]);
    const ids = IdColumn.load(entry.rows, new Uint32Array(words), kinds && new Uint32Array(kinds));
    const versions = new Float64Array(versionBytes);
    const live = files.deletes ? await loadLive(dir, files.deletes, entry.rows) : allLive(entry.rows);
    segment.restore(ids, versions, live, payloads);
    if (rows.length("expires") > 0)
      segment.expiry = ExpiryColumn.load(new Float64Array(await own(rows, "expires")));
    if (hasBlobs(rows)) {
      segment.blobs = new BlobColumn();
      await segment.blobs.restore(
        rows,
        Uint32Array.from({ length: entry.rows }, (_, row) => row),
      );
    }
    const patched = files.patch ? await loadPatch(dir, files.patch, segment) : [];
    const vectors: SegmentFiles["vectors"] = [];
    const absent = new Set(segment.columns());
    for (const entry of files.vectors) {
      const column = segment.vectors.get(entry.name);
      // Files of a vector that was dropped stay until the next checkpoint.
      if (!column || !isOf(column, entry)) continue;
      absent.delete(column);
      if (lent?.has(entry.name)) {
        vectors.push(entry);
        continue;
      }
      const loaded = await loadVector(dir, state, segment, entry, early);
      vectors.push({ ...entry, index: loaded ? entry.index : undefined });
    }
    const sparse = (files.sparse ?? []).filter((entry) => isOf(segment.sparse.get(entry.name), entry));
    for (const { name, file } of sparse) {
      const column = segment.sparse.get(name) as SparseColumn;
      absent.delete(column);
      await column.load(segment.rowCount, await openSections(dir, file, "sparse"));
    }
    for (const column of absent) segment.add(column);
    const fields: SegmentFiles["fields"] = [];
    segment.fields.clear();
    for (const { path, file } of files.fields) {
      const schema = state.config.fields[path];
      const column = schema && (await unlessDamaged(loadField(dir, file, schema)));
      if (!column) continue;
      for (const row of patched) column.update(row, segment.payload(row));
      segment.fields.set(path, column);
      fields.push({ path, file });
    }
    segment.files = { ...files, vectors, sparse, fields };
    return segment;
  } catch (reason) {
    segment.close();
    throw reason;
  }
}

/** Floats and index of a column, into memory or to be served from their files; whether it has its index. */
async function loadVector(
  dir: Directory,
  state: CollectionState,
  segment: Segment,
  { name, file, index }: SegmentFiles["vectors"][number],
  early: boolean,
): Promise<boolean> {
  const column = segment.vectors.get(name);
  if (!column?.memory) throw corruption(file, 0, "a vector of the collection", name, "vector name");
  const source = await openSections(dir, file, "vector");
  const fits = column.restore(
    segment.rowCount,
    Number(source.meta.count),
    source.length("norms") > 0 ? new Float32Array(await own(source, "norms")) : undefined,
    source.length("rows") > 0 ? new Uint32Array(await own(source, "rows")) : new Uint32Array(0),
  );
  if (!fits) throw corruption(file, 0, segment.rowCount, "another number", "rows of the vectors");
  if (index && (early || servesFromFile(index.family))) {
    const open = servesFromFile(index.family) ? openHome : openEarly;
    const home = await unlessDamaged(open(dir, state, column, { source, index }));
    if (home) {
      fileOf.set(home.index, index.file);
      column.moveToFile(home, { family: index.family, parameters: index.parameters });
      return true;
    }
  }
  const { store } = column.memory;
  await store.restore(Number(source.meta.count), (target) => source.readInto("floats", target));
  if (!index || servesFromFile(index.family)) return false;
  return (await unlessDamaged(loadIndex(dir, column, store, index))) !== undefined;
}

/**
 * Reads into memory what files of the segments serve until then. A damaged file goes on serving what it can, and says what is
 * damaged to whoever needs it.
 */
export async function fillEarly(state: CollectionState, signal: AbortSignal): Promise<void> {
  for (const segment of state.segments()) {
    const leave = segment.readers.enter();
    try {
      for (const column of segment.vectors.values())
        if (!signal.aborted) await unlessDamaged(fillColumn(segment, column, signal));
      if (!signal.aborted && !state.payloadCache) await unlessDamaged(segment.payloads.fill());
    } finally {
      leave();
    }
  }
}

async function fillColumn(segment: Segment, column: VectorColumn, signal: AbortSignal): Promise<void> {
  const home = column.file;
  if (!home?.load) return;
  const loaded = await home.load(signal);
  if (column.file !== home || segment.closed) {
    loaded.store.close();
    return;
  }
  const file = fileOf.get(home.index);
  if (loaded.index && file !== undefined) fileOf.set(loaded.index, file);
  column.fill(loaded);
}

async function loadIndex(
  dir: Directory,
  column: VectorColumn,
  store: VectorStore,
  { file, family, parameters }: IndexFile,
): Promise<VectorIndex> {
  const saved = await openSections(dir, file, "index");
  const { scan } = column.memory ?? {};
  const index =
    scan instanceof MaxSimScan
      ? await loadEncoded(scan, family, saved)
      : await familyNamed(family).load(store, saved);
  fileOf.set(index, file);
  column.replaceIndex(index, { family, parameters });
  return index;
}

/** Lets files serve what was saved just now, where the index is of a family on disk. */
export async function releaseSaved(
  dir: Directory,
  state: CollectionState,
  segment: Segment,
  files: SegmentFiles,
): Promise<void> {
  await serveFromFiles(dir, state, segment, files, (home, file) => fileOf.set(home.index, file));
}

/** Leaves the payloads to the file that they were saved to, where they are not to lie in memory; whether it did. */
export async function leavePayloads(
  dir: Directory,
  state: CollectionState,
  segment: Segment,
  files: SegmentFiles,
): Promise<boolean> {
  const cache = state.payloadCache;
  if (!cache || segment.closed || !dir.readNow) return false;
  const rows = await openSections(dir, files.rows, "rows");
  return segment.payloads.moveToFile(under(rows, "payload"), cache);
}

async function loadField(dir: Directory, file: string, schema: FieldSchema): Promise<FieldColumn> {
  const column = await loadColumn(await openSections(dir, file, "field"), schema);
  fileOf.set(column, file);
  return column;
}

async function loadPatch(dir: Directory, file: string, segment: Segment): Promise<Uint32Array> {
  const source = await openSections(dir, file, "patch");
  const rows = await segment.payloads.loadPatch(source);
  const versions = new Float64Array(await own(source, "patch.versions"));
  expectCount(file, "versions", rows.length, versions.length);
  rows.forEach((row, i) => {
    segment.setVersion(row, versions[i]);
  });
  if (hasBlobs(source)) {
    segment.blobs ??= new BlobColumn();
    await segment.blobs.restore(source, rows);
  }
  return rows;
}

async function loadLive(dir: Directory, file: string, rows: number): Promise<Uint32Array> {
  const live = new Uint32Array(await own(await openSections(dir, file, "deletes"), "live"));
  expectCount(file, "words", bitWords(rows), live.length);
  return live;
}

function allLive(rows: number): Uint32Array {
  const live = new Uint32Array(bitWords(rows));
  fillBits(live, rows);
  return live;
}

async function write(dir: Directory, path: string, kind: string, saved: SavedSections): Promise<void> {
  await writeSections(dir, path, { kind, meta: saved.meta, sections: saved.sections });
}

/** A whole section in an aligned buffer of its own. */
async function own(source: Sections, name: string): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(source.length(name));
  await source.readInto(name, bytes);
  return bytes.buffer;
}

/** A part of a file's description as if it were the whole. */
function under(source: Sections, key: string) {
  return {
    meta: source.meta[key] as Record<string, unknown>,
    length: (name: string) => source.length(name),
    read: (name: string, offset: number, length: number) => source.read(name, offset, length),
    readNow: source.answersAtOnce
      ? (name: string, offset: number, target: Uint8Array) => source.readNow(name, offset, target)
      : undefined,
  };
}

function bytesOf(column: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

function expectCount(path: string, what: string, expected: number, actual: unknown): void {
  if (actual !== expected) throw corruption(path, 0, expected, String(actual), `number of ${what}`);
}
