/** A collection's durable state at one moment, for copying while writes go on. */
import type { Directory } from "../storage/directory.js";
import { parseLogFileName } from "../storage/log-format.js";

export interface Capture {
  /** The body of the manifest, which names the segments' files. */
  manifest: object;
  /** Where the files lie. */
  directory: Directory;
  /**
   * The segments' files and the blobs, which never change, and the log's, which may grow: of both, the first `bytes` count. Until the
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
  if (isLogFile(path) || blobDigest(path) !== undefined) return true;
  return /^segments\/\d{8,16}\/[a-z]{1,16}-\d{8,16}$/.test(path);
}

/** The SHA-256 by which the file of a blob is named; undefined for other files. */
export function blobDigest(path: string): string | undefined {
  return /^blobs\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/.exec(path)?.[2];
}

export function isLogFile(path: string): boolean {
  return logEpoch(path) !== undefined;
}

/** The epoch of the log file's writer; undefined for other files. */
export function logEpoch(path: string): number | undefined {
  return path.startsWith("log/") ? parseLogFileName(path.slice(4))?.epoch : undefined;
}
