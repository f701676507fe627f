// Locality-sensitive hashing: hash vectors, fill tables, probe buckets. This file says where all of it lies; lsh-hash.ts
// holds the functions, lsh-tables.ts fills, lsh-moves.ts lists what a query may try next, lsh-search.ts probes.
//
// One frame serves every hash function. A function turns a vector into an integer h and names its next best integers
// with a score each (the squared distance to the boundary that would have to be crossed). A table concatenates
// `functions` of them; its fingerprint is a second, universal hash: mix(sum of multiplier_j * h_j mod 2^32), so that
// a changed h_j is an added difference, and a probe costs a few additions.
//
// Table:  starts: (cells + 1) u32   first entry of each cell; cell = the fingerprint's upper bits
//         entries: count x [ fingerprint u32 ][ ordinal u32 ]   grouped by cell, ordinals rising

import { Metric } from "./metrics";

export const enum HashKind {
  Stable = 0,
  Hyperplane = 1,
  CrossPolytope = 2,
}

/** Signs and transform this many times; two are not enough to spread a sparse vector. */
export const ROUNDS: u32 = 3;
/** Moves per table: the best next integers of all its functions, one bit each in a probe's set. */
export const MOVES: u32 = 32;
/** Candidates scored at once. */
export const BATCH: u32 = 256;

@unmanaged
export class Lsh {
  metric: Metric;
  kind: HashKind;
  dimensions: u32;
  rows: usize;
  count: u32;
  tables: u32;
  functions: u32;
  /** Bits of a fingerprint that choose the cell, 1..31. */
  cellBits: u32;
  /** 1 / w. */
  inverseWidth: f32;
  /** The largest squared norm, or 0: no tail. */
  largest: f32;
  /** Cross-polytope: padded dimensions, a power of two from 4 on, and the axes that a table's last function looks at. */
  padded: u32;
  lastAxes: u32;
  /**
   * tables x functions x (dimensions + 1) f32, the last of each for the tail; cross-polytope: tables x functions x
   * ROUNDS x padded f32, +1 or -1.
   */
  directions: usize;
  /** tables x functions f32. */
  offsets: usize;
  /** tables x functions u32, odd. */
  multipliers: usize;
  /** One table after the other. */
  starts: usize;
  entries: usize;

  @inline cells(): u32 {
    return 1 << this.cellBits;
  }
  @inline startsOf(table: u32): usize {
    return this.starts + ((<usize>table * (<usize>this.cells() + 1)) << 2);
  }
  @inline entriesOf(table: u32): usize {
    return this.entries + ((<usize>table * this.count) << 3);
  }
  @inline cellOf(fingerprint: u32): u32 {
    return fingerprint >> (32 - this.cellBits);
  }
}

export function lshBytes(): usize {
  return offsetof<Lsh>();
}

export function initLsh(
  at: Lsh, metric: Metric, kind: HashKind, dimensions: u32, rows: usize, count: u32, tables: u32, functions: u32,
  cellBits: u32, inverseWidth: f32, largest: f32, padded: u32, lastAxes: u32, directions: usize, offsets: usize,
  multipliers: usize, starts: usize, entries: usize,
): void {
  at.metric = metric;
  at.kind = kind;
  at.dimensions = dimensions;
  at.rows = rows;
  at.count = count;
  at.tables = tables;
  at.functions = functions;
  at.cellBits = cellBits;
  at.inverseWidth = inverseWidth;
  at.largest = largest;
  at.padded = padded;
  at.lastAxes = lastAxes;
  at.directions = directions;
  at.offsets = offsets;
  at.multipliers = multipliers;
  at.starts = starts;
  at.entries = entries;
}

/** A thread's scratch. All parts are 16-byte aligned. */
@unmanaged
export class Work {
  /** Buckets looked up, distances computed, and whether the probes ran out before the effort. */
  probed: u32;
  scored: u32;
  ended: u32;
  /** The most probes that fit. */
  effort: u32;
  /** What a table's functions made of a vector. */
  values: usize;
  /** Per table: the sum of the query's own bucket, and MOVES x [ score f32 ][ difference u32 ][ function u32 ][ rivals u32 ]. */
  sums: usize;
  moves: usize;
  /** Per table: how many moves there are. */
  moveCounts: usize;
  /** A max-heap of inverted keys ~[ score : 32 ][ set : 32 ], so that the least score is on top, and the sets: [ moves, a bit each : 32 ][ table : 32 ]. */
  heap: usize;
  sets: usize;
  visited: usize;
  candidates: usize;
  distances: usize;
}

export const MOVE_BYTES: usize = 16;
/** Sets popped per probe at most: some hold two moves of one function and name no bucket. */
export const POPS_PER_PROBE: u32 = 4;

// @ts-ignore: decorator
@inline
function aligned(bytes: usize): usize {
  return (bytes + 15) & ~15;
}

// @ts-ignore: decorator
@inline
function setsFor(tables: u32, effort: u32): u32 {
  return tables + POPS_PER_PROBE * effort + 2;
}

// @ts-ignore: decorator
@inline
function valueCount(l: Lsh): u32 {
  return l.kind == HashKind.CrossPolytope ? l.functions * l.padded : l.functions + 4;
}

/** Bytes of a scratch for searches with up to `effort` probes. */
export function lshWorkBytes(l: Lsh, effort: u32): usize {
  const sets = <usize>setsFor(l.tables, effort);
  return aligned(offsetof<Work>()) + aligned(<usize>valueCount(l) << 2) + 2 * aligned(<usize>l.tables << 2) +
    aligned(<usize>l.tables * MOVES * MOVE_BYTES) + 2 * aligned(sets << 3) +
    aligned((<usize>(l.count + 31) >> 5) << 2) + 2 * aligned(BATCH << 2);
}

export function initLshWork(w: Work, l: Lsh, effort: u32): void {
  const sets = <usize>setsFor(l.tables, effort);
  let at = changetype<usize>(w) + aligned(offsetof<Work>());
  w.effort = effort;
  w.values = at;
  at += aligned(<usize>valueCount(l) << 2);
  w.sums = at;
  at += aligned(<usize>l.tables << 2);
  w.moveCounts = at;
  at += aligned(<usize>l.tables << 2);
  w.moves = at;
  at += aligned(<usize>l.tables * MOVES * MOVE_BYTES);
  w.heap = at;
  at += aligned(sets << 3);
  w.sets = at;
  at += aligned(sets << 3);
  w.visited = at;
  at += aligned((<usize>(l.count + 31) >> 5) << 2);
  w.candidates = at;
  at += aligned(BATCH << 2);
  w.distances = at;
}
