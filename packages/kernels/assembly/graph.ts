// The graph as it lies in memory. A node is a vector's ordinal.
//
//   links     per node, `linkBytes` apart: up to `linkSlots` neighbours of layer 0, u32, ended by NONE if fewer
//   codes     per node, `codeBytes` apart: see codes.ts; absent (0) when the walk reads floats
//
// A layered graph (HNSW) finds where to start in layer 0 by its upper layers:
//
//   levels    per node, u8: its highest layer
//   upperAt   per node, u32: number of its first upper block (layers 1..level follow each other); unused at level 0
//   upper     blocks of `upperBytes`: up to `upperSlots` neighbours, u32, ended by NONE if fewer
//
// A flat graph (NSG, Vamana, flat HNSW) has none of these (0), but
//
//   entries   u32: nodes at which every walk starts, all different; the first is the root, from which all can be reached
//
// With 32 slots a node's layer 0 is two cache lines, 128-byte aligned.

import { Metric } from "./metrics";

export const NONE: u32 = 0xffffffff;

@final @unmanaged
export class Graph {
  metric: Metric;
  dimensions: u32;
  rows: usize;
  /** 0 when the walk reads floats. */
  codes: usize;
  codeBytes: u32;
  /** Dimensions rounded up to a multiple of 8. */
  padded: u32;
  mean: usize;
  links: usize;
  linkBytes: u32;
  linkSlots: u32;
  levels: usize;
  upperAt: usize;
  upper: usize;
  upperBytes: u32;
  upperSlots: u32;
  /** Number of nodes that there is room for. */
  capacity: u32;
  /** The root: where a layered search starts, and its layer; NONE and -1 while the graph is empty. */
  entry: u32;
  top: i32;
  /** 0 in a layered graph. */
  entries: usize;
  entryCount: u32;

  /** A node's list of neighbours in a layer. */
  @inline list(layer: u32, node: u32): usize {
    if (layer == 0) return this.links + <usize>node * <usize>this.linkBytes;
    const block = load<u32>(this.upperAt + (<usize>node << 2)) + layer - 1;
    return this.upper + <usize>block * <usize>this.upperBytes;
  }

  /** Most neighbours in a layer. */
  @inline slots(layer: u32): u32 {
    return layer == 0 ? this.linkSlots : this.upperSlots;
  }

  @inline code(node: u32): usize {
    return this.codes + <usize>node * <usize>this.codeBytes;
  }

  @inline row(node: u32): usize {
    return this.rows + <usize>node * (<usize>this.dimensions << 2);
  }

  @inline level(node: u32): u32 {
    return load<u8>(this.levels + node);
  }
}

/** Number of neighbours in a list. */
export function degree(list: usize, slots: u32): u32 {
  let length: u32 = 0;
  while (length < slots && load<u32>(list + (<usize>length << 2)) != NONE) length++;
  return length;
}

/**
 * Nodes that one step of a walk expands at most. Measured on words (100 dimensions) and images (784): 4 answers 10-20 %
 * more queries than 1 at a slightly better recall; more gains nothing.
 */
export const WIDTH: u32 = 4;
/** Most neighbours that a list can have (HNSW's m up to 128), and most entries of a flat graph. */
export const MOST_SLOTS: u32 = 256;
/** Most candidates that a node's neighbours are chosen from. DiskANN looks at 750, NSG at 500. */
export const MOST_CANDIDATES: u32 = 1024;
/** Neighbours that one step can gather; a few more for the tail of a group of four. */
const GATHER: u32 = WIDTH * MOST_SLOTS + 4;

// A slot is one thread's scratch for walks in one graph:
//
//   [ Slot ][ query: dimensions f32 ][ code: padded i16 ][ gathered: u32 ][ batch: u64 ][ kept: u32 ][ ranked: u64 ]
//   [ candidates: u64 ][ visited: capacity bits ]
//   [ pool: poolLength u64 ][ results: poolLength u64 ][ ordinals: u32 ][ distances: f32 ]
@final @unmanaged
export class Slot {
  /** Float form of the query: the slot's own, or the row of a node. */
  row: usize;
  /** Where the host puts a query. */
  query: usize;
  /** 16-bit form of the query, with its scale and half norm. */
  code: usize;
  scale: f32;
  half: f32;
  gathered: usize;
  batch: usize;
  kept: usize;
  ranked: usize;
  candidates: usize;
  visited: usize;
  visitedBytes: u32;
  pool: usize;
  poolLength: u32;
  results: usize;
  ordinals: usize;
  distances: usize;
  /** Of the last search: distances computed, nodes expanded, whether everything within reach was seen. */
  scored: u32;
  expanded: u32;
  exhausted: u32;
  /** Whether the next walks note what they expand, in `results`, and how many the last one noted. */
  recording: u32;
  recorded: u32;
  /** Takes what was only loaded to bring it near, so that the loads stay. */
  sink: u32;
}

// @ts-ignore: decorator
@inline
function aligned(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Lays a slot out from `slot` on, and returns the address behind it. */
function layOut(at: usize, dimensions: u32, capacity: u32, poolLength: u32, slot: Slot): usize {
  const write = changetype<usize>(slot) != 0;
  at += aligned(offsetof<Slot>());
  if (write) slot.query = at;
  at += aligned(<usize>dimensions << 2);
  if (write) slot.code = at;
  at += aligned(((<usize>dimensions + 7) & ~7) << 1);
  if (write) slot.gathered = at;
  at += aligned(<usize>GATHER << 2);
  if (write) slot.batch = at;
  at += aligned(<usize>GATHER << 3);
  if (write) slot.kept = at;
  at += aligned((<usize>MOST_SLOTS + 4) << 2);
  if (write) slot.ranked = at;
  at += aligned((<usize>MOST_SLOTS + 4) << 3);
  if (write) slot.candidates = at;
  at += aligned(<usize>MOST_CANDIDATES << 3);
  const visitedBytes = aligned((<usize>capacity + 7) >> 3);
  if (write) {
    slot.visited = at;
    slot.visitedBytes = <u32>visitedBytes;
  }
  at += visitedBytes;
  if (write) {
    slot.pool = at;
    slot.poolLength = poolLength;
  }
  at += aligned(<usize>poolLength << 3);
  if (write) slot.results = at;
  at += aligned(<usize>poolLength << 3);
  if (write) slot.ordinals = at;
  at += aligned(<usize>poolLength << 2);
  if (write) slot.distances = at;
  at += aligned(<usize>poolLength << 2);
  return at;
}

/** Bytes that a slot takes. */
export function slotBytes(dimensions: u32, capacity: u32, poolLength: u32): usize {
  return layOut(0, dimensions, capacity, poolLength, changetype<Slot>(0));
}

/** Makes a slot at an address (64-byte aligned) with `slotBytes` bytes. */
export function initSlot(at: usize, dimensions: u32, capacity: u32, poolLength: u32): void {
  const slot = changetype<Slot>(at);
  layOut(at, dimensions, capacity, poolLength, slot);
  slot.row = slot.query;
  slot.recording = 0;
}

/** Where the host puts a query (f32). */
export function slotQuery(slot: Slot): usize {
  return slot.query;
}

/** Address of the last search's ordinals (u32). */
export function slotOrdinals(slot: Slot): usize {
  return slot.ordinals;
}

/** Address of the last search's distances (f32). */
export function slotDistances(slot: Slot): usize {
  return slot.distances;
}

/** Address of: scored, expanded, exhausted (u32 each). */
export function slotStats(slot: Slot): usize {
  return changetype<usize>(slot) + offsetof<Slot>("scored");
}

export function graphBytes(): usize {
  return aligned(offsetof<Graph>());
}

/** Describes a graph at an address with `graphBytes` bytes; the regions are the host's to fill or to `clearGraph`. */
export function initGraph(
  at: usize, metric: Metric, dimensions: u32, rows: usize, codes: usize, codeBytes: u32, mean: usize,
  links: usize, linkBytes: u32, linkSlots: u32, levels: usize, upperAt: usize, upper: usize, upperBytes: u32,
  upperSlots: u32, capacity: u32, entry: u32, top: i32, entries: usize, entryCount: u32,
): void {
  const graph = changetype<Graph>(at);
  graph.metric = metric;
  graph.dimensions = dimensions;
  graph.rows = rows;
  graph.codes = codes;
  graph.codeBytes = codeBytes;
  graph.padded = (dimensions + 7) & ~7;
  graph.mean = mean;
  graph.links = links;
  graph.linkBytes = linkBytes;
  graph.linkSlots = linkSlots;
  graph.levels = levels;
  graph.upperAt = upperAt;
  graph.upper = upper;
  graph.upperBytes = upperBytes;
  graph.upperSlots = upperSlots;
  graph.capacity = capacity;
  graph.entry = entry;
  graph.top = top;
  graph.entries = entries;
  graph.entryCount = entryCount;
}

export function graphEntry(graph: Graph): u32 {
  return graph.entry;
}

export function graphTop(graph: Graph): i32 {
  return graph.top;
}
