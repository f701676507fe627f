/** What Node's file system errors mean in the words of the error catalogue. */
import { VicinalError } from "../../runtime/errors.js";
import { fileExists, fileNotFound } from "../../storage/faults.js";

export type FileAction = "read" | "write" | "sync" | "create" | "delete" | "list";

/** The catalogue's error for `error`, met when doing `action` to the file or folder at `path`. */
export function fileError(error: unknown, action: FileAction, path: string): unknown {
  const code = errorCode(error);
  if (code === undefined) return error;
  if (code === "ENOENT" && action !== "create") return fileNotFound(path);
  if (code === "EEXIST") return fileExists(path);
  const details = { path, cause: code };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new VicinalError("DISK_FULL", `No room left on the disk to ${action} ${path}`, details, {
      cause: error,
    });
  }
  const writing = action !== "read" && action !== "list";
  if (writing && (code === "EACCES" || code === "EPERM" || code === "EROFS")) {
    return new VicinalError("FOLDER_NOT_WRITABLE", `Cannot ${action} ${path}: ${reasons[code]}`, details, {
      cause: error,
    });
  }
  return new VicinalError("IO", `Cannot ${action} ${path}: ${reasons[code] ?? code}`, details, {
    cause: error,
  });
}

/** The catalogue's error for `error`, met when making the folder at `path` or asking for the right to write there. */
export function folderError(error: unknown, path: string): unknown {
  const code = errorCode(error);
  if (code === undefined || code === "ENOSPC" || code === "EDQUOT") return fileError(error, "create", path);
  return new VicinalError(
    "FOLDER_NOT_WRITABLE",
    `Cannot write to the folder ${path}: ${folderReasons[code] ?? reasons[code] ?? code}`,
    { path, cause: code },
    { cause: error },
  );
}

/** The system's code (`ENOENT`, ...) when `error` comes from the operating system. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return "syscall" in error ? error.code : undefined;
}

const reasons: Record<string, string> = {
  EACCES: "permission denied (EACCES)",
  EPERM: "operation not permitted (EPERM)",
  EROFS: "the file system is read-only (EROFS)",
  EIO: "the device reported an error (EIO)",
  EMFILE: "too many open files in this process (EMFILE)",
  ENFILE: "too many open files in this system (ENFILE)",
  ENOTDIR: "a part of the path is a file, not a folder (ENOTDIR)",
  EISDIR: "there is a folder of that name (EISDIR)",
};

const folderReasons: Record<string, string> = {
  EEXIST: "there is a file of that name (EEXIST)",
  ENOENT: "the system makes no folders there (ENOENT)",
};
