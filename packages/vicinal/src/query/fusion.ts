/**
 * Fusion: several rankings of points become one. A point's score is the sum of what each ranking gives it.
 *
 * Reciprocal rank fusion (Cormack, Clarke, Buettcher: Reciprocal rank fusion outperforms Condorcet and individual rank learning
 * methods, SIGIR 2009): by ranks alone, so that scores of any kinds go together. With ranks r from 1 a ranking of weight w gives
 * 1 / (r / w + k - 1): as if it ran w times as slowly. k is 2 by default, as in Qdrant, where the paper has 60: the lists here are
 * short, and their first ranks are to count. A weight of 0, or less, gives nothing.
 *
 * Distribution-based score fusion (Mazzeschi, 2023; so named by Qdrant): each ranking's scores are mapped linearly so that the mean
 * less 3 standard deviations (of the sample) is 0 and the mean plus 3 is 1. Where all are alike, or there is one alone, each is 0.5.
 *
 * Cost: one look-up for each ranked row, and a sort of the distinct ones. Equal scores keep the order in which the points came up.
 */
import type { Segment } from "../segment/segment.js";
import type { RankedRow } from "./ranked.js";

type Ranking = readonly RankedRow[];

export const RRF_K = 2;
const SIGMAS = 3;

export interface RankFusion {
  /** At least 1. */
  k: number;
  /** One for each ranking; absent: all are 1. */
  weights?: readonly number[];
}

export function fusedByRank(rankings: readonly Ranking[], { k, weights }: RankFusion): RankedRow[] {
  return summed(rankings, (ranking, place) => {
    const weight = weights ? weights[ranking] : 1;
    return weight > 0 ? 1 / ((place + 1) / weight + k - 1) : 0;
  });
}

export function fusedByScore(rankings: readonly Ranking[]): RankedRow[] {
  const normal = rankings.map(normalised);
  return summed(rankings, (ranking, place) => normal[ranking][place]);
}

/** Mean and variance in one pass (Welford, 1962), by which equal scores have no variance at all. */
function normalised(ranking: Ranking): number[] {
  let mean = 0;
  let squares = 0;
  ranking.forEach(({ score }, place) => {
    const before = score - mean;
    mean += before / (place + 1);
    squares += before * (score - mean);
  });
  const reach = SIGMAS * Math.sqrt(squares / (ranking.length - 1));
  return ranking.map(({ score }) => (reach > 0 ? (score - mean + reach) / (2 * reach) : 0.5));
}

/** All rows, each once, by the sum of what `worth` gives it at its places (from 0); the largest first. */
function summed(
  rankings: readonly Ranking[],
  worth: (ranking: number, place: number) => number,
): RankedRow[] {
  const bySegment = new Map<Segment, Map<number, RankedRow>>();
  const fused: RankedRow[] = [];
  rankings.forEach((ranking, i) => {
    ranking.forEach((found, place) => {
      const rows = bySegment.get(found.segment) ?? new Map<number, RankedRow>();
      bySegment.set(found.segment, rows);
      const known = rows.get(found.row);
      if (known) {
        known.score += worth(i, place);
        return;
      }
      const first = { ...found, score: worth(i, place) };
      rows.set(found.row, first);
      fused.push(first);
    });
  });
  return fused.sort((a, b) => b.score - a.score);
}
