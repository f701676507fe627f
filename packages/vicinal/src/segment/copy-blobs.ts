/** Blobs that effects name, for who applies the effects of one collection to another. */
import { VicinalError } from "../runtime/errors.js";
import { type BlobRef, decodeRefs } from "./blob-refs.js";
import type { HeldBlob } from "./blob-store.js";
import type { Collection } from "./collection.js";
import type { Effect } from "./effects.js";

/** Each once. */
export function namedBlobs(effects: readonly Effect[]): BlobRef[] {
  const refs = new Map<string, BlobRef>();
  for (const effect of effects) {
    if (effect.kind === "upsert")
      for (const { blobs } of effect.points)
        for (const ref of Object.values(decodeRefs(blobs))) refs.set(ref.sha256, ref);
    else if (effect.kind === "blob" && effect.blob) refs.set(effect.blob.sha256, effect.blob);
  }
  return [...refs.values()];
}

/**
 * Stores what the effects name, to be awaited before they are written; the result is to be called after. What `from` has no more
 * was named by points that later effects change.
 */
export async function copyBlobs(
  from: Collection,
  to: Collection,
  effects: readonly Effect[],
): Promise<() => void> {
  const held: HeldBlob[] = [];
  const release = () => {
    for (const { release } of held) release();
  };
  try {
    for (const ref of namedBlobs(effects)) {
      const stored = await to.blobs.put(from.blobs.read(ref), `blob ${ref.sha256}`).catch(unlessGone);
      if (stored) held.push(stored);
    }
    if (held.length > 0) await to.keepBlobs();
  } catch (reason) {
    release();
    throw reason;
  }
  return release;
}

function unlessGone(reason: unknown): undefined {
  if (!(reason instanceof VicinalError) || reason.code !== "FILE_NOT_FOUND") throw reason;
}
