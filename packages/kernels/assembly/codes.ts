// 8-bit codes: a quarter of the bytes, and integer arithmetic.
//
// The mean of all vectors is subtracted (not for the inner product), then every vector is stored as signed bytes with
// a scale of its own, s = max|x| / 127. A query keeps 16 bits per component, so that its rounding adds no error; a
// stored vector as query (while a graph is built) has its bytes widened to the same form.
//
//   code of one vector:  [ scale f32 ][ half f32 ][ bytes: dimensions rounded up to 8, the rest zero ][ padding ]
//
//   half = |decoded|^2 / 2, 0 for the inner product. With q = query, b = code and <> over the integers:
//
//   distance = half_q + half_b - scale_q * scale_b * <q, b>
//
// which is half the squared Euclidean distance of the decoded vectors, equals 1 - cosine for unit vectors, and is the
// negative inner product when both halves are 0: one kernel serves three metrics. The norm is that of the decoded
// vector, not of the original: then near vectors have small errors, however far they lie from the origin.

import { maxLane, sumEachInteger } from "./simd";

export const CODE_HEAD_BYTES: usize = 8;

/** Largest component of a query's code: 16 bits, and no dot product over `padded` dimensions overflows 32 bits. */
// @ts-ignore: decorator
@inline
function queryRange(padded: u32): f32 {
  return <f32>min<u32>(32767, 0x7fffffff / (127 * padded));
}

// @ts-ignore: decorator
@inline
function load16(bytes: usize): v128 {
  return v128.load_ext<i8>(bytes);
}

/** <query, code> of four codes, as integers. `query` holds 16-bit components. */
// @ts-ignore: decorator
@inline
function dots4(query: usize, a: usize, b: usize, c: usize, d: usize, padded: u32): v128 {
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  for (let at: usize = 0; at < <usize>padded; at += 8) {
    const q = v128.load(query + (at << 1));
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(q, load16(a + at + CODE_HEAD_BYTES)));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(q, load16(b + at + CODE_HEAD_BYTES)));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(q, load16(c + at + CODE_HEAD_BYTES)));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(q, load16(d + at + CODE_HEAD_BYTES)));
  }
  return sumEachInteger(sumA, sumB, sumC, sumD);
}

/** Distances of a query's code to four codes. */
// @ts-ignore: decorator
@inline
export function codeDistances4(
  query: usize, scale: f32, half: f32, a: usize, b: usize, c: usize, d: usize, padded: u32,
): v128 {
  const dots = f32x4.convert_i32x4_s(dots4(query, a, b, c, d, padded));
  const ab = v128.load_lane<u64>(b, v128.load64_zero(a), 1);
  const cd = v128.load_lane<u64>(d, v128.load64_zero(c), 1);
  const scales = f32x4.mul(f32x4.splat(scale), v128.shuffle<f32>(ab, cd, 0, 2, 4, 6));
  const halves = f32x4.add(f32x4.splat(half), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7));
  return f32x4.sub(halves, f32x4.mul(scales, dots));
}

/** Widens a stored code to a query's; its scale and half are those of the stored one. */
// @ts-ignore: decorator
@inline
export function widenCode(code: usize, query: usize, padded: u32): void {
  for (let at: usize = 0; at < <usize>padded; at += 8) {
    v128.store(query + (at << 1), load16(code + CODE_HEAD_BYTES + at));
  }
}

/** Largest |row - mean|. */
function largest(row: usize, mean: usize, dimensions: u32): f32 {
  const bytes = <usize>dimensions << 2;
  let most = f32x4.splat(0);
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    most = f32x4.max(most, f32x4.abs(f32x4.sub(v128.load(row + at), v128.load(mean + at))));
  }
  let result = maxLane(most);
  for (; at < bytes; at += 4) result = max(result, abs(load<f32>(row + at) - load<f32>(mean + at)));
  return result;
}

/** Four components of (row - mean) / scale, rounded to integers; zero behind the end. */
// @ts-ignore: decorator
@inline
function quantized(row: usize, mean: usize, bytes: usize, at: usize, inverse: v128, limit: v128): v128 {
  let x: v128;
  if (at + 16 <= bytes) x = f32x4.sub(v128.load(row + at), v128.load(mean + at));
  else {
    x = f32x4.splat(0);
    if (at < bytes) x = f32x4.replace_lane(x, 0, load<f32>(row + at) - load<f32>(mean + at));
    if (at + 4 < bytes) x = f32x4.replace_lane(x, 1, load<f32>(row + at + 4) - load<f32>(mean + at + 4));
    if (at + 8 < bytes) x = f32x4.replace_lane(x, 2, load<f32>(row + at + 8) - load<f32>(mean + at + 8));
  }
  x = f32x4.nearest(f32x4.mul(x, inverse));
  return i32x4.trunc_sat_f32x4_s(f32x4.max(f32x4.neg(limit), f32x4.min(limit, x)));
}

/** Encodes a query into 16-bit components; returns its scale. */
export function encodeQuery(row: usize, mean: usize, dimensions: u32, padded: u32, query: usize): f32 {
  const range = queryRange(padded);
  const scale = largest(row, mean, dimensions) / range;
  const inverse = f32x4.splat(scale > 0 ? 1 / scale : 0);
  const limit = f32x4.splat(range);
  const bytes = <usize>dimensions << 2;
  for (let i: usize = 0; i < <usize>padded; i += 8) {
    const low = quantized(row, mean, bytes, i << 2, inverse, limit);
    const high = quantized(row, mean, bytes, (i << 2) + 16, inverse, limit);
    v128.store(query + (i << 1), i16x8.narrow_i32x4_s(low, high));
  }
  return scale;
}

/** Encodes one vector. `normed`: whether its half norm is stored (false for the inner product). */
function encodeRow(
  row: usize, mean: usize, dimensions: u32, padded: u32, normed: bool, code: usize, codeBytes: u32,
): void {
  const scale = largest(row, mean, dimensions) / 127;
  const inverse = f32x4.splat(scale > 0 ? 1 / scale : 0);
  const limit = f32x4.splat(127);
  const bytes = <usize>dimensions << 2;
  let squares = i32x4.splat(0);
  for (let i: usize = 0; i < <usize>padded; i += 8) {
    const low = quantized(row, mean, bytes, i << 2, inverse, limit);
    const high = quantized(row, mean, bytes, (i << 2) + 16, inverse, limit);
    const words = i16x8.narrow_i32x4_s(low, high);
    squares = i32x4.add(squares, i32x4.dot_i16x8_s(words, words));
    v128.store_lane<u64>(code + CODE_HEAD_BYTES + i, i8x16.narrow_i16x8_s(words, words), 0);
  }
  const sum =
    i32x4.extract_lane(squares, 0) + i32x4.extract_lane(squares, 1) +
    i32x4.extract_lane(squares, 2) + i32x4.extract_lane(squares, 3);
  // The padding too, so that equal vectors have equal bytes, also in files.
  const end = CODE_HEAD_BYTES + <usize>padded;
  memory.fill(code + end, 0, <usize>codeBytes - end);
  store<f32>(code, scale);
  // In the order of the distance's own product, so that equal vectors are at distance 0 exactly.
  store<f32>(code + 4, normed ? scale * scale * <f32>sum * 0.5 : 0);
}

/** Encodes rows from..to-1; codes lie `codeBytes` apart. */
export function encodeRows(
  rows: usize, dimensions: u32, from: u32, to: u32, mean: usize, padded: u32, normed: bool, codes: usize, codeBytes: u32,
): void {
  for (let i = from; i < to; i++) {
    const row = rows + <usize>i * (<usize>dimensions << 2);
    encodeRow(row, mean, dimensions, padded, normed, codes + <usize>i * <usize>codeBytes, codeBytes);
  }
}

/** Mean of every `step`-th of `count` rows. `sums` takes dimensions f64. */
export function meanOf(rows: usize, dimensions: u32, count: u32, step: u32, sums: usize, mean: usize): void {
  memory.fill(sums, 0, <usize>dimensions << 3);
  let taken: u32 = 0;
  for (let i: u32 = 0; i < count; i += step) {
    const row = rows + <usize>i * (<usize>dimensions << 2);
    for (let j: u32 = 0; j < dimensions; j++) {
      const at = sums + (<usize>j << 3);
      store<f64>(at, load<f64>(at) + <f64>load<f32>(row + (<usize>j << 2)));
    }
    taken++;
  }
  for (let j: u32 = 0; j < dimensions; j++) {
    const value = taken ? load<f64>(sums + (<usize>j << 3)) / <f64>taken : 0;
    store<f32>(mean + (<usize>j << 2), <f32>value);
  }
}

/** Distances of an encoded query to the codes of a list of ordinals, in its order (for tests and other families). */
export function scoreCodes(
  query: usize, scale: f32, half: f32, codes: usize, codeBytes: u32, padded: u32, list: usize, length: u32, distances: usize,
): void {
  const stride = <usize>codeBytes;
  for (let i: u32 = 0; i < length; i++) {
    const code = codes + <usize>load<u32>(list + (<usize>i << 2)) * stride;
    const d = codeDistances4(query, scale, half, code, code, code, code, padded);
    store<f32>(distances + (<usize>i << 2), f32x4.extract_lane(d, 0));
  }
}
