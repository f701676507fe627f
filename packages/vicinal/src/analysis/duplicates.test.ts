/** Groups of near duplicates against brute force. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { duplicateGroups } from "./duplicates.js";
import { components, distance, evenly, graphOf, noBreath, type Points } from "./graphs.test.helper.js";

function reference(points: Points, maxDistance: number): number[][] {
  const all = points.map((_, i) => i);
  const near = (i: number, j: number) =>
    i !== j && distance(points[i], points[j]) <= Math.fround(maxDistance);
  const degree = all.map((i) => all.filter((j) => near(i, j)).length);
  return components(all, near)
    .filter((members) => members.length > 1)
    .map((members) => [...members].sort((a, b) => a - b))
    .sort((a, b) => b.length - a.length || a[0] - b[0])
    .map((members) => {
      const most = Math.max(...members.map((i) => degree[i]));
      const first = members.find((i) => degree[i] === most)!;
      return [first, ...members.filter((i) => i !== first)];
    });
}

describe("duplicateGroups", () => {
  test("agrees with brute force", async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60 }),
        fc.integer(),
        fc.double({ min: 0, max: 2, noNaN: true }),
        async (count, seed, maxDistance) => {
          const some = evenly(count, 10, seed);
          const points = some.map((p, i) => (i % 5 === 4 ? some[i - 3] : p));
          const { groups } = await duplicateGroups(graphOf(points), { maxDistance }, noBreath);
          expect(groups.map((group) => [...group])).toEqual(reference(points, maxDistance));
          seen.add(groups.length);
        },
      ),
      { seed: 31, numRuns: 200 },
    );
    expect(seen.size).toBeGreaterThan(5);
  });

  test("counts a pair that only one of the two lists names", async () => {
    // The lists of one neighbour are those of 0: 1, of 1: 0, of 2: 1, of 3: 1; all of 0, 2, 3 reach 1.
    const points = [[0.5], [0], [-0.6], [0, 0.7]].map(([x, y = 0]) => [x, y]);
    const { groups } = await duplicateGroups(graphOf(points, 1), { maxDistance: 0.7 }, noBreath);
    expect(groups.map((group) => [...group])).toEqual([[1, 0, 2, 3]]);
  });

  test("more equal vectors than k are one group, if their lists hang together", async () => {
    const points = [...Array(6).fill([1, 1]), [4, 4], [4, 4], [7, 7]];
    const { groups } = await duplicateGroups(graphOf(points, 3), { maxDistance: 0 }, noBreath);
    expect(groups.map((group) => [...group].sort())).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7],
    ]);
  });

  test("refuses distances that are none", async () => {
    for (const maxDistance of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(duplicateGroups(graphOf([[0], [1]]), { maxDistance }, noBreath)).rejects.toThrow(
        "maxDistance",
      );
    }
  });
});
