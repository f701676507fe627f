// Inverted lists: vectors grouped by their nearest centroid, the lists nearest to a query are read.
//
// Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor Search" (2011). A list's members lie in blocks of 32:
//
//   ids       u32 per place; NONE behind the end of a list
//   block     [ codes of 32 vectors ][ add: 32 f32 ][ scale: 32 f32 ][ error: 32 f32 ]      absent for float lists
//
// Codes stand for the residual r = P(x - c) of a vector x against its centroid c, P a rotation or nothing, by a vector y
// of the same direction, roughly. Whatever the code, with f = |r|^2 / <y, r> the estimate of <r, q> is f <y, q>, and
// the estimate of the distance is
//
//   add + term + scale <y, P(q - origin)>      add, scale, term: see rabitq.ts
//
// so that a query's look-up tables are made once, not once for each list. `error` |q - c| bounds what the
// estimate is off by; a vector is measured on its floats only when its lower bound beats the k-th best so far: the
// bound, not a parameter, decides how many are refined.

import { BLOCK, Tables } from "./fast-scan";
import { Metric } from "./metrics";
import { difference, rotate } from "./rotation";
import { sumLanes } from "./simd";

/** How list members are stored; numbers shared with the host. */
export const enum Encoding {
  Float = 0,
  RaBitQ = 1,
  Product = 2,
  Byte = 3,
}

const FACTOR_BYTES: u32 = BLOCK * 12;

@final @unmanaged
export class Ivf {
  metric: Metric;
  encoding: Encoding;
  dimensions: u32;
  /** Dimensions of codes: rounded up to a multiple of 16. */
  padded: u32;
  /** Look-up tables of a code: one per 4 components (RaBitQ) or per part (Product). */
  tables: u32;
  lists: u32;
  rows: usize;
  /** Per list: its centroid, its first block (one more at the end), its members. */
  centroids: usize;
  starts: usize;
  sizes: usize;
  ids: usize;
  blocks: usize;
  /** Mean of all vectors. */
  origin: usize;
  /** Signs of the rotation. */
  signs: usize;
  /** Of Product: see pq.ts. */
  codebooks: usize;
  /** Blocks of codes of the centroids themselves, against the origin, and their numbers 0, 1, ...; 0 without codes. */
  coarse: usize;
  coarseIds: usize;

  @inline codeBytes(): u32 {
    return this.encoding == Encoding.Byte ? BLOCK * this.padded : this.tables << 4;
  }

  @inline blockBytes(): u32 {
    return this.encoding == Encoding.Float ? 0 : this.codeBytes() + FACTOR_BYTES;
  }

  @inline centroid(list: u32): usize {
    return this.centroids + <usize>list * (<usize>this.dimensions << 2);
  }

  @inline rotates(): bool {
    return this.encoding == Encoding.RaBitQ || this.encoding == Encoding.Byte;
  }
}

// A slot is one thread's scratch: see layOut.
@final @unmanaged
export class IvfSlot {
  rotated: usize;
  centre: usize;
  code: usize;
  entries: usize;
  values: usize;
  distances: usize;
  keys: usize;
  /** A bit per list that was read. */
  read: usize;
  sums: usize;
  lowers: usize;
  tables: Tables;
  /** What rounding the query may add to <y, q>. */
  slack: f32;
  /** |q|^2, for Dot. */
  square: f32;
  scored: u32;
  visited: u32;
  refined: u32;
  exhausted: u32;
}

// @ts-ignore: decorator
@inline
function aligned(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Lays a slot out from `at` on, or (`s` = 0) only counts its bytes. */
function layOut(at: usize, padded: u32, tables: u32, lists: u32, s: IvfSlot): usize {
  const start = at;
  const write = changetype<usize>(s) != 0;
  const floats = aligned(<usize>padded << 2);
  at += aligned(offsetof<IvfSlot>());
  if (write) s.rotated = at;
  at += floats;
  if (write) s.centre = at;
  at += floats;
  if (write) s.code = at;
  at += floats + 64;
  if (write) s.entries = at;
  at += aligned(max(<usize>tables << 4, <usize>padded << 1));
  if (write) s.values = at;
  at += aligned(<usize>tables << 6);
  if (write) s.distances = at;
  at += aligned((<usize>lists + 4) << 2);
  if (write) s.keys = at;
  at += aligned(<usize>lists << 3);
  if (write) s.read = at;
  at += aligned(((<usize>lists + 31) >> 5) << 2);
  if (write) s.sums = at;
  at += 128;
  if (write) s.lowers = at;
  at += 128;
  if (write) s.tables = changetype<Tables>(at);
  at += 64;
  return at - start;
}

export function ivfBytes(): u32 {
  return offsetof<Ivf>();
}

export function ivfSlotBytes(padded: u32, tables: u32, lists: u32): u32 {
  return <u32>layOut(0, padded, tables, lists, changetype<IvfSlot>(0));
}

export function initIvfSlot(s: IvfSlot, padded: u32, tables: u32, lists: u32): void {
  layOut(changetype<usize>(s), padded, tables, lists, s);
}

export function initIvf(
  v: Ivf, metric: Metric, encoding: Encoding, dimensions: u32, padded: u32, tables: u32, lists: u32, rows: usize,
  centroids: usize, starts: usize, sizes: usize, ids: usize, blocks: usize, origin: usize, signs: usize, codebooks: usize,
  coarse: usize, coarseIds: usize,
): void {
  v.metric = metric;
  v.encoding = encoding;
  v.dimensions = dimensions;
  v.padded = padded;
  v.tables = tables;
  v.lists = lists;
  v.rows = rows;
  v.centroids = centroids;
  v.starts = starts;
  v.sizes = sizes;
  v.ids = ids;
  v.blocks = blocks;
  v.origin = origin;
  v.signs = signs;
  v.codebooks = codebooks;
  v.coarse = coarse;
  v.coarseIds = coarseIds;
}

/** Address of four u32: vectors scored, lists read, vectors refined, whether all lists were read. */
export function ivfStats(s: IvfSlot): usize {
  return changetype<usize>(s) + offsetof<IvfSlot>("scored");
}

/** target = P(a - b), padded. */
// @ts-ignore: decorator
@inline
export function residual(v: Ivf, a: usize, b: usize, target: usize): void {
  difference(a, b, v.dimensions, v.padded, target);
  if (v.rotates()) rotate(target, v.padded, v.signs);
}

// @ts-ignore: decorator
@inline
export function dotOf(a: usize, b: usize, dimensions: u32): f32 {
  let sum = f32x4.splat(0);
  const bytes = <usize>dimensions << 2;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + at), v128.load(b + at)));
  let total = sumLanes(sum);
  for (; at < bytes; at += 4) total += load<f32>(a + at) * load<f32>(b + at);
  return total;
}
