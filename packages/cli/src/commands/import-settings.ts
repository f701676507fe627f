/** The settings of a collection that an import makes, by the points that it begins with. */
import type { Distance, NewCollection, NewVector, Point, StoredVector, Vector } from "../client.js";
import { isDense, isSparse, isUnnamed } from "../readers/vectors.js";

/** Every name that the points have, as long and of the kind that its first vector is. */
export function settingsOf(points: readonly Point[], distance: Distance): NewCollection {
  const first = points.find(({ vector }) => isUnnamed(vector))?.vector;
  if (first && isUnnamed(first)) return { vectors: dense(first, distance) };
  const vectors: Record<string, NewVector> = {};
  const sparse: NonNullable<NewCollection["sparse_vectors"]> = {};
  for (const { vector } of points)
    for (const [name, one] of Object.entries(vector as Record<string, StoredVector>)) {
      if (name in vectors || name in sparse) continue;
      if (isSparse(one)) sparse[name] = {};
      else vectors[name] = dense(one as Vector | Vector[], distance);
    }
  return { vectors, ...(Object.keys(sparse).length > 0 ? { sparse_vectors: sparse } : {}) };
}

function dense(vector: Vector | Vector[], distance: Distance): NewVector {
  if (isDense(vector)) return { size: vector.length, distance };
  return { size: vector[0].length, distance, multivector_config: { comparator: "max_sim" } };
}
