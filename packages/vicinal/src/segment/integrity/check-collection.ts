/**
 * Checks a collection's folder without changing it: the manifests, every file that the one that counts names, the log
 * behind them, and rules between them: no two live rows are of one write to one point, and the log follows the checkpoint.
 */
import type { PointId } from "../../payload/id.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import type { Directory } from "../../storage/directory.js";
import { FileLog } from "../../storage/log.js";
import { type ManifestFile, readManifests } from "../../storage/manifest.js";
import { readOnly } from "../../storage/read-only.js";
import { type CollectionManifest, FORMAT } from "../collection.js";
import { decodeRecord } from "../effects.js";
import { IdKey } from "../id-column.js";
import { IdMap } from "../id-map.js";
import { checkBlobs, NamedBlobs, type Said } from "./check-blobs.js";
import { type CheckOptions, checkSegment, livesIn, type SegmentCheck } from "./check-segment.js";
import { type Fault, faultOf } from "./faults.js";
import { namedFiles } from "./named-files.js";

export interface CollectionCheck {
  faults: Fault[];
  /** Files that count. */
  files: number;
  /** Files that nobody names: paths within the collection's folder. */
  orphans: string[];
  /** Points in files of segments; what the log holds comes on top. */
  points: number;
  /** Records of the log behind the checkpoint. */
  records: number;
}

/** How often a collection that is being written is read anew before what was found is believed. */
const ATTEMPTS = 5;

export async function checkCollection(dir: Directory, options: CheckOptions): Promise<CollectionCheck> {
  for (let attempt = 1; ; attempt++) {
    const before = (await readManifests(dir))[0]?.number;
    const found = await checkOnce(dir, options);
    const isQuiet = (await readManifests(dir))[0]?.number === before;
    // A writer that has committed since may have deleted what the older manifest names.
    if (found.faults.length === 0 || isQuiet || attempt === ATTEMPTS) return found;
  }
}

async function checkOnce(dir: Directory, options: CheckOptions): Promise<CollectionCheck> {
  const check: CollectionCheck = { faults: [], files: 0, orphans: [], points: 0, records: 0 };
  const paths = await dir.list();
  const manifests = await manifestsOf(dir, check.faults);
  if (!manifests) return check;
  check.files += manifests.length;
  const { current, torn } = chooseManifest(manifests, check.faults);
  if (!current) return check;
  const manifest = current.value as CollectionManifest;
  if (manifest.format !== FORMAT) {
    const { path } = current;
    const actual = manifest.format;
    check.faults.push({ file: path, offset: 28, what: "format", expected: FORMAT, actual, role: "data" });
    return check;
  }
  const live = new LiveRows();
  for (const entry of manifest.segments) {
    throwIfCancelled(options.signal);
    const { faults, rows } = await checkSegment(dir, manifest.config, entry, options);
    check.files += namedFiles(entry).length;
    check.faults.push(...faults);
    const twice = rows && live.add(rows);
    if (twice) check.faults.push(duplicateFault(entry.files.rows, twice));
  }
  check.points = live.count;
  const blobs = new NamedBlobs((id) => live.said(id));
  live.eachWithBlobs((id, said) => blobs.add(id, said));
  await checkLog(dir, manifest, check, blobs);
  const blobFiles = blobs.files();
  check.faults.push(...(await checkBlobs(dir, blobFiles, options)));
  check.files += blobFiles.size;
  options.onBytes?.(await sizeOf(dir, paths, (path) => path.startsWith("log/")));
  // A newest manifest that was cut looks like a commit that was interrupted, until something is missing.
  if (torn && check.faults.some(({ role }) => role === "data"))
    check.faults.unshift(faultOf(torn.problem, torn.path, "data"));
  const named = new Set(manifest.segments.flatMap((entry) => namedFiles(entry).map(({ path }) => path)));
  check.orphans = paths.filter(
    (path) => /^(segments|blobs)\//.test(path) && !named.has(path) && !blobFiles.has(path),
  );
  return check;
}

async function manifestsOf(dir: Directory, faults: Fault[]): Promise<ManifestFile[] | undefined> {
  try {
    const manifests = await readManifests(dir);
    if (manifests.length > 0) return manifests;
    faults.push({
      file: "manifest",
      offset: 0,
      what: "file",
      expected: "a manifest",
      actual: "none",
      role: "data",
    });
  } catch (reason) {
    faults.push(faultOf(reason, "manifest", "data"));
  }
  return undefined;
}

/** The manifest that counts; faults of the others, and of it. */
export function chooseManifest(
  manifests: readonly ManifestFile[],
  faults: Fault[],
): { current?: ManifestFile; torn?: ManifestFile } {
  let current: ManifestFile | undefined;
  let torn: ManifestFile | undefined;
  let damaged = false;
  for (const file of manifests) {
    const { problem, marked, path } = file;
    if (!problem) {
      if (!damaged) current ??= file;
    } else if (current) {
      if (marked) faults.push(faultOf(problem, path, "spare"));
    } else if (marked) {
      damaged = true;
      faults.push(faultOf(problem, path, "data"));
    } else torn ??= file;
  }
  if (!current && torn && !damaged) faults.push(faultOf(torn.problem, torn.path, "data"));
  return { current, torn };
}

async function checkLog(
  dir: Directory,
  manifest: CollectionManifest,
  check: CollectionCheck,
  blobs: NamedBlobs,
): Promise<void> {
  const log = readOnly(dir.folder("log"));
  check.files += (await log.list()).length;
  try {
    await FileLog.check(
      log,
      { after: manifest.checkpoint, synced: manifest.synced },
      ({ sequence, bytes }) => {
        blobs.apply(decodeRecord(bytes, log.location).effects, sequence);
        check.records++;
      },
    );
  } catch (reason) {
    check.faults.push(faultOf(reason, logFileOf(reason, log), "data"));
  }
}

/** The file that a failure of the log names, within the collection's folder. */
function logFileOf(reason: unknown, { location }: Directory): string {
  const path = reason instanceof VicinalError ? String(reason.details.path ?? "") : "";
  const name = path.startsWith(`${location}/`) ? path.slice(location.length + 1) : "";
  return name === "" ? "log" : `log/${name}`;
}

/** Which point's rows lie where, over all segments so far. */
class LiveRows {
  readonly #segments: NonNullable<SegmentCheck["rows"]>[] = [];
  readonly #map = new IdMap((slot) => this.#segments[slot].ids);
  readonly #key = new IdKey();

  /** The first row whose point has a live row of the same write already. */
  add(rows: NonNullable<SegmentCheck["rows"]>): { row: number; id: string } | undefined {
    const slot = this.#segments.push(rows) - 1;
    let twice: { row: number; id: string } | undefined;
    for (let row = 0; row < rows.ids.count; row++) {
      if (!livesIn(rows.live, row)) continue;
      const key = rows.ids.read(row, this.#key);
      const isThere = this.#map.find(key);
      if (isThere && this.#segments[this.#map.slot].versions[this.#map.row] === rows.versions[row])
        twice ??= { row, id: String(rows.ids.get(row)) };
      else if (!isThere || this.#segments[this.#map.slot].versions[this.#map.row] < rows.versions[row])
        this.#map.set(key, slot, row);
    }
    return twice;
  }

  /** What the row of a point says of its blobs. */
  said(id: PointId): Said | undefined {
    return this.#map.find(this.#key.set(id))
      ? this.#saidAt(this.#segments[this.#map.slot], this.#map.row)
      : undefined;
  }

  #saidAt({ versions, blobs }: NonNullable<SegmentCheck["rows"]>, row: number): Said {
    return { version: versions[row], refs: blobs?.of(row) };
  }

  /** Of several rows of a point the newest is what counts. */
  eachWithBlobs(take: (id: PointId, said: Said) => void): void {
    for (const rows of this.#segments)
      for (let row = 0; row < rows.ids.count; row++) {
        if (!rows.blobs?.of(row) || !livesIn(rows.live, row)) continue;
        const id = rows.ids.get(row);
        const said = this.#saidAt(rows, row);
        if ((this.said(id)?.version ?? 0) <= said.version) take(id, said);
      }
  }

  /** Points that have a live row. */
  get count(): number {
    return this.#map.count;
  }
}

function duplicateFault(file: string, { row, id }: { row: number; id: string }): Fault {
  return {
    file,
    offset: 0,
    what: `row ${row}`,
    expected: "one live row of a point and write",
    actual: `another of point ${id}`,
    role: "data",
  };
}

async function sizeOf(dir: Directory, paths: string[], belongs: (path: string) => boolean): Promise<number> {
  let sum = 0;
  for (const path of paths) if (belongs(path)) sum += (await dir.size(path)) ?? 0;
  return sum;
}
