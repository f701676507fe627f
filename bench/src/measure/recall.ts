/**
 * recall@k: the share of the k nearest that a search found. An answer as near as the true k-th counts, whatever
 * its id, so that equal distances cost nobody anything; an id given twice counts once.
 */
import { type DataSet, truthDepth } from "../data/layout.js";

/** Equal up to the rounding of float32 sums over these dimensions. */
const tolerance = 1e-5;

export function recallOf(set: DataSet, query: number, ids: ArrayLike<number>, k: number): number {
  const truth = set.neighbors.subarray(query * truthDepth, query * truthDepth + k);
  const bound = distance(set, query, truth[k - 1]);
  const limit = bound + Math.abs(bound) * tolerance;
  let found = 0;
  const seen = new Set<number>();
  for (let i = 0; i < Math.min(k, ids.length); i += 1) {
    const id = ids[i];
    if (seen.has(id)) continue;
    seen.add(id);
    if (truth.includes(id) || distance(set, query, id) <= limit) found += 1;
  }
  return found / k;
}

/** Squared Euclid, or 1 - cosine. */
function distance({ meta, base, queries }: DataSet, query: number, row: number): number {
  const { dimensions, metric } = meta;
  const b = row * dimensions;
  const q = query * dimensions;
  let squares = 0;
  let dot = 0;
  let baseSquares = 0;
  let querySquares = 0;
  for (let i = 0; i < dimensions; i += 1) {
    const x = base[b + i];
    const y = queries[q + i];
    squares += (x - y) * (x - y);
    dot += x * y;
    baseSquares += x * x;
    querySquares += y * y;
  }
  return metric === "Cosine" ? 1 - dot / Math.sqrt(baseSquares * querySquares) : squares;
}
