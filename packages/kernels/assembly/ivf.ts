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

import { BLOCK, roundTables, scanBlock, signTables, Tables } from "./fast-scan";
import { distanceOf, finite, keyOf, offer, sortHeap, splitKeys } from "./keys";
import { Cosine, Dot, distances4, Euclid, Manhattan, Metric } from "./metrics";
import { codebookDots, codebookEncode, codebookVector } from "./pq";
import { rabitqEncode, rabitqQuery, RABITQ_HEAD_BYTES } from "./rabitq";
import { difference, rotate } from "./rotation";
import { rowAt } from "./scan";
import { byteDots, byteEncode, residualFactors } from "./residual";
import { sumLanes } from "./simd";

/** How list members are stored; numbers shared with the host. */
export const enum Encoding {
  Float = 0,
  RaBitQ = 1,
  Product = 2,
  Byte = 3,
}

const NONE: u32 = 0xffffffff;
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
function residual(v: Ivf, a: usize, b: usize, target: usize): void {
  difference(a, b, v.dimensions, v.padded, target);
  if (v.rotates()) rotate(target, v.padded, v.signs);
}

// @ts-ignore: decorator
@inline
function dotOf(a: usize, b: usize, dimensions: u32): f32 {
  let sum = f32x4.splat(0);
  const bytes = <usize>dimensions << 2;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + at), v128.load(b + at)));
  let total = sumLanes(sum);
  for (; at < bytes; at += 4) total += load<f32>(a + at) * load<f32>(b + at);
  return total;
}

/** <c, x - c> */
// @ts-ignore: decorator
@inline
function innerResidual(c: usize, x: usize, dimensions: u32): f32 {
  return dotOf(c, x, dimensions) - dotOf(c, c, dimensions);
}

/** Encodes x against the centre c, whose rotated form relative to the origin is in the slot, into a lane of a block. */
function encodeOne(v: Ivf, s: IvfSlot, x: usize, c: usize, metric: Metric, block: usize, lane: u32, epsilon: f32): void {
  const inner: f32 = metric == Metric.Euclid ? 0 : innerResidual(c, x, v.dimensions);
  const factors = block + <usize>v.codeBytes() + (<usize>lane << 2);
  residual(v, x, c, s.rotated);
  if (v.encoding == Encoding.RaBitQ) {
    rabitqEncode(s.rotated, v.padded, 1, metric, s.centre, inner, epsilon, s.code);
    store<f32>(factors, load<f32>(s.code));
    store<f32>(factors, load<f32>(s.code, 4), 128);
    store<f32>(factors, load<f32>(s.code, 8), 256);
    for (let t: u32 = 0; t < v.tables; t++) {
      const word = load<u16>(s.code + RABITQ_HEAD_BYTES + (<usize>(t >> 2) << 1));
      putCode(block, lane, t, (<u32>word >> ((t & 3) << 2)) & 15);
    }
    return;
  }
  if (v.encoding == Encoding.Product) {
    codebookEncode(s.rotated, v.padded, v.tables, 16, v.codebooks, s.entries);
    for (let t: u32 = 0; t < v.tables; t++) putCode(block, lane, t, load<u8>(s.entries + t));
    codebookVector(s.entries, v.padded, v.tables, 16, v.codebooks, s.code);
  } else byteEncode(s.rotated, v.padded, 0, block + <usize>lane * <usize>v.padded, s.code);
  residualFactors(s.rotated, s.code, v.padded, metric, s.centre, inner, epsilon, factors, 128);
}

/** Encodes the members of lists from..to-1. */
export function ivfEncode(v: Ivf, s: IvfSlot, from: u32, to: u32, epsilon: f32): void {
  if (v.encoding == Encoding.Float) return;
  const blockBytes = <usize>v.blockBytes();
  for (let list = from; list < to; list++) {
    const c = v.centroid(list);
    residual(v, c, v.origin, s.centre);
    const size = load<u32>(v.sizes + (<usize>list << 2));
    const first = load<u32>(v.starts + (<usize>list << 2));
    const last = load<u32>(v.starts + (<usize>list << 2), 4);
    memory.fill(v.blocks + <usize>first * blockBytes, 0, <usize>(last - first) * blockBytes);
    for (let i: u32 = 0; i < size; i++) {
      const place = first * BLOCK + i;
      const x = v.rows + <usize>load<u32>(v.ids + (<usize>place << 2)) * (<usize>v.dimensions << 2);
      encodeOne(v, s, x, c, v.metric, v.blocks + <usize>(place / BLOCK) * blockBytes, place % BLOCK, epsilon);
    }
  }
}

/** Encodes the centroids against the origin, and numbers them. */
export function ivfEncodeCentroids(v: Ivf, s: IvfSlot, epsilon: f32): void {
  if (!v.coarse) return;
  const blockBytes = <usize>v.blockBytes();
  const blocks = (v.lists + BLOCK - 1) / BLOCK;
  memory.fill(v.coarse, 0, <usize>blocks * blockBytes);
  memory.fill(s.centre, 0, <usize>v.padded << 2);
  const metric = v.metric == Metric.Dot ? Metric.Dot : Metric.Euclid;
  for (let i: u32 = 0; i < v.lists; i++) {
    store<u32>(v.coarseIds + (<usize>i << 2), i);
    encodeOne(v, s, v.centroid(i), v.origin, metric, v.coarse + <usize>(i / BLOCK) * blockBytes, i % BLOCK, epsilon);
  }
}

/** Puts a 4-bit code into its block. */
// @ts-ignore: decorator
@inline
function putCode(block: usize, lane: u32, table: u32, code: u32): void {
  const at = block + (<usize>table << 4) + <usize>(lane & 15);
  store<u8>(at, load<u8>(at) | <u8>(lane < 16 ? code : code << 4));
}

/** Makes the tables, or the 16-bit form, of a query. */
function prepare(v: Ivf, s: IvfSlot, query: usize): void {
  s.square = dotOf(query, query, v.dimensions);
  if (v.encoding == Encoding.Float) return;
  residual(v, query, v.origin, s.rotated);
  const tables = s.tables;
  s.slack = 0;
  if (v.encoding == Encoding.Byte) {
    tables.step = rabitqQuery(s.rotated, v.padded, s.entries);
    tables.bias = 0;
    return;
  }
  if (v.encoding == Encoding.RaBitQ) signTables(s.rotated, v.padded, s.entries, tables);
  else {
    codebookDots(s.rotated, v.padded, v.tables, 16, v.codebooks, s.values);
    roundTables(s.values, v.tables, s.entries, tables);
  }
  // Entries are off by up to half a step each, evenly: two standard deviations of their sum.
  s.slack = 2 * tables.step * Mathf.sqrt(<f32>v.tables / 12);
}

/** Distances of the query to all centroids: squared Euclid, or for Dot the negative inner product. */
function measureCentroids(v: Ivf, s: IvfSlot, query: usize): void {
  const stride = <usize>v.dimensions << 2;
  const out = s.distances;
  const lists = v.lists;
  for (let i: u32 = 0; i < lists; i += 4) {
    const last = lists - 1;
    const a = v.centroid(i);
    const b = v.centroid(min(i + 1, last));
    const c = v.centroid(min(i + 2, last));
    const d = v.centroid(min(i + 3, last));
    const distances = v.metric == Metric.Dot
      ? distances4<Dot>(query, a, b, c, d, v.dimensions)
      : v.metric == Metric.Manhattan
        ? distances4<Manhattan>(query, a, b, c, d, v.dimensions)
        : distances4<Euclid>(query, a, b, c, d, v.dimensions);
    v128.store(out + (<usize>i << 2), finite(distances));
  }
}

/** The nearest `count` lists by their exact distances, as rising keys. */
function rankLists(v: Ivf, s: IvfSlot, query: usize, count: u32): u32 {
  measureCentroids(v, s, query);
  s.scored += v.lists;
  let size: u32 = 0;
  let worst: f32 = f32.POSITIVE_INFINITY;
  for (let i: u32 = 0; i < v.lists; i++) {
    const distance = load<f32>(s.distances + (<usize>i << 2));
    if (size == count && distance >= worst) continue;
    size = offer(s.keys, size, count, keyOf(distance, i));
    if (size == count) worst = distanceOf(load<u64>(s.keys));
  }
  sortHeap(s.keys, size);
  return size;
}

/** Centroids are found by their codes when fewer than this share of them is wanted. */
const CODED_SHARE: u32 = 6;

/** The nearest `count` lists, as rising keys: by codes of the centroids where few are wanted, else by their floats. */
function chooseLists(v: Ivf, s: IvfSlot, query: usize, count: u32): u32 {
  if (!v.coarse || count * CODED_SHARE > v.lists) return rankLists(v, s, query, count);
  let size: u32;
  if (v.metric == Metric.Dot) {
    const dot = dotOf(query, v.origin, v.dimensions);
    const square = s.square + dotOf(v.origin, v.origin, v.dimensions) - 2 * dot;
    const away = Mathf.sqrt(max<f32>(0, square));
    size = readCodes<Dot>(v, s, query, v.centroids, v.coarseIds, v.coarse, v.lists, -dot, away, 0, count, s.keys, 0);
  } else {
    const square = dotOf(s.rotated, s.rotated, v.padded);
    const away = Mathf.sqrt(square);
    size = readCodes<Euclid>(v, s, query, v.centroids, v.coarseIds, v.coarse, v.lists, square, away, 0, count, s.keys, 0);
  }
  sortHeap(s.keys, size);
  return size;
}

/** Lower bounds of a block's distances; a bit for each that lies below `worst`. */
// @ts-ignore: decorator
@inline
function boundBlock(factors: usize, sums: usize, lowers: usize, bias: f32, step: f32, term: f32, away: f32, worst: f32): u32 {
  let below: u32 = 0;
  const limit = f32x4.splat(worst);
  for (let i: u32 = 0; i < 8; i++) {
    const at = factors + (<usize>i << 4);
    const inner = f32x4.add(f32x4.splat(bias), f32x4.mul(f32x4.splat(step), v128.load(sums + (<usize>i << 4))));
    const estimate = f32x4.add(f32x4.add(v128.load(at), f32x4.splat(term)), f32x4.mul(v128.load(at, 128), inner));
    const lower = f32x4.sub(estimate, f32x4.mul(v128.load(at, 256), f32x4.splat(away)));
    v128.store(lowers + (<usize>i << 4), lower);
    below |= i32x4.bitmask(f32x4.lt(lower, limit)) << (i << 2);
  }
  return below;
}

/** Measures four rows and offers them; returns the heap's new size. */
// @ts-ignore: decorator
@inline
function offerRows<M>(
  query: usize, rows: usize, dimensions: u32, a: u32, b: u32, c: u32, d: u32, lanes: u32, k: u32, heap: usize, size: u32,
): u32 {
  const stride = <usize>dimensions << 2;
  const distances = finite(distances4<M>(
    query, rowAt(rows, a, stride), rowAt(rows, b, stride), rowAt(rows, c, stride), rowAt(rows, d, stride), dimensions,
  ));
  size = offer(heap, size, k, keyOf(f32x4.extract_lane(distances, 0), a));
  if (lanes > 1) size = offer(heap, size, k, keyOf(f32x4.extract_lane(distances, 1), b));
  if (lanes > 2) size = offer(heap, size, k, keyOf(f32x4.extract_lane(distances, 2), c));
  if (lanes > 3) size = offer(heap, size, k, keyOf(f32x4.extract_lane(distances, 3), d));
  return size;
}

/**
 * Reads `members` codes from `blocks` on, of the rows that `ids` names, into a heap of the best k; returns the heap's new
 * size. `term` and `away` as drawn above.
 */
function readCodes<M>(
  v: Ivf, s: IvfSlot, query: usize, rows: usize, ids: usize, blocks: usize, members: u32, term: f32, away: f32,
  bits: usize, k: u32, heap: usize, size: u32,
): u32 {
  const blockBytes = <usize>v.blockBytes();
  const codeBytes = <usize>v.codeBytes();
  const tables = s.tables;
  const coded = v.encoding != Encoding.Float;
  let worst = size < k ? f32.POSITIVE_INFINITY : distanceOf(load<u64>(heap));
  let i0: u32 = 0, i1: u32 = 0, i2: u32 = 0, waiting: u32 = 0;
  s.scored += members;
  for (let done: u32 = 0; done < members; done += BLOCK) {
    let mask: u32 = members - done >= BLOCK ? 0xffffffff : (1 << (members - done)) - 1;
    if (bits) {
      let passing: u32 = 0;
      for (let rest = mask; rest; rest &= rest - 1) {
        const id = load<u32>(ids + (<usize>ctz(rest) << 2));
        passing |= ((load<u32>(bits + ((<usize>id >> 5) << 2)) >> (id & 31)) & 1) << ctz(rest);
      }
      mask = passing;
    }
    if (mask && coded) {
      if (v.encoding == Encoding.Byte) byteDots(blocks, s.entries, v.padded, min(BLOCK, members - done), s.sums);
      else scanBlock(blocks, s.entries, v.tables, s.sums);
      mask &= boundBlock(blocks + codeBytes, s.sums, s.lowers, tables.bias + s.slack, tables.step, term, away, worst);
    }
    for (; mask; mask &= mask - 1) {
      const lane = ctz(mask);
      if (coded && load<f32>(s.lowers + (<usize>lane << 2)) >= worst) continue;
      const id = load<u32>(ids + (<usize>lane << 2));
      if (waiting == 3) {
        size = offerRows<M>(query, rows, v.dimensions, i0, i1, i2, id, 4, k, heap, size);
        if (size == k) worst = distanceOf(load<u64>(heap));
        s.refined += 4;
        waiting = 0;
        continue;
      }
      if (waiting == 0) i0 = id;
      else if (waiting == 1) i1 = id;
      else i2 = id;
      waiting++;
    }
    blocks += blockBytes;
    ids += BLOCK << 2;
  }
  if (waiting) {
    if (waiting < 2) i1 = i0;
    if (waiting < 3) i2 = i1;
    size = offerRows<M>(query, rows, v.dimensions, i0, i1, i2, i2, waiting, k, heap, size);
    s.refined += waiting;
  }
  return size;
}

/** Reads one list, at distance `key`, into a heap of the best k; returns the heap's new size. */
function readList<M>(
  v: Ivf, s: IvfSlot, list: u32, key: f32, query: usize, bits: usize, k: u32, heap: usize, size: u32,
): u32 {
  const members = load<u32>(v.sizes + (<usize>list << 2));
  const first = load<u32>(v.starts + (<usize>list << 2));
  let term = key;
  let square = key;
  if (v.encoding != Encoding.Float && v.metric != Metric.Euclid) {
    const c = v.centroid(list);
    const dot = dotOf(query, c, v.dimensions);
    term = v.metric == Metric.Cosine ? 1 - dot : -dot;
    if (v.metric == Metric.Dot) square = s.square + dotOf(c, c, v.dimensions) - 2 * dot;
  }
  const away = Mathf.sqrt(max<f32>(0, square));
  const blocks = v.blocks + <usize>first * <usize>v.blockBytes();
  const ids = v.ids + (<usize>first << 7);
  store<u32>(s.read + ((<usize>list >> 5) << 2), load<u32>(s.read + ((<usize>list >> 5) << 2)) | (1 << (list & 31)));
  return readCodes<M>(v, s, query, v.rows, ids, blocks, members, term, away, bits, k, heap, size);
}

/** True when a list was read already. */
// @ts-ignore: decorator
@inline
function wasRead(s: IvfSlot, list: u32): bool {
  return ((load<u32>(s.read + ((<usize>list >> 5) << 2)) >> (list & 31)) & 1) != 0;
}

function readLists<M>(v: Ivf, s: IvfSlot, query: usize, probes: u32, bits: usize, k: u32, heap: usize): u32 {
  memory.fill(s.read, 0, ((<usize>v.lists + 31) >> 5) << 2);
  let size: u32 = 0;
  let reach = min(probes, v.lists);
  let chosen = chooseLists(v, s, query, reach);
  let done: u32 = 0;
  while (true) {
    for (let i: u32 = 0; i < chosen; i++) {
      const key = load<u64>(s.keys + (<usize>i << 3));
      if (wasRead(s, <u32>key)) continue;
      size = readList<M>(v, s, <u32>key, distanceOf(key), query, bits, k, heap, size);
      done++;
    }
    if (size == k || reach == v.lists) break;
    reach = min(reach << 1, v.lists);
    chosen = rankLists(v, s, query, reach);
  }
  s.visited = done;
  s.exhausted = done == v.lists ? 1 : 0;
  return size;
}

/**
 * The nearest k among the members of the nearest `probes` lists (of those whose bits are set, where `bits` is not 0),
 * and of further lists until there are k. `heap` takes k u64. Returns how many were found.
 */
export function ivfSearch(
  v: Ivf, s: IvfSlot, query: usize, k: u32, probes: u32, bits: usize, heap: usize, ordinals: usize, distances: usize,
): u32 {
  s.scored = 0;
  s.refined = 0;
  prepare(v, s, query);
  let size: u32;
  if (v.metric == Metric.Euclid) size = readLists<Euclid>(v, s, query, probes, bits, k, heap);
  else if (v.metric == Metric.Cosine) size = readLists<Cosine>(v, s, query, probes, bits, k, heap);
  else if (v.metric == Metric.Dot) size = readLists<Dot>(v, s, query, probes, bits, k, heap);
  else size = readLists<Manhattan>(v, s, query, probes, bits, k, heap);
  sortHeap(heap, size);
  splitKeys(heap, size, ordinals, distances);
  return size;
}
