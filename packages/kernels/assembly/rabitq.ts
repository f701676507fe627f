// RaBitQ: random rotation, then a few bits per component, with an unbiased estimate of distances and a bound on its
// error that follows from the code itself.
//
// Gao, Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate Nearest
// Neighbor Search" (SIGMOD 2024); several bits: Gao et al., "Practical and Asymptotically Optimal Quantization of
// High-Dimensional Vectors in Euclidean Space for Approximate Nearest Neighbor Search" (2024).
//
// r is the rotated residual of a vector against a centre. Component j becomes u_j in 0..2^B - 1; with
// y_j = u_j - (2^B - 1) / 2 the estimate of <r, q> is f <y, q>, f = |r|^2 / <y, r>. For B = 1 the u_j are signs;
// for more, a few clipping ranges around the best one for normal components are tried and the y of largest
// cosine to r is kept. Deviation: the paper enumerates all ranges; a dozen lose less than 0.1 % of the cosine.
//
//   code of one vector:  [ add f32 ][ scale f32 ][ error f32 ][ decode f32 ][ padded / 16 groups of B u16 ]
//
// A group holds 16 components as B bit planes, the highest first: the first plane is the 1-bit code. `padded` is a
// multiple of 16. `decode` is the factor that brings y nearest to r, for decoding. The factors:
//
//   distance ~ add + term + scale <y, Pq>,  off by at most error |q - c| at the rate of the bound's epsilon
//
// with c the centre, P the rotation and q (like c below) relative to some origin, and
//
//   Euclid          add = |r|^2 + 2 f <y, Pc>   scale = -2 f   term = |q - c|^2
//   Dot, Cosine     add = f <y, Pc> - <c, x-c>  scale = -f     term = -<q, c>, 1 - <q, c>  (these c from 0)

import { Metric } from "./metrics";
import { sumLanes } from "./simd";

export const RABITQ_HEAD_BYTES: usize = 16;

/** Components as integers 0..2^B-1 in float lanes: floor(r * inverse + half), clamped. */
// @ts-ignore: decorator
@inline
function levels(r: v128, inverse: v128, half: v128, top: v128): v128 {
  return f32x4.max(f32x4.splat(0), f32x4.min(top, f32x4.floor(f32x4.add(f32x4.mul(r, inverse), half))));
}

/** The clipping range whose y has the largest cosine to r. `bits` > 1. */
function bestRange(r: usize, padded: u32, bits: u32, norm: f32): f32 {
  const sigma = norm / Mathf.sqrt(<f32>padded);
  const usual = (<f32>1.33 + <f32>0.335 * <f32>bits) * sigma;
  const half = <f32>(1 << (bits - 1));
  const halves = f32x4.splat(half);
  const top = f32x4.splat(2 * half - 1);
  const middle = f32x4.splat(half - 0.5);
  let best: f32 = usual;
  let most: f32 = -1;
  for (let step: u32 = 0; step < 13; step++) {
    const range = usual * (<f32>0.64 + <f32>0.06 * <f32>step);
    const inverse = f32x4.splat(half / range);
    let dots = f32x4.splat(0);
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < <usize>padded << 2; at += 16) {
      const x = v128.load(r + at);
      const y = f32x4.sub(levels(x, inverse, halves, top), middle);
      dots = f32x4.add(dots, f32x4.mul(x, y));
      squares = f32x4.add(squares, f32x4.mul(y, y));
    }
    const dot = sumLanes(dots);
    const cosine = dot / Mathf.sqrt(sumLanes(squares));
    if (cosine > most) {
      most = cosine;
      best = range;
    }
  }
  return best;
}

/**
 * Encodes a rotated residual `r`. `centre`: the rotated centre, relative to the queries' origin; `inner`: <c, x - c>,
 * for Dot and Cosine. `epsilon`: how many standard deviations the bound covers.
 */
export function rabitqEncode(
  r: usize, padded: u32, bits: u32, metric: Metric, centre: usize, inner: f32, epsilon: f32, code: usize,
): void {
  const bytes = <usize>padded << 2;
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const x = v128.load(r + at);
    sum = f32x4.add(sum, f32x4.mul(x, x));
  }
  const square = sumLanes(sum);
  const norm = Mathf.sqrt(square);
  const half = <f32>(1 << (bits - 1));
  const range = bits > 1 && norm > 0 ? bestRange(r, padded, bits, norm) : 1;
  // One bit: any inverse large enough saturates; the sign alone decides.
  const inverse = f32x4.splat(bits > 1 ? half / range : f32.MAX_VALUE);
  const halves = f32x4.splat(half);
  const top = f32x4.splat(2 * half - 1);
  const middle = f32x4.splat(half - 0.5);
  let dots = f32x4.splat(0);
  let squares = f32x4.splat(0);
  let centres = f32x4.splat(0);
  let group = code + RABITQ_HEAD_BYTES;
  for (let start: usize = 0; start < bytes; start += 64) {
    memory.fill(group, 0, bits << 1);
    for (let quad: u32 = 0; quad < 4; quad++) {
      const at = start + (<usize>quad << 4);
      const x = v128.load(r + at);
      // The sign by comparison: tiny components must not be rounded across zero.
      const u = bits > 1
        ? levels(x, inverse, halves, top)
        : v128.and(f32x4.ge(x, f32x4.splat(0)), f32x4.splat(1));
      const y = f32x4.sub(u, middle);
      dots = f32x4.add(dots, f32x4.mul(x, y));
      squares = f32x4.add(squares, f32x4.mul(y, y));
      centres = f32x4.add(centres, f32x4.mul(v128.load(centre + at), y));
      const whole = i32x4.trunc_sat_f32x4_s(u);
      for (let plane: u32 = 0; plane < bits; plane++) {
        const mask = i32x4.bitmask(i32x4.shl(whole, 31 - (bits - 1 - plane)));
        const word = group + (<usize>plane << 1);
        store<u16>(word, <u16>(<u32>load<u16>(word) | (mask << (quad << 2))));
      }
    }
    group += <usize>bits << 1;
  }
  const dot = sumLanes(dots);
  const length = sumLanes(squares);
  const factor = dot > 0 ? square / dot : 0;
  const cosine = dot > 0 ? min<f32>(1, dot / (norm * Mathf.sqrt(length))) : 1;
  const spread = norm * Mathf.sqrt(max<f32>(0, 1 - cosine * cosine)) / cosine;
  const error = spread * epsilon / Mathf.sqrt(<f32>(padded - 1));
  const shift = factor * sumLanes(centres);
  if (metric == Metric.Euclid) {
    store<f32>(code, square + 2 * shift);
    store<f32>(code, -2 * factor, 4);
    store<f32>(code, 2 * error, 8);
  } else {
    store<f32>(code, shift - inner);
    store<f32>(code, -factor, 4);
    store<f32>(code, error, 8);
  }
  store<f32>(code, dot > 0 ? dot / length : 0, 12);
}

/** The residual that a code stands for, still rotated: `padded` floats. */
export function rabitqDecode(code: usize, padded: u32, bits: u32, target: usize): void {
  const factor = load<f32>(code, 12);
  const middle = <f32>(1 << (bits - 1)) - <f32>0.5;
  for (let i: u32 = 0; i < padded; i++) {
    const group = code + RABITQ_HEAD_BYTES + <usize>(i >> 4) * (<usize>bits << 1);
    let u: u32 = 0;
    for (let plane: u32 = 0; plane < bits; plane++) {
      u = (u << 1) | ((<u32>load<u16>(group + (<usize>plane << 1)) >> (i & 15)) & 1);
    }
    store<f32>(target + (<usize>i << 2), (<f32>u - middle) * factor);
  }
}

/** Largest component of a query as 16-bit integers, so that no product with 8-bit codes overflows 32 bits. */
// @ts-ignore: decorator
@inline
function queryRange(padded: u32): f32 {
  return <f32>min<u32>(32767, 0x7fffffff / (255 * padded));
}

/** Rounds a rotated query to 16-bit integers (`padded` of them); returns the step. */
export function rabitqQuery(rotated: usize, padded: u32, target: usize): f32 {
  let most: f32 = 0;
  for (let i: u32 = 0; i < padded; i++) most = max(most, abs(load<f32>(rotated + (<usize>i << 2))));
  const step = most / queryRange(padded);
  const inverse = f32x4.splat(step > 0 ? 1 / step : 0);
  for (let i: usize = 0; i < <usize>padded; i += 8) {
    const low = f32x4.nearest(f32x4.mul(v128.load(rotated + (i << 2)), inverse));
    const high = f32x4.nearest(f32x4.mul(v128.load(rotated + (i << 2), 16), inverse));
    v128.store(target + (i << 1), i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(low), i32x4.trunc_sat_f32x4_s(high)));
  }
  return step;
}

/** Sum over j of u_j q_j, u from bit planes, q 16-bit integers. */
// @ts-ignore: decorator
@inline
export function planesDot(groups: usize, padded: u32, bits: u32, query: usize): i32 {
  const each = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  let sum = i32x4.splat(0);
  let group = groups;
  for (let i: usize = 0; i < <usize>padded; i += 16) {
    let u = i8x16.splat(0);
    for (let plane: u32 = 0; plane < bits; plane++) {
      const word = v128.load16_splat(group);
      const spread = v128.shuffle<i8>(word, word, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
      u = i8x16.sub(i8x16.add(u, u), i8x16.eq(v128.and(spread, each), each));
      group += 2;
    }
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(u), v128.load(query + (i << 1))));
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(u), v128.load(query + (i << 1), 16)));
  }
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
}
