/**
 * Checks of one segment's files: every block against its checksum, then what the files say of each other: numbers of rows,
 * places within the heap, which rows have a vector. Payloads and numbers of vectors are not held in memory.
 */
import { bitWords, hasBit } from "../../runtime/bits.js";
import { corruption } from "../../runtime/errors.js";
import type { Directory } from "../../storage/directory.js";
import { openSections, type Sections } from "../../storage/sections.js";
import { BlobColumn, hasBlobs } from "../blob-column.js";
import type { CollectionConfig } from "../config.js";
import type { SegmentEntry } from "../files.js";
import { IdColumn } from "../id-column.js";
import { type Fault, faultOf } from "./faults.js";
import { type NamedFile, namedFiles } from "./named-files.js";

export interface CheckOptions {
  signal?: AbortSignal;
  /** Called with the bytes checked since the last call. */
  onBytes?: (count: number) => void;
}

export interface SegmentCheck {
  faults: Fault[];
  /** The rows' ids, versions and bits of life; absent where they are damaged. */
  rows?: { ids: IdColumn; versions: Float64Array; live: Uint32Array | undefined; blobs?: BlobColumn };
}

export async function checkSegment(
  dir: Directory,
  config: CollectionConfig,
  entry: SegmentEntry,
  options: CheckOptions,
): Promise<SegmentCheck> {
  const faults: Fault[] = [];
  const whole = new Map<string, Sections>();
  for (const file of namedFiles(entry)) {
    const { source, found } = await checkFile(dir, file, options);
    faults.push(...found);
    if (source && found.length === 0) whole.set(file.path, source);
  }
  /** Runs a deeper check of a file whose blocks are right. */
  const deeper = async <T>(path: string | undefined, check: (file: Checked) => Promise<T>) => {
    const source = path === undefined ? undefined : whole.get(path);
    if (path === undefined || !source) return undefined;
    try {
      return await check(new Checked(source, path));
    } catch (reason) {
      faults.push(faultOf(reason, path, "data"));
      return undefined;
    }
  };
  const { files } = entry;
  const rows = await deeper(files.rows, (file) => checkRows(file, entry.rows));
  const live = await deeper(files.deletes, (file) => file.words("live", bitWords(entry.rows)));
  const patched = await deeper(files.patch, (file) => checkPatch(file, entry.rows));
  const blobs = new BlobColumn();
  for (const [path, of] of [
    [files.rows, rows && Uint32Array.from({ length: entry.rows }, (_, row) => row)],
    [files.patch, patched?.rows],
  ] as const)
    if (of) await deeper(path, async ({ source }) => hasBlobs(source) && blobs.restore(source, of));
  if (rows && patched)
    patched.rows.forEach((row, i) => {
      rows.versions[row] = patched.versions[i];
    });
  for (const { name, file } of files.vectors) {
    const { size, distance } = config.vectors[name] ?? {};
    if (size !== undefined)
      await deeper(file, (source) => checkVectors(source, entry.rows, size, distance === "Cosine"));
  }
  for (const { file } of files.sparse ?? []) await deeper(file, (source) => checkSparse(source, entry.rows));
  const known = files.deletes === undefined || live !== undefined;
  return { faults, rows: rows && known ? { ...rows, live, blobs } : undefined };
}

/** Footer, kind and every block. */
export async function checkFile(
  dir: Directory,
  { path, kind, role }: NamedFile,
  { signal, onBytes }: CheckOptions,
): Promise<{ source?: Sections; found: Fault[] }> {
  const found: Fault[] = [];
  let reported = 0;
  const onProgress = (done: number) => {
    onBytes?.(done - reported);
    reported = done;
  };
  try {
    const source = await openSections(dir, path, kind);
    for await (const { problem } of source.checkAll({ signal, onProgress }))
      if (problem) found.push(faultOf(problem, path, role));
    return { source, found };
  } catch (reason) {
    return { found: [...found, faultOf(reason, path, role)] };
  }
}

/** Reads sections of known lengths. */
class Checked {
  constructor(
    readonly source: Sections,
    readonly path: string,
  ) {}

  refuse(what: string, expected: string | number, actual: string | number): never {
    throw corruption(this.path, 0, expected, actual, what);
  }

  expect(what: string, expected: number, actual: number): void {
    if (expected !== actual) this.refuse(what, expected, actual);
  }

  /** Of a section that must be so long. */
  async bytes(name: string, length: number): Promise<ArrayBuffer> {
    this.expect(`bytes of section ${name}`, length, this.source.length(name));
    return (await this.source.read(name)).buffer as ArrayBuffer;
  }

  async words(name: string, count: number): Promise<Uint32Array<ArrayBuffer>> {
    return new Uint32Array(await this.bytes(name, count * 4));
  }

  async doubles(name: string, count: number): Promise<Float64Array<ArrayBuffer>> {
    return new Float64Array(await this.bytes(name, count * 8));
  }

  /** Ends of what lies one after the other in a heap. */
  async ends(name: string, count: number, heap: string): Promise<void> {
    const ends = await this.doubles(name, count);
    for (let i = 1; i < count; i++)
      if (!(ends[i] >= ends[i - 1])) this.refuse(`entry ${i} of ${name}`, `${ends[i - 1]} or more`, ends[i]);
    this.expect(`bytes of section ${heap}`, ends.at(-1) ?? 0, this.source.length(heap));
  }

  /** The rows that have something, ascending, where some rows have not. */
  async rowsOf(rows: number, count: number, mayRepeat: boolean): Promise<void> {
    if (!this.source.has("rows")) return this.expect("vectors of as many rows", rows, count);
    const owners = await this.words("rows", count);
    for (let i = 0; i < count; i++) {
      const least = i === 0 ? 0 : owners[i - 1] + (mayRepeat ? 0 : 1);
      if (owners[i] < least || owners[i] >= rows)
        this.refuse(`row of vector ${i}`, `${least} to ${rows - 1}`, owners[i]);
    }
  }
}

async function checkRows(file: Checked, rows: number) {
  const { source } = file;
  file.expect("number of rows", rows, Number(source.meta.rows));
  const wide = source.has("id-kinds");
  const words = await file.words("ids", rows * (wide ? 4 : 2));
  const kinds = wide ? await file.words("id-kinds", bitWords(rows)) : undefined;
  const versions = await file.doubles("versions", rows);
  const bad = versions.findIndex((version) => !Number.isSafeInteger(version) || version < 1);
  if (bad >= 0) file.refuse(`version of row ${bad}`, "a sequence number", versions[bad]);
  await file.ends("payload.ends", rows, "payload.heap");
  return { ids: IdColumn.load(rows, words, kinds), versions };
}

async function checkPatch(file: Checked, rows: number) {
  const { rows: of, patched } = file.source.meta;
  file.expect("rows of the segment", rows, Number(of));
  const count = Number(patched);
  const changed = await file.words("patch.rows", count);
  const bad = changed.findIndex((row, i) => row >= rows || (i > 0 && row <= changed[i - 1]));
  if (bad >= 0) file.refuse(`entry ${bad} of patch.rows`, `a row below ${rows}, ascending`, changed[bad]);
  const versions = await file.doubles("patch.versions", count);
  await file.ends("patch.ends", count, "patch.heap");
  return { rows: changed, versions };
}

async function checkVectors(file: Checked, rows: number, size: number, hasNorms: boolean): Promise<void> {
  const { source } = file;
  const count = Number(source.meta.count);
  file.expect("bytes of section floats", count * size * 4, source.length("floats"));
  if (hasNorms) file.expect("bytes of section norms", count * 4, source.length("norms"));
  await file.rowsOf(rows, count, true);
}

async function checkSparse(file: Checked, rows: number): Promise<void> {
  const { source } = file;
  const count = Number(source.meta.count);
  const starts = await file.words("vectors.starts", count + 1);
  const bad = starts.findIndex((start, i) => i > 0 && start < starts[i - 1]);
  if (bad >= 0) file.refuse(`entry ${bad} of vectors.starts`, `${starts[bad - 1]} or more`, starts[bad]);
  for (const name of ["vectors.terms", "vectors.values"])
    file.expect(`bytes of section ${name}`, starts[count] * 4, source.length(name));
  await file.rowsOf(rows, count, false);
}

/** Whether a row lives; without bits all do. */
export function livesIn(live: Uint32Array | undefined, row: number): boolean {
  return live === undefined || hasBit(live, row);
}
