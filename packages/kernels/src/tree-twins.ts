/** Twin of assembly/tree.ts: the same search over a tree of plain objects, in double precision. */
import { type MetricName, metrics } from "./float-twins.js";

type Vector = ArrayLike<number>;

export interface TwinNode {
  /** Level by level; the lower of two nodes that are equally promising goes first. */
  id: number;
  pivot: Vector;
  /** Of an inner node. */
  children: TwinNode[];
  /** All rows below it; a leaf's in the order in which they lie. */
  ordinals: number[];
  radius: number;
  spread: number;
  reach: number;
}

const dot = (a: Vector, b: Vector) => -metrics.Dot(a, b);

/** Radius, spread and reach of rows around a pivot. */
export function ball(
  metric: MetricName,
  pivot: Vector,
  rows: Vector[],
): Pick<TwinNode, "radius" | "spread" | "reach"> {
  const manhattan = metric === "Manhattan";
  const distances = rows.map((row) => metrics[manhattan ? "Manhattan" : "Euclid"](pivot, row));
  const farthest = Math.max(...distances);
  return {
    radius: manhattan ? farthest : Math.sqrt(farthest),
    spread: distances.reduce((a, b) => a + b, 0) / rows.length,
    reach: Math.sqrt(Math.max(...rows.map((row) => dot(row, row)))),
  };
}

/** No row in the ball can be nearer to the query. */
export function leastDistance(metric: MetricName, query: Vector, node: TwinNode): number {
  const { pivot, radius, reach } = node;
  if (metric === "Manhattan") return Math.max(0, metrics.Manhattan(query, pivot) - radius);
  const gap = Math.max(0, Math.sqrt(metrics.Euclid(query, pivot)) - radius);
  if (metric === "Euclid") return gap * gap;
  const length = Math.sqrt(dot(query, query));
  const most = Math.min(
    dot(query, pivot) + length * radius,
    length * reach,
    (length * length + reach * reach - gap * gap) / 2,
  );
  return metric === "Cosine" ? 1 - most : -most;
}

/** As a float, as the kernels keep it. */
function orderOf(metric: MetricName, query: Vector, node: TwinNode, factor: number): number {
  const { pivot, radius, spread } = node;
  const byBound = factor < 0;
  if (metric === "Manhattan")
    return Math.fround(metrics.Manhattan(query, pivot) - (byBound ? radius : factor * spread));
  if (metric === "Dot") {
    const away = byBound ? radius : factor * Math.sqrt(spread);
    return Math.fround(-dot(query, pivot) - Math.sqrt(dot(query, query)) * away);
  }
  const square = metrics.Euclid(query, pivot);
  return Math.fround(byBound ? Math.sqrt(square) - radius : square - factor * spread);
}

type Waiting = { node: TwinNode; order: number };

const before = (a: Waiting, b: Waiting) => a.order - b.order || a.node.id - b.node.id;

export interface TwinAnswer {
  hits: { ordinal: number; distance: number }[];
  leaves: number;
}

/** The nearest k that a search with this effort finds. */
export function searchTree(
  metric: MetricName,
  root: TwinNode,
  row: (ordinal: number) => Vector,
  query: Vector,
  options: { k: number; effort: number; factor: number; passes?: (ordinal: number) => boolean },
): TwinAnswer {
  const { k, effort, factor, passes = () => true } = options;
  const queue: Waiting[] = [{ node: root, order: 0 }];
  let hits: TwinAnswer["hits"] = [];
  let compared = 0;
  let leaves = 0;
  const hopeless = (node: TwinNode) =>
    hits.length === k && leastDistance(metric, query, node) > hits[k - 1].distance;
  while (queue.length > 0 && !(compared >= effort && hits.length === k)) {
    queue.sort(before);
    let node = queue.shift()!.node;
    if (hopeless(node)) continue;
    let waits = false;
    while (node.children.length > 0 && !waits) {
      const alive = node.children.filter((child) => !hopeless(child));
      const ranked = alive.map((child) => ({ node: child, order: orderOf(metric, query, child, factor) }));
      ranked.sort(before);
      const best = ranked.shift();
      queue.push(...ranked);
      waits = best === undefined || (factor < 0 && queue.some((other) => before(other, best) < 0));
      if (best && waits) queue.push(best);
      else if (best) node = best.node;
    }
    if (waits) continue;
    leaves++;
    for (const ordinal of node.ordinals.filter(passes)) {
      hits.push({ ordinal, distance: metrics[metric](query, row(ordinal)) });
      compared++;
    }
    hits = hits.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).slice(0, k);
  }
  return { hits, leaves };
}
