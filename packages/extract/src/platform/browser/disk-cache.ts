/** Vectors are kept in a folder by Node alone. */
import type { VectorCache } from "../../cache/cached.js";

export async function openDiskCache(folder: string): Promise<VectorCache> {
  throw new RangeError(
    `folder: a page has no folders, got ${folder}; without it vectors are kept in memory, and a collection keeps them for good`,
  );
}
