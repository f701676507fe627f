// Searching inverted lists: choose lists, bound their members by codes, measure on the floats what may be near enough.

import { BLOCK, roundTables, scanBlock, signTables } from "./fast-scan";
import { dotOf, Encoding, Ivf, IvfSlot, residual } from "./ivf";
import { distanceOf, finite, keyOf, offer, sortHeap, splitKeys } from "./keys";
import { Cosine, Dot, distances4, Euclid, Manhattan, Metric } from "./metrics";
import { codebookDots } from "./pq";
import { rabitqQuery } from "./rabitq";
import { byteDots } from "./residual";
import { rowAt } from "./scan";

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
