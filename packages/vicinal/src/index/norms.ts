/** Norms of stored vectors. */
import type { VectorStore } from "./vector-store.js";

/** The largest squared norm; a little more, so that no tail is lost to rounding. */
export function largestNorm(store: VectorStore): number {
  const { count, dimensions } = store;
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const vector = store.view(i);
    let norm = 0;
    for (let j = 0; j < dimensions; j++) norm += vector[j] * vector[j];
    largest = Math.max(largest, norm);
  }
  return Math.fround(largest * 1.000001 || 1);
}
