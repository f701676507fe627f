/**
 * Relevance feedback: points near to a target, moved by what a better judge (a larger model, a user) said of examples.
 *
 * Qdrant's naive strategy (Relevance feedback; 1.17). Of each two examples of which one was judged better, a point gains by how much more it
 * is like the better one than like the other:
 *
 *   a s(target) + sum over pairs of (judged better - judged worse)^b c (s(better) - s(worse))
 *
 * with s the similarity of the point. a, b and c are learnt for a data set and its two models. The sum is linear in the
 * similarities, so it is gathered into one weight for each example: pairs cost nothing per point.
 */
import type { Objective } from "./objectives.js";

export interface NaiveFeedback {
  /** Weight of the target's similarity. */
  a: number;
  /** At least 0: with more, clear differences count more than small ones. */
  b: number;
  /** Weight of the pairs. */
  c: number;
}

/** The first example is the target; those that were judged follow, in the order of their `judgements`. */
export function naiveFeedback(judgements: readonly number[], { a, b, c }: NaiveFeedback): Objective {
  const weights = judgements.map(() => 0);
  judgements.forEach((better, i) => {
    judgements.forEach((worse, j) => {
      if (better <= worse) return;
      const weight = (better - worse) ** b * c;
      weights[i] += weight;
      weights[j] -= weight;
    });
  });
  return {
    count: 1 + judgements.length,
    score(similarity) {
      let score = a * similarity(0);
      for (let i = 0; i < weights.length; i++) score += weights[i] * similarity(i + 1);
      return score;
    },
  };
}
