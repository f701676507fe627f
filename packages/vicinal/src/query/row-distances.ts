/**
 * How far the vectors of rows are from a query, for each kind of vector: exactly, and by rows.
 *
 *   dense    the metric's distance
 *   sparse   the negative product, 0 where no term is shared
 *   multi    MaxSim (Khattab & Zaharia, ColBERT, 2020): the distances of each vector of the query to the nearest one of the row,
 *            added up; for Cosine moved so that 1 - distance is the sum of the similarities
 *
 * Cost: one scan for each vector of the query.
 */
import type { SearchResult } from "../index/contract.js";
import type { SparseVector } from "../index/sparse/index.js";
import { after } from "../runtime/after.js";
import { countBits } from "../runtime/bits.js";
import type { MultiVector } from "../segment/effects.js";
import { SparseColumn } from "../segment/sparse-column.js";
import type { VectorColumn } from "../segment/vector-column.js";
import type { QueryVector } from "./query-vector.js";

/**
 * Distances by row; of rows without a vector, or whose bit is not set, they mean nothing. A promise where vectors lie in files.
 * @param query Of the kind of the column's vectors.
 */
export function rowDistances(
  column: VectorColumn | SparseColumn,
  query: QueryVector,
  rows: Uint32Array,
): Float32Array | Promise<Float32Array> {
  const distances = new Float32Array(rows.length * 32);
  const bits = column.ordinalBits(rows);
  const k = countBits(bits);
  if (column instanceof SparseColumn) {
    take(column, column.search({ query: query as SparseVector, k, bits }), (row, distance) => {
      distances[row] = distance;
    });
    return distances;
  }
  if (query instanceof Float32Array)
    return after(column.scan({ query, k, bits }), (found) => {
      take(column, found, (row, distance) => {
        distances[row] = distance;
      });
      return distances;
    });
  return addedUp(column, query as MultiVector, { bits, k }, distances);
}

type Among = { bits: Uint32Array; k: number };

/** One scan after the other, so that a file is read by one at a time. */
function addedUp(
  column: VectorColumn,
  { data, count }: MultiVector,
  among: Among,
  distances: Float32Array,
): Float32Array | Promise<Float32Array> {
  if (column.store.metric === "Cosine") distances.fill(1 - count);
  const size = data.length / count;
  const nearest = new Float32Array(distances.length);
  const from = (i: number): Float32Array | Promise<Float32Array> => {
    for (let at = i; at < count; at++) {
      const found = column.scan({ query: data.subarray(at * size, (at + 1) * size), ...among });
      if (found instanceof Promise)
        return found.then((result) => {
          addNearest(column, result, nearest, distances);
          return from(at + 1);
        });
      addNearest(column, found, nearest, distances);
    }
    return distances;
  };
  return from(0);
}

function addNearest(
  column: VectorColumn,
  found: SearchResult,
  nearest: Float32Array,
  distances: Float32Array,
): void {
  nearest.fill(Number.POSITIVE_INFINITY);
  take(column, found, (row, distance) => {
    if (distance < nearest[row]) nearest[row] = distance;
  });
  for (let row = 0; row < nearest.length; row++) if (nearest[row] < Infinity) distances[row] += nearest[row];
}

function take(
  column: { row(ordinal: number): number },
  { ordinals, distances }: SearchResult,
  visit: (row: number, distance: number) => void,
): void {
  for (let i = 0; i < ordinals.length; i++) visit(column.row(ordinals[i]), distances[i]);
}
