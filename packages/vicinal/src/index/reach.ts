/**
 * Reach: how far away the neighbours of the queries lay that an index was measured with.
 *
 * A filter that has to do with the query ("of another category") leaves it with neighbours in a quite different place, where
 * the index's order of search says little; the same effort then finds a fraction of what was measured. Such a search
 * shows in its answer: the k-th of the vectors that pass lies farther than it did for nearly all measured queries. Under a
 * filter that passes a share s, and has nothing to do with the query, the k-th is about the (k / s)-th of all.
 */
import type { Calibration } from "./contract.js";

export interface ReachPoint {
  /** Among all vectors the neighbour of this rank, from 1, ... */
  rank: number;
  /** ... lay no farther than this for nearly all queries. */
  distance: number;
}

/** The queries whose neighbours lie farther than those of this share of the measured ones are searched by a scan. */
const NEARLY_ALL = 0.95;

/** From exact distances of the neighbour of one rank, one for each query. */
export function reachPoint(rank: number, distances: readonly number[]): ReachPoint {
  const rising = [...distances].sort((a, b) => a - b);
  return { rank, distance: rising[Math.min(rising.length - 1, Math.floor(rising.length * NEARLY_ALL))] };
}

/** Whether an answer under a filter is one that the measurements speak for. */
export function isWithinReach(
  { reach }: Calibration,
  { k, selectivity, distance }: { k: number; selectivity: number; distance: number },
): boolean {
  if (!reach || reach.length === 0) return true;
  return distance <= distanceAt(reach, k / selectivity);
}

/** Between two ranks, and beyond the last, on a logarithmic scale. */
function distanceAt(reach: readonly ReachPoint[], rank: number): number {
  if (reach.length < 2 || rank <= reach[0].rank) return reach[0].distance;
  const next = reach.findIndex((point) => point.rank >= rank);
  const high = next < 0 ? reach.length - 1 : next;
  const [from, to] = [reach[high - 1], reach[high]];
  const share = Math.log(rank / from.rank) / Math.log(to.rank / from.rank);
  return from.distance + share * (to.distance - from.distance);
}
