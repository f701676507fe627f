/**
 * Where a graph lies: one region of its store's memory, in parts. What a part holds is drawn in the kernels'
 * graph.ts and codes.ts; the same bytes, part by part, are the sections of a saved index.
 *
 *   [ head ][ mean ][ codes ][ links ][ levels ][ upperAt ][ upper ][ entries ]     each part 128-byte aligned
 *
 * Levels and upper lists are those of a layered graph, entries those of a flat one.
 */
import type { Kernels } from "../../runtime/kernels.js";
import type { Arena } from "../../runtime/memory.js";
import type { Metric } from "../contract.js";
import type { VectorStore } from "../vector-store.js";
import type { Encoding } from "./encoding.js";

/** What decides the size of a graph. */
export interface GraphShape {
  dimensions: number;
  metric: Metric;
  /** Nodes. */
  count: number;
  /** Most neighbours in layer 0. */
  slots: number;
  /** Most neighbours in the layers above; 0 for a flat graph. */
  upperSlots: number;
  encoding: Encoding;
  /** From one code to the next, as they were saved. Default: as few bytes as read no more cache lines than they must. */
  codeStride?: number;
  /** Number of upper lists: the sum of all levels. */
  upperBlocks: number;
  /** Nodes at which a walk through a flat graph starts; 0 for a layered one. */
  entryCount: number;
}

/** Addresses and strides; can be posted to another thread. */
export interface GraphLayout extends GraphShape {
  region: number;
  head: number;
  mean: number;
  codes: number;
  codeBytes: number;
  links: number;
  linkBytes: number;
  levels: number;
  upperAt: number;
  upper: number;
  upperBytes: number;
  entries: number;
  bytes: number;
}

/** Ends a list that is not full, and stands for "no node". */
export const NO_NODE = 0xffffffff;

const ALIGNMENT = 128;
/** A head of 8 bytes before each code: scale and half norm. */
const CODE_HEAD_BYTES = 8;

const paddedDimensions = (dimensions: number) => Math.ceil(dimensions / 8) * 8;

/**
 * Strides of codes that lie in no more cache lines than they must, the one that is used first: as long as they are where that is
 * so wherever in a line they begin (at a multiple of 8), else whole lines; short ones, a power of two. Files have either.
 */
export function codeStrides(dimensions: number): number[] {
  const bytes = paddedDimensions(dimensions) + CODE_HEAD_BYTES;
  if (bytes <= 32) return [2 ** Math.ceil(Math.log2(bytes))];
  const lines = Math.ceil(bytes / 64);
  return Math.ceil((bytes + 56) / 64) === lines ? [bytes, lines * 64] : [lines * 64];
}

/** Lays a graph out from address 0; add the region's address to what is not a stride. */
function layOut(shape: GraphShape, headBytes: number): GraphLayout {
  let end = 0;
  const part = (bytes: number) => {
    const start = end;
    end = Math.ceil((end + bytes) / ALIGNMENT) * ALIGNMENT;
    return start;
  };
  const coded = shape.encoding === "int8";
  const codeBytes = coded ? (shape.codeStride ?? codeStrides(shape.dimensions)[0]) : 0;
  const layered = shape.upperSlots > 0;
  const linkBytes = shape.slots * 4;
  const upperBytes = shape.upperSlots * 4;
  return {
    ...shape,
    region: 0,
    head: part(headBytes),
    mean: part(coded ? shape.dimensions * 4 : 0),
    codes: part(shape.count * codeBytes),
    codeBytes,
    links: part(shape.count * linkBytes),
    linkBytes,
    levels: part(layered ? shape.count : 0),
    upperAt: part(layered ? shape.count * 4 : 0),
    upper: part(shape.upperBlocks * upperBytes),
    upperBytes,
    entries: part(shape.entryCount * 4),
    bytes: end,
  };
}

const parts = ["head", "mean", "codes", "links", "levels", "upperAt", "upper", "entries"] as const;

/** Takes a region for a graph. Give it back with `arena.release(layout.region)`. */
export function allocateGraph(store: VectorStore, shape: GraphShape): GraphLayout {
  const layout = layOut(shape, store.kernels.graphBytes());
  const region = store.arena.allocate(layout.bytes + ALIGNMENT);
  const base = Math.ceil(region / ALIGNMENT) * ALIGNMENT;
  for (const part of parts) layout[part] += base;
  return { ...layout, region };
}

/** Lists of layer 0 elsewhere than in the layout: those that a build works on. */
export interface LinkPlace {
  head: number;
  links: number;
  slots: number;
}

/** Describes the graph to the kernels; `entry` is NO_NODE and `top` -1 for an empty one. */
export function openGraph(
  store: VectorStore,
  layout: GraphLayout,
  entry: number,
  top: number,
  place: LinkPlace = layout,
): void {
  const layered = layout.upperSlots > 0;
  store.kernels.initGraph(
    place.head,
    store.metricNumber,
    layout.dimensions,
    store.rows,
    layout.encoding === "int8" ? layout.codes : 0,
    layout.codeBytes,
    layout.mean,
    place.links,
    place.slots * 4,
    place.slots,
    layered ? layout.levels : 0,
    layered ? layout.upperAt : 0,
    layered ? layout.upper : 0,
    layout.upperBytes,
    layout.upperSlots,
    layout.count,
    entry,
    top,
    layered ? 0 : layout.entries,
    layout.entryCount,
  );
}

/** Makes all lists of layer 0 empty. */
export function clearLinks(store: VectorStore, layout: GraphLayout, { links, slots }: LinkPlace): void {
  const start = links >>> 2;
  store.arena.u32.fill(NO_NODE, start, start + layout.count * slots);
}

/** Writes each node's first upper block, which follows from the levels. */
export function placeUpperBlocks(arena: Arena, layout: GraphLayout): void {
  if (layout.upperSlots === 0) return;
  const levels = arena.u8.subarray(layout.levels, layout.levels + layout.count);
  const start = layout.upperAt >>> 2;
  let block = 0;
  for (let node = 0; node < layout.count; node++) {
    arena.u32[start + node] = block;
    block += levels[node];
  }
}

/** Encodes the vectors from..to-1. */
export function encodeVectors(store: VectorStore, layout: GraphLayout, from: number, to: number): void {
  if (layout.encoding !== "int8") return;
  store.kernels.encodeRows(
    store.rows,
    layout.dimensions,
    from,
    to,
    layout.mean,
    paddedDimensions(layout.dimensions),
    layout.metric === "Dot" ? 0 : 1,
    layout.codes,
    layout.codeBytes,
  );
}

/** The saved parts of a graph, as they lie in memory. */
export function graphSections(arena: Arena, layout: GraphLayout): { name: string; bytes: Uint8Array }[] {
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: arena.u8.subarray(start, start + length),
  });
  const sections = [part("links", layout.links, layout.count * layout.linkBytes)];
  if (layout.upperSlots > 0) {
    sections.push(part("levels", layout.levels, layout.count));
    sections.push(part("upper", layout.upper, layout.upperBlocks * layout.upperBytes));
  } else sections.push(part("entries", layout.entries, layout.entryCount * 4));
  if (layout.encoding === "int8") {
    sections.push(part("mean", layout.mean, layout.dimensions * 4));
    sections.push(part("codes", layout.codes, layout.count * layout.codeBytes));
  }
  return sections;
}

/** A thread's scratch for walks with beams of up to `poolLength`. */
export function allocateSlot(
  store: { arena: Arena; kernels: Kernels },
  layout: GraphLayout,
  poolLength: number,
): number {
  const slot = store.arena.allocate(store.kernels.slotBytes(layout.dimensions, layout.count, poolLength));
  store.kernels.initSlot(slot, layout.dimensions, layout.count, poolLength);
  return slot;
}
