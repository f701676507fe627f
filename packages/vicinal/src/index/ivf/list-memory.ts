/**
 * Where inverted lists lie: one region of their store's memory, in parts. What a part holds is drawn in the kernels'
 * ivf.ts; the same bytes, part by part, are the sections of a saved index (without `head`, `starts` and the codes of the centroids).
 *
 *   [ head ][ centroids ][ sizes ][ starts ][ ids ][ blocks ][ origin ][ signs ][ codebooks ][ coarse ][ coarseIds ]
 *
 * each part 64-byte aligned
 */
import type { Arena } from "../../runtime/memory.js";
import { seededWords } from "../../runtime/random.js";
import type { VectorStore } from "../vector-store.js";
import { type IvfEncoding, PART_WIDTH } from "./defaults.js";

/** What decides the size of an index. */
export interface ListShape {
  dimensions: number;
  count: number;
  lists: number;
  /** Blocks of 32 places that the lists take, each at least one. */
  blocks: number;
  encoding: IvfEncoding;
}

/** Addresses and sizes; can be posted to another thread. */
export interface ListLayout extends ListShape {
  padded: number;
  tables: number;
  blockBytes: number;
  region: number;
  head: number;
  centroids: number;
  sizes: number;
  starts: number;
  ids: number;
  blockRegion: number;
  origin: number;
  signs: number;
  codebooks: number;
  coarse: number;
  coarseIds: number;
  bytes: number;
}

/** Places of a block. */
export const BLOCK = 32;
/** Fills the places behind the end of a list. */
export const NO_ID = 0xffffffff;
/** As the kernels number them. */
const encodingNumbers: Record<IvfEncoding, number> = { float32: 0, rabitq: 1, pq4: 2, sq8: 3 };
const ROTATION_ROUNDS = 4;
const FACTOR_BYTES = BLOCK * 12;
const addressed = [
  "head",
  "centroids",
  "sizes",
  "starts",
  "ids",
  "blockRegion",
  "origin",
  "signs",
  "codebooks",
  "coarse",
  "coarseIds",
] as const;

/** Dimensions of codes. */
export const paddedDimensions = (dimensions: number) => Math.ceil(dimensions / 16) * 16;

/** Look-up tables of a code. */
export function tablesOf(encoding: IvfEncoding, dimensions: number): number {
  const padded = paddedDimensions(dimensions);
  if (encoding === "rabitq") return padded / 4;
  return encoding === "pq4" ? padded / PART_WIDTH : 0;
}

/** Bytes of a block of codes with their factors. */
function blockBytes(encoding: IvfEncoding, dimensions: number): number {
  if (encoding === "float32") return 0;
  const codes =
    encoding === "sq8" ? BLOCK * paddedDimensions(dimensions) : tablesOf(encoding, dimensions) * 16;
  return codes + FACTOR_BYTES;
}

/** Takes a region for an index. Give it back with `arena.release(layout.region)`. */
export function allocateLists(store: VectorStore, shape: ListShape): ListLayout {
  let end = 0;
  const part = (bytes: number) => {
    const start = end;
    end = Math.ceil((end + bytes) / 64) * 64;
    return start;
  };
  const { dimensions, lists, blocks, encoding } = shape;
  const padded = paddedDimensions(dimensions);
  const coarseBlocks = encoding === "float32" ? 0 : Math.ceil(lists / BLOCK);
  const rotated = encoding === "rabitq" || encoding === "sq8";
  const layout: ListLayout = {
    ...shape,
    padded,
    tables: tablesOf(encoding, dimensions),
    blockBytes: blockBytes(encoding, dimensions),
    region: 0,
    head: part(store.kernels.ivfBytes()),
    centroids: part(lists * dimensions * 4),
    sizes: part(lists * 4),
    starts: part((lists + 1) * 4),
    ids: part(blocks * BLOCK * 4),
    blockRegion: part(blocks * blockBytes(encoding, dimensions)),
    origin: part(encoding === "float32" ? 0 : dimensions * 4),
    signs: part(rotated ? ROTATION_ROUNDS * padded * 4 : 0),
    codebooks: part(encoding === "pq4" ? padded * 64 : 0),
    coarse: part(coarseBlocks * blockBytes(encoding, dimensions)),
    coarseIds: part(coarseBlocks * BLOCK * 4),
    bytes: end,
  };
  layout.bytes = end;
  const region = store.arena.allocate(end);
  for (const name of addressed) layout[name] += region;
  return { ...layout, region };
}

/** Writes each list's first block, which follows from the sizes. */
export function placeLists(arena: Arena, layout: ListLayout): void {
  let block = 0;
  for (let list = 0; list < layout.lists; list++) {
    arena.u32[(layout.starts >>> 2) + list] = block;
    block += Math.ceil(arena.u32[(layout.sizes >>> 2) + list] / BLOCK);
  }
  arena.u32[(layout.starts >>> 2) + layout.lists] = block;
}

/** Signs of the random rotation: a word of 0 or the sign bit for each component and round. */
export function drawSigns(arena: Arena, layout: ListLayout, seed: number): void {
  const next = seededWords(seed);
  const start = layout.signs >>> 2;
  for (let i = 0; i < ROTATION_ROUNDS * layout.padded; i++) arena.u32[start + i] = next() & 0x80000000;
}

/** Describes the lists to the kernels. */
export function openLists(store: VectorStore, layout: ListLayout): void {
  store.kernels.initIvf(
    layout.head,
    store.metricNumber,
    encodingNumbers[layout.encoding],
    layout.dimensions,
    layout.padded,
    layout.tables,
    layout.lists,
    store.rows,
    layout.centroids,
    layout.starts,
    layout.sizes,
    layout.ids,
    layout.blockRegion,
    layout.origin,
    layout.signs,
    layout.codebooks,
    layout.encoding === "float32" ? 0 : layout.coarse,
    layout.coarseIds,
  );
}

/** The saved parts of an index, as they lie in memory. */
export function listSections(arena: Arena, layout: ListLayout): { name: string; bytes: Uint8Array }[] {
  const { lists, blocks, dimensions, encoding, padded } = layout;
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: arena.u8.subarray(start, start + length),
  });
  const sections = [
    part("centroids", layout.centroids, lists * dimensions * 4),
    part("sizes", layout.sizes, lists * 4),
    part("ids", layout.ids, blocks * BLOCK * 4),
  ];
  if (encoding === "float32") return sections;
  sections.push(part("origin", layout.origin, dimensions * 4));
  sections.push(part("blocks", layout.blockRegion, blocks * layout.blockBytes));
  if (encoding === "pq4") sections.push(part("codebooks", layout.codebooks, padded * 64));
  else sections.push(part("signs", layout.signs, ROTATION_ROUNDS * padded * 4));
  return sections;
}

/** A thread's scratch for searches. */
export function allocateSlot(store: VectorStore, layout: ListLayout): number {
  const { padded, tables, lists } = layout;
  const slot = store.arena.allocate(store.kernels.ivfSlotBytes(padded, tables, lists));
  store.kernels.initIvfSlot(slot, padded, tables, lists);
  return slot;
}
