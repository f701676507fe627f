// Float distances. A metric is a class without state: `accumulate` adds one step of four components, `finish`
// turns sums into distances (smaller is nearer). Kernels take it as a type argument and call it through
// `changetype<M>(0)`, which compiles to straight code: one copy of a loop per metric, no call left.

import { multiplyAdd, sumEach } from "./simd";

/** Numbers of the metrics, shared with the host. */
export const enum Metric {
  Euclid = 0,
  Cosine = 1,
  Dot = 2,
  Manhattan = 3,
}

/** Squared Euclidean distance. */
@final @unmanaged
export class Euclid {
  @inline accumulate(sum: v128, a: v128, b: v128): v128 {
    const difference = f32x4.sub(a, b);
    return multiplyAdd(difference, difference, sum);
  }
  @inline finish(sum: v128): v128 {
    return sum;
  }
}

/** 1 - cosine, of vectors that were normalised before. */
@final @unmanaged
export class Cosine {
  @inline accumulate(sum: v128, a: v128, b: v128): v128 {
    return multiplyAdd(a, b, sum);
  }
  @inline finish(sum: v128): v128 {
    return f32x4.sub(f32x4.splat(1), sum);
  }
}

/** The negative inner product. */
@final @unmanaged
export class Dot {
  @inline accumulate(sum: v128, a: v128, b: v128): v128 {
    return multiplyAdd(a, b, sum);
  }
  @inline finish(sum: v128): v128 {
    return f32x4.neg(sum);
  }
}

/** Sum of absolute differences. */
@final @unmanaged
export class Manhattan {
  @inline accumulate(sum: v128, a: v128, b: v128): v128 {
    return f32x4.add(sum, f32x4.abs(f32x4.sub(a, b)));
  }
  @inline finish(sum: v128): v128 {
    return sum;
  }
}

/** Sums of one row, over whole steps of four components: four independent sums, then one. */
// @ts-ignore: decorator
@inline
function rowSum<M>(query: usize, row: usize, whole: usize): v128 {
  const metric = changetype<M>(0);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let sum3 = f32x4.splat(0);
  let at: usize = 0;
  for (; at + 64 <= whole; at += 64) {
    sum0 = metric.accumulate(sum0, v128.load(query + at), v128.load(row + at));
    sum1 = metric.accumulate(sum1, v128.load(query + at, 16), v128.load(row + at, 16));
    sum2 = metric.accumulate(sum2, v128.load(query + at, 32), v128.load(row + at, 32));
    sum3 = metric.accumulate(sum3, v128.load(query + at, 48), v128.load(row + at, 48));
  }
  for (; at < whole; at += 16) sum0 = metric.accumulate(sum0, v128.load(query + at), v128.load(row + at));
  return f32x4.add(f32x4.add(sum0, sum1), f32x4.add(sum2, sum3));
}

/**
 * Distances of one query to four rows of `dimensions` floats. Rows are read one after the other, as the processor's
 * own prefetching likes it: over rows that follow each other this reads memory twice as fast as going through four of
 * them in step. They need no alignment and no padding: the last `dimensions mod 4` components are taken one by
 * one, across the four rows. Every kernel measures through this function, so that all agree to the last bit.
 */
export function distances4<M>(query: usize, a: usize, b: usize, c: usize, d: usize, dimensions: u32): v128 {
  const metric = changetype<M>(0);
  const bytes = <usize>dimensions << 2;
  const whole = bytes & ~15;
  const sumA = rowSum<M>(query, a, whole);
  const sumB = rowSum<M>(query, b, whole);
  const sumC = rowSum<M>(query, c, whole);
  const sumD = rowSum<M>(query, d, whole);
  let sums = sumEach(sumA, sumB, sumC, sumD);
  for (let at = whole; at < bytes; at += 4) {
    let column = v128.load32_splat(a + at);
    column = v128.load_lane<f32>(b + at, column, 1);
    column = v128.load_lane<f32>(c + at, column, 2);
    column = v128.load_lane<f32>(d + at, column, 3);
    sums = metric.accumulate(sums, v128.load32_splat(query + at), column);
  }
  return metric.finish(sums);
}
