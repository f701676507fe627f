/**
 * Repairs a collection: what is intact stays as it is, points of damaged segments are salvaged into a new one, records of the
 * log are applied as far as they are there, and one commit makes the result count. Until that commit nothing that was
 * there is touched, so that a repair that is stopped can be begun again.
 */
import { throwIfCancelled } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import { loadKernels } from "../../runtime/kernels.js";
import type { Directory } from "../../storage/directory.js";
import { salvageLog } from "../../storage/log-salvage.js";
import { changedRefs, decodeRefs } from "../blob-refs.js";
import { pathOf } from "../blob-store.js";
import { CollectionFiles } from "../collection.js";
import { decodeRecord } from "../effects.js";
import type { SegmentEntry } from "../files.js";
import { IdKey } from "../id-column.js";
import { loadSegment } from "../load.js";
import { MemoryLog } from "../memory-log.js";
import { CollectionState } from "../state.js";
import type { CollectionCheck } from "./check-collection.js";
import { findState } from "./found-state.js";
import { Losses, type LossReport } from "./losses.js";
import { namedFiles } from "./named-files.js";
import { type SalvagedPoint, salvageSegment } from "./salvage-segment.js";

export interface CollectionRepair {
  /** Points afterwards. */
  points: number;
  lost: LossReport;
  /** Derived files that were damaged: the next opening builds them anew. */
  rebuilt: string[];
  /** Files that do not count any more: copied to `damaged/` unless they are discarded. */
  replaced: string[];
}

export interface CollectionRepairOptions {
  dryRun: boolean;
  signal?: AbortSignal;
  /** Keeps copies of these files, before anything is committed. */
  keep: (paths: string[]) => Promise<void>;
}

export async function repairCollection(
  dir: Directory,
  check: CollectionCheck,
  { dryRun, signal, keep }: CollectionRepairOptions,
): Promise<CollectionRepair> {
  if (check.faults.some(({ what }) => what === "format"))
    throw new VicinalError("UNSUPPORTED", `${dir.location} was written by a later version of Vicinal`);
  const bad = new Set(check.faults.map(({ file }) => file));
  const dataFiles = new Set(check.faults.filter(({ role }) => role === "data").map(({ file }) => file));
  const found = await findState(
    dir,
    [...dataFiles].some((file) => file.startsWith("manifest")),
  );
  const { manifest } = found;
  const losses = new Losses();
  const state = new CollectionState(manifest.config, manifest.nextSegmentId, await loadKernels());
  try {
    const replaced: string[] = [];
    const rebuilt: string[] = [];
    const salvaged: SalvagedPoint[] = [];
    for (const entry of manifest.segments) {
      throwIfCancelled(signal);
      const named = namedFiles(entry);
      const damaged = named.some(({ path }) => dataFiles.has(path));
      if (!damaged && (await adopted(dir, state, entry))) {
        for (const { path, role } of named) if (role === "derived" && bad.has(path)) rebuilt.push(path);
        continue;
      }
      for (const point of await salvageSegment(dir, manifest.config, entry, losses)) salvaged.push(point);
      replaced.push(...named.map(({ path }) => path));
    }
    adoptPoints(state, salvaged);
    state.sequence = newestSequence(state, manifest.checkpoint);
    await applyLog(dir, state, { ...found, damaged: [...dataFiles].some(isLog) }, losses);
    state.seal();
    const blobs = [...bad].filter((file) => file.startsWith("blobs/"));
    forgetBlobs(state, new Set(blobs), losses);
    const report = { points: state.pointCount, lost: losses.report(), rebuilt };
    const present = new Set(await dir.list());
    const logs = [...present].filter(isLog);
    const manifests = [...bad].filter((file) => present.has(file) && file.startsWith("manifest"));
    const gone = [
      ...new Set([...replaced, ...rebuilt, ...manifests, ...blobs, ...(dataFiles.size > 0 ? logs : [])]),
    ];
    const leaving = gone.filter((file) => present.has(file));
    if (dryRun) return { ...report, replaced: leaving };
    await keep(leaving);
    throwIfCancelled(signal);
    await save(dir, state, found.nextFile);
    for (const path of logs) await dir.delete(path);
    await deleteUnnamed(dir, state);
    return { ...report, replaced: leaving };
  } finally {
    state.close();
  }
}

const isLog = (path: string) => path === "log" || path.startsWith("log/");

/** False where the segment's files do not say what they must, though their checksums are right. */
async function adopted(dir: Directory, state: CollectionState, entry: SegmentEntry): Promise<boolean> {
  try {
    state.adopt(await loadSegment(dir, state, entry));
    return true;
  } catch (reason) {
    const damaged = reason instanceof VicinalError && ["CORRUPTION", "FILE_NOT_FOUND"].includes(reason.code);
    if (!damaged) throw reason;
    return false;
  }
}

/** Puts salvaged points into a segment of their own; of two rows of one point the newer lives. */
function adoptPoints(state: CollectionState, points: SalvagedPoint[]): void {
  if (points.length === 0) return;
  const segment = state.createSegment(points.length, undefined, true);
  const key = new IdKey();
  for (const point of points) segment.append(key.set(point.id), point, point.version);
  segment.sealed = true;
  state.adopt(segment);
}

/** Points lose the blobs whose files are damaged or gone; the files go with the checkpoint. */
function forgetBlobs(state: CollectionState, files: ReadonlySet<string>, losses: Losses): void {
  if (files.size === 0) return;
  for (const segment of state.segments())
    for (let row = 0; row < segment.rowCount; row++) {
      const refs = segment.isLive(row) ? decodeRefs(segment.blobs?.of(row)) : {};
      for (const [name, { sha256 }] of Object.entries(refs)) {
        if (!files.has(`blobs/${pathOf(sha256)}`)) continue;
        losses.note(segment.ids.get(row), `blob ${name}`);
        segment.setBlobs(
          row,
          changedRefs(segment.blobs?.of(row), { name, blob: undefined }),
          segment.version(row),
        );
      }
    }
}

function newestSequence(state: CollectionState, checkpoint: number): number {
  let newest = checkpoint;
  for (const segment of state.segments())
    for (const version of segment.versions()) if (version > newest) newest = version;
  return newest;
}

async function applyLog(
  dir: Directory,
  state: CollectionState,
  { manifest, guessed, damaged }: Awaited<ReturnType<typeof findState>> & { damaged: boolean },
  losses: Losses,
): Promise<void> {
  const { checkpoint, synced } = manifest;
  const log = await salvageLog(dir.folder("log"), { after: checkpoint, synced });
  // An older manifest than the last does not know what a checkpoint since has made superfluous.
  const covered = guessed && !damaged ? state.sequence : checkpoint;
  losses.records = log.lost.filter(({ last }) => last > covered);
  for (const { sequence, bytes } of log.records) {
    try {
      state.apply(decodeRecord(bytes, `${dir.location}/log`).effects, sequence, true);
    } catch (reason) {
      if (!(reason instanceof VicinalError)) throw reason;
      losses.records.push({ first: sequence, last: sequence });
    }
  }
  const last = Math.max(checkpoint, synced, log.records.at(-1)?.sequence ?? 0, log.lost.at(-1)?.last ?? 0);
  state.sequence = Math.max(state.sequence, newestSequence(state, last));
}

/** New files first, then the manifest that names them: the one commit. */
async function save(dir: Directory, state: CollectionState, nextFile: number): Promise<void> {
  const files = CollectionFiles.over(dir, nextFile);
  for (const segment of state.segments()) {
    if (segment.files || segment.rowCount === 0) continue;
    for (const { index } of segment.sparse.values()) await index.consolidate();
    await files.persist(segment, false);
  }
  const log = new MemoryLog();
  log.next = state.sequence + 1;
  await files.checkpoint(state, log);
}

async function deleteUnnamed(dir: Directory, state: CollectionState): Promise<void> {
  const named = new Set<string>();
  for (const { id, rowCount, files } of state.segments())
    if (files) for (const { path } of namedFiles({ id, rows: rowCount, files })) named.add(path);
  for (const path of await dir.list())
    if (path.startsWith("segments/") && !named.has(path)) await dir.delete(path);
}
