/** Faults: what a check of stored files found, each with the file and the place. */
import { VicinalError } from "../../runtime/errors.js";

/**
 * What a damaged file costs. `data`: points or what was said of them. `derived`: nothing, since an index or a column of a
 * field is built anew from the rows. `spare`: nothing, since the file is only kept for repair.
 */
export type FileRole = "data" | "derived" | "spare";

export interface Fault {
  /** Path within the data folder. */
  file: string;
  /** Where in the file, in bytes. */
  offset: number;
  /** What of the file is wrong, for example `checksum of the block`. */
  what: string;
  expected: string | number;
  actual: string | number;
  role: FileRole;
}

/** What a failure to read `file` says. Failures that say nothing of stored bytes are thrown on. */
export function faultOf(reason: unknown, file: string, role: FileRole): Fault {
  if (!(reason instanceof VicinalError)) throw reason;
  const { offset, what, expected, actual } = reason.details as Partial<Fault>;
  if (reason.code === "FILE_NOT_FOUND") {
    return { file, offset: 0, what: "file", expected: "a file", actual: "none", role };
  }
  if (reason.code === "UNSUPPORTED") {
    const format = { expected: expected ?? "a known one", actual: actual ?? "a later one" };
    return { file, offset: offset ?? 0, what: "format", ...format, role };
  }
  if (reason.code !== "CORRUPTION") throw reason;
  return {
    file,
    offset: offset ?? 0,
    what: what ?? reason.message,
    expected: expected ?? "what was written",
    actual: actual ?? "other bytes",
    role,
  };
}
