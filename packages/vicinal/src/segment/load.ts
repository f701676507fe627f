/** Reads a sealed segment back from its files, at once or, where files serve meanwhile, in the background (files.ts says what they hold). */
import type { VectorIndex } from "../index/contract.js";
import { familyNamed } from "../index/families.js";
import { loadEncoded, MaxSimScan } from "../index/multi/index.js";
import type { VectorStore } from "../index/vector-store.js";
import type { FieldColumn } from "../payload/column.js";
import { type FieldSchema, loadColumn } from "../payload/columns.js";
import { PayloadStore } from "../payload/store.js";
import { bitWords, fillBits } from "../runtime/bits.js";
import { corruption } from "../runtime/errors.js";
import type { Directory } from "../storage/directory.js";
import { openSections, type Sections } from "../storage/sections.js";
import { BlobColumn, hasBlobs } from "./blob-column.js";
import { openEarly, openHome, servesFromFile, unlessDamaged } from "./disk-columns.js";
import { ExpiryColumn } from "./expiry.js";
import { fileOf, isOf, type SegmentEntry } from "./files.js";
import { IdColumn } from "./id-column.js";
import { payloadSource } from "./rows-file.js";
import type { IndexFile, Segment, SegmentFiles } from "./segment.js";
import type { SparseColumn } from "./sparse-column.js";
import type { CollectionState } from "./state.js";
import type { VectorColumn } from "./vector-column.js";

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
        payloadSource(rows),
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
    const { vectors, sparse } = await loadVectors(dir, state, segment, files, { lent, early });
    const fields = await loadFields(dir, state, segment, files, patched);
    segment.files = { ...files, vectors, sparse, fields };
    return segment;
  } catch (reason) {
    segment.close();
    throw reason;
  }
}

/** Vectors of either kind; returns the files of those that the collection has, with the indexes that were whole. */
async function loadVectors(
  dir: Directory,
  state: CollectionState,
  segment: Segment,
  files: SegmentFiles,
  { lent, early = false }: LoadOptions,
): Promise<Required<Pick<SegmentFiles, "vectors" | "sparse">>> {
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
  return { vectors, sparse };
}

/** The field columns that are whole; `patched` rows have other payloads than the columns' files saw. */
async function loadFields(
  dir: Directory,
  state: CollectionState,
  segment: Segment,
  files: SegmentFiles,
  patched: Iterable<number>,
): Promise<SegmentFiles["fields"]> {
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
  return fields;
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
  // Where files were to serve what does not fit, memory need not suffice.
  if (early) state.budget?.demand(source.length("floats"), `Reading ${dir.location}/${file}`);
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
        if (!signal.aborted && !state.leaves(column))
          await unlessDamaged(fillColumn(segment, column, signal));
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

/** A whole section in an aligned buffer of its own. */
async function own(source: Sections, name: string): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(source.length(name));
  await source.readInto(name, bytes);
  return bytes.buffer;
}

function expectCount(path: string, what: string, expected: number, actual: unknown): void {
  if (actual !== expected) throw corruption(path, 0, expected, String(actual), `number of ${what}`);
}
