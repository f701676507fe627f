/**
 * What a collection consists of when its newest manifest is damaged: the configuration of the manifest before, and the
 * newest file of each kind in each segment's folder.
 */
import { VicinalError } from "../../runtime/errors.js";
import { DamagedSections } from "../../storage/damaged-sections.js";
import type { Directory } from "../../storage/directory.js";
import { readManifests } from "../../storage/manifest.js";
import { type CollectionManifest, FORMAT } from "../collection.js";
import { bornAt, type CollectionConfig } from "../config.js";
import type { SegmentEntry } from "../files.js";

export interface FoundState {
  manifest: CollectionManifest;
  /** The manifest that should count cannot be read: this is put together from what is there. */
  guessed: boolean;
  /** Greater than the number of every file there is. */
  nextFile: number;
}

/** CORRUPTION where no manifest is whole: nothing says what the vectors of the collection are. */
export async function findState(dir: Directory, damaged: boolean): Promise<FoundState> {
  const base = (await readManifests(dir)).find(({ problem }) => problem === undefined);
  const manifest = base?.value as CollectionManifest | undefined;
  if (!manifest || manifest.format !== FORMAT)
    throw new VicinalError(
      "CORRUPTION",
      `${dir.location} cannot be repaired: none of its manifests is whole, and nothing else says what its vectors are`,
      { path: dir.location },
    );
  const files = (await dir.list()).map(parse).filter((file) => file !== undefined);
  const nextFile = Math.max(manifest.nextFile, ...files.map(({ number }) => number + 1));
  if (!damaged) return { manifest, guessed: false, nextFile };
  const entries: SegmentEntry[] = [];
  for (const segment of [...new Set(files.map(({ segment }) => segment))].sort((a, b) => a - b)) {
    const own = files.filter((file) => file.segment === segment).sort((a, b) => b.number - a.number);
    const entry = await entryOf(dir, segment, own, manifest);
    if (entry) entries.push(entry);
  }
  const nextSegmentId = Math.max(manifest.nextSegmentId, ...entries.map(({ id }) => id + 1));
  return { manifest: { ...manifest, segments: entries, nextSegmentId }, guessed: true, nextFile };
}

interface SegmentFile {
  path: string;
  segment: number;
  kind: string;
  number: number;
}

function parse(path: string): SegmentFile | undefined {
  const match = /^segments\/(\d+)\/([a-z]+)-(\d+)$/.exec(path);
  return match ? { path, segment: Number(match[1]), kind: match[2], number: Number(match[3]) } : undefined;
}

/** @param files Newest first. Undefined where there are no rows. */
async function entryOf(
  dir: Directory,
  id: number,
  files: SegmentFile[],
  { config, segments }: CollectionManifest,
): Promise<SegmentEntry | undefined> {
  const newest = (kind: string) => files.find((file) => file.kind === kind)?.path;
  const rows = newest("rows");
  if (rows === undefined) return undefined;
  const known = segments.find((entry) => entry.id === id);
  const source = await DamagedSections.open(dir, rows);
  const count = known?.rows ?? Number(source?.meta.rows ?? 0);
  const { vectors, sparse } = await columnsOf(dir, files, config);
  const entry: SegmentEntry = { id, rows: count, files: { rows, vectors, sparse, fields: [] } };
  const [deletes, patch] = [newest("deletes"), newest("patch")];
  if (deletes !== undefined) entry.files.deletes = deletes;
  if (patch !== undefined) entry.files.patch = patch;
  return entry;
}

/** The newest file of each vector, by the name that stands in it. */
async function columnsOf(dir: Directory, files: SegmentFile[], config: CollectionConfig) {
  const vectors: SegmentEntry["files"]["vectors"] = [];
  const sparse: NonNullable<SegmentEntry["files"]["sparse"]> = [];
  for (const { kind, path } of files) {
    if (kind !== "vector" && kind !== "sparse") continue;
    const name = (await DamagedSections.open(dir, path))?.meta.name;
    const born = typeof name === "string" ? bornAt(config, name) : undefined;
    const found = kind === "vector" ? vectors : sparse;
    if (typeof name !== "string" || born === undefined || found.some((entry) => entry.name === name))
      continue;
    found.push({ name, file: path, ...(born === 0 ? {} : { born }) });
  }
  return { vectors, sparse };
}
