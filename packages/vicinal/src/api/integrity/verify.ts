/** Verify: reads every file of a database that counts and says what is wrong. It takes no lock and writes nothing. */
import { openForReading } from "#platform/home.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import { checkCollection, chooseManifest } from "../../segment/integrity/check-collection.js";
import { type Fault, faultOf } from "../../segment/integrity/faults.js";
import type { Directory } from "../../storage/directory.js";
import { type ManifestFile, readManifests } from "../../storage/manifest.js";
import { type CatalogueManifest, FORMAT } from "../catalogue-manifest.js";
import { checkSnapshots } from "./check-snapshots.js";
import { noManifest } from "./found-catalogue.js";
import type { VerifyReport } from "./report.js";

export interface VerifyOptions {
  /** Folder of the snapshots, as `open` takes it. Default: `snapshots` in the database's folder. */
  snapshots?: string;
  /** Ends the work with CANCELLED. */
  signal?: AbortSignal;
  /** Bytes checked of all that are there, and the collection or snapshots at work. */
  progress?: (done: { bytes: number; total: number; collection: string }) => void;
}

/**
 * Checks every stored byte of the database in a folder, and of its snapshots, and the rules between its files, and says what
 * is wrong. Nothing is written. It works beside a process that writes to the folder: where a commit came in between, the collection
 * is read anew; files that such a writer is about to name are told as orphans then.
 *
 * FILE_NOT_FOUND where the folder holds no database, or that of `options.snapshots` no snapshot; CANCELLED.
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const home = await openForReading(path);
  const { snapshots: folder } = options;
  const kept = folder === undefined ? undefined : await openForReading(folder);
  try {
    if (kept && (await kept.list()).length === 0)
      throw new VicinalError("FILE_NOT_FOUND", `There is no snapshot in ${kept.location}`, { path: folder });
    return await verifyDirectory(home, path, options, kept);
  } finally {
    await kept?.close();
    await home.close();
  }
}

/** As `verify`, of directories that are open already. */
export async function verifyDirectory(
  dir: Directory,
  path: string,
  { signal, progress }: VerifyOptions = {},
  snapshots?: Directory,
): Promise<VerifyReport> {
  const files = await databaseFiles(dir, path);
  const paths = files.map((file) => file.path);
  const report: VerifyReport = {
    path,
    ok: true,
    faults: [],
    collections: [],
    snapshots: [],
    orphans: [],
    files: 0,
    bytes: 0,
  };
  const listed = await readCatalogue(dir, report);
  const store = snapshots ?? dir.folder("snapshots");
  const total = files.reduce((sum, { size }) => sum + size, 0) + (await bytesIn(store));
  const counting = (collection: string) => (count: number) => {
    report.bytes += count;
    progress?.({ bytes: Math.min(report.bytes, total), total, collection });
  };
  for (const { name, folder } of listed) {
    throwIfCancelled(signal);
    const place = `collections/${folder}`;
    const check = await checkCollection(dir.folder(place), { signal, onBytes: counting(name) });
    const faults = check.faults.map((fault) => ({ ...fault, file: `${place}/${fault.file}` }));
    report.collections.push({
      name,
      folder: place,
      ok: !faults.some(isOfData),
      faults,
      points: check.points,
      records: check.records,
      files: check.files,
    });
    report.files += check.files;
    report.orphans.push(...check.orphans.map((file) => `${place}/${file}`));
  }
  if (report.faults.length === 0) report.orphans.push(...strayFiles(paths, listed));
  const onBytes = counting("snapshots");
  const found = await checkSnapshots(store, snapshots?.location ?? "snapshots", { signal, onBytes });
  report.snapshots = found.snapshots;
  report.files += found.files;
  report.ok = report.faults.length === 0 && [...report.collections, ...report.snapshots].every(isClean);
  return report;
}

/** Files of the database in a folder, with their sizes. FILE_NOT_FOUND where there is none. */
export async function databaseFiles(dir: Directory, path: string): Promise<{ path: string; size: number }[]> {
  const files: { path: string; size: number }[] = [];
  for (const file of await dir.list())
    if (/^(catalogue|collections)\//.test(file))
      files.push({ path: file, size: (await dir.size(file)) ?? 0 });
  if (files.length === 0)
    throw new VicinalError("FILE_NOT_FOUND", `There is no database in ${dir.location}`, { path });
  return files;
}

const isOfData = ({ role }: Fault) => role === "data";
const isClean = ({ faults }: { faults: Fault[] }) => faults.length === 0;

async function bytesIn(dir: Directory): Promise<number> {
  let sum = 0;
  for (const path of await dir.list()) sum += (await dir.size(path)) ?? 0;
  return sum;
}

/** Files in folders of no collection. */
function strayFiles(paths: readonly string[], listed: { folder: number }[]): string[] {
  const known = new Set(listed.map(({ folder }) => `collections/${folder}/`));
  return paths.filter((path) => {
    const folder = /^collections\/[^/]+\//.exec(path)?.[0];
    return folder !== undefined && !known.has(folder);
  });
}

/** The collections that the catalogue names; none where it is damaged. */
async function readCatalogue(
  dir: Directory,
  report: VerifyReport,
): Promise<CatalogueManifest["collections"]> {
  const catalogue = dir.folder("catalogue");
  let files: ManifestFile[];
  const faults: Fault[] = [];
  try {
    files = await readManifests(catalogue);
    if (files.length === 0) faults.push(noManifest);
  } catch (reason) {
    files = [];
    faults.push(faultOf(reason, "manifest", "data"));
  }
  const { current } = chooseManifest(files, faults);
  const value = current?.value as CatalogueManifest | undefined;
  if (current && value && value.format !== FORMAT) {
    const format = { what: "format", expected: FORMAT, actual: value.format };
    faults.push({ file: current.path, offset: 28, ...format, role: "data" });
  }
  report.files += files.length;
  report.bytes += files.reduce((sum, { size }) => sum + size, 0);
  report.faults.push(...faults.map((fault) => ({ ...fault, file: `catalogue/${fault.file}` })));
  return value?.format === FORMAT ? value.collections : [];
}
