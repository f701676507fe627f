/** How alike two stored vectors are: larger is more alike, whatever the metric. */
import type { Metric } from "../index/contract.js";

export type Similarity = (a: Float32Array, b: Float32Array) => number;

/** The score where the larger is the nearer, else the distance taken negative: squared for Euclid. */
export function similarityOf(metric: Metric): Similarity {
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
