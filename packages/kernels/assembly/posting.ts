// Postings: what a family on disk has read of one cluster is scored where it was put. A vector may stand in several
// postings of one search; the bit set of those that may still be answered lets each through once, and serves as the
// filter as well.
//
//   posting:    [ ordinals: count u32 ][ members: count x stride bytes ]     members are codes (codes.ts) or float rows
//   remaining:  bit `ordinal & 31` of word `ordinal >>> 5`, cleared for what was scored
//   tally:      [ size of the heap u32 ][ vectors scored u32 ]
//   fresh:      count u32 of scratch

import { codeDistances4 } from "./codes";
import { distanceOf, finite, keyOf, offer, sortHeap, splitKeys } from "./keys";
import { Cosine, Dot, distances4, Euclid, Manhattan, Metric } from "./metrics";

/** Lists the places of members whose bits are set, and clears the bits; ordinals from `total` on are passed over. */
function takeFresh(posting: usize, count: u32, total: u32, remaining: usize, fresh: usize): u32 {
  let length: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const ordinal = load<u32>(posting + (<usize>i << 2));
    if (ordinal >= total) continue;
    const at = remaining + ((<usize>ordinal >> 5) << 2);
    const word = load<u32>(at);
    const bit: u32 = 1 << (ordinal & 31);
    if (!(word & bit)) continue;
    store<u32>(at, word ^ bit);
    store<u32>(fresh + (<usize>length << 2), i);
    length++;
  }
  return length;
}

/** Offers up to four distances of members to the heap. */
// @ts-ignore: decorator
@inline
function offerMembers(posting: usize, fresh: usize, lanes: u32, d: v128, k: u32, heap: usize, size: u32): u32 {
  if (size == k && !v128.any_true(f32x4.le(d, f32x4.splat(distanceOf(load<u64>(heap)))))) return size;
  for (let lane: u32 = 0; lane < lanes; lane++) {
    const ordinal = load<u32>(posting + (<usize>load<u32>(fresh + (<usize>lane << 2)) << 2));
    size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 0), ordinal));
    d = v128.shuffle<f32>(d, d, 1, 2, 3, 0);
  }
  return size;
}

/** The member at place i of `fresh`, or the last one. */
// @ts-ignore: decorator
@inline
function memberAt(members: usize, stride: usize, fresh: usize, i: u32, length: u32): usize {
  return members + <usize>load<u32>(fresh + (<usize>min(i, length - 1) << 2)) * stride;
}

// @ts-ignore: decorator
@inline
function note(tally: usize, size: u32, scored: u32): void {
  store<u32>(tally, size);
  store<u32>(tally + 4, load<u32>(tally + 4) + scored);
}

/** Scores a posting of 8-bit codes against an encoded query (encodeQuery); distances lack the query's own half norm. */
export function postingCodes(
  query: usize, scale: f32, posting: usize, count: u32, stride: u32, padded: u32, total: u32,
  remaining: usize, fresh: usize, k: u32, heap: usize, tally: usize,
): void {
  const length = takeFresh(posting, count, total, remaining, fresh);
  const members = posting + (<usize>count << 2);
  let size = load<u32>(tally);
  for (let i: u32 = 0; i < length; i += 4) {
    const d = finite(codeDistances4(
      query, scale, 0,
      memberAt(members, stride, fresh, i, length), memberAt(members, stride, fresh, i + 1, length),
      memberAt(members, stride, fresh, i + 2, length), memberAt(members, stride, fresh, i + 3, length),
      padded,
    ));
    size = offerMembers(posting, fresh + (<usize>i << 2), min<u32>(4, length - i), d, k, heap, size);
  }
  note(tally, size, length);
}

function rowsWith<M>(
  query: usize, posting: usize, count: u32, dimensions: u32, total: u32,
  remaining: usize, fresh: usize, k: u32, heap: usize, tally: usize,
): void {
  const length = takeFresh(posting, count, total, remaining, fresh);
  const members = posting + (<usize>count << 2);
  const stride = <usize>dimensions << 2;
  let size = load<u32>(tally);
  for (let i: u32 = 0; i < length; i += 4) {
    const d = finite(distances4<M>(
      query,
      memberAt(members, stride, fresh, i, length), memberAt(members, stride, fresh, i + 1, length),
      memberAt(members, stride, fresh, i + 2, length), memberAt(members, stride, fresh, i + 3, length),
      dimensions,
    ));
    size = offerMembers(posting, fresh + (<usize>i << 2), min<u32>(4, length - i), d, k, heap, size);
  }
  note(tally, size, length);
}

/** Scores a posting of float rows. */
export function postingRows(
  metric: Metric, query: usize, posting: usize, count: u32, dimensions: u32, total: u32,
  remaining: usize, fresh: usize, k: u32, heap: usize, tally: usize,
): void {
  if (metric == Metric.Euclid) {
    rowsWith<Euclid>(query, posting, count, dimensions, total, remaining, fresh, k, heap, tally);
  } else if (metric == Metric.Cosine) {
    rowsWith<Cosine>(query, posting, count, dimensions, total, remaining, fresh, k, heap, tally);
  } else if (metric == Metric.Dot) {
    rowsWith<Dot>(query, posting, count, dimensions, total, remaining, fresh, k, heap, tally);
  } else rowsWith<Manhattan>(query, posting, count, dimensions, total, remaining, fresh, k, heap, tally);
}

/** Sorts the heap in place and splits it; returns its size. The heap is used up. */
export function postingHits(heap: usize, tally: usize, ordinals: usize, distances: usize): u32 {
  const size = load<u32>(tally);
  sortHeap(heap, size);
  splitKeys(heap, size, ordinals, distances);
  return size;
}
