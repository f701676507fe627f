// Plain types: every component of a vector as one number of fewer bits, nothing else. Distances are measured on the
// numbers as they are, against a query of floats.
//
//   Half   2 bytes per component, IEEE 754 binary16
//   Byte   1 byte, 0..255
//
// To Half: the nearest, ties to even; beyond 65504 (from 65520 on) an infinity, as IEEE 754 says; below 2^-14 subnormal.
// To Byte: towards zero, from 0 to 255, no number to 0: as Qdrant stores its `uint8`. Whole numbers in range are kept as they are.
// Back: exactly. A vector with an infinity, or with what is no number, is as far away as there is, under every metric.

import { finite } from "./keys";
import { Cosine, Dot, Euclid, Manhattan, Metric } from "./metrics";
import { sumEach } from "./simd";

/** Numbers of the types, shared with the host. */
export const enum Plain {
  Half = 0,
  Byte = 1,
}

/** Floats of four halves, each in the low bits of a lane. */
// @ts-ignore: decorator
@inline
function floatsOfHalves(lanes: v128): v128 {
  const magnitude = v128.and(lanes, i32x4.splat(0x7fff));
  // An exponent that is 112 too small, put right by 2^112, which also makes subnormal halves what they are.
  const scaled = f32x4.mul(i32x4.shl(magnitude, 13), i32x4.splat(0x77800000));
  const special = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(v128.and(lanes, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(scaled, special), sign);
}

/** Halves of four floats, each in the low bits of a lane. */
// @ts-ignore: decorator
@inline
function halvesOfFloats(x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  const sign = i32x4.shr_u(v128.xor(x, magnitude), 16);
  // Half of what is cut off, less one unless the last bit that stays is odd: ties go to even.
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const rounded = i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff)), odd);
  const normal = i32x4.sub(i32x4.shr_u(rounded, 13), i32x4.splat(112 << 10));
  // The last bit of numbers from 0.5 to 1 is worth 2^-24, as that of subnormal halves is: adding rounds them.
  const sum = f32x4.add(magnitude, f32x4.splat(0.5));
  const small = i32x4.sub(sum, i32x4.splat(0x3f000000));
  let half = v128.bitselect(small, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  half = v128.bitselect(i32x4.splat(0x7c00), half, i32x4.gt_s(magnitude, i32x4.splat(0x477fefff)));
  half = v128.bitselect(i32x4.splat(0x7e00), half, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
  return v128.or(half, sign);
}

/** Whole numbers from 0 to 255, one in each lane. */
// @ts-ignore: decorator
@inline
function bytesOfFloats(x: v128): v128 {
  return i32x4.min_u(i32x4.trunc_sat_f32x4_u(x), i32x4.splat(255));
}

/** For scans: faster, and wrong for infinities and what is no number, which `note` and `checked` see to. */
@final @unmanaged
class Halves {
  /** Components 0..7 of `at`, 16 bits each. */
  @inline load8(at: usize): v128 {
    return v128.load(at);
  }
  @inline load1(at: usize): v128 {
    return v128.load16_splat(at);
  }
  /** Floats of the low, and of the high four of what `load8` gave. */
  @inline low(raw: v128): v128 {
    return this.spread(v128.shuffle<u16>(i16x8.splat(0), raw, 0, 8, 1, 9, 2, 10, 3, 11));
  }
  @inline high(raw: v128): v128 {
    return this.spread(v128.shuffle<u16>(i16x8.splat(0), raw, 4, 12, 5, 13, 6, 14, 7, 15));
  }
  /** Halves in the high 16 bits of each lane: sign and exponent move apart by three bits. */
  @inline spread(lanes: v128): v128 {
    return f32x4.mul(v128.and(i32x4.shr_s(lanes, 3), i32x4.splat(0x8fffe000)), i32x4.splat(0x77800000));
  }
  /** Keeps the largest exponent that was met. */
  @inline note(seen: v128, raw: v128): v128 {
    return i16x8.max_u(seen, i16x8.shl(raw, 1));
  }
  /** No number, where an infinity or no number was met: it counts as far away, whatever the metric. */
  @inline checked(sum: v128, seen: v128): v128 {
    return v128.any_true(i16x8.ge_u(seen, i16x8.splat(<i16>0xf800))) ? f32x4.splat(NaN) : sum;
  }
}

@final @unmanaged
class Bytes {
  @inline load8(at: usize): v128 {
    return v128.load_ext<u8>(at);
  }
  @inline load1(at: usize): v128 {
    return i16x8.splat(<i16>load<u8>(at));
  }
  @inline low(raw: v128): v128 {
    return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(raw));
  }
  @inline high(raw: v128): v128 {
    return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(raw));
  }
  @inline note(seen: v128, raw: v128): v128 {
    return seen;
  }
  @inline checked(sum: v128, seen: v128): v128 {
    return sum;
  }
}

/** Turns `count` floats into numbers of the type. */
export function plainEncode(type: Plain, floats: usize, count: u32, target: usize): void {
  const end = floats + (<usize>count << 2);
  if (type == Plain.Half) {
    for (; floats + 32 <= end; floats += 32, target += 16) {
      const low = halvesOfFloats(v128.load(floats));
      v128.store(target, i16x8.narrow_i32x4_u(low, halvesOfFloats(v128.load(floats, 16))));
    }
    for (; floats < end; floats += 4, target += 2) {
      v128.store_lane<u16>(target, halvesOfFloats(v128.load32_splat(floats)), 0);
    }
    return;
  }
  for (; floats + 16 <= end; floats += 16, target += 4) {
    const bytes = bytesOfFloats(v128.load(floats));
    v128.store_lane<u8>(target, bytes, 0);
    v128.store_lane<u8>(target, bytes, 4, 1);
    v128.store_lane<u8>(target, bytes, 8, 2);
    v128.store_lane<u8>(target, bytes, 12, 3);
  }
  for (; floats < end; floats += 4, target++) {
    v128.store_lane<u8>(target, bytesOfFloats(v128.load32_splat(floats)), 0);
  }
}

/** Turns `count` numbers of the type back into floats. */
export function plainDecode(type: Plain, numbers: usize, count: u32, floats: usize): void {
  const end = floats + (<usize>count << 2);
  if (type == Plain.Half) {
    for (; floats + 32 <= end; floats += 32, numbers += 16) {
      const raw = v128.load(numbers);
      v128.store(floats, floatsOfHalves(i32x4.extend_low_i16x8_u(raw)));
      v128.store(floats, floatsOfHalves(i32x4.extend_high_i16x8_u(raw)), 16);
    }
    for (; floats < end; floats += 4, numbers += 2) {
      v128.store_lane<f32>(floats, floatsOfHalves(i32x4.splat(load<u16>(numbers))), 0);
    }
    return;
  }
  for (; floats < end; floats += 4, numbers++) store<f32>(floats, <f32>load<u8>(numbers));
}

/**
 * The sums of one vector: four independent ones over steps of 16 components, the rest one by one. Not inlined: a call per
 * vector costs nothing beside it, and the module is 20 KB smaller.
 */
function plainSum<M, T>(query: usize, code: usize, bytes: usize, dimensions: u32): v128 {
  const metric = changetype<M>(0);
  const type = changetype<T>(0);
  const zero = f32x4.splat(0);
  let sum0 = zero;
  let sum1 = zero;
  let sum2 = zero;
  let sum3 = zero;
  let seen = zero;
  const end = query + (<usize>dimensions << 2);
  for (; query + 64 <= end; query += 64, code += 16 * bytes) {
    const first = type.load8(code);
    const second = type.load8(code + 8 * bytes);
    seen = type.note(type.note(seen, first), second);
    sum0 = metric.accumulate(sum0, v128.load(query), type.low(first));
    sum1 = metric.accumulate(sum1, v128.load(query, 16), type.high(first));
    sum2 = metric.accumulate(sum2, v128.load(query, 32), type.low(second));
    sum3 = metric.accumulate(sum3, v128.load(query, 48), type.high(second));
  }
  for (; query < end; query += 4, code += bytes) {
    const raw = type.load1(code);
    const x = f32x4.extract_lane(type.low(raw), 0);
    seen = type.note(seen, raw);
    sum0 = metric.accumulate(sum0, v128.load32_zero(query), f32x4.replace_lane(zero, 0, x));
  }
  return type.checked(f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3)), seen);
}

function scoresAs<M, T>(
  query: usize, codes: usize, bytes: usize, dimensions: u32, count: u32, distances: usize,
): void {
  const metric = changetype<M>(0);
  const stride = <usize>dimensions * bytes;
  for (let i: u32 = 0; i < count; i += 4) {
    const last = min(3, count - 1 - i);
    const sums = sumEach(
      plainSum<M, T>(query, codes, bytes, dimensions),
      plainSum<M, T>(query, codes + stride * min(1, last), bytes, dimensions),
      plainSum<M, T>(query, codes + stride * min(2, last), bytes, dimensions),
      plainSum<M, T>(query, codes + stride * last, bytes, dimensions),
    );
    const d = finite(metric.finish(sums));
    if (last == 3) v128.store(distances, d);
    else {
      v128.store_lane<f32>(distances, d, 0);
      if (last > 0) v128.store_lane<f32>(distances, d, 1, 4);
      if (last > 1) v128.store_lane<f32>(distances, d, 2, 8);
    }
    codes += 4 * stride;
    distances += 16;
  }
}

function scoresOf<T>(
  metric: Metric, query: usize, codes: usize, bytes: usize, dimensions: u32, count: u32, distances: usize,
): void {
  if (metric == Metric.Euclid) scoresAs<Euclid, T>(query, codes, bytes, dimensions, count, distances);
  else if (metric == Metric.Cosine) scoresAs<Cosine, T>(query, codes, bytes, dimensions, count, distances);
  else if (metric == Metric.Dot) scoresAs<Dot, T>(query, codes, bytes, dimensions, count, distances);
  else scoresAs<Manhattan, T>(query, codes, bytes, dimensions, count, distances);
}

/** Distances of a query of floats to `count` vectors of the type that follow each other. */
export function plainScores(
  type: Plain, metric: Metric, query: usize, codes: usize, dimensions: u32, count: u32, distances: usize,
): void {
  if (type == Plain.Half) scoresOf<Halves>(metric, query, codes, 2, dimensions, count, distances);
  else scoresOf<Bytes>(metric, query, codes, 1, dimensions, count, distances);
}
