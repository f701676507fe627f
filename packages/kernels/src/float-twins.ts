/** Twins of assembly/metrics.ts, assembly/scan.ts and assembly/max-sim.ts, in double precision. */

export const metricNames = ["Euclid", "Cosine", "Dot", "Manhattan"] as const;
/** In the order in which the kernels number them. */
export type MetricName = (typeof metricNames)[number];

type Distance = (a: ArrayLike<number>, b: ArrayLike<number>) => number;

function sum(length: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < length; i++) total += term(i);
  return total;
}

/** Distances, smaller is nearer. */
export const metrics: Record<MetricName, Distance> = {
  Euclid: (a, b) => sum(a.length, (i) => (a[i] - b[i]) ** 2),
  Cosine: (a, b) => 1 - sum(a.length, (i) => a[i] * b[i]),
  Dot: (a, b) => -sum(a.length, (i) => a[i] * b[i]),
  Manhattan: (a, b) => sum(a.length, (i) => Math.abs(a[i] - b[i])),
};

/** The k nearest of the given ordinals, by distance and then by ordinal. */
export function nearest(
  metric: MetricName,
  query: ArrayLike<number>,
  row: (ordinal: number) => ArrayLike<number>,
  ordinals: Iterable<number>,
  k: number,
): { ordinal: number; distance: number }[] {
  const all = Array.from(ordinals, (ordinal) => ({
    ordinal,
    distance: metrics[metric](query, row(ordinal)),
  }));
  return all.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).slice(0, k);
}

/** MaxSim: the distances of each vector of a query to the nearest vector of a document, added up. */
export function maxSimDistance(
  metric: MetricName,
  query: readonly ArrayLike<number>[],
  document: readonly ArrayLike<number>[],
): number {
  const nearestOf = (vector: ArrayLike<number>) =>
    document.reduce((least, row) => Math.min(least, metrics[metric](vector, row)), Number.POSITIVE_INFINITY);
  return query.reduce((total, vector) => total + nearestOf(vector), 0);
}
