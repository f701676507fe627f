/**
 * Columns that are served from their files: once vectors and an index of a family on disk were saved, the files
 * take the place of the memory; and so it is after reopening, where neither was in memory at all.
 */
import { sameChoice } from "../index/choice.js";
import { familyNamed } from "../index/families.js";
import { FileVectors } from "../index/file-vectors.js";
import { corruption } from "../runtime/errors.js";
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
  const { dimensions, metric } = store;
  const { source, index: saved } = files;
  const count = Number(source.meta.count);
  const length = count * dimensions * 4;
  if (source.length("floats") !== length)
    throw corruption(source.path, 0, length, source.length("floats"), "bytes of vectors");
  const vectors = new FileVectors({ dimensions, metric, count }, source, state.kernels);
  const family = familyNamed(saved.family).disk;
  if (!family) throw corruption(saved.file, 0, "a family on disk", saved.family, "index family");
  const sections = await openSections(dir, saved.file, "index");
  return { store: vectors, index: await family.open(vectors, sections, state.readCache(name)) };
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
