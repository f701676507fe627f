/** What stored vectors are compared with: one of their own kind. */
import type { SparseVector } from "../index/sparse/index.js";
import { assert } from "../runtime/assert.js";
import type { DenseVector, MultiVector, StoredVector } from "../segment/effects.js";

/** Dense ones of unit length where the metric is Cosine. */
export type QueryVector = Float32Array | MultiVector | SparseVector;

export function queryVectorOf(vector: StoredVector): QueryVector {
  return isDense(vector) ? vector.data : vector;
}

export function isDense(vector: StoredVector): vector is DenseVector {
  return "norm" in vector;
}

export function isSparse(query: QueryVector): query is SparseVector {
  return "terms" in query;
}

/** What an index of single vectors or of multi-vectors is asked with: the floats, of a multi-vector one after the other. */
export function denseQuery(query: QueryVector): Float32Array {
  if (query instanceof Float32Array) return query;
  assert("data" in query, "a column of floats is compared with floats");
  return query.data;
}
