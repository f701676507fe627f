/**
 * Objectives: what a point is worth by its similarities to several examples. Larger is better in all of them.
 *
 * Recommendation and discovery as Qdrant documents them (Explore the data; Discovery search, 2023). A similarity is the cosine or the
 * dot product; of distances the negative, squared for Euclid. `squashed` maps any similarity into (0, 1), keeping their order.
 */

/** Similarities of one point to the examples, by their places in the list of examples. */
export type Similarities = (example: number) => number;

export interface Objective {
  /** How many examples there are. */
  count: number;
  score(similarity: Similarities): number;
}

/** How far a point must be on the right side of a pair to lose nothing: the step of 32-bit floats at 1. */
const MARGIN = 2 ** -23;

/** x -> (-1, 1), rising. */
function sigmoid(x: number): number {
  return x / (1 + Math.abs(x));
}

function squashed(similarity: number): number {
  return (sigmoid(similarity) + 1) / 2;
}

/** The best positive example counts, or against the point the best negative one where that is nearer. Positives come first. */
export function bestScore(positives: number, negatives: number): Objective {
  const count = positives + negatives;
  return {
    count,
    score(similarity) {
      let positive = Number.NEGATIVE_INFINITY;
      let negative = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < positives; i++) positive = Math.max(positive, similarity(i));
      for (let i = positives; i < count; i++) negative = Math.max(negative, similarity(i));
      return positive > negative ? squashed(positive) : -squashed(negative);
    },
  };
}

/** Similarities to positive examples are added, those to negative ones taken off. Positives come first. */
export function sumScores(positives: number, negatives: number): Objective {
  const count = positives + negatives;
  return {
    count,
    score(similarity) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += i < positives ? similarity(i) : -similarity(i);
      return sum;
    },
  };
}

/**
 * The first example is the target; pairs of a positive and a negative one follow. Each pair gives 1 to the points nearer to its positive
 * one and takes 1 from the others; among points with the same sum the target decides.
 */
export function discovery(pairs: number): Objective {
  return {
    count: 1 + 2 * pairs,
    score(similarity) {
      let rank = 0;
      for (let i = 1; i <= 2 * pairs; i += 2) rank += Math.sign(similarity(i) - similarity(i + 1));
      return rank + squashed(similarity(0));
    },
  };
}

/** Pairs of a positive and a negative example. A point loses by each pair to whose negative one it is nearer; 0 is the best. */
export function context(pairs: number): Objective {
  return {
    count: 2 * pairs,
    score(similarity) {
      let loss = 0;
      for (let i = 0; i < 2 * pairs; i += 2)
        loss += sigmoid(Math.min(0, similarity(i) - similarity(i + 1) - MARGIN));
      return loss;
    },
  };
}
