/** Twins of assembly/kmeans.ts, in double precision. */
import { metrics } from "./float-twins.js";

type Vector = ArrayLike<number>;

/** The nearest centroid of each row, the lower of equals, with its squared distance. */
export function assignments(rows: Vector[], centroids: Vector[]): { centroid: number; distance: number }[] {
  return rows.map((row) => {
    const distances = centroids.map((centroid) => metrics.Euclid(row, centroid));
    const distance = Math.min(...distances);
    return { centroid: distances.indexOf(distance), distance };
  });
}

/** The mean of the rows of each centroid, or undefined where it has none. */
export function means(rows: Vector[], assignment: ArrayLike<number>, k: number): (number[] | undefined)[] {
  return Array.from({ length: k }, (_, c) => {
    const own = rows.filter((_row, i) => assignment[i] === c);
    if (own.length === 0) return undefined;
    return Array.from(
      { length: own[0].length },
      (_, j) => own.reduce((sum, x) => sum + x[j], 0) / own.length,
    );
  });
}
