// Binary codes: a bit per function of a vector, compared by the number of bits that differ (Hamming distance).
//
//   code:  bit j is bit `j & 31` of word `j >>> 5`; `stride` bytes apart, a multiple of 8; bits past the last are 0
//
// A float vector's bit j says on which side of plane j it lies: a_j . x > t_j. With a tail (see lsh.ts), the largest
// inner product becomes the smallest angle; `largest` is then the greatest squared norm, else 0.

import { offer } from "./keys";
import { distances4, Dot } from "./metrics";

/** Sums of bytes stay below 256 for so many 16-byte steps. */
const BYTE_STEPS: usize = 31 * 16;

/** Bits that differ between two codes of `stride` bytes. */
// @ts-ignore: decorator
@inline
export function hamming(a: usize, b: usize, stride: usize): u32 {
  if (stride == 8) return <u32>popcnt(load<u64>(a) ^ load<u64>(b));
  const whole = stride & ~15;
  let total = i32x4.splat(0);
  let at: usize = 0;
  while (at < whole) {
    const stop = min(whole, at + BYTE_STEPS);
    let sums = i8x16.splat(0);
    for (; at < stop; at += 16) sums = i8x16.add(sums, i8x16.popcnt(v128.xor(v128.load(a + at), v128.load(b + at))));
    total = i32x4.add(total, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(sums)));
  }
  let distance = <u32>(i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) +
    i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3));
  if (at < stride) distance += <u32>popcnt(load<u64>(a + at) ^ load<u64>(b + at));
  return distance;
}

/** Codes of the rows from..to-1. `planes`: bits x (dimensions + 1) f32, the last of each for the tail; `thresholds`: f32. */
export function binaryEncode(
  rows: usize, dimensions: u32, from: u32, to: u32, planes: usize, thresholds: usize, bits: u32, largest: f32,
  codes: usize, stride: usize,
): void {
  const planeBytes = (<usize>dimensions + 1) << 2;
  const tailAt = <usize>dimensions << 2;
  const last = bits - 1;
  for (let i = from; i < to; i++) {
    const x = rows + <usize>i * tailAt;
    const code = codes + <usize>i * stride;
    let tail: f32 = 0;
    if (largest != 0) {
      const norm = -f32x4.extract_lane(distances4<Dot>(x, x, x, x, x, dimensions), 0);
      tail = sqrt(max<f32>(0, largest - norm));
    }
    memory.fill(code, 0, stride);
    for (let j: u32 = 0; j < bits; j += 4) {
      const a = planes + <usize>j * planeBytes;
      const b = planes + <usize>min(j + 1, last) * planeBytes;
      const c = planes + <usize>min(j + 2, last) * planeBytes;
      const d = planes + <usize>min(j + 3, last) * planeBytes;
      let dots = f32x4.neg(distances4<Dot>(x, a, b, c, d, dimensions));
      if (tail != 0) {
        const tails = f32x4(load<f32>(a + tailAt), load<f32>(b + tailAt), load<f32>(c + tailAt), load<f32>(d + tailAt));
        dots = f32x4.add(dots, f32x4.mul(f32x4.splat(tail), tails));
      }
      let above = <u32>i32x4.bitmask(f32x4.gt(dots, v128.load(thresholds + (<usize>j << 2))));
      if (j + 4 > bits) above &= (1 << (bits - j)) - 1;
      const word = code + ((<usize>j >> 5) << 2);
      store<u32>(word, load<u32>(word) | (above << (j & 31)));
    }
  }
}

/** Bit j of each target is bit order[j] (u32) of its source; `length` codes of `stride` bytes. Not in place. */
export function binaryReorder(source: usize, target: usize, length: u32, stride: usize, bits: u32, order: usize): void {
  for (let i: u32 = 0; i < length; i++) {
    memory.fill(target, 0, stride);
    for (let j: u32 = 0; j < bits; j++) {
      const from = load<u32>(order + (<usize>j << 2));
      const bit = (load<u32>(source + ((<usize>from >> 5) << 2)) >> (from & 31)) & 1;
      const word = target + ((<usize>j >> 5) << 2);
      store<u32>(word, load<u32>(word) | (bit << (j & 31)));
    }
    source += stride;
    target += stride;
  }
}

/** Offers the codes from..to-1 (those whose filter bit is set, where `filter` is not 0) to a heap; returns its size. */
export function binaryScan(
  query: usize, codes: usize, stride: usize, from: u32, to: u32, filter: usize, k: u32, heap: usize, size: u32,
): u32 {
  let code = codes + <usize>from * stride;
  let worst = size < k ? u32.MAX_VALUE : <u32>(load<u64>(heap) >> 32);
  for (let i = from; i < to; i++) {
    const distance = hamming(query, code, stride);
    code += stride;
    // Ordinals rise: one as far as the worst comes after it.
    if (distance >= worst) continue;
    if (filter && !((load<u32>(filter + ((<usize>i >> 5) << 2)) >> (i & 31)) & 1)) continue;
    size = offer(heap, size, k, ((<u64>distance) << 32) | i);
    if (size == k) worst = <u32>(load<u64>(heap) >> 32);
  }
  return size;
}

/** For each of `count` codes that follow each other the table's entry (f32) for the number of bits that differ. */
export function binaryScores(query: usize, codes: usize, stride: usize, count: u32, table: usize, scores: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<f32>(scores + (<usize>i << 2), load<f32>(table + (<usize>hamming(query, codes, stride) << 2)));
    codes += stride;
  }
}
