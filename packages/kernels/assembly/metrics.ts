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

/**
 * Distances of one query to four rows of `dimensions` floats. Four rows at once share each load of the query, keep
 * four independent sums in flight and need one horizontal sum for all. Rows need no alignment and no padding:
 * the last `dimensions mod 4` components are taken one by one, across the four rows.
 */
// @ts-ignore: decorator
@inline
export function distances4<M>(
  query: usize,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  dimensions: u32,
): v128 {
  const metric = changetype<M>(0);
  let sumA = f32x4.splat(0);
  let sumB = f32x4.splat(0);
  let sumC = f32x4.splat(0);
  let sumD = f32x4.splat(0);
  const bytes = <usize>dimensions << 2;
  const whole = bytes & ~15;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const q = v128.load(query + at);
    sumA = metric.accumulate(sumA, q, v128.load(a + at));
    sumB = metric.accumulate(sumB, q, v128.load(b + at));
    sumC = metric.accumulate(sumC, q, v128.load(c + at));
    sumD = metric.accumulate(sumD, q, v128.load(d + at));
  }
  let sums = sumEach(sumA, sumB, sumC, sumD);
  for (; at < bytes; at += 4) {
    let column = v128.load32_splat(a + at);
    column = v128.load_lane<f32>(b + at, column, 1);
    column = v128.load_lane<f32>(c + at, column, 2);
    column = v128.load_lane<f32>(d + at, column, 3);
    sums = metric.accumulate(sums, v128.load32_splat(query + at), column);
  }
  return metric.finish(sums);
}
