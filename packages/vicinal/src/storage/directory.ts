/**
 * Directory: the only door to bytes. Small and without rename, so that a folder of files, memory, OPFS,
 * HTTP ranges and an object store can all stand behind it, and so that a simulator can tear, lose and
 * reorder what was not synced.
 *
 * Paths are relative, of the form `a/b/c`, each part `[A-Za-z0-9._-]+` and neither `.` nor `..` (paths.ts).
 * Write names in lower case: some file systems do not tell cases apart.
 * Durability: bytes of a file are durable after its writer's `sync` resolved, and the file's *name* is
 * durable too (an implementation syncs the parent folder where the platform needs it). A `delete` may be
 * undone by a crash.
 */
export interface Directory {
  /** Where this is, for messages: a path or a URL. */
  readonly location: string;
  /** True where a file that was synced is there for the next writer only once a manifest was committed after it. Default false. */
  readonly countsByManifest?: boolean;
  /** A view of everything below `path`. Creates nothing. */
  folder(path: string): Directory;
  /** Paths of all files below this directory, relative to it, recursive, in order of their code units. */
  list(): Promise<string[]>;
  /** Size in bytes, or undefined when there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** Exactly `length` bytes from `offset`; FILE_NOT_FOUND when absent, CORRUPTION when the file ends earlier. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** As `read`, into the caller's bytes (which may be shared memory). */
  readInto(path: string, offset: number, target: Uint8Array): Promise<void>;
  /** As `readInto`, before it returns; absent where a platform reads by promises alone. */
  readNow?(path: string, offset: number, target: Uint8Array): void;
  /** Creates a file that must not exist (else FILE_EXISTS). Parent folders are made as needed. */
  create(path: string): Promise<FileWriter>;
  /**
   * Opens an existing file for appending after cutting it to `length` bytes (a torn tail goes). `anew`: what stays is written
   * once more, so that the next sync makes it durable even where an earlier one failed: Linux then takes bytes for written that
   * it has in memory alone.
   */
  reopen(path: string, length: number, anew?: boolean): Promise<FileWriter>;
  /** Deletes a file; absent is fine. */
  delete(path: string): Promise<void>;
  /** Bytes that can still be written here, and how many there are in all; absent or undefined where nobody knows. */
  space?(): Promise<{ free: number; total: number } | undefined>;
  /**
   * Releases what reading holds open. Views made by `folder` share it with their root and are closed with it;
   * closing a view does nothing. Writers are closed by whoever opened them. Reading after it is a CLOSED error.
   */
  close(): Promise<void>;
}

const methods = [
  "folder",
  "list",
  "size",
  "read",
  "readInto",
  "create",
  "reopen",
  "delete",
  "close",
] as const;

export function isDirectory(value: unknown): value is Directory {
  const given = value as Directory | null;
  return (
    typeof given === "object" && given !== null && methods.every((name) => typeof given[name] === "function")
  );
}

/**
 * Appends to one file. One append and one sync at a time: the caller awaits each before the next of its kind, does not change
 * the bytes meanwhile, and closes after both. A sync may run beside appends. Failures: DISK_FULL, FOLDER_NOT_WRITABLE, IO, each naming the path.
 */
export interface FileWriter {
  /** Bytes in the file so far. */
  readonly length: number;
  /** Appends the bytes. Not durable before `sync`. */
  append(bytes: Uint8Array): Promise<void>;
  /** Makes the file's name and all bytes durable whose append was done when it was called. A rejection means that nothing may be assumed. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
