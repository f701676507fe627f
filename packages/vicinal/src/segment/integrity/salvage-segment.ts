/**
 * Salvage: the points of a segment whose files are damaged, as far as their bytes can be proved. A row whose id is there is
 * kept, whatever else is gone; what a point has lost is told with its id.
 */
import type { SparseVector } from "../../index/sparse/index.js";
import type { PointId } from "../../payload/id.js";
import { bitWords, hasBit } from "../../runtime/bits.js";
import { DamagedSections } from "../../storage/damaged-sections.js";
import type { Directory } from "../../storage/directory.js";
import { hasBlobs } from "../blob-column.js";
import { bornAt, type CollectionConfig } from "../config.js";
import type { DenseVector, MultiVector, StoredPoint, StoredVector } from "../effects.js";
import type { SegmentEntry } from "../files.js";
import { IdColumn } from "../id-column.js";
import type { Losses } from "./losses.js";

export interface SalvagedPoint extends StoredPoint {
  /** Sequence number of the write that it is from. */
  version: number;
}

/** What a row has by the files of one kind: the value, nothing, or `lost`. */
type Reader<T> = (row: number) => T | undefined | "lost";

const noPayload = new TextEncoder().encode("{}");

export async function salvageSegment(
  dir: Directory,
  config: CollectionConfig,
  { rows, files }: SegmentEntry,
  losses: Losses,
): Promise<SalvagedPoint[]> {
  const main = await DamagedSections.open(dir, files.rows);
  const ids = main && (await idReader(main, rows));
  if (!main || !ids) {
    losses.points += rows;
    return [];
  }
  const live = await liveReader(dir, files.deletes, rows, losses);
  const versions = await numbersOf(main, "versions");
  const payloads = await payloadReader(main, rows, "payload");
  const blobs = await blobReader(main, rows);
  const expiries = main.has("expires") ? await numbersOf(main, "expires") : () => 0;
  const patch = await patchReader(dir, files.patch, losses);
  const vectors = await vectorReaders(dir, config, { rows, files });
  const points: SalvagedPoint[] = [];
  for (let row = 0; row < rows; row++) {
    if (!live(row)) continue;
    const id = ids(row);
    if (id === undefined) {
      losses.points++;
      continue;
    }
    const patched = patch(row);
    const changed = patched?.payload;
    // The payload before the change is better than none.
    const given = changed === undefined || changed === "lost" ? payloads(row) : changed;
    if (changed === "lost") losses.note(id, "last change of the payload");
    if (given === "lost") losses.note(id, "payload");
    const refs = patched ? patched.blobs : blobs(row);
    if (refs === "lost") losses.note(id, "blobs");
    const expires = expiries(row);
    // It stays for ever rather than going too soon.
    if (expires === undefined) losses.note(id, "expiry");
    const found: StoredPoint["vectors"] = [];
    for (const [name, read] of vectors) {
      const vector = read(row);
      if (vector === "lost") losses.note(id, name === "" ? "vector" : `vector ${name}`);
      else if (vector) found.push({ name, vector });
    }
    points.push({
      id,
      payload: given === "lost" || given === undefined ? noPayload : given,
      vectors: found,
      blobs: refs === "lost" ? undefined : refs,
      expires: expires || undefined,
      // Older than all others of the point, where nobody knows.
      version: patched?.version ?? versions(row) ?? 1,
    });
  }
  return points;
}

async function idReader(source: DamagedSections, rows: number) {
  const wide = source.has("id-kinds");
  const ids = await source.section("ids");
  const kinds = await source.section("id-kinds");
  if (!ids) return undefined;
  const column = IdColumn.load(
    rows,
    ids.words() as Uint32Array<ArrayBuffer>,
    wide ? (kinds?.words() as Uint32Array<ArrayBuffer>) : undefined,
  );
  const stride = wide ? 4 : 2;
  return (row: number): PointId | undefined => {
    if (!ids.has(row * stride, stride, 4)) return undefined;
    return !wide || kinds?.has(row >>> 5, 1, 4) ? column.get(row) : undefined;
  };
}

/** Where it is unknown whether rows live, they do: a deletion is lost rather than a point. */
async function liveReader(dir: Directory, file: string | undefined, rows: number, losses: Losses) {
  if (file === undefined) return () => true;
  const source = await DamagedSections.open(dir, file);
  const live = await source?.section("live");
  const words = live?.words();
  const known = (row: number) => live?.has(row >>> 5, 1, 4) === true;
  let unknown = 0;
  for (let word = 0; word < bitWords(rows); word++)
    if (!known(word * 32)) unknown += Math.min(32, rows - word * 32);
  losses.deletions += unknown;
  return (row: number) => !known(row) || hasBit(words as Uint32Array, row);
}

async function numbersOf(source: DamagedSections, name: string) {
  const section = await source.section(name);
  const numbers = section?.doubles();
  return (row: number): number | undefined =>
    section?.has(row, 1, 8) ? (numbers as Float64Array)[row] : undefined;
}

/** Payloads of a base or of a patch, by place. */
async function payloadReader(
  source: DamagedSections,
  count: number,
  prefix: "payload" | "patch" | "blobs",
): Promise<Reader<Uint8Array>> {
  const ends = await numbersOf(source, `${prefix}.ends`);
  const heap = await source.section(`${prefix}.heap`);
  return (place) => {
    const from = place === 0 ? 0 : ends(place - 1);
    const to = place < count ? ends(place) : undefined;
    if (from === undefined || to === undefined || !heap?.has(from, to - from, 1)) return "lost";
    return to === from ? noPayload : heap.slice(from, to);
  };
}

interface ChangedRow {
  payload: Uint8Array | "lost";
  blobs: Uint8Array | undefined | "lost";
  version: number | undefined;
}

/** What rows, or those of a patch, say of their blobs; by place. */
async function blobReader(source: DamagedSections, count: number): Promise<Reader<Uint8Array>> {
  if (!hasBlobs(source)) return () => undefined;
  const read = await payloadReader(source, count, "blobs");
  return (place) => {
    const refs = read(place);
    return refs === noPayload ? undefined : refs;
  };
}

/** Changed payloads by row. */
async function patchReader(dir: Directory, file: string | undefined, losses: Losses) {
  const source = file === undefined ? undefined : await DamagedSections.open(dir, file);
  if (!source) {
    if (file !== undefined) losses.patches++;
    return () => undefined;
  }
  const count = Number(source.meta.patched);
  const rows = await source.section("patch.rows");
  const versions = await numbersOf(source, "patch.versions");
  const payloads = await payloadReader(source, count, "patch");
  const blobs = await blobReader(source, count);
  const words = rows?.words() ?? new Uint32Array(0);
  const found = new Map<number, ChangedRow>();
  for (let i = 0; i < count; i++) {
    if (!rows?.has(i, 1, 4)) {
      losses.payloadChanges++;
      continue;
    }
    const payload = payloads(i);
    found.set(words[i], { payload: payload ?? noPayload, blobs: blobs(i), version: versions(i) });
  }
  return (row: number) => found.get(row);
}

async function vectorReaders(
  dir: Directory,
  config: CollectionConfig,
  { rows, files }: Pick<SegmentEntry, "rows" | "files">,
): Promise<Map<string, Reader<StoredVector>>> {
  const readers = new Map<string, Reader<StoredVector>>();
  for (const { name, file, born = 0 } of files.vectors)
    if (bornAt(config, name) === born)
      readers.set(name, await denseReader(await DamagedSections.open(dir, file), rows, config, name));
  for (const { name, file, born = 0 } of files.sparse ?? [])
    if (bornAt(config, name) === born)
      readers.set(name, await sparseReader(await DamagedSections.open(dir, file), rows));
  return readers;
}

/** The ordinals of each row; undefined where they are not known. */
async function ordinalsOf(source: DamagedSections, rows: number) {
  if (!source.has("rows")) return (row: number) => ({ first: row, count: 1 });
  const section = await source.section("rows");
  const owners = section?.words() ?? new Uint32Array(0);
  const first = new Map<number, { first: number; count: number }>();
  let unknown = false;
  for (let ordinal = 0; ordinal < Number(source.meta.count); ordinal++) {
    if (!section?.has(ordinal, 1, 4)) unknown = true;
    else {
      const entry = first.get(owners[ordinal]);
      if (entry) entry.count++;
      else if (owners[ordinal] < rows) first.set(owners[ordinal], { first: ordinal, count: 1 });
    }
  }
  return (row: number) => first.get(row) ?? (unknown ? "lost" : undefined);
}

async function denseReader(
  source: DamagedSections | undefined,
  rows: number,
  { vectors }: CollectionConfig,
  name: string,
): Promise<Reader<DenseVector | MultiVector>> {
  if (!source) return () => "lost";
  const { size, multi, distance } = vectors[name];
  const section = await source.section("floats");
  const numbers = section?.floats() ?? new Float32Array(0);
  const lengths = await source.section("norms");
  const norms = lengths?.floats();
  const ordinals = await ordinalsOf(source, rows);
  return (row) => {
    const place = ordinals(row);
    if (place === undefined || place === "lost") return place;
    const { first, count } = place;
    if (!section?.has(first * size, count * size, 4)) return "lost";
    if (distance === "Cosine" && !lengths?.has(first, count, 4)) return "lost";
    const data = numbers.slice(first * size, (first + count) * size);
    if (multi) return { data, count, norms: norms?.slice(first, first + count) };
    return { data, norm: norms ? norms[first] : 1 };
  };
}

async function sparseReader(
  source: DamagedSections | undefined,
  rows: number,
): Promise<Reader<SparseVector>> {
  if (!source) return () => "lost";
  const starts = await source.section("vectors.starts");
  const terms = await source.section("vectors.terms");
  const values = await source.section("vectors.values");
  const [from, indices, numbers] = [starts?.words(), terms?.words(), values?.floats()];
  const ordinals = await ordinalsOf(source, rows);
  return (row) => {
    const place = ordinals(row);
    if (place === undefined || place === "lost") return place;
    if (!from || !indices || !numbers || !starts?.has(place.first, 2, 4)) return "lost";
    const [start, end] = [from[place.first], from[place.first + 1]];
    if (!terms?.has(start, end - start, 4) || !values?.has(start, end - start, 4)) return "lost";
    return { terms: indices.slice(start, end), values: numbers.slice(start, end) };
  };
}
