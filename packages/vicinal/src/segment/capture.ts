/** A collection's durable state at one moment, for copying while writes go on. */
import type { Directory } from "../storage/directory.js";
import { parseLogFileName } from "../storage/log-format.js";

export interface Capture {
  /** The body of the manifest, which names the segments' files. */
  manifest: object;
  /** Where the files lie. */
  directory: Directory;
  /**
   * The segments' files, which never change, and the log's, which may grow: of both, the first `bytes` count. Until the
   * release none of them is deleted.
   */
  files: CapturedFile[];
  release(): Promise<void>;
}

export interface CapturedFile {
  path: string;
  bytes: number;
}

/** Whether a collection has files of such a path beside its manifests. */
export function isCollectionFile(path: string): boolean {
  if (isLogFile(path)) return true;
  return /^segments\/\d{8,16}\/[a-z]{1,16}-\d{8,16}$/.test(path);
}

export function isLogFile(path: string): boolean {
  return logEpoch(path) !== undefined;
}

/** The epoch of the log file's writer; undefined for other files. */
export function logEpoch(path: string): number | undefined {
  return path.startsWith("log/") ? parseLogFileName(path.slice(4))?.epoch : undefined;
}
