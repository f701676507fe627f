/**
 * Exact nearest neighbours by brute force: every query against every base vector, in double precision over the
 * stored float32 values. Equal distances are ordered by id.
 */
import type { Metric } from "./layout.js";

export interface ExactTask {
  /** In shared memory. */
  base: Float32Array;
  /** In shared memory. */
  queries: Float32Array;
  dimensions: number;
  metric: Metric;
  depth: number;
}

/** Base rows that are scored for several queries while they lie in the cache. */
const tileRows = 256;

/** Squared norms for Euclid, inverse norms for cosine. */
function rowTerms(vectors: Float32Array, dimensions: number, metric: Metric): Float64Array {
  const terms = new Float64Array(vectors.length / dimensions);
  for (let row = 0; row < terms.length; row += 1) {
    let sum = 0;
    for (let i = row * dimensions; i < (row + 1) * dimensions; i += 1) sum += vectors[i] * vectors[i];
    terms[row] = metric === "Cosine" ? 1 / Math.sqrt(sum) : sum;
  }
  return terms;
}

/** Makes the search over one base; the terms of its rows are computed once. */
export function exactSearcher(task: ExactTask) {
  const { base, queries, dimensions, metric, depth } = task;
  const terms = rowTerms(base, dimensions, metric);
  const count = terms.length;

  /** Ids of the nearest of queries `first` to `last - 1`, `depth` each. */
  return (first: number, last: number): Int32Array => {
    const ids = new Int32Array((last - first) * depth).fill(-1);
    const distances = new Float64Array((last - first) * depth).fill(Number.POSITIVE_INFINITY);
    for (let tile = 0; tile < count; tile += tileRows) {
      const end = Math.min(count, tile + tileRows);
      for (let query = first; query < last; query += 1) {
        scoreTile(
          base,
          terms,
          tile,
          end,
          queries,
          query,
          dimensions,
          metric,
          ids,
          distances,
          (query - first) * depth,
          depth,
        );
      }
    }
    return ids;
  };
}

function scoreTile(
  base: Float32Array,
  terms: Float64Array,
  start: number,
  end: number,
  queries: Float32Array,
  query: number,
  dimensions: number,
  metric: Metric,
  ids: Int32Array,
  distances: Float64Array,
  slot: number,
  depth: number,
): void {
  const cosine = metric === "Cosine";
  const q = query * dimensions;
  let worst = distances[slot + depth - 1];
  for (let row = start; row < end; row += 1) {
    const b = row * dimensions;
    // Four sums, so that an addition does not wait for the one before it. All dimensions here are multiples of 4.
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = 0; i < dimensions; i += 4) {
      s0 += base[b + i] * queries[q + i];
      s1 += base[b + i + 1] * queries[q + i + 1];
      s2 += base[b + i + 2] * queries[q + i + 2];
      s3 += base[b + i + 3] * queries[q + i + 3];
    }
    const dot = s0 + s1 + (s2 + s3);
    // The query's own norm changes no order.
    const distance = cosine ? -dot * terms[row] : terms[row] - 2 * dot;
    if (distance >= worst) continue;
    let at = slot + depth - 1;
    for (; at > slot && distances[at - 1] > distance; at -= 1) {
      distances[at] = distances[at - 1];
      ids[at] = ids[at - 1];
    }
    distances[at] = distance;
    ids[at] = row;
    worst = distances[slot + depth - 1];
  }
}
