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
import type { FieldColumn } from "../payload/column.js";
import type { SavedSections } from "../payload/sections.js";
import { assert } from "../runtime/assert.js";
import type { Directory } from "../storage/directory.js";
import { openSections, writeSections } from "../storage/sections.js";
import { type CollectionConfig, choiceOf } from "./config.js";
import { serveFromFiles, servesFromFile } from "./disk-columns.js";
import { choiceOnDisk } from "./memory-budget.js";
import { payloadSource } from "./rows-file.js";
import type { IndexFile, Segment, SegmentFiles } from "./segment.js";
import type { CollectionState } from "./state.js";
import type { VectorColumn } from "./vector-column.js";

/** What the manifest says of one segment. */
export interface SegmentEntry {
  id: number;
  rows: number;
  files: SegmentFiles;
}

/** Where an index or a column lies that has been saved or loaded: neither changes after that, so it is saved once. */
export const fileOf = new WeakMap<VectorIndex | FileIndex | FieldColumn, string>();

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
export function isOf(column: { born: number } | undefined, { born = 0 }: { born?: number }): boolean {
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

/** Whether the file of an index can serve its vectors until they have one on disk. */
function servesUntilSpilled(config: CollectionConfig, name: string, { family }: IndexFile): boolean {
  const { early } = familyNamed(family);
  return (
    early !== undefined && Object.hasOwn(config.vectors, name) && choiceOnDisk(config, name) !== undefined
  );
}

/** Bytes of a row's id, version, place in the id map and of its payload. */
const ROW_BYTES = 52;
/** What a graph that its file serves keeps of a vector: its level, and lists of the upper layers. */
const SERVED_ROW_BYTES = 20;

/**
 * About how many bytes of memory the segments take once they are read back.
 * @param served Whether files serve what can be searched in them, until it lies on disk as it had better.
 */
export async function memoryNeed(
  dir: Directory,
  config: CollectionConfig,
  entries: readonly SegmentEntry[],
  served: boolean,
): Promise<number> {
  let bytes = 0;
  const paths: string[] = [];
  for (const { rows, files } of entries) {
    bytes += rows * ROW_BYTES;
    for (const { file } of [...files.fields, ...(files.sparse ?? [])]) paths.push(file);
    for (const { name, file, index } of files.vectors) {
      if (index && servesFromFile(index.family)) continue;
      if (index && served && servesUntilSpilled(config, name, index)) bytes += rows * SERVED_ROW_BYTES;
      else paths.push(file, ...(index ? [index.file] : []));
    }
  }
  for (const path of paths) bytes += (await dir.size(path)) ?? 0;
  return bytes;
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
  return segment.payloads.moveToFile(payloadSource(rows), cache);
}

async function write(dir: Directory, path: string, kind: string, saved: SavedSections): Promise<void> {
  await writeSections(dir, path, { kind, meta: saved.meta, sections: saved.sections });
}

function bytesOf(column: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
