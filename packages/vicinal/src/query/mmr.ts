/**
 * Maximal marginal relevance: near to the query, and unlike what was chosen before.
 *
 * Carbonell, Goldstein: The use of MMR, diversity-based reranking for reordering documents and producing summaries (SIGIR 1998).
 * One candidate after the other is chosen, each time the one with the largest
 *   (1 - diversity) * similarity to the query - diversity * similarity to the most similar chosen one.
 * The first is the most similar to the query, whatever the diversity. Ties go to the candidate that came first.
 *
 * Each candidate keeps its largest similarity to what was chosen so far, so a choice costs one comparison with each candidate that
 * is left: candidates x chosen in all, and no matrix.
 */

export interface Relevance {
  /** Similarity of each candidate to the query; larger is nearer. */
  relevance: readonly number[];
  /** Of two candidates. */
  similarity(a: number, b: number): number;
  /** 0 the nearest ones, 1 those unlike each other. */
  diversity: number;
  /** How many to choose. */
  limit: number;
}

/** The chosen candidates in the order of choice. */
export function maximalMarginalRelevance({ relevance, similarity, diversity, limit }: Relevance): number[] {
  const left = relevance.map((_, candidate) => candidate);
  const nearest = relevance.map(() => Number.NEGATIVE_INFINITY);
  const chosen: number[] = [];
  while (chosen.length < limit && left.length > 0) {
    const worth = (candidate: number) =>
      chosen.length === 0
        ? relevance[candidate]
        : (1 - diversity) * relevance[candidate] - diversity * nearest[candidate];
    const place = placeOfLargest(left, worth);
    const [taken] = left.splice(place, 1);
    chosen.push(taken);
    if (chosen.length === limit) break;
    for (const candidate of left)
      nearest[candidate] = Math.max(nearest[candidate], similarity(candidate, taken));
  }
  return chosen;
}

function placeOfLargest(items: readonly number[], worth: (item: number) => number): number {
  let best = 0;
  let most = worth(items[0]);
  for (let place = 1; place < items.length; place++) {
    const value = worth(items[place]);
    if (value <= most) continue;
    most = value;
    best = place;
  }
  return best;
}
