/**
 * Garbage: objects that writers of earlier epochs have left, because they stopped before a manifest named them or before they had
 * deleted what none names any more. No clock decides. An object of an epoch below the owner's own can come to count only by a
 * commit of its own epoch's writer, and that one is fenced since the owner is the owner; so what the table does not name, read
 * after the listing, never will be. A listing that is out of date costs a later collection or a deletion of what is gone already.
 * Objects of the owner's own epoch are never touched: it may be about to commit them.
 */
import type { ObjectStore } from "./object-store.js";
import type { Pointer } from "./pointer.js";
import { epochOf, keyPrefix } from "./shard-keys.js";
import { readTable } from "./table.js";

export interface GarbageOptions {
  store: ObjectStore;
  pointer: Pointer;
  shard: string;
  /** The owner's own. */
  epoch: number;
  /** Whether the shard is still owned in this epoch: a linearizable read. */
  isOwner: () => Promise<boolean>;
}

/** For the shard's owner. Resolves to how many objects were deleted and how many stayed; those of a form unknown here stay. */
export async function collectGarbage(options: GarbageOptions): Promise<{ deleted: number; kept: number }> {
  const { store, pointer, shard, epoch, isOwner } = options;
  const candidates: string[] = [];
  let kept = 0;
  for await (const { key } of store.list(keyPrefix(shard))) {
    const written = epochOf(shard, key);
    if (written !== undefined && written < epoch) candidates.push(key);
    else kept++;
  }
  if (candidates.length === 0 || !(await isOwner())) return { deleted: 0, kept: kept + candidates.length };
  const counting = await readTable(store, pointer);
  const named = new Set([...(counting?.table.files.values() ?? [])].map(({ key }) => key));
  if (counting) named.add(counting.ref.key);
  let deleted = 0;
  for (const key of candidates) {
    if (named.has(key)) kept++;
    else {
      await store.delete(key);
      deleted++;
    }
  }
  return { deleted, kept };
}
