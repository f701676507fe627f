// MaxSim: how far multi-vectors are from a query that has several vectors itself.
//
// Khattab & Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT" (2020).
// Each vector of the query looks for the nearest vector of the document; what they find is added up. The sum of the largest
// similarities is, turned round, the sum of the smallest distances, so every metric serves.
//
//   queries   queryCount x dimensions f32
//   runs      count x [ first u32 | end u32 ]: the rows of each document, at least one
//   minima    queryCount f32, rounded up to whole fours
//   distances count f32: the answer
//
// Cost: (rows of the documents) x queryCount distances. Two rows meet four vectors of the query at a time, so that what is loaded
// is used eight times, and the eight sums stay in registers.

import { rowAt } from "./scan";
import { Cosine, Dot, Euclid, Manhattan, Metric } from "./metrics";
import { sumEach } from "./simd";

/** Lowers four minima by the distances of rows `a` and `b` (which may be the same) to four vectors of the query. */
// @ts-ignore: decorator
@inline
function lower<M>(
  minima: usize, a: usize, b: usize, q0: usize, q1: usize, q2: usize, q3: usize, whole: usize, bytes: usize,
): void {
  const metric = changetype<M>(0);
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
  let b0 = f32x4.splat(0), b1 = f32x4.splat(0), b2 = f32x4.splat(0), b3 = f32x4.splat(0);
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const ofA = v128.load(a + at);
    const ofB = v128.load(b + at);
    let ofQuery = v128.load(q0 + at);
    a0 = metric.accumulate(a0, ofA, ofQuery);
    b0 = metric.accumulate(b0, ofB, ofQuery);
    ofQuery = v128.load(q1 + at);
    a1 = metric.accumulate(a1, ofA, ofQuery);
    b1 = metric.accumulate(b1, ofB, ofQuery);
    ofQuery = v128.load(q2 + at);
    a2 = metric.accumulate(a2, ofA, ofQuery);
    b2 = metric.accumulate(b2, ofB, ofQuery);
    ofQuery = v128.load(q3 + at);
    a3 = metric.accumulate(a3, ofA, ofQuery);
    b3 = metric.accumulate(b3, ofB, ofQuery);
  }
  let ofA = sumEach(a0, a1, a2, a3);
  let ofB = sumEach(b0, b1, b2, b3);
  for (; at < bytes; at += 4) {
    let column = v128.load32_splat(q0 + at);
    column = v128.load_lane<f32>(q1 + at, column, 1);
    column = v128.load_lane<f32>(q2 + at, column, 2);
    column = v128.load_lane<f32>(q3 + at, column, 3);
    ofA = metric.accumulate(ofA, v128.load32_splat(a + at), column);
    ofB = metric.accumulate(ofB, v128.load32_splat(b + at), column);
  }
  const nearest = f32x4.pmin(metric.finish(ofA), metric.finish(ofB));
  // A distance that is no number (an overflow) is never the smaller one.
  v128.store(minima, f32x4.pmin(v128.load(minima), nearest));
}

function maxSimOf<M>(
  queries: usize, queryCount: u32, rows: usize, dimensions: u32, runs: usize, count: u32, minima: usize, distances: usize,
): void {
  const stride = <usize>dimensions << 2;
  const whole = stride & ~15;
  const last = queryCount - 1;
  for (let i: u32 = 0; i < count; i++) {
    const run = runs + (<usize>i << 3);
    const first = load<u32>(run);
    const end = load<u32>(run, 4);
    for (let q: u32 = 0; q < queryCount; q += 4)
      v128.store(minima + (<usize>q << 2), f32x4.splat(f32.MAX_VALUE));
    for (let r = first; r < end; r += 2) {
      const a = rowAt(rows, r, stride);
      const b = rowAt(rows, min(r + 1, end - 1), stride);
      for (let q: u32 = 0; q < queryCount; q += 4)
        lower<M>(
          minima + (<usize>q << 2), a, b,
          rowAt(queries, q, stride),
          rowAt(queries, min(q + 1, last), stride),
          rowAt(queries, min(q + 2, last), stride),
          rowAt(queries, min(q + 3, last), stride),
          whole, stride,
        );
    }
    let sum: f64 = 0;
    for (let q: u32 = 0; q < queryCount; q++) sum += load<f32>(minima + (<usize>q << 2));
    store<f32>(distances + (<usize>i << 2), <f32>max(min(sum, <f64>f32.MAX_VALUE), -<f64>f32.MAX_VALUE));
  }
}

/** Distances of `count` documents from the query, in their order. */
export function maxSim(
  metric: Metric, queries: usize, queryCount: u32, rows: usize, dimensions: u32, runs: usize, count: u32,
  minima: usize, distances: usize,
): void {
  if (metric == Metric.Euclid) maxSimOf<Euclid>(queries, queryCount, rows, dimensions, runs, count, minima, distances);
  else if (metric == Metric.Cosine) maxSimOf<Cosine>(queries, queryCount, rows, dimensions, runs, count, minima, distances);
  else if (metric == Metric.Dot) maxSimOf<Dot>(queries, queryCount, rows, dimensions, runs, count, minima, distances);
  else maxSimOf<Manhattan>(queries, queryCount, rows, dimensions, runs, count, minima, distances);
}
