// Exact scans: every row, the rows of a bit set, or the rows of a list, with the best k kept in a heap.
//
// The caller lays out: query (dimensions f32), rows (row-major f32, no padding), bits (bit `ordinal & 31` of word
// `ordinal >>> 5`), heap (k u64), ordinals (k u32) and distances (k f32) for the answer. Nothing need be zeroed.

import { distanceOf, finite, keyOf, offer, sortHeap, splitKeys } from "./keys";
import { Cosine, Dot, distances4, Euclid, Manhattan, Metric } from "./metrics";

// @ts-ignore: decorator
@inline
export function rowAt(rows: usize, ordinal: u32, stride: usize): usize {
  return rows + <usize>ordinal * stride;
}

/** Offers the four distances of `ids` to the heap, as far as lanes < `lanes`; returns the heap's new size. */
// @ts-ignore: decorator
@inline
function offer4(heap: usize, size: u32, k: u32, d: v128, i0: u32, i1: u32, i2: u32, i3: u32, lanes: u32): u32 {
  size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 0), i0));
  if (lanes > 1) size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 1), i1));
  if (lanes > 2) size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 2), i2));
  if (lanes > 3) size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 3), i3));
  return size;
}

/** The distance that a row must beat: the heap's worst, or infinity while the heap is not full. */
// @ts-ignore: decorator
@inline
function worstOf(heap: usize, size: u32, k: u32): f32 {
  return size < k ? f32.POSITIVE_INFINITY : distanceOf(load<u64>(heap));
}

/** Scans rows from..to-1 into a heap that holds `size` keys already; returns its new size. */
function scanRange<M>(
  query: usize, rows: usize, dimensions: u32, from: u32, to: u32, k: u32, heap: usize, size: u32,
): u32 {
  const stride = <usize>dimensions << 2;
  let row = rows + <usize>from * stride;
  let i = from;
  let worst = worstOf(heap, size, k);
  for (; i + 4 <= to; i += 4) {
    const d = finite(distances4<M>(query, row, row + stride, row + 2 * stride, row + 3 * stride, dimensions));
    if (v128.any_true(f32x4.lt(d, f32x4.splat(worst)))) {
      size = offer4(heap, size, k, d, i, i + 1, i + 2, i + 3, 4);
      worst = worstOf(heap, size, k);
    }
    row += 4 * stride;
  }
  if (i < to) {
    const last = to - 1 - i;
    const r1 = row + stride * min(1, last);
    const r2 = row + stride * min(2, last);
    const d = finite(distances4<M>(query, row, r1, r2, r2, dimensions));
    size = offer4(heap, size, k, d, i, i + 1, i + 2, i + 3, last + 1);
  }
  return size;
}

/** Scans the rows whose bits are set. */
function scanBits<M>(
  query: usize, rows: usize, dimensions: u32, count: u32, bits: usize, k: u32, heap: usize,
): u32 {
  const stride = <usize>dimensions << 2;
  let size: u32 = 0;
  let worst = worstOf(heap, size, k);
  let i0: u32 = 0, i1: u32 = 0, i2: u32 = 0, waiting: u32 = 0;
  const words = (count + 31) >> 5;
  for (let w: u32 = 0; w < words; w++) {
    let word = load<u32>(bits + (<usize>w << 2));
    if ((w << 5) + 32 > count) word &= (1 << (count & 31)) - 1;
    while (word) {
      const i = (w << 5) + ctz(word);
      word &= word - 1;
      if (waiting < 3) {
        if (waiting == 0) i0 = i;
        else if (waiting == 1) i1 = i;
        else i2 = i;
        waiting++;
        continue;
      }
      waiting = 0;
      const d = finite(distances4<M>(
        query, rowAt(rows, i0, stride), rowAt(rows, i1, stride), rowAt(rows, i2, stride), rowAt(rows, i, stride), dimensions,
      ));
      if (v128.any_true(f32x4.lt(d, f32x4.splat(worst)))) {
        size = offer4(heap, size, k, d, i0, i1, i2, i, 4);
        worst = worstOf(heap, size, k);
      }
    }
  }
  if (waiting) {
    if (waiting < 2) i1 = i0;
    if (waiting < 3) i2 = i1;
    const r2 = rowAt(rows, i2, stride);
    const d = finite(distances4<M>(query, rowAt(rows, i0, stride), rowAt(rows, i1, stride), r2, r2, dimensions));
    size = offer4(heap, size, k, d, i0, i1, i2, i2, waiting);
  }
  return size;
}

/** Distances of the rows of a list of ordinals, in its order. */
function scoreRows<M>(
  query: usize, rows: usize, dimensions: u32, list: usize, length: u32, distances: usize,
): void {
  const stride = <usize>dimensions << 2;
  for (let i: u32 = 0; i < length; i += 4) {
    const last = min(3, length - 1 - i);
    const at = list + (<usize>i << 2);
    const out = distances + (<usize>i << 2);
    const d = finite(distances4<M>(
      query,
      rowAt(rows, load<u32>(at), stride),
      rowAt(rows, load<u32>(at + (min(1, last) << 2)), stride),
      rowAt(rows, load<u32>(at + (min(2, last) << 2)), stride),
      rowAt(rows, load<u32>(at + (last << 2)), stride),
      dimensions,
    ));
    if (last == 3) v128.store(out, d);
    else {
      store<f32>(out, f32x4.extract_lane(d, 0));
      if (last > 0) store<f32>(out + 4, f32x4.extract_lane(d, 1));
      if (last > 1) store<f32>(out + 8, f32x4.extract_lane(d, 2));
    }
  }
}

function scanWith<M>(
  query: usize, rows: usize, dimensions: u32, count: u32, bits: usize, k: u32, heap: usize,
): u32 {
  return bits
    ? scanBits<M>(query, rows, dimensions, count, bits, k, heap)
    : scanRange<M>(query, rows, dimensions, 0, count, k, heap, 0);
}

/** The nearest k of `count` rows (of those with a set bit, where `bits` is not 0); returns how many were found. */
export function scan(
  metric: Metric, query: usize, rows: usize, dimensions: u32, count: u32, bits: usize, k: u32,
  heap: usize, ordinals: usize, distances: usize,
): u32 {
  let size: u32;
  if (metric == Metric.Euclid) size = scanWith<Euclid>(query, rows, dimensions, count, bits, k, heap);
  else if (metric == Metric.Cosine) size = scanWith<Cosine>(query, rows, dimensions, count, bits, k, heap);
  else if (metric == Metric.Dot) size = scanWith<Dot>(query, rows, dimensions, count, bits, k, heap);
  else size = scanWith<Manhattan>(query, rows, dimensions, count, bits, k, heap);
  sortHeap(heap, size);
  splitKeys(heap, size, ordinals, distances);
  return size;
}

/** Exact distances of a list of ordinals, in its order. */
export function scoreList(
  metric: Metric, query: usize, rows: usize, dimensions: u32, list: usize, length: u32, distances: usize,
): void {
  if (metric == Metric.Euclid) scoreRows<Euclid>(query, rows, dimensions, list, length, distances);
  else if (metric == Metric.Cosine) scoreRows<Cosine>(query, rows, dimensions, list, length, distances);
  else if (metric == Metric.Dot) scoreRows<Dot>(query, rows, dimensions, list, length, distances);
  else scoreRows<Manhattan>(query, rows, dimensions, list, length, distances);
}

/**
 * The nearest k of the rows of a list of ordinals. `scratch` takes `length` f32 (the distances of the list).
 * The list must not hold an ordinal twice.
 */
export function scanList(
  metric: Metric, query: usize, rows: usize, dimensions: u32, list: usize, length: u32, scratch: usize, k: u32,
  heap: usize, ordinals: usize, distances: usize,
): u32 {
  scoreList(metric, query, rows, dimensions, list, length, scratch);
  let size: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const at = <usize>i << 2;
    size = offer(heap, size, k, keyOf(load<f32>(scratch + at), load<u32>(list + at)));
  }
  sortHeap(heap, size);
  splitKeys(heap, size, ordinals, distances);
  return size;
}

/**
 * Offers `count` distances that were computed before, those of ordinals first.. (of them the ones whose bit is set, where
 * `bits` is not 0), to a heap of `size` keys; returns its new size. For scans of codes, block by block.
 */
export function offerScores(distances: usize, first: u32, count: u32, bits: usize, k: u32, heap: usize, size: u32): u32 {
  let worst = worstOf(heap, size, k);
  for (let i: u32 = 0; i < count; i++) {
    const distance = min(load<f32>(distances + (<usize>i << 2)), f32.MAX_VALUE);
    // Ordinals rise: one as far as the worst comes after it.
    if (distance >= worst) continue;
    const ordinal = first + i;
    if (bits && !((load<u32>(bits + ((<usize>ordinal >> 5) << 2)) >> (ordinal & 31)) & 1)) continue;
    size = offer(heap, size, k, keyOf(distance, ordinal));
    worst = worstOf(heap, size, k);
  }
  return size;
}

/** Rows that stay in the cache while every query of a batch passes over them. */
const BLOCK_BYTES: u32 = 1 << 17;

function scanBlocks<M>(
  queries: usize, queryCount: u32, rows: usize, dimensions: u32, from: u32, to: u32, k: u32,
  heaps: usize, sizes: usize,
): void {
  const block = max<u32>(4, (BLOCK_BYTES / (dimensions << 2)) & ~3);
  for (let start = from; start < to; start += block) {
    const end = min(to, start + block);
    for (let q: u32 = 0; q < queryCount; q++) {
      const query = queries + <usize>q * (<usize>dimensions << 2);
      const heap = heaps + <usize>q * (<usize>k << 3);
      const at = sizes + (<usize>q << 2);
      store<u32>(at, scanRange<M>(query, rows, dimensions, start, end, k, heap, load<u32>(at)));
    }
  }
}

/**
 * One part of a batched scan: all queries over rows from..to-1, into one heap of k keys per query. `sizes` (u32 per
 * query) holds the heaps' sizes, zero before the first part. `finishBatch` turns the heaps into sorted answers.
 */
export function scanBatch(
  metric: Metric, queries: usize, queryCount: u32, rows: usize, dimensions: u32, from: u32, to: u32, k: u32,
  heaps: usize, sizes: usize,
): void {
  if (metric == Metric.Euclid) scanBlocks<Euclid>(queries, queryCount, rows, dimensions, from, to, k, heaps, sizes);
  else if (metric == Metric.Cosine) {
    scanBlocks<Cosine>(queries, queryCount, rows, dimensions, from, to, k, heaps, sizes);
  } else if (metric == Metric.Dot) scanBlocks<Dot>(queries, queryCount, rows, dimensions, from, to, k, heaps, sizes);
  else scanBlocks<Manhattan>(queries, queryCount, rows, dimensions, from, to, k, heaps, sizes);
}

/** Sorts the heaps of a batched scan and splits them: k ordinals and k distances per query. */
export function finishBatch(queryCount: u32, k: u32, heaps: usize, sizes: usize, ordinals: usize, distances: usize): void {
  for (let q: u32 = 0; q < queryCount; q++) {
    const heap = heaps + <usize>q * (<usize>k << 3);
    const size = load<u32>(sizes + (<usize>q << 2));
    sortHeap(heap, size);
    splitKeys(heap, size, ordinals + <usize>q * (<usize>k << 2), distances + <usize>q * (<usize>k << 2));
  }
}

/** How many of the first `count` bits are set. */
export function countBits(bits: usize, count: u32): u32 {
  let total: u32 = 0;
  const words = count >> 5;
  for (let w: u32 = 0; w < words; w++) total += popcnt(load<u32>(bits + (<usize>w << 2)));
  if (count & 31) total += popcnt(load<u32>(bits + (<usize>words << 2)) & ((1 << (count & 31)) - 1));
  return total;
}
