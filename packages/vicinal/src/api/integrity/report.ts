/** What `verify` and `repair` tell. */
import type { Fault } from "../../segment/integrity/faults.js";
import type { CollectionRepair } from "../../segment/integrity/repair-collection.js";

export type { Fault, FileRole } from "../../segment/integrity/faults.js";
export type { LossReport } from "../../segment/integrity/losses.js";
export type { CollectionRepair } from "../../segment/integrity/repair-collection.js";

export interface CollectionReport {
  name: string;
  /** Within the data folder. */
  folder: string;
  /** No file that holds data is damaged; derived and spare ones may be. */
  ok: boolean;
  faults: Fault[];
  /** Points in files of segments, as far as they can be read; what the log holds comes on top. */
  points: number;
  /** Records of the log behind the last checkpoint. */
  records: number;
  /** Files that count. */
  files: number;
}

export interface SnapshotReport {
  name: string;
  /** Whose it is; absent for one of all collections. Of a damaged description: the folder's name. */
  collection?: string;
  /** Within the data folder, or, where snapshots lie elsewhere, the whole path. */
  folder: string;
  /** It can be restored from. */
  ok: boolean;
  faults: Fault[];
}

export interface VerifyReport {
  path: string;
  /** Nothing at all is wrong. */
  ok: boolean;
  /** Faults of the catalogue, which says which collections there are. */
  faults: Fault[];
  collections: CollectionReport[];
  snapshots: SnapshotReport[];
  /** Files that nobody names, by path: what a stopped task left. Opening deletes them. */
  orphans: string[];
  /** Files and bytes that were checked. */
  files: number;
  bytes: number;
}

export interface RepairedCollection {
  name: string;
  /** Within the data folder. */
  folder: string;
  /** What was damaged; nothing was done where this is empty. */
  faults: Fault[];
  /** What was made of it, or, in a dry run, would be. Absent where nothing was damaged, and where `failure` says why not. */
  repaired?: CollectionRepair;
  /** Why nothing could be done: the collection is as it was. */
  failure?: string;
}

export interface RepairReport {
  path: string;
  dryRun: boolean;
  /** All that was damaged could be repaired, be it with losses. */
  ok: boolean;
  /** Faults of the catalogue. */
  faults: Fault[];
  /** Names given to collections whose names are lost with the catalogue. */
  recovered: string[];
  /** Collections that only an older catalogue names, and that have no files any more. */
  dropped: string[];
  collections: RepairedCollection[];
  /** Folder, within the data folder, of the copies of damaged files. */
  kept?: string;
}
