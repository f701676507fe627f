/** From recall to effort, on curves made by hand. */
import { expect, test } from "vitest";
import { carriedOver, EXPIRY_SHARE, effortFor, isExpired, recallAt } from "./calibration.js";
import type { Calibration, CalibrationCurve } from "./contract.js";

function curve(k: number, selectivity: number, points: [effort: number, recall: number, error?: number][]) {
  return {
    k,
    selectivity,
    efforts: points.map(([effort]) => effort),
    recalls: points.map(([, recall]) => recall),
    errors: points.map(([, , error]) => error ?? 0),
  } satisfies CalibrationCurve;
}

const calibration: Calibration = {
  queries: 1000,
  curves: [
    curve(10, 1, [
      [10, 0.8],
      [40, 0.9],
      [160, 0.96],
    ]),
    curve(1, 1, [
      [10, 0.9],
      [40, 0.97],
    ]),
    curve(100, 1, [
      [100, 0.9],
      [200, 0.97],
    ]),
    curve(10, 0.5, [
      [10, 0.7],
      [80, 0.95],
    ]),
    curve(10, 0.1, [
      [10, 0.9],
      [20, 0.95],
    ]),
  ],
};

test("interpolates on a logarithmic scale, and rounds up", () => {
  expect(effortFor(calibration, { recall: 0.9, k: 10 })).toBe(40);
  expect(effortFor(calibration, { recall: 0.85, k: 10 })).toBe(20);
  expect(effortFor(calibration, { recall: 0.5, k: 10 })).toBe(10);
});

test("promises nothing beyond what was measured", () => {
  expect(effortFor(calibration, { recall: 0.961, k: 10 })).toBeUndefined();
  expect(effortFor(calibration, { recall: 0.9, k: 5000 })).toBeUndefined();
  expect(effortFor(calibration, { recall: 0.8, k: 10, selectivity: 0.05 })).toBeUndefined();
  expect(effortFor({ queries: 0, curves: [] }, { recall: 0.1, k: 1 })).toBeUndefined();
});

test("takes the next larger k that was measured, or stretches the largest", () => {
  expect(effortFor(calibration, { recall: 0.9, k: 1 })).toBe(10);
  expect(effortFor(calibration, { recall: 0.9, k: 2 })).toBe(40);
  expect(effortFor(calibration, { recall: 0.9, k: 50 })).toBe(100);
  expect(effortFor(calibration, { recall: 0.97, k: 300 })).toBe(600);
});

test("under a filter takes the dearer neighbour", () => {
  expect(effortFor(calibration, { recall: 0.95, k: 10, selectivity: 0.3 })).toBe(80);
  expect(effortFor(calibration, { recall: 0.9, k: 10, selectivity: 0.1 })).toBe(
    effortFor(calibration, { recall: 0.9, k: 10, selectivity: 0.3 }),
  );
  expect(effortFor(calibration, { recall: 0.95, k: 10, selectivity: 0.8 })).toBe(
    effortFor(calibration, { recall: 0.95, k: 10 }),
  );
});

test("reads the lower end of the confidence interval, and never lets a curve fall", () => {
  const noisy: Calibration = {
    queries: 100,
    curves: [
      curve(10, 1, [
        [10, 0.9, 0.01],
        [20, 0.92, 0.05],
        [40, 0.95, 0.01],
      ]),
    ],
  };
  expect(effortFor(noisy, { recall: 0.88, k: 10 })).toBe(10);
  const effort = effortFor(noisy, { recall: 0.9, k: 10 })!;
  expect(effort).toBeGreaterThan(20);
  expect(effort).toBeLessThan(40);
  expect(effortFor(noisy, { recall: 0.95, k: 10 })).toBeUndefined();
});

test("says what was measured at an effort, on the curve that the effort was read from", () => {
  expect(recallAt(calibration, { effort: 40, k: 10, selectivity: 1 })).toBeCloseTo(0.9, 10);
  expect(recallAt(calibration, { effort: 20, k: 10, selectivity: 1 })).toBeCloseTo(0.85, 10);
  // Beyond the ends: the nearest measurement.
  expect(recallAt(calibration, { effort: 3, k: 10, selectivity: 1 })).toBe(0.8);
  expect(recallAt(calibration, { effort: 9999, k: 10, selectivity: 1 })).toBe(0.96);
  expect(recallAt(calibration, { effort: 600, k: 300, selectivity: 1 })).toBe(0.97);
  expect(recallAt(calibration, { effort: 10, k: 5000, selectivity: 1 })).toBeUndefined();
  expect(recallAt(calibration, { effort: 80, k: 10, selectivity: 0.6 })).toBe(0.95);
  expect(recallAt(calibration, { effort: 20, k: 10, selectivity: 0.3 })).toBe(0.95);
  expect(recallAt(calibration, { effort: 20, k: 10, selectivity: 0.05 })).toBeUndefined();
});

test("what effortFor promises, recallAt confirms", () => {
  for (const k of [1, 2, 10, 50, 300])
    for (const recall of [0.5, 0.85, 0.93, 0.96])
      for (const selectivity of [1, 0.7, 0.2]) {
        const effort = effortFor(calibration, { recall, k, selectivity });
        if (effort === undefined || (k !== 10 && selectivity < 1)) continue;
        expect(
          recallAt(calibration, { effort, k, selectivity }),
          `${k} ${recall} ${selectivity}`,
        ).toBeGreaterThanOrEqual(recall - 1e-9);
      }
});

test("expires by what was deleted and by what merges changed", () => {
  const measured: Calibration = { ...calibration, count: 1000 };
  const most = 1000 * EXPIRY_SHARE;
  expect(isExpired(measured, most)).toBe(false);
  expect(isExpired(measured, most + 1)).toBe(true);
  const carried = carriedOver(carriedOver(measured, 100), 150);
  expect(carried).toEqual({ ...measured, changed: 250 });
  expect(isExpired(carried!, most - 250)).toBe(false);
  expect(isExpired(carried!, most - 249)).toBe(true);
  expect(carriedOver(undefined, 5)).toBeUndefined();
  // Where nobody noted the count there is nothing to compare with.
  expect(isExpired(calibration, 1e9)).toBe(false);
});
