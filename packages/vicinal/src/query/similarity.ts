/** How alike two stored vectors are: larger is more alike, whatever the metric. */
import type { Metric } from "../index/contract.js";
import { type SparseVector, sparseDot } from "../index/sparse/index.js";
import type { DenseVector, MultiVector, StoredVector } from "../segment/effects.js";

type Compare<V> = (a: V, b: V) => number;
export type Similarity = Compare<StoredVector>;

/**
 * The score where the larger is the nearer, else the distance taken negative: squared for Euclid. Of multi-vectors the best matches of
 * the first one's vectors, added up. Both of one kind.
 */
export function similarityOf(metric: Metric): Similarity {
  const compare = denseSimilarity(metric);
  return (a, b) => {
    if ("terms" in a) return sparseDot(a, b as SparseVector) ?? 0;
    if (!("count" in a)) return compare(a.data, (b as DenseVector).data);
    return bestMatches(a, b as MultiVector, compare);
  };
}

function bestMatches(a: MultiVector, b: MultiVector, compare: Compare<Float32Array>): number {
  const size = a.data.length / a.count;
  const rows = ({ data, count }: MultiVector) =>
    Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
  const others = rows(b);
  let sum = 0;
  for (const row of rows(a)) sum += Math.max(...others.map((other) => compare(row, other)));
  return sum;
}

function denseSimilarity(metric: Metric): Compare<Float32Array> {
  switch (metric) {
    case "Cosine":
    case "Dot":
      return dot;
    case "Euclid":
      return negativeSquares;
    case "Manhattan":
      return negativeDifferences;
  }
}

/** The score of a found point as the similarity that stands behind it. */
export function similarityOfScore(metric: Metric, score: number): number {
  if (metric === "Euclid") return -score * score;
  return metric === "Manhattan" ? -score : score;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function negativeSquares(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum -= (a[i] - b[i]) ** 2;
  return sum;
}

function negativeDifferences(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum -= Math.abs(a[i] - b[i]);
  return sum;
}
