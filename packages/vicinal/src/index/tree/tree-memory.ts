/**
 * Where a tree of balls lies: one region of its store's memory. The nodes are drawn in the kernels' tree.ts; the
 * same bytes, part by part, are the sections of a saved index.
 *
 *   [ nodes: nodeCount x 32 ][ pivots: nodeCount x dimensions f32 ][ order: count u32 ]     each part 64-byte aligned
 */
import type { VectorStore } from "../vector-store.js";

export const NODE_BYTES = 32;
/** Places of a node's fields, in 32-bit words. */
export const NODE_WORDS = NODE_BYTES / 4;
export const FIRST = 0;
export const CHILDREN = 1;
export const START = 2;
export const LENGTH = 3;
export const RADIUS = 4;
export const SPREAD = 5;
export const NORM = 6;
export const REACH = 7;

/** A tree outside the store's memory, as a build makes it. */
export interface BuiltTree {
  /** NODE_WORDS per node; the last four are floats. */
  nodes: Uint32Array;
  pivots: Float32Array;
  /** Ordinals, leaf by leaf. */
  order: Uint32Array;
}

/** Addresses; can be posted to another thread. */
export interface TreeLayout {
  region: number;
  nodes: number;
  pivots: number;
  order: number;
  nodeCount: number;
  dimensions: number;
  /** Rows that `order` has room for. */
  count: number;
  bytes: number;
}

/** Takes a region for a tree. Give it back with `arena.release(layout.region)`. */
export function allocateTree(store: VectorStore, nodeCount: number, count: number): TreeLayout {
  const { dimensions } = store;
  let end = 0;
  const part = (bytes: number) => {
    const start = end;
    end = Math.ceil((end + bytes) / 64) * 64;
    return start;
  };
  const nodes = part(nodeCount * NODE_BYTES);
  const pivots = part(nodeCount * dimensions * 4);
  const order = part(count * 4);
  const region = store.arena.allocate(end);
  return {
    region,
    nodes: region + nodes,
    pivots: region + pivots,
    order: region + order,
    nodeCount,
    dimensions,
    count,
    bytes: nodeCount * (NODE_BYTES + dimensions * 4) + count * 4,
  };
}

/** The parts as they lie in memory. */
export function treeSections(store: VectorStore, layout: TreeLayout): { name: string; bytes: Uint8Array }[] {
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: store.arena.u8.subarray(start, start + length),
  });
  return [
    part("nodes", layout.nodes, layout.nodeCount * NODE_BYTES),
    part("pivots", layout.pivots, layout.nodeCount * layout.dimensions * 4),
    part("order", layout.order, layout.count * 4),
  ];
}

/** Writes a built tree into its region; its order may be shorter than the region's. */
export function putTree(store: VectorStore, layout: TreeLayout, tree: BuiltTree): void {
  store.arena.u32.set(tree.nodes, layout.nodes >>> 2);
  store.arena.f32.set(tree.pivots, layout.pivots >>> 2);
  store.arena.u32.set(tree.order, layout.order >>> 2);
}
