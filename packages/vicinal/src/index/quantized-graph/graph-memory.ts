/**
 * Where a quantized graph lies in its store's memory. The kernels' qgraph.ts draws records and the root.
 *
 *   index:  [ head ][ mean ][ signs ][ root ][ records ]
 *   build:  [ rotated: count x bits f32 ][ links: count x degree u64 ][ zeros: bits f32 ][ parents: count u32 ]
 *           [ stack: count u32 ]                                          each part 64-byte aligned
 */
import { seededWords } from "../../runtime/random.js";
import type { Metric } from "../contract.js";
import type { VectorStore } from "../vector-store.js";

/** What decides the size of a graph. */
export interface GraphShape {
  dimensions: number;
  metric: Metric;
  count: number;
  /** Bits of a code: components of the rotated space. */
  bits: number;
  degree: number;
  /** Whether visited vertices are measured by their 8-bit codes; else by the floats. */
  coded: boolean;
  /** Blocks of the root. */
  rootBlocks: number;
}

/** Addresses; can be posted to another thread. */
export interface GraphLayout extends GraphShape {
  region: number;
  head: number;
  mean: number;
  signs: number;
  root: number;
  records: number;
  bytes: number;
  /** Length of lifted vectors; 0 where nothing is lifted. */
  sphere: number;
}

/** What only a build needs. */
export interface BuildMemory {
  region: number;
  rotated: number;
  links: number;
  zeros: number;
  parents: number;
  stack: number;
}

export const BLOCK = 32;
/** Stands for "no neighbour". */
export const NO_NODE = 0xffffffff;
/** The factors of no neighbour: add infinite, scale 0. */
export const ABSENT = 0x7f80;
/** Ids and factors of a block. */
const HEAD_BYTES = 256;
const CODE_HEAD_BYTES = 8;
export const ROTATION_ROUNDS = 4;
const ALIGNMENT = 64;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Bytes of 32 neighbours with codes of so many bits. */
export const blockBytes = (bits: number) => HEAD_BYTES + bits * 4;

/** Bytes of a vertex: blocks of its neighbours and its own 8-bit code. */
export const recordBytes = ({ degree, bits }: { degree: number; bits: number }) =>
  aligned((degree / BLOCK) * blockBytes(bits) + CODE_HEAD_BYTES + bits);

/** Takes parts one after the other; returns their places, and the bytes of all. */
function placesOf<Name extends string>(sizes: Record<Name, number>): Record<Name, number> & { end: number } {
  const places = {} as Record<Name, number>;
  let end = 0;
  for (const name of Object.keys(sizes) as Name[]) {
    places[name] = end;
    end += aligned(sizes[name]);
  }
  return { ...places, end };
}

/** Takes a region for a graph. Give it back with `arena.release(layout.region)`. */
export function allocateGraph(store: VectorStore, shape: GraphShape): GraphLayout {
  const { dimensions, bits, count, rootBlocks } = shape;
  const { end, ...places } = placesOf({
    head: store.kernels.qgraphBytes(),
    mean: (dimensions + 1) * 4,
    signs: ROTATION_ROUNDS * bits * 4,
    root: rootBlocks * blockBytes(bits),
    records: count * recordBytes(shape),
  });
  const region = store.arena.allocate(end);
  for (const name of Object.keys(places) as (keyof typeof places)[]) places[name] += region;
  return { ...shape, ...places, region, bytes: end, sphere: 0 };
}

/** Takes a region for what a build needs. */
export function allocateBuild(store: VectorStore, layout: GraphLayout): BuildMemory {
  const { count, bits, degree } = layout;
  const { end, ...places } = placesOf({
    rotated: count * bits * 4,
    links: count * degree * 8,
    zeros: bits * 4,
    parents: count * 4,
    stack: count * 4,
  });
  const region = store.arena.allocate(end);
  for (const name of Object.keys(places) as (keyof typeof places)[]) places[name] += region;
  return { ...places, region };
}

/** Signs of the random rotation: a word of 0 or the sign bit for each component and round. */
export function drawSigns(store: VectorStore, layout: GraphLayout, seed: number): void {
  const next = seededWords(seed);
  const start = layout.signs >>> 2;
  for (let i = 0; i < ROTATION_ROUNDS * layout.bits; i++) store.arena.u32[start + i] = next() & 0x80000000;
}

/** Describes a graph to the kernels. */
export function openGraph(store: VectorStore, layout: GraphLayout, build?: BuildMemory): void {
  store.kernels.initQgraph(
    layout.head,
    store.metricNumber,
    layout.dimensions,
    layout.bits,
    layout.degree,
    layout.count,
    store.rows,
    layout.records,
    layout.mean,
    layout.signs,
    layout.root,
    layout.rootBlocks,
    layout.sphere,
    layout.coded ? 1 : 0,
    build?.rotated ?? 0,
    build?.links ?? 0,
  );
}

/** The saved parts of a graph, as they lie in memory. */
export function graphSections(
  store: VectorStore,
  layout: GraphLayout,
): { name: string; bytes: Uint8Array }[] {
  const { dimensions, bits, count, rootBlocks } = layout;
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: store.arena.u8.subarray(start, start + length),
  });
  return [
    part("mean", layout.mean, (dimensions + 1) * 4),
    part("signs", layout.signs, ROTATION_ROUNDS * bits * 4),
    part("root", layout.root, rootBlocks * blockBytes(bits)),
    part("records", layout.records, count * recordBytes(layout)),
  ];
}

/** A thread's scratch for beams of up to `poolLength` places; the graph must be open. */
export function allocateSlot(store: VectorStore, layout: GraphLayout, poolLength: number): number {
  const slot = store.arena.allocate(store.kernels.qgraphSlotBytes(layout.head, poolLength));
  store.kernels.initQgraphSlot(slot, layout.head, poolLength);
  return slot;
}
