// What codes of residuals share: the factors of an unbiased estimate, and the 8-bit form.

import { Metric } from "./metrics";
import { maxLane, sumEachInteger, sumLanes } from "./simd";

/**
 * The factors of a residual `r` that a code stands for by `y` (`padded` floats each): add, scale and error, `apart` bytes
 * from one to the next. The rest as in rabitq.ts, which draws them.
 */
export function residualFactors(
  r: usize, y: usize, padded: u32, metric: Metric, centre: usize, inner: f32, epsilon: f32, factors: usize, apart: usize,
): void {
  let squares = f32x4.splat(0);
  let dots = f32x4.splat(0);
  let lengths = f32x4.splat(0);
  let centres = f32x4.splat(0);
  for (let at: usize = 0; at < <usize>padded << 2; at += 16) {
    const a = v128.load(r + at);
    const b = v128.load(y + at);
    squares = f32x4.add(squares, f32x4.mul(a, a));
    dots = f32x4.add(dots, f32x4.mul(a, b));
    lengths = f32x4.add(lengths, f32x4.mul(b, b));
    centres = f32x4.add(centres, f32x4.mul(v128.load(centre + at), b));
  }
  const square = sumLanes(squares);
  const dot = sumLanes(dots);
  const length = sumLanes(lengths);
  const norm = Mathf.sqrt(square);
  // A code that points away from its vector says nothing of it: then |r| itself bounds the error.
  const cosine = norm > 0 && length > 0 ? min<f32>(1, dot / (norm * Mathf.sqrt(length))) : 0;
  const told = cosine > 0.1;
  const factor: f32 = told ? square / dot : 0;
  const error = told
    ? norm * Mathf.sqrt(max<f32>(0, 1 - cosine * cosine)) / cosine * epsilon / Mathf.sqrt(<f32>(padded - 1))
    : norm;
  const shift = factor * sumLanes(centres);
  if (metric == Metric.Euclid) {
    store<f32>(factors, square + 2 * shift);
    store<f32>(factors + apart, -2 * factor);
    store<f32>(factors + 2 * apart, 2 * error);
  } else {
    store<f32>(factors, shift - inner);
    store<f32>(factors + apart, -factor);
    store<f32>(factors + 2 * apart, error);
  }
}

/** Largest |component|. */
// @ts-ignore: decorator
@inline
function largestOf(r: usize, padded: u32): f32 {
  let most = f32x4.splat(0);
  for (let at: usize = 0; at < <usize>padded << 2; at += 16) most = f32x4.max(most, f32x4.abs(v128.load(r + at)));
  return maxLane(most);
}

/** Rounds `r` to signed bytes, by `range`, or where that is 0 by its own largest component; `y` takes them as floats. */
export function byteEncode(r: usize, padded: u32, range: f32, code: usize, y: usize): void {
  const largest = range > 0 ? range : largestOf(r, padded);
  const inverse = f32x4.splat(largest > 0 ? 127 / largest : 0);
  const limit = f32x4.splat(127);
  for (let at: usize = 0; at < <usize>padded << 2; at += 16) {
    const exact = f32x4.nearest(f32x4.mul(v128.load(r + at), inverse));
    const u = f32x4.max(f32x4.neg(limit), f32x4.min(limit, exact));
    v128.store(y + at, u);
    const words = i32x4.trunc_sat_f32x4_s(u);
    const halves = i16x8.narrow_i32x4_s(words, words);
    v128.store_lane<u32>(code + (at >> 2), i8x16.narrow_i16x8_s(halves, halves), 0);
  }
}

/** As `byteEncode`, to 16 levels at -7.5, -6.5, ... 7.5; `padded` is a multiple of 32. */
export function nibbleEncode(r: usize, padded: u32, range: f32, code: usize, y: usize): void {
  const largest = range > 0 ? range : largestOf(r, padded);
  const inverse: f32 = largest > 0 ? 8 / largest : 0;
  memory.fill(code, 0, padded >> 1);
  for (let j: u32 = 0; j < padded; j++) {
    const level = max<f32>(0, min<f32>(15, Mathf.floor(load<f32>(r + (<usize>j << 2)) * inverse + 8)));
    store<f32>(y + (<usize>j << 2), level - <f32>7.5);
    const at = code + ((j >> 5) << 4) + (j & 15);
    store<u8>(at, <u8>(<u32>load<u8>(at) | (<u32>level << (j & 16 ? 4 : 0))));
  }
}

/** Dot products of a 16-bit query with `count` codes of bytes that follow each other, as floats. */
export function byteDots(codes: usize, query: usize, padded: u32, count: u32, dots: usize): void {
  const stride = <usize>padded;
  for (let i: u32 = 0; i < count; i += 4) {
    const a = codes + <usize>i * stride;
    const b = i + 1 < count ? a + stride : a;
    const c = i + 2 < count ? a + 2 * stride : a;
    const d = i + 3 < count ? a + 3 * stride : a;
    let sumA = i32x4.splat(0);
    let sumB = i32x4.splat(0);
    let sumC = i32x4.splat(0);
    let sumD = i32x4.splat(0);
    for (let at: usize = 0; at < stride; at += 8) {
      const q = v128.load(query + (at << 1));
      sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(q, v128.load_ext<i8>(a + at)));
      sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(q, v128.load_ext<i8>(b + at)));
      sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(q, v128.load_ext<i8>(c + at)));
      sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(q, v128.load_ext<i8>(d + at)));
    }
    v128.store(dots + (<usize>i << 2), f32x4.convert_i32x4_s(sumEachInteger(sumA, sumB, sumC, sumD)));
  }
}
