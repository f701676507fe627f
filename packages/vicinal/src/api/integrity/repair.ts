/** Repair: makes a damaged database whole again out of what is intact, and says what is lost. */
import { openForReading, openHome } from "#platform/home.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import { checkCollection } from "../../segment/integrity/check-collection.js";
import { repairCollection } from "../../segment/integrity/repair-collection.js";
import { copyFile } from "../../storage/copy-file.js";
import type { Directory } from "../../storage/directory.js";
import { Manifests } from "../../storage/manifest.js";
import { findCatalogue } from "./found-catalogue.js";
import type { RepairedCollection, RepairReport } from "./report.js";
import { databaseFiles } from "./verify.js";

export interface RepairOptions {
  /** Only tells what would be done and what would be lost. Default false. */
  dryRun?: boolean;
  /** Keeps no copies of damaged files. Default false: they go to `damaged/<time>/` in the folder. */
  discard?: boolean;
  /** Ends the work with CANCELLED; what has not been committed by then is as it was. */
  signal?: AbortSignal;
  /** Bytes checked of all that are there, and the collection at work. */
  progress?: (done: { bytes: number; total: number; collection: string }) => void;
}

/**
 * Checks the database in a folder as `verify` does and repairs what is damaged. Derived files are dropped, so that opening
 * builds them anew. Of damaged data everything is kept whose bytes match their checksums, and the report names what is lost.
 * Each collection is committed once, when its new files are durable: a repair that was stopped is begun again.
 * An undamaged database stays as it is, byte by byte.
 *
 * FOLDER_IN_USE where a process holds the folder (not for a dry run); FILE_NOT_FOUND where it holds no database; CANCELLED;
 * UNSUPPORTED where a later version wrote it.
 */
export async function repair(path: string, options: RepairOptions = {}): Promise<RepairReport> {
  const { dryRun = false } = options;
  const looking = await openForReading(path);
  const files = await databaseFiles(looking, path).finally(() => looking.close());
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (dryRun) {
    const directory = await openForReading(path);
    return work(directory, path, total, options).finally(() => directory.close());
  }
  const home = await openHome(path);
  return work(home.directory, path, total, options).finally(() => home.close());
}

async function work(
  dir: Directory,
  path: string,
  total: number,
  { dryRun = false, discard = false, signal, progress }: RepairOptions,
): Promise<RepairReport> {
  const folder = `damaged/${new Date().toISOString().replace(/[:.]/g, "-").toLowerCase()}`;
  const report: RepairReport = {
    path,
    dryRun,
    ok: true,
    faults: [],
    recovered: [],
    dropped: [],
    collections: [],
  };
  const keepIn = (place: string) => async (paths: string[]) => {
    if (discard) return;
    for (const file of paths) {
      throwIfCancelled(signal);
      await copyFile(dir, `${place}/${file}`, `${folder}/${place}/${file}`);
      report.kept = folder;
    }
  };
  const catalogue = await findCatalogue(dir);
  const { manifest, recovered, dropped } = catalogue;
  report.faults = catalogue.faults.map((fault) => ({ ...fault, file: `catalogue/${fault.file}` }));
  Object.assign(report, { recovered, dropped });
  if (catalogue.faults.length > 0 && !dryRun) {
    const present = new Set(await dir.folder("catalogue").list());
    await keepIn("catalogue")(catalogue.faults.map(({ file }) => file).filter((file) => present.has(file)));
    await new Manifests(dir.folder("catalogue")).commit(manifest);
  }
  let bytes = 0;
  for (const { name, folder } of manifest.collections) {
    throwIfCancelled(signal);
    const place = `collections/${folder}`;
    const onBytes = (count: number) => {
      bytes += count;
      progress?.({ bytes: Math.min(bytes, total), total, collection: name });
    };
    const collection = dir.folder(place);
    const check = await checkCollection(collection, { signal, onBytes });
    const faults = check.faults.map((fault) => ({ ...fault, file: `${place}/${fault.file}` }));
    const result: RepairedCollection = { name, folder: place, faults };
    report.collections.push(result);
    if (faults.length === 0) continue;
    const failed = (reason: unknown) => {
      if (!(reason instanceof VicinalError) || !["CORRUPTION", "UNSUPPORTED"].includes(reason.code))
        throw reason;
      result.failure = reason.message;
      report.ok = false;
    };
    await repairCollection(collection, check, { dryRun, signal, keep: keepIn(place) }).then((repaired) => {
      const within = (file: string) => `${place}/${file}`;
      const [rebuilt, replaced] = [repaired.rebuilt.map(within), repaired.replaced.map(within)];
      result.repaired = { ...repaired, rebuilt, replaced };
    }, failed);
  }
  return report;
}
