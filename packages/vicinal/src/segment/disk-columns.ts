/**
 * Columns that are served from their files: once vectors and an index of a family on disk were saved, the files
 * take the place of the memory; and so it is after reopening, where neither was in memory at all.
 */
import { sameChoice } from "../index/choice.js";
import type { LoadedIndex } from "../index/contract.js";
import { familyNamed } from "../index/families.js";
import { FileVectors } from "../index/file-vectors.js";
import { VectorStore } from "../index/vector-store.js";
import { corruption, VicinalError } from "../runtime/errors.js";
import type { Directory } from "../storage/directory.js";
import { openSections, type Sections } from "../storage/sections.js";
import type { IndexFile, Segment, SegmentFiles } from "./segment.js";
import type { CollectionState } from "./state.js";
import type { FileHome, VectorColumn } from "./vector-column.js";

/** Whether vectors with such an index need not lie in memory. */
export function servesFromFile(family: string): boolean {
  return familyNamed(family).disk !== undefined;
}

/** Opens what serves a column whose floats lie in `source`. CORRUPTION when the files do not fit. */
export async function openHome(
  dir: Directory,
  state: CollectionState,
  { name, store }: VectorColumn,
  files: { source: Sections; index: IndexFile },
): Promise<FileHome> {
  const { source, index: saved } = files;
  const vectors = vectorsIn(source, store, state);
  const family = familyNamed(saved.family).disk;
  if (!family) throw corruption(saved.file, 0, "a family on disk", saved.family, "index family");
  const sections = await openSections(dir, saved.file, "index");
  return { store: vectors, index: await family.open(vectors, sections, state.readCache(name)) };
}

function vectorsIn(
  source: Sections,
  { dimensions, metric }: Pick<VectorStore, "dimensions" | "metric">,
  { kernels }: CollectionState,
): FileVectors {
  const count = Number(source.meta.count);
  const length = count * dimensions * 4;
  if (source.length("floats") !== length)
    throw corruption(source.path, 0, length, source.length("floats"), "bytes of vectors");
  return new FileVectors({ dimensions, metric, count }, source, kernels);
}

/**
 * Opens what serves a column until its floats, in `source`, and its index are in memory; undefined where they cannot serve from
 * files. CORRUPTION when the files do not fit.
 */
export async function openEarly(
  dir: Directory,
  state: CollectionState,
  { store, multi }: VectorColumn,
  { source, index: saved }: { source: Sections; index: IndexFile },
): Promise<FileHome | undefined> {
  const family = familyNamed(saved.family);
  if (!family.early || multi || !source.readsNow("floats")) return undefined;
  const vectors = vectorsIn(source, store, state);
  const sections = await openSections(dir, saved.file, "index");
  const { dimensions, metric } = store;
  return {
    store: vectors,
    index: await family.early(vectors, sections),
    async load(signal) {
      const { count, kernels } = vectors;
      const filled = VectorStore.createWith(kernels, { dimensions, metric, capacity: Math.max(1, count) });
      try {
        await filled.restore(count, (target) => source.readInto("floats", target, 0, signal));
        const index = await unlessDamaged(family.load(filled, within(sections, signal)));
        return { store: filled, index };
      } catch (reason) {
        filled.close();
        throw reason;
      }
    },
  };
}

/** A file that is read no further once the signal is given. */
function within(sections: Sections, signal: AbortSignal): LoadedIndex {
  return {
    meta: sections.meta,
    length: (name) => sections.length(name),
    readInto: (name, target) => sections.readInto(name, target, 0, signal),
  };
}

/** Indexes and field columns can be built anew from the rows, so a damaged one counts as one that was not built yet. */
export async function unlessDamaged<T>(loading: Promise<T>): Promise<T | undefined> {
  try {
    return await loading;
  } catch (reason) {
    const damaged = reason instanceof VicinalError && ["CORRUPTION", "FILE_NOT_FOUND"].includes(reason.code);
    if (damaged) return undefined;
    throw reason;
  }
}

/**
 * Lets files serve the columns of a segment whose index was just saved. Columns that changed meanwhile stay as they are;
 * searches of a column in memory are synchronous, so none is under way in what is given back.
 */
export async function serveFromFiles(
  dir: Directory,
  state: CollectionState,
  segment: Segment,
  files: SegmentFiles,
  onOpened: (home: FileHome, file: string) => void,
): Promise<void> {
  for (const { name, file, index: saved } of files.vectors) {
    const column = segment.vectors.get(name);
    if (!saved || !column?.memory || !servesFromFile(saved.family)) continue;
    const { index } = column;
    const source = await openSections(dir, file, "vector");
    const home = await openHome(dir, state, column, { source, index: saved });
    if (column.index !== index || !sameChoice(column.choice, saved) || segment.closed) {
      home.index.close();
      continue;
    }
    onOpened(home, saved.file);
    column.moveToFile(home, { family: saved.family, parameters: saved.parameters });
  }
}
