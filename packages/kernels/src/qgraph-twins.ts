/** Twin of the quantized graph's edges (assembly/qgraph.ts), plain and in double precision. */

export interface Edge {
  /** Of the neighbour's residual: which components are not negative. */
  signs: boolean[];
  add: number;
  scale: number;
}

/** The edge from a vertex to a neighbour, both in the rotated space; `keep` rounds factors as they are stored. */
export function edgeOf(
  neighbour: ArrayLike<number>,
  vertex: ArrayLike<number>,
  keep: (factor: number) => number = (factor) => factor,
): Edge {
  const residual = Array.from(neighbour, (x, i) => x - vertex[i]);
  const signs = residual.map((r) => r >= 0);
  const half = signs.map((sign) => (sign ? 0.5 : -0.5));
  const square = dot(residual, residual);
  const along = dot(half, residual);
  const factor = keep(along > 0 ? square / along : 0);
  return { signs, add: square / 2 + factor * dot(half, vertex), scale: -factor };
}

/** Half the squared distance of a query to the neighbour, by the vertex's own and the edge. */
export function estimate(edge: Edge, base: number, query: ArrayLike<number>): number {
  const half = edge.signs.map((sign) => (sign ? 0.5 : -0.5));
  return base + edge.add + edge.scale * dot(half, query);
}

/** Half the squared distance. */
export function halfSquare(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a, (x, i) => (x - b[i]) ** 2).reduce((sum, x) => sum + x, 0) / 2;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a, (x, i) => x * b[i]).reduce((sum, x) => sum + x, 0);
}
