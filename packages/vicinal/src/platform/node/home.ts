import type { Directory } from "../../storage/directory.js";
import { readOnly } from "../../storage/read-only.js";
import { NodeDirectory } from "./directory.js";
import { lockFolder } from "./lock.js";

/** A folder that this process may write to, alone. */
export interface Home {
  readonly directory: Directory;
  /** Releases the folder's files and its lock. */
  close(): Promise<void>;
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
