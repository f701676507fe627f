// Fast scan: sums of table look-ups for 32 vectors at a time, with the tables in registers.
//
// Andre, Kermarrec, Le Scouarnec, "Cache locality is not enough: high-performance nearest neighbor search with product
// quantization fast scan" (2015), in the later 4-bit form (Quick ADC, 2017): a code is one 4-bit number per table, a
// table has 16 entries of a byte, so that one `swizzle` looks up 16 vectors.
//
//   block of 32 codes:  [ table 0: 16 bytes ][ table 1: 16 bytes ] ...    byte j: low half of vector j, high of j + 16
//
// Entries have 7 bits: the sum of two fits a byte, and two look-ups share the widening to 16 bits. The number of tables
// is even. An entry is round((value - least of its table) / step): sum of values ~ bias + step x sum of entries,
// off by at most step / 2 per table.

import { maxLane } from "./simd";

/** Vectors of a block. */
export const BLOCK: u32 = 32;
const LARGEST_ENTRY: f32 = 127;
/** Tables that 16-bit sums have room for: 65535 / (2 x 127), two at a time. */
const CHUNK: u32 = 512;

// @ts-ignore: decorator
@inline
function swizzle(table: v128, indexes: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indexes);
  return i8x16.swizzle(table, indexes);
}

// @ts-ignore: decorator
@inline
function storeSums(sums: usize, even: v128, odd: v128, first: bool): void {
  const low = v128.shuffle<i16>(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
  const high = v128.shuffle<i16>(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
  let a = f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low));
  let b = f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low));
  let c = f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high));
  let d = f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high));
  if (!first) {
    a = f32x4.add(a, v128.load(sums));
    b = f32x4.add(b, v128.load(sums, 16));
    c = f32x4.add(c, v128.load(sums, 32));
    d = f32x4.add(d, v128.load(sums, 48));
  }
  v128.store(sums, a);
  v128.store(sums, b, 16);
  v128.store(sums, c, 32);
  v128.store(sums, d, 48);
}

/** Sums of the entries of a block's 32 vectors, as floats, in the order of the vectors. */
// @ts-ignore: decorator
@inline
export function scanBlock(block: usize, entries: usize, tables: u32, sums: usize): void {
  const mask = i8x16.splat(15);
  for (let start: u32 = 0; start < tables; start += CHUNK) {
    const end = <usize>min(tables, start + CHUNK) << 4;
    // Bytes 2i and 2i + 1 as one number: their sum modulo 2^16, and apart that of the upper bytes.
    let low = i16x8.splat(0);
    let lowOdd = i16x8.splat(0);
    let high = i16x8.splat(0);
    let highOdd = i16x8.splat(0);
    for (let at = <usize>start << 4; at < end; at += 32) {
      const codes0 = v128.load(block + at);
      const codes1 = v128.load(block + at, 16);
      const table0 = v128.load(entries + at);
      const table1 = v128.load(entries + at, 16);
      const a = i8x16.add(swizzle(table0, v128.and(codes0, mask)), swizzle(table1, v128.and(codes1, mask)));
      const b = i8x16.add(swizzle(table0, i8x16.shr_u(codes0, 4)), swizzle(table1, i8x16.shr_u(codes1, 4)));
      low = i16x8.add(low, a);
      lowOdd = i16x8.add(lowOdd, i16x8.shr_u(a, 8));
      high = i16x8.add(high, b);
      highOdd = i16x8.add(highOdd, i16x8.shr_u(b, 8));
    }
    storeSums(sums, i16x8.sub(low, i16x8.shl(lowOdd, 8)), lowOdd, start == 0);
    storeSums(sums + 64, i16x8.sub(high, i16x8.shl(highOdd, 8)), highOdd, start == 0);
  }
}

/** What a query's tables were rounded with. */
@final @unmanaged
export class Tables {
  bias: f32;
  step: f32;
}

// @ts-ignore: decorator
@inline
function narrow16(a: v128, b: v128, c: v128, d: v128): v128 {
  const low = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(f32x4.nearest(a)), i32x4.trunc_sat_f32x4_s(f32x4.nearest(b)));
  const high = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(f32x4.nearest(c)), i32x4.trunc_sat_f32x4_s(f32x4.nearest(d)));
  return i8x16.narrow_i16x8_u(low, high);
}

/** Rounds tables of 16 floats each to entries. */
export function roundTables(values: usize, tables: u32, entries: usize, rounded: Tables): void {
  let widest: f32 = 0;
  let bias: f32 = 0;
  for (let t: u32 = 0; t < tables; t++) {
    const at = values + (<usize>t << 6);
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const least = -maxLane(f32x4.neg(f32x4.min(f32x4.min(a, b), f32x4.min(c, d))));
    bias += least;
    widest = max(widest, maxLane(f32x4.max(f32x4.max(a, b), f32x4.max(c, d))) - least);
  }
  const step = widest / LARGEST_ENTRY;
  const inverse = f32x4.splat(step > 0 ? 1 / step : 0);
  for (let t: u32 = 0; t < tables; t++) {
    const at = values + (<usize>t << 6);
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const least = f32x4.splat(-maxLane(f32x4.neg(f32x4.min(f32x4.min(a, b), f32x4.min(c, d)))));
    v128.store(entries + (<usize>t << 4), narrow16(
      f32x4.mul(f32x4.sub(a, least), inverse), f32x4.mul(f32x4.sub(b, least), inverse),
      f32x4.mul(f32x4.sub(c, least), inverse), f32x4.mul(f32x4.sub(d, least), inverse),
    ));
  }
  rounded.bias = bias;
  rounded.step = step;
}

/**
 * Entries for codes of signs: table t looks four components up, entry e has +q_j where bit j of e is set, -q_j where not,
 * halved. `query`: padded floats, a multiple of 8.
 */
export function signTables(query: usize, padded: u32, entries: usize, rounded: Tables): void {
  let widest: f32 = 0;
  let total: f32 = 0;
  for (let at: usize = 0; at < <usize>padded << 2; at += 16) {
    const q = f32x4.abs(v128.load(query + at));
    const sum = f32x4.extract_lane(q, 0) + f32x4.extract_lane(q, 1) + f32x4.extract_lane(q, 2) + f32x4.extract_lane(q, 3);
    widest = max(widest, sum);
    total += sum;
  }
  // Halved, a table reaches from -sum/2 to sum/2.
  const step = widest / LARGEST_ENTRY;
  const inverse: f32 = step > 0 ? 1 / step : 0;
  const first = f32x4(-0.5, 0.5, -0.5, 0.5);
  const second = f32x4(-0.5, -0.5, 0.5, 0.5);
  for (let at: usize = 0; at < <usize>padded << 2; at += 16) {
    const q = f32x4.mul(v128.load(query + at), f32x4.splat(inverse));
    const q0 = f32x4.extract_lane(q, 0);
    const q1 = f32x4.extract_lane(q, 1);
    const q2 = f32x4.extract_lane(q, 2);
    const q3 = f32x4.extract_lane(q, 3);
    const base = f32x4.add(
      f32x4.splat((abs(q0) + abs(q1) + abs(q2) + abs(q3)) * 0.5),
      f32x4.add(f32x4.mul(first, f32x4.splat(q0)), f32x4.mul(second, f32x4.splat(q1))),
    );
    const sum = (q2 + q3) * 0.5;
    const gap = (q2 - q3) * 0.5;
    v128.store(entries + at, narrow16(
      f32x4.sub(base, f32x4.splat(sum)), f32x4.add(base, f32x4.splat(gap)),
      f32x4.sub(base, f32x4.splat(gap)), f32x4.add(base, f32x4.splat(sum)),
    ));
  }
  rounded.bias = -0.5 * total;
  rounded.step = step;
}
