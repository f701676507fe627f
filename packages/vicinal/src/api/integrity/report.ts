/** What `verify` and `repair` tell. */
import type { Fault } from "../../segment/integrity/faults.js";

export type { Fault, FileRole } from "../../segment/integrity/faults.js";

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

export interface VerifyReport {
  path: string;
  /** Nothing at all is wrong. */
  ok: boolean;
  /** Faults of the catalogue, which says which collections there are. */
  faults: Fault[];
  collections: CollectionReport[];
  /** Files that nobody names, by path: what a stopped task left. Opening deletes them. */
  orphans: string[];
  /** Files and bytes that were checked. */
  files: number;
  bytes: number;
}
