import { resolve } from "node:path";
import type { Directory } from "../../storage/directory.js";
import { readOnly } from "../../storage/read-only.js";
import { NodeDirectory } from "./directory.js";
import { lockFolder, makeFolder } from "./lock.js";

/** A folder that this process may write to, alone. */
export interface Home {
  readonly directory: Directory;
  /** Releases the folder's files and its lock. */
  close(): Promise<void>;
}

/** The real path of the folder at `path`, made if absent: the same for all ways to it. FOLDER_NOT_WRITABLE says why not. */
export function realFolder(path: string): Promise<string> {
  return makeFolder(resolve(path));
}

/** The folder at `path` as it is, without a lock: nothing may be written there. */
export async function openReadOnlyHome(path: string): Promise<Home> {
  const directory = NodeDirectory.at(path);
  return { directory, close: () => directory.close() };
}

/** Locks the folder at `path`, made if absent. */
export async function openHome(path: string): Promise<Home> {
  const lock = await lockFolder(path);
  const directory = NodeDirectory.at(path);
  return {
    directory,
    async close() {
      await directory.close();
      await lock.release();
    },
  };
}

/** The folder at `path` as it is, without a lock: for who only reads. */
export async function openForReading(path: string): Promise<Directory> {
  return readOnly(NodeDirectory.at(path));
}
