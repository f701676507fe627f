/** Twins of assembly/neighbours.ts, repair.ts and of what nn-descent.ts approximates. */
import { type MetricName, metrics, nearest } from "./float-twins.js";

type Row = (node: number) => ArrayLike<number>;

/** The neighbours of `owner` by the rule of occlusion: first strictly, then what is left with `factor`. */
export function chooseNeighbours(
  metric: MetricName,
  row: Row,
  owner: number,
  candidates: number[],
  most: number,
  factor: number,
): number[] {
  const distance = (a: number, b: number) => metrics[metric](row(a), row(b));
  const ranked = nearest(metric, row(owner), row, candidates, candidates.length);
  if (ranked.length < most) return ranked.map(({ ordinal }) => ordinal);
  const chosen: number[] = [];
  let equal = 0;
  for (const [round, share] of [1, factor].entries()) {
    for (const { ordinal, distance: own } of ranked) {
      if (chosen.length === most || chosen.includes(ordinal)) continue;
      if (own === 0) {
        if (round > 0 || equal === Math.ceil(most / 2)) continue;
        equal++;
      } else if (chosen.some((kept) => distance(kept, ordinal) < share * own)) continue;
      chosen.push(ordinal);
    }
  }
  return chosen;
}

/** Nodes that lists lead to from a root. */
export function reachable(root: number, list: (node: number) => Iterable<number>): Set<number> {
  const seen = new Set([root]);
  for (const node of seen) for (const neighbour of list(node)) seen.add(neighbour);
  return seen;
}
