/**
 * Vectors in a folder: two files a model, to the younger of which is appended. When it has half of the bytes that are allowed it becomes
 * the older one, in whose place it goes; what is found in the older one is written to the younger again, so that what is used stays.
 */
import { createHash } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { VectorCache } from "../../cache/cached.js";
import type { Model } from "../../models/model.js";
import { VectorLog } from "./vector-log.js";

export async function openDiskCache(
  folder: string,
  { id, dimensions }: Pick<Model<never>, "id" | "dimensions">,
  maxBytes: number,
): Promise<VectorCache> {
  await mkdir(folder, { recursive: true });
  // A model's name need not be one that a file may have.
  const digest = createHash("sha256").update(`${id} ${dimensions}`).digest("hex").slice(0, 12);
  const name = `${id.replace(/[^a-z0-9.-]+/gi, "_").slice(0, 60)}-${digest}`;
  const [path, olderPath] = [join(folder, `${name}.vectors`), join(folder, `${name}.older.vectors`)];
  let younger = await VectorLog.open(path, dimensions);
  let older = await VectorLog.open(olderPath, dimensions);

  async function put(entries: readonly (readonly [Uint8Array, Float32Array])[]): Promise<void> {
    await younger.append(entries);
    if (younger.bytes * 2 <= maxBytes) return;
    await older.close();
    await younger.close();
    await rename(path, olderPath);
    older = await VectorLog.open(olderPath, dimensions);
    younger = await VectorLog.open(path, dimensions);
  }

  async function get(keys: readonly Uint8Array[]): Promise<(Float32Array | undefined)[]> {
    const found = await Promise.all(keys.map((key) => younger.get(key)));
    const kept: [Uint8Array, Float32Array][] = [];
    for (const [i, key] of keys.entries()) {
      if (found[i]) continue;
      found[i] = await older.get(key);
      if (found[i]) kept.push([key, found[i] as Float32Array]);
    }
    if (kept.length > 0) await put(kept);
    return found;
  }

  // One after the other: nobody reads a file that is changing its place.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  return {
    get: (keys) => inTurn(() => get(keys)),
    put: (entries) => inTurn(() => put(entries)),
    close: () => inTurn(async () => void (await Promise.all([younger.close(), older.close()]))),
  };
}
