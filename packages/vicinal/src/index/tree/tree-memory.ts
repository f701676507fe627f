/**
 * Where a tree of balls lies: one region of its store's memory. The nodes are drawn in the kernels' tree.ts; the
 * same bytes, part by part, are the sections of a saved index.
 *
 *   [ head ][ nodes: nodeCount x 32 ][ pivots: nodeCount x dimensions f32 ][ order: count u32 ]
 *   [ mean: dimensions f32 ][ codes: count x codeBytes ]                     each part 64-byte aligned
 *
 * The codes (kernels' codes.ts), where there are any, lie in the order of `order`, so that a leaf's follow each other.
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
  head: number;
  nodes: number;
  pivots: number;
  order: number;
  mean: number;
  codes: number;
  /** 0 when leaves are compared on the floats. */
  codeBytes: number;
  nodeCount: number;
  dimensions: number;
  /** Rows that `order` has room for. */
  count: number;
  bytes: number;
}

/** How vectors are compared in leaves; answers are always refined on the floats. */
export type Encoding = "int8" | "float32";

/** A head of 8 bytes before each code: scale and half norm. */
const CODE_HEAD_BYTES = 8;
const padded = (dimensions: number) => Math.ceil(dimensions / 8) * 8;
/** Rows that the mean is taken of, at most. */
const MEAN_ROWS = 20_000;

/** Takes a region for a tree. Give it back with `arena.release(layout.region)`. */
export function allocateTree(
  store: VectorStore,
  encoding: Encoding,
  nodeCount: number,
  count: number,
): TreeLayout {
  const { dimensions, kernels } = store;
  const codeBytes = encoding === "int8" ? padded(dimensions) + CODE_HEAD_BYTES : 0;
  let end = 0;
  const part = (bytes: number) => {
    const start = end;
    end = Math.ceil((end + bytes) / 64) * 64;
    return start;
  };
  const head = part(kernels.treeBytes());
  const nodes = part(nodeCount * NODE_BYTES);
  const pivots = part(nodeCount * dimensions * 4);
  const order = part(count * 4);
  const mean = part(codeBytes > 0 ? dimensions * 4 : 0);
  const codes = part(count * codeBytes);
  const region = store.arena.allocate(end);
  return {
    region,
    head: region + head,
    nodes: region + nodes,
    pivots: region + pivots,
    order: region + order,
    mean: region + mean,
    codes: region + codes,
    codeBytes,
    nodeCount,
    dimensions,
    count,
    bytes: nodeCount * (NODE_BYTES + dimensions * 4) + count * (4 + codeBytes),
  };
}

/** Describes the tree to the kernels. */
export function openTree(store: VectorStore, layout: TreeLayout): void {
  store.kernels.initTree(
    layout.head,
    store.metricNumber,
    layout.dimensions,
    store.rows,
    layout.nodes,
    layout.pivots,
    layout.order,
    layout.nodeCount,
    layout.codeBytes > 0 ? layout.codes : 0,
    layout.codeBytes,
    layout.mean,
  );
}

/** Writes the mean and the codes of the rows at places 0..present-1 of the order, in steps. `sums`: dimensions f64. */
export function* encodeSteps(
  store: VectorStore,
  layout: TreeLayout,
  present: number,
  sums: number,
): Generator<number, void> {
  const { kernels, arena, metric, dimensions, rows } = store;
  const { codeBytes, mean, codes } = layout;
  if (codeBytes === 0) return;
  // The inner product is not invariant under translation: its codes keep the origin.
  const counted = metric === "Dot" ? 0 : store.count;
  kernels.meanOf(rows, dimensions, counted, Math.max(1, Math.floor(counted / MEAN_ROWS)), sums, mean);
  const order = arena.u32.subarray(layout.order >>> 2, (layout.order >>> 2) + present);
  const normed = metric === "Dot" ? 0 : 1;
  for (let place = 0; place < present; place++) {
    const row = order[place];
    // The kernel writes row r's code at `base` + r x codeBytes.
    const base = codes + (place - row) * codeBytes;
    kernels.encodeRows(rows, dimensions, row, row + 1, mean, padded(dimensions), normed, base, codeBytes);
    if ((place & 4095) === 4095) yield place;
  }
}

/** The parts as they lie in memory. */
export function treeSections(store: VectorStore, layout: TreeLayout): { name: string; bytes: Uint8Array }[] {
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: store.arena.u8.subarray(start, start + length),
  });
  const sections = [
    part("nodes", layout.nodes, layout.nodeCount * NODE_BYTES),
    part("pivots", layout.pivots, layout.nodeCount * layout.dimensions * 4),
    part("order", layout.order, layout.count * 4),
  ];
  if (layout.codeBytes > 0) {
    sections.push(part("mean", layout.mean, layout.dimensions * 4));
    sections.push(part("codes", layout.codes, layout.count * layout.codeBytes));
  }
  return sections;
}

/** Writes a built tree into its region; its order may be shorter than the region's. */
export function putTree(store: VectorStore, layout: TreeLayout, tree: BuiltTree): void {
  store.arena.u32.set(tree.nodes, layout.nodes >>> 2);
  store.arena.f32.set(tree.pivots, layout.pivots >>> 2);
  store.arena.u32.set(tree.order, layout.order >>> 2);
}
