import type { Directory } from "../../storage/directory.js";
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
