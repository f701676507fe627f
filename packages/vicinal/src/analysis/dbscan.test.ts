/** DBSCAN against its definition, on known shapes, and under permutation. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dbscan } from "./dbscan.js";
import {
  blobs,
  components,
  distance,
  evenly,
  graphOf,
  moons,
  noBreath,
  type Points,
  renamed,
  shuffled,
} from "./graphs.test.helper.js";

/** By the definition, over all pairs; borders to the nearest core. */
function reference(points: Points, maxDistance: number, minPoints: number): number[] {
  const all = points.map((_, i) => i);
  const near = (i: number, j: number) => distance(points[i], points[j]) <= Math.fround(maxDistance);
  const cores = all.filter((i) => all.filter((j) => near(i, j)).length >= minPoints);
  const labels = all.map(() => -1);
  components(cores, near).forEach((members, label) => {
    for (const i of members) labels[i] = label;
  });
  const coreLabels = [...labels];
  for (const i of all) {
    if (cores.includes(i)) continue;
    const reaching = cores.filter((core) => near(i, core));
    reaching.sort((a, b) => distance(points[i], points[a]) - distance(points[i], points[b]) || a - b);
    if (reaching.length > 0) labels[i] = coreLabels[reaching[0]];
  }
  return labels;
}

const cases = fc.record({
  points: fc.tuple(fc.integer({ min: 0, max: 70 }), fc.integer()).map(([n, seed]) => evenly(n, 10, seed)),
  maxDistance: fc.double({ min: 0, max: 3, noNaN: true }),
  minPoints: fc.integer({ min: 1, max: 6 }),
});

describe("dbscan", () => {
  test("agrees with the definition", async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(cases, async ({ points, maxDistance, minPoints }) => {
        const found = await dbscan(graphOf(points), { maxDistance, minPoints }, noBreath);
        const wanted = reference(points, maxDistance, minPoints);
        expect(renamed(found.labels)).toEqual(renamed(wanted));
        expect(found.clusters).toBe(new Set(wanted.filter((label) => label >= 0)).size);
        seen.add(found.clusters);
      }),
      { seed: 21, numRuns: 200 },
    );
    expect([...seen]).toEqual(expect.arrayContaining([0, 1, 2, 3]));
  });

  test("does not depend on the order of the vectors", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.integer(), async ({ points, ...options }, seed) => {
        const order = shuffled(points.length, seed);
        const a = await dbscan(graphOf(points), options, noBreath);
        const b = await dbscan(graphOf(order.map((i) => points[i])), options, noBreath);
        expect(renamed(b.labels)).toEqual(renamed(order.map((i) => a.labels[i])));
      }),
      { seed: 22, numRuns: 100 },
    );
  });

  test("finds blobs and moons, the biggest first, from a graph of few neighbours", async () => {
    const centres = [
      [0, 0],
      [9, 0],
      [0, 9],
    ];
    const points = [...blobs(centres, [30, 60, 45], 0.4, 5), [50, 50], [-50, 50]];
    const found = await dbscan(graphOf(points, 12), { maxDistance: 1.5, minPoints: 5 }, noBreath);
    expect(found.clusters).toBe(3);
    expect([...found.labels]).toEqual([
      ...Array(30).fill(2),
      ...Array(60).fill(0),
      ...Array(45).fill(1),
      -1,
      -1,
    ]);
    const two = await dbscan(graphOf(moons(120, 0.08, 6), 10), { maxDistance: 0.2, minPoints: 4 }, noBreath);
    expect(renamed(two.labels)).toEqual([...Array(120).fill(0), ...Array(120).fill(1)]);
  });

  test("refuses a graph that knows too few, unless there are no more", async () => {
    const points = evenly(10, 1, 7);
    const options = { maxDistance: 5, minPoints: 4 };
    await expect(dbscan(graphOf(points, 3), options, noBreath)).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
    expect((await dbscan(graphOf(points, 4), options, noBreath)).clusters).toBe(1);
    expect((await dbscan(graphOf(points.slice(0, 3)), options, noBreath)).clusters).toBe(0);
    expect((await dbscan(graphOf(points.slice(0, 4)), options, noBreath)).clusters).toBe(1);
    for (const bad of [
      { maxDistance: -1 },
      { maxDistance: Number.NaN },
      { minPoints: 0 },
      { minPoints: 1.5 },
    ]) {
      await expect(dbscan(graphOf(points), { ...options, ...bad }, noBreath)).rejects.toThrow("must be");
    }
  });
});
