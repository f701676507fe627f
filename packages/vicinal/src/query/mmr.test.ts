import fc from "fast-check";
import { expect, test } from "vitest";
import { maximalMarginalRelevance } from "./mmr.js";
import { similarityOf, similarityOfScore } from "./similarity.js";

/** The definition, with all similarities worked out each time. */
function byDefinition(
  relevance: readonly number[],
  similarity: (a: number, b: number) => number,
  diversity: number,
  limit: number,
): number[] {
  const chosen: number[] = [];
  const left = relevance.map((_, i) => i);
  while (chosen.length < limit && left.length > 0) {
    const worth = left.map((i) => {
      if (chosen.length === 0) return relevance[i];
      return (1 - diversity) * relevance[i] - diversity * Math.max(...chosen.map((j) => similarity(i, j)));
    });
    chosen.push(...left.splice(worth.indexOf(Math.max(...worth)), 1));
  }
  return chosen;
}

const vector = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });

const stored = (values: readonly number[]) => ({ data: Float32Array.from(values), norm: 1 });

test("as defined, for any candidates", () => {
  fc.assert(
    fc.property(
      fc.array(vector, { maxLength: 30 }),
      fc.constantFrom("Cosine", "Dot", "Euclid", "Manhattan"),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat({ max: 35 }),
      (given, metric, diversity, limit) => {
        const vectors = given.map(stored);
        const alike = similarityOf(metric);
        const relevance = vectors.map((one) => alike(one, stored([0.5, -0.2, 0.1])));
        const similarity = (a: number, b: number) => alike(vectors[a], vectors[b]);
        expect(maximalMarginalRelevance({ relevance, similarity, diversity, limit })).toEqual(
          byDefinition(relevance, similarity, diversity, limit),
        );
      },
    ),
    { seed: 23, numRuns: 300 },
  );
});

test("diversity 0 keeps the order of relevance, 1 takes the first and then what is farthest from it", () => {
  const places = [0, 1, 5, 9];
  const relevance = places.map((place) => -place);
  const similarity = (a: number, b: number) => -Math.abs(places[a] - places[b]);
  const choose = (diversity: number) =>
    maximalMarginalRelevance({ relevance, similarity, diversity, limit: 3 });
  expect(choose(0)).toEqual([0, 1, 2]);
  expect(choose(1)).toEqual([0, 3, 2]);
});

test("a score stands for the similarity by which it was found", () => {
  const [a, b] = [stored([1, 2]), stored([4, 6])];
  expect(similarityOfScore("Euclid", 5)).toBe(similarityOf("Euclid")(a, b));
  expect(similarityOfScore("Manhattan", 7)).toBe(similarityOf("Manhattan")(a, b));
  expect(similarityOfScore("Dot", 16)).toBe(similarityOf("Dot")(a, b));
});
