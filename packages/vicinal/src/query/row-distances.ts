/**
 * How far the vectors of rows are from a query, for each kind of vector: exactly, and by rows.
 *
 *   dense    the metric's distance
 *   sparse   the negative product, 0 where no term is shared
 *   multi    MaxSim (index/multi/max-sim-scan.ts)
 *
 * Cost: one scan.
 */
import type { SearchResult } from "../index/contract.js";
import type { SparseVector } from "../index/sparse/index.js";
import { after } from "../runtime/after.js";
import { countBits } from "../runtime/bits.js";
import { SparseColumn } from "../segment/sparse-column.js";
import type { VectorColumn } from "../segment/vector-column.js";
import { denseQuery, type QueryVector } from "./query-vector.js";

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
  return after(column.scan({ query: denseQuery(query), k, bits }), (found) => {
    take(column, found, (row, distance) => {
      distances[row] = distance;
    });
    return distances;
  });
}

function take(
  column: { row(ordinal: number): number },
  { ordinals, distances }: SearchResult,
  visit: (row: number, distance: number) => void,
): void {
  for (let i = 0; i < ordinals.length; i++) visit(column.row(ordinals[i]), distances[i]);
}
