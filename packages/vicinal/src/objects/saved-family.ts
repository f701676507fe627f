/**
 * The saved form of a FamilyIndex, version 1: a section file of kind `index`.
 *
 *   meta:      { format, object: "family", family, metric, dimensions, parameters, seed, calibrate,
 *                built: count, added: count, removed: boolean, index: the family's own description, or null }
 *   sections:  vectors         built x dimensions f32
 *              index/<name>    the family's own
 *              added           added x dimensions f32
 *              removed         bits of labels
 */

import { chooseIndex } from "../index/choice.js";
import type { IndexFamily, LoadedIndex, Metric, SavedIndex, VectorIndex } from "../index/contract.js";
import { familyNamed, familyNames } from "../index/families.js";
import { wholeNumber } from "../index/saved-meta.js";
import { VectorStore } from "../index/vector-store.js";
import { type KernelModule, loadKernels } from "../runtime/kernels.js";
import type { Sections } from "../storage/sections.js";
import { checkedDimensions, checkedMetric } from "./arguments.js";
import { bytesOf, damaged } from "./saved-form.js";

export const FAMILY_OBJECT_FORMAT = 1;
const PREFIX = "index/";

/** What an object is made from; all of it is saved. */
export interface FamilySettings {
  metric: Metric;
  dimensions: number;
  /** The family's own, as given. */
  parameters: Record<string, unknown>;
  seed: number | undefined;
  calibrate: boolean;
}

/** What a saved object is made from again. */
export interface FamilyParts {
  built: VectorIndex | undefined;
  added: VectorStore | undefined;
  removed: Uint32Array | undefined;
}

export function saveFamily(
  family: string,
  settings: FamilySettings,
  { built, added, removed }: FamilyParts,
): Promise<Uint8Array> {
  const saved: SavedIndex | undefined = built?.save();
  const { seed = null, ...rest } = settings;
  const sections = [];
  if (built) sections.push({ name: "vectors", bytes: built.store.bytes() });
  for (const { name, bytes } of saved?.sections ?? []) sections.push({ name: PREFIX + name, bytes });
  if (added) sections.push({ name: "added", bytes: added.bytes() });
  if (removed) sections.push({ name: "removed", bytes: new Uint8Array(removed.buffer) });
  const meta = {
    format: FAMILY_OBJECT_FORMAT,
    object: "family",
    family,
    ...rest,
    seed,
    built: built?.store.count ?? 0,
    added: added?.count ?? 0,
    index: saved?.meta ?? null,
  };
  return bytesOf({ kind: "index", meta, sections });
}

export interface LoadedFamily {
  family: IndexFamily;
  kernels: KernelModule;
  settings: FamilySettings;
  parts: FamilyParts;
}

/** Reads back what `saveFamily` wrote. */
export async function readFamily(file: Sections): Promise<LoadedFamily> {
  const { meta } = file;
  const { family: name, parameters, seed, calibrate } = meta;
  if (meta.format !== FAMILY_OBJECT_FORMAT) throw damaged(`format ${String(meta.format)}`);
  if (typeof name !== "string" || !familyNames.includes(name)) throw damaged(`family ${String(name)}`);
  if (typeof parameters !== "object" || parameters === null) throw damaged("parameters");
  const family = familyNamed(name);
  const settings: FamilySettings = {
    metric: known(() => checkedMetric(meta.metric)),
    dimensions: known(() => checkedDimensions(meta.dimensions)),
    parameters: parameters as Record<string, unknown>,
    seed: typeof seed === "number" ? seed : undefined,
    calibrate: calibrate === true,
  };
  known(() => chooseIndex(name, settings.parameters, settings));
  const kernels = await loadKernels();
  const stores: VectorStore[] = [];
  let built: VectorIndex | undefined;
  try {
    const read = async (section: string, count: number) => {
      const store = await readStore(kernels, settings, file, section, count);
      if (store) stores.push(store);
      return store;
    };
    const vectors = await read("vectors", wholeNumber(meta, "built", 0, 2 ** 31 - 1, damaged));
    const added = await read("added", wholeNumber(meta, "added", 0, 2 ** 31 - 1, damaged));
    built = vectors && (await family.load(vectors, familyPart(file)));
    const labels = (vectors?.count ?? 0) + (added?.count ?? 0);
    const removed = file.has("removed") ? await readBits(file, labels) : undefined;
    return { family, kernels, settings, parts: { built, added, removed } };
  } catch (error) {
    built?.release();
    for (const store of stores) store.close();
    throw error;
  }
}

/** What the family itself saved. */
function familyPart(file: Sections): LoadedIndex {
  const { index } = file.meta;
  if (typeof index !== "object" || index === null) throw damaged("no description of the index");
  return {
    meta: index as Record<string, unknown>,
    length: (name) => file.length(PREFIX + name),
    readInto: (name, target) => file.readInto(PREFIX + name, target),
  };
}

/** The vectors of a section; undefined for none. CORRUPTION when their number is another. */
export async function readStore(
  kernels: KernelModule,
  { metric, dimensions }: Pick<FamilySettings, "metric" | "dimensions">,
  file: Sections,
  section: string,
  count: number,
): Promise<VectorStore | undefined> {
  if (file.length(section) !== count * dimensions * 4)
    throw damaged(`section ${section} of ${file.length(section)} bytes for ${count} vectors`);
  if (count === 0) return undefined;
  const store = VectorStore.createWith(kernels, { metric, dimensions, capacity: count });
  try {
    await store.restore(count, (target) => file.readInto(section, target));
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Bits of removed labels. */
export async function readBits(file: Sections, labels: number): Promise<Uint32Array> {
  const bytes = await file.read("removed");
  if (bytes.length % 4 !== 0 || bytes.length > Math.ceil(labels / 32) * 4)
    throw damaged(`${bytes.length} bytes of removed labels`);
  const bits = new Uint32Array(bytes.buffer);
  if (labels & 31 && bits.length === (labels + 31) >>> 5 && bits[bits.length - 1] >>> (labels & 31))
    throw damaged("a removed label that was never given");
  return bits;
}

/** A value that was checked when it was saved: now it can only be damaged. */
function known<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw damaged((error as Error).message);
  }
}
