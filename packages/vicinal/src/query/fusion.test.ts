import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Segment } from "../segment/segment.js";
import { fusedByRank, fusedByScore } from "./fusion.js";
import type { RankedRow } from "./ranked.js";

const segments = [{ id: 0 }, { id: 1 }] as Segment[];
/** Even names lie in one segment, odd ones in the other. */
const ranking = (...scored: [name: number, score: number][]): RankedRow[] =>
  scored.map(([name, score]) => ({ segment: segments[name % 2], row: name >> 1, score }));
const shown = (rows: readonly RankedRow[]) =>
  rows.map(({ segment, row, score }) => [row * 2 + segments.indexOf(segment), score]);

describe("by rank", () => {
  test("a point gets the sum over its ranks, whatever the scores", () => {
    const lists = [
      ranking([4, 9], [3, 8]),
      ranking([3, -1], [4, -2], [5, -3]),
      ranking([7, 0.3], [5, 0.2], [3, 0.1]),
    ];
    expect(shown(fusedByRank(lists, { k: 2 }))).toEqual([
      [3, 1 / 3 + 1 / 2 + 1 / 4],
      [4, 1 / 2 + 1 / 3],
      [5, 1 / 4 + 1 / 3],
      [7, 1 / 2],
    ]);
  });

  test("a weight runs through the ranks so many times as slowly, and none gives nothing", () => {
    const lists = [ranking([0, 1], [1, 1], [2, 1]), ranking([2, 1]), ranking([3, 1])];
    const fused = shown(fusedByRank(lists, { k: 60, weights: [3, 1, -1] }));
    expect(fused.map(([name]) => name)).toEqual([2, 0, 1, 3]);
    [1 / 60 + 1 / 60, 1 / (1 / 3 + 59), 1 / (2 / 3 + 59), 0].forEach((score, i) => {
      expect(fused[i][1]).toBeCloseTo(score, 12);
    });
  });

  test("nothing comes of nothing", () => {
    expect(fusedByRank([], { k: 2 })).toEqual([]);
    expect(fusedByRank([[], []], { k: 2 })).toEqual([]);
  });
});

describe("by score", () => {
  test("a list is mapped by its mean and three deviations of the sample", () => {
    const fused = shown(fusedByScore([ranking([1, 3], [2, 2], [3, 1])]));
    expect(fused.map(([name]) => name)).toEqual([1, 2, 3]);
    [1 / 6 + 0.5, 0.5, 0.5 - 1 / 6].forEach((score, i) => {
      expect(fused[i][1]).toBeCloseTo(score, 12);
    });
  });

  test("one score alone, or equal ones, are in the middle", () => {
    // The mean of these is not exact: a variance made of the rounding would send them to an end.
    const equal = ranking([1, 0.1], [2, 0.1], [3, 0.1]);
    expect(shown(fusedByScore([ranking([7, 123]), equal, []]))).toEqual([
      [7, 0.5],
      [1, 0.5],
      [2, 0.5],
      [3, 0.5],
    ]);
  });

  test("neither the scale nor the offset of a list matters", () => {
    const scores = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(scores, fc.double({ min: 0.5, max: 20, noNaN: true }), (given, scale) => {
        fc.pre(Math.max(...given) - Math.min(...given) > 0.01);
        const worths = (map: (score: number) => number) =>
          new Map(
            shown(fusedByScore([ranking(...given.map((x, i) => [i, map(x)] as [number, number]))])) as [
              number,
              number,
            ][],
          );
        const plain = worths((x) => x);
        for (const [name, score] of worths((x) => x * scale - 7))
          expect(score).toBeCloseTo(plain.get(name) as number, 8);
      }),
      { seed: 17, numRuns: 100 },
    );
  });
});

test("the given rankings are left as they were", () => {
  const list = ranking([1, 3], [2, 2]);
  fusedByRank([list, list], { k: 2 });
  fusedByScore([list, list]);
  expect(shown(list)).toEqual([
    [1, 3],
    [2, 2],
  ]);
});
