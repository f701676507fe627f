/**
 * Checks stored snapshots without changing them: their descriptions, and the bytes of every object against the digest that is its
 * name. An object that several snapshots name is read once, and what is wrong with it is told of each.
 */
import { throwIfCancelled } from "../../runtime/cancel.js";
import { Sha256 } from "../../runtime/sha256.js";
import { chooseManifest } from "../../segment/integrity/check-collection.js";
import type { CheckOptions } from "../../segment/integrity/check-segment.js";
import { type Fault, faultOf } from "../../segment/integrity/faults.js";
import type { Directory } from "../../storage/directory.js";
import { readManifests } from "../../storage/manifest.js";
import { objectsOf, SNAPSHOT_FORMAT, type StoredSnapshot } from "../snapshots/description.js";
import { isMark, OBJECTS, readChunks, snapshotFolders } from "../snapshots/store.js";
import type { SnapshotReport } from "./report.js";

export interface SnapshotsCheck {
  snapshots: SnapshotReport[];
  /** Files that count. */
  files: number;
}

/** @param place What stands before the paths that are told. */
export async function checkSnapshots(
  dir: Directory,
  place: string,
  options: CheckOptions,
): Promise<SnapshotsCheck> {
  const objects = new Map<string, Fault | undefined>();
  const check: SnapshotsCheck = { snapshots: [], files: 0 };
  for (const folder of snapshotFolders(await dir.list())) {
    const { files, faults, value } = await readDescription(dir, folder, options);
    if (value === undefined && faults.length === 0) continue;
    for (const [sha256, bytes] of value ? objectsOf(value) : []) {
      throwIfCancelled(options.signal);
      if (!objects.has(sha256)) objects.set(sha256, await checkObject(dir, sha256, bytes, options));
      const fault = objects.get(sha256);
      if (fault) faults.push(fault);
    }
    // A process that has the snapshots open may have deleted this one.
    if (faults.length > 0 && (await isGone(dir, folder))) continue;
    check.files += files;
    check.snapshots.push({
      name: folder.slice(folder.lastIndexOf("/") + 1),
      ...(value?.kind === "full" || folder.startsWith("full/")
        ? {}
        : { collection: value?.collections[0].name ?? folder.split("/")[1] }),
      folder: `${place}/${folder}`,
      ok: faults.length === 0,
      faults: faults.map((fault) => ({ ...fault, file: `${place}/${fault.file}` })),
    });
  }
  check.files += [...objects.values()].filter((fault) => fault?.actual !== "none").length;
  return check;
}

interface FoundDescription {
  files: number;
  faults: Fault[];
  /** Absent where it is damaged, and where there is none: never finished, or deleted. */
  value?: StoredSnapshot;
}

async function readDescription(
  dir: Directory,
  folder: string,
  { onBytes }: CheckOptions,
): Promise<FoundDescription> {
  const own = dir.folder(folder);
  const found: Fault[] = [];
  try {
    const manifests = await readManifests(own);
    onBytes?.(manifests.reduce((sum, { size }) => sum + size, 0));
    const files = manifests.length;
    if (manifests.every(({ problem, marked }) => problem && !marked)) return { files, faults: [] };
    const { current } = chooseManifest(manifests, found);
    const value = current?.value as StoredSnapshot | undefined;
    const faults = found.map((fault) => ({ ...fault, file: `${folder}/${fault.file}` }));
    if (isMark(value)) return { files, faults: [] };
    if (!current || value?.format === SNAPSHOT_FORMAT) return { files, faults, value };
    const format = { what: "format", expected: SNAPSHOT_FORMAT, actual: value?.format ?? "none" };
    return { files, faults: [{ file: `${folder}/${current.path}`, offset: 28, ...format, role: "data" }] };
  } catch (reason) {
    return { files: 1, faults: [faultOf(reason, folder, "data")] };
  }
}

async function checkObject(
  dir: Directory,
  sha256: string,
  bytes: number,
  { signal, onBytes }: CheckOptions,
): Promise<Fault | undefined> {
  const file = `${OBJECTS}/${sha256}`;
  const wrong = (what: string, expected: string | number, actual: string | number): Fault => ({
    file,
    offset: 0,
    what,
    expected,
    actual,
    role: "data",
  });
  try {
    const size = await dir.size(file);
    if (size === undefined) return wrong("file", "a file", "none");
    const hash = new Sha256();
    for await (const chunk of readChunks(dir, file, size)) {
      throwIfCancelled(signal);
      hash.update(chunk);
      onBytes?.(chunk.length);
    }
    if (size !== bytes) return wrong("length in bytes", bytes, size);
    const actual = hash.hex();
    return actual === sha256 ? undefined : wrong("SHA-256", sha256, actual);
  } catch (reason) {
    return faultOf(reason, file, "data");
  }
}

async function isGone(dir: Directory, folder: string): Promise<boolean> {
  const manifests = await readManifests(dir.folder(folder));
  return manifests.length === 0 || isMark(manifests[0].value);
}
