/** Reach: which answers under a filter the measurements speak for. */
import { expect, test } from "vitest";
import type { Calibration } from "./contract.js";
import { isWithinReach, reachPoint } from "./reach.js";

test("a point covers nearly all of the measured distances", () => {
  const distances = Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
  expect(reachPoint(10, distances)).toEqual({ rank: 10, distance: 95 });
  expect(reachPoint(1, [-3])).toEqual({ rank: 1, distance: -3 });
});

test("an answer may lie as far as the neighbour of its rank did, on a logarithmic scale", () => {
  const calibration: Calibration = {
    queries: 100,
    curves: [],
    reach: [
      { rank: 10, distance: 1 },
      { rank: 1000, distance: 3 },
    ],
  };
  const within = (k: number, selectivity: number, distance: number) =>
    isWithinReach(calibration, { k, selectivity, distance });
  // The tenth of a tenth is about the hundredth of all: 2.
  expect([within(10, 0.1, 1.99), within(10, 0.1, 2.01)]).toEqual([true, false]);
  expect([within(1, 1, 1), within(1, 1, 1.01)]).toEqual([true, false]);
  expect([within(100, 0.01, 3.99), within(100, 0.01, 4.01)]).toEqual([true, false]);
  expect(isWithinReach({ queries: 1, curves: [] }, { k: 1, selectivity: 0.1, distance: 9 })).toBe(true);
});
