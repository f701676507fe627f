// k-means on rows of floats, by squared Euclidean distance: the inner loops of packages/vicinal/src/codec/kmeans.ts.
//
// Rows lie `rowBytes` apart (more than dimensions x 4 where parts of longer vectors are clustered), and are those of a
// list of ordinals, or, where `list` is 0, rows 0, 1, 2 ... Position i of the list has its centroid in
// `assignment[i]` and its squared distance to it in `distances[i]`.

import { finite } from "./keys";
import { multiplyAdd, sumEach } from "./simd";

/** Rows that stay in the first cache while all centroids pass by. */
const TILE_ROWS: u32 = 64;
const TILE_BYTES: u32 = 1 << 15;

/** Bytes that `assignRows` works in. */
export function assignBytes(): u32 {
  return TILE_ROWS << 2;
}

// @ts-ignore: decorator
@inline
function rowOf(rows: usize, rowBytes: u32, list: usize, i: u32): usize {
  return rows + <usize>(list ? load<u32>(list + (<usize>i << 2)) : i) * <usize>rowBytes;
}

/** Takes over the nearest of the centroids c..c+3, where it is nearer than what is known of position i. */
// @ts-ignore: decorator
@inline
function takeNearer(d: v128, c: u32, last: u32, best: usize, distance: usize): void {
  let known = load<f32>(distance);
  if (!v128.any_true(f32x4.lt(d, f32x4.splat(known)))) return;
  let nearest = load<u32>(best);
  const d0 = f32x4.extract_lane(d, 0);
  const d1 = f32x4.extract_lane(d, 1);
  const d2 = f32x4.extract_lane(d, 2);
  const d3 = f32x4.extract_lane(d, 3);
  if (d0 < known) { known = d0; nearest = c; }
  if (d1 < known) { known = d1; nearest = min(c + 1, last); }
  if (d2 < known) { known = d2; nearest = min(c + 2, last); }
  if (d3 < known) { known = d3; nearest = min(c + 3, last); }
  store<f32>(distance, known);
  store<u32>(best, nearest);
}

/**
 * Finds the nearest centroid of the positions from..to-1; ties go to the lower. Two rows and four centroids at a
 * time: eight sums in flight, and each load serves two or four of them. Returns how many assignments changed.
 * `scratch`: `assignBytes()` bytes.
 */
export function assignRows(
  rows: usize, rowBytes: u32, list: usize, from: u32, to: u32, dimensions: u32, centroids: usize, k: u32,
  assignment: usize, distances: usize, scratch: usize,
): u32 {
  const bytes = <usize>dimensions << 2;
  const whole = bytes & ~15;
  const last = k - 1;
  const tileRows = max<u32>(2, min(TILE_ROWS, TILE_BYTES / <u32>bytes));
  let changed: u32 = 0;
  for (let start = from; start < to; start += tileRows) {
    const end = min(to, start + tileRows);
    for (let i = start; i < end; i++) {
      store<f32>(distances + (<usize>i << 2), f32.POSITIVE_INFINITY);
      store<u32>(scratch + (<usize>(i - start) << 2), 0);
    }
    for (let c: u32 = 0; c < k; c += 4) {
      const a = centroids + <usize>c * bytes;
      const b = centroids + <usize>min(c + 1, last) * bytes;
      const e = centroids + <usize>min(c + 2, last) * bytes;
      const f = centroids + <usize>min(c + 3, last) * bytes;
      for (let i = start; i < end; i += 2) {
        const second = min(i + 1, end - 1);
        const p = rowOf(rows, rowBytes, list, i);
        const q = rowOf(rows, rowBytes, list, second);
        let pa = f32x4.splat(0), pb = f32x4.splat(0), pe = f32x4.splat(0), pf = f32x4.splat(0);
        let qa = f32x4.splat(0), qb = f32x4.splat(0), qe = f32x4.splat(0), qf = f32x4.splat(0);
        let at: usize = 0;
        for (; at < whole; at += 16) {
          const x = v128.load(p + at);
          const y = v128.load(q + at);
          let centroid = v128.load(a + at);
          let d = f32x4.sub(x, centroid);
          pa = multiplyAdd(d, d, pa);
          d = f32x4.sub(y, centroid);
          qa = multiplyAdd(d, d, qa);
          centroid = v128.load(b + at);
          d = f32x4.sub(x, centroid);
          pb = multiplyAdd(d, d, pb);
          d = f32x4.sub(y, centroid);
          qb = multiplyAdd(d, d, qb);
          centroid = v128.load(e + at);
          d = f32x4.sub(x, centroid);
          pe = multiplyAdd(d, d, pe);
          d = f32x4.sub(y, centroid);
          qe = multiplyAdd(d, d, qe);
          centroid = v128.load(f + at);
          d = f32x4.sub(x, centroid);
          pf = multiplyAdd(d, d, pf);
          d = f32x4.sub(y, centroid);
          qf = multiplyAdd(d, d, qf);
        }
        let ps = sumEach(pa, pb, pe, pf);
        let qs = sumEach(qa, qb, qe, qf);
        for (; at < bytes; at += 4) {
          let column = v128.load32_splat(a + at);
          column = v128.load_lane<f32>(b + at, column, 1);
          column = v128.load_lane<f32>(e + at, column, 2);
          column = v128.load_lane<f32>(f + at, column, 3);
          let d = f32x4.sub(v128.load32_splat(p + at), column);
          ps = multiplyAdd(d, d, ps);
          d = f32x4.sub(v128.load32_splat(q + at), column);
          qs = multiplyAdd(d, d, qs);
        }
        takeNearer(finite(ps), c, last, scratch + (<usize>(i - start) << 2), distances + (<usize>i << 2));
        takeNearer(finite(qs), c, last, scratch + (<usize>(second - start) << 2), distances + (<usize>second << 2));
      }
    }
    for (let i = start; i < end; i++) {
      const nearest = load<u32>(scratch + (<usize>(i - start) << 2));
      const at = assignment + (<usize>i << 2);
      changed += <u32>(load<u32>(at) != nearest);
      store<u32>(at, nearest);
    }
  }
  return changed;
}

/** Adds the rows of positions from..to-1 to their centroids' `sums` (k x dimensions f64) and `counts` (k u32). */
export function sumRows(
  rows: usize, rowBytes: u32, list: usize, from: u32, to: u32, dimensions: u32, assignment: usize, sums: usize, counts: usize,
): void {
  for (let i = from; i < to; i++) {
    const row = rowOf(rows, rowBytes, list, i);
    const c = <usize>load<u32>(assignment + (<usize>i << 2));
    const count = counts + (c << 2);
    store<u32>(count, load<u32>(count) + 1);
    const sum = sums + ((c * <usize>dimensions) << 3);
    let j: u32 = 0;
    for (; j + 2 <= dimensions; j += 2) {
      const at = sum + (<usize>j << 3);
      const x = f64x2.promote_low_f32x4(v128.load64_zero(row + (<usize>j << 2)));
      v128.store(at, f64x2.add(v128.load(at), x));
    }
    if (j < dimensions) {
      const at = sum + (<usize>j << 3);
      store<f64>(at, load<f64>(at) + <f64>load<f32>(row + (<usize>j << 2)));
    }
  }
}

/** Moves each centroid that has rows to their mean, brought to length 1 if `spherical` (unless the mean is 0). */
export function moveCentroids(
  sums: usize, counts: usize, k: u32, dimensions: u32, centroids: usize, spherical: bool,
): void {
  for (let c: u32 = 0; c < k; c++) {
    const count = load<u32>(counts + (<usize>c << 2));
    if (!count) continue;
    const sum = sums + ((<usize>c * <usize>dimensions) << 3);
    const centroid = centroids + ((<usize>c * <usize>dimensions) << 2);
    let factor: f64 = 1 / <f64>count;
    if (spherical) {
      let squares: f64 = 0;
      for (let j: u32 = 0; j < dimensions; j++) {
        const x = load<f64>(sum + (<usize>j << 3));
        squares += x * x;
      }
      if (squares > 0) factor = 1 / sqrt<f64>(squares);
    }
    for (let j: u32 = 0; j < dimensions; j++) {
      store<f32>(centroid + (<usize>j << 2), <f32>(load<f64>(sum + (<usize>j << 3)) * factor));
    }
  }
}

/**
 * Seeding: lowers `distances[i]` to the squared distance between position i x step and the seed at `seed`; returns
 * the sum of all.
 */
export function seedDistances(
  rows: usize, rowBytes: u32, list: usize, count: u32, step: u32, dimensions: u32, seed: usize, distances: usize,
): f64 {
  const bytes = <usize>dimensions << 2;
  const whole = bytes & ~15;
  let total: f64 = 0;
  for (let i: u32 = 0; i < count; i += 4) {
    const last = count - 1;
    const a = rowOf(rows, rowBytes, list, i * step);
    const b = rowOf(rows, rowBytes, list, min(i + 1, last) * step);
    const c = rowOf(rows, rowBytes, list, min(i + 2, last) * step);
    const e = rowOf(rows, rowBytes, list, min(i + 3, last) * step);
    let sa = f32x4.splat(0), sb = f32x4.splat(0), sc = f32x4.splat(0), se = f32x4.splat(0);
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const x = v128.load(seed + at);
      let d = f32x4.sub(x, v128.load(a + at));
      sa = multiplyAdd(d, d, sa);
      d = f32x4.sub(x, v128.load(b + at));
      sb = multiplyAdd(d, d, sb);
      d = f32x4.sub(x, v128.load(c + at));
      sc = multiplyAdd(d, d, sc);
      d = f32x4.sub(x, v128.load(e + at));
      se = multiplyAdd(d, d, se);
    }
    let sums = sumEach(sa, sb, sc, se);
    for (; at < bytes; at += 4) {
      let column = v128.load32_splat(a + at);
      column = v128.load_lane<f32>(b + at, column, 1);
      column = v128.load_lane<f32>(c + at, column, 2);
      column = v128.load_lane<f32>(e + at, column, 3);
      const d = f32x4.sub(v128.load32_splat(seed + at), column);
      sums = multiplyAdd(d, d, sums);
    }
    sums = finite(sums);
    total += lower(distances, i, f32x4.extract_lane(sums, 0));
    if (i + 1 < count) total += lower(distances, i + 1, f32x4.extract_lane(sums, 1));
    if (i + 2 < count) total += lower(distances, i + 2, f32x4.extract_lane(sums, 2));
    if (i + 3 < count) total += lower(distances, i + 3, f32x4.extract_lane(sums, 3));
  }
  return total;
}

// @ts-ignore: decorator
@inline
function lower(distances: usize, i: u32, d: f32): f64 {
  const at = distances + (<usize>i << 2);
  const least = min(load<f32>(at), d);
  store<f32>(at, least);
  return <f64>least;
}

/** The first position whose running sum of distances exceeds `target`; the last one with a distance, if none does. */
export function pickWeighted(distances: usize, count: u32, target: f64): u32 {
  let sum: f64 = 0;
  let picked: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const d = load<f32>(distances + (<usize>i << 2));
    if (d <= 0) continue;
    picked = i;
    sum += <f64>d;
    if (sum > target) break;
  }
  return picked;
}
