/** HDBSCAN against a plain reading of the paper, on known shapes, and under permutation. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
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
import { hdbscan } from "./hdbscan.js";

/** By the definition: all pairs, and the components of every level set computed afresh. O(n^3) and more. */
function reference(points: Points, minClusterSize: number, minSamples: number) {
  const n = points.length;
  const d = points.map((p) => points.map((q) => distance(p, q)));
  const cores = d.map((row, i) => row.filter((_, j) => j !== i).sort((a, b) => a - b)[minSamples - 1]);
  const reach = d.map((row, i) => row.map((x, j) => Math.max(x, cores[i], cores[j])));
  const levels = [...new Set(reach.flatMap((row, i) => row.filter((_, j) => j !== i)))].sort((a, b) => b - a);
  const positive = levels.filter((x) => x > 0);
  const lambdaOf = (x: number) => 1 / (x > 0 ? x : positive.length ? Math.min(...positive) / 2 : 1);
  const labels = new Array<number>(n).fill(-1);
  const probabilities = new Array<number>(n).fill(0);
  type Cluster = {
    members: number[];
    left: Map<number, number>;
    death: number;
    best: number;
    chosen: Cluster[];
  };

  const grow = (members: number[], birth: number, level: number, root: boolean): Cluster => {
    const left = new Map<number, number>();
    let inside = members;
    let children: Cluster[] = [];
    for (let l = level; l < levels.length && inside.length > 0; l++) {
      // Edges as long as this level go; what is below it holds.
      const parts = components(inside, (i, j) => reach[i][j] < levels[l]);
      const big = parts.filter((part) => part.length >= minClusterSize);
      const lambda = lambdaOf(levels[l]);
      const staying = big.length === 1 ? big[0] : [];
      for (const i of inside) if (!staying.includes(i)) left.set(i, lambda);
      inside = staying;
      if (big.length > 1) children = big.map((part) => grow(part, lambda, l + 1, false));
    }
    const stability = [...left.values()].reduce((sum, lambda) => sum + lambda - birth, 0);
    const below = children.reduce((sum, child) => sum + child.best, 0);
    const cluster: Cluster = {
      members,
      left,
      death: Math.max(...left.values()),
      best: Math.max(stability, below),
      chosen: children.flatMap((child) => child.chosen),
    };
    if (!root && stability >= below) cluster.chosen = [cluster];
    return cluster;
  };
  const all = points.map((_, i) => i);
  if (n < 2) return { labels, probabilities };
  grow(all, 0, 0, true).chosen.forEach((cluster, label) => {
    for (const i of cluster.members) {
      labels[i] = label;
      probabilities[i] = cluster.left.get(i)! / cluster.death;
    }
  });
  return { labels, probabilities };
}

function agrees(found: Awaited<ReturnType<typeof hdbscan>>, wanted: ReturnType<typeof reference>) {
  expect(renamed(found.labels)).toEqual(renamed(wanted.labels));
  expect(found.clusters).toBe(new Set(wanted.labels.filter((label) => label >= 0)).size);
  wanted.probabilities.forEach((p, i) => {
    expect(found.probabilities[i]).toBeCloseTo(p, 5);
  });
}

/** Irregular places: ties of stabilities do not happen, several vectors of one place do. */
const places = (most: number) =>
  fc.tuple(fc.integer({ min: 2, max: most }), fc.integer()).map(([count, seed]) => {
    const shared = evenly(5, 10, seed + 1);
    // Some at a shared place exactly, most near one, some anywhere.
    return evenly(count, 1, seed).map(([x, y], i) => {
      const place = shared[i % 5];
      if (i % 7 === 0) return place;
      return i % 7 === 1 ? [10 * x, 10 * y] : [place[0] + 1.5 * x, place[1] + 1.5 * y];
    });
  });

describe("hdbscan", () => {
  test("agrees with the definition on small sets", async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        places(36),
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        async (points, minClusterSize, samples) => {
          const minSamples = Math.min(samples, points.length - 1);
          const found = await hdbscan(graphOf(points), { minClusterSize, minSamples }, noBreath);
          agrees(found, reference(points, minClusterSize, minSamples));
          seen.add(found.clusters);
        },
      ),
      { seed: 11, numRuns: 150 },
    );
    expect([...seen]).toEqual(expect.arrayContaining([0, 2, 3, 4]));
  });

  test("does not depend on the order of the vectors", async () => {
    await fc.assert(
      fc.asyncProperty(places(60), fc.integer(), async (points, seed) => {
        const options = { minClusterSize: 3, minSamples: Math.min(3, points.length - 1) };
        const order = shuffled(points.length, seed);
        const a = await hdbscan(graphOf(points), options, noBreath);
        const b = await hdbscan(graphOf(order.map((i) => points[i])), options, noBreath);
        expect(renamed(b.labels)).toEqual(renamed(order.map((i) => a.labels[i])));
        order.forEach((i, at) => {
          expect(b.probabilities[at]).toBeCloseTo(a.probabilities[i], 6);
        });
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  test("finds blobs of different density in noise, from a graph of few neighbours", async () => {
    const sizes = [80, 60, 40];
    const dense = [
      ...blobs([[0, 0]], [80], 0.1, 1),
      ...blobs(
        [
          [8, 0],
          [0, 9],
        ],
        [60, 40],
        0.5,
        2,
      ),
    ];
    const points = [...dense, ...evenly(15, 40, 3).map(([x, y]) => [x - 20, y - 20])];
    const { labels, probabilities, clusters } = await hdbscan(
      graphOf(points, 16),
      { minClusterSize: 10 },
      noBreath,
    );
    expect(clusters).toBe(3);
    let from = 0;
    sizes.forEach((size, label) => {
      const hits = labels.subarray(from, from + size).filter((l) => l === label).length;
      expect(hits / size).toBeGreaterThan(0.85);
      from += size;
    });
    // Stray points are noise, or at the thin end of the cluster next to them.
    for (let i = from; i < points.length; i++) expect(probabilities[i]).toBeLessThan(0.5);
    const whole = await hdbscan(graphOf(points), { minClusterSize: 10 }, noBreath);
    const same = labels.filter((label, i) => label === whole.labels[i]).length;
    expect(same / points.length).toBeGreaterThan(0.97);
    labels.forEach((label, i) => {
      if (label < 0) expect(probabilities[i]).toBe(0);
      else expect(probabilities[i] > 0 && probabilities[i] <= 1).toBe(true);
    });
  });

  test("tells two moons apart", async () => {
    const { labels } = await hdbscan(graphOf(moons(120, 0.08, 4), 12), { minClusterSize: 10 }, noBreath);
    const wanted = Array.from({ length: 240 }, (_, i) => (i < 120 ? 0 : 1));
    expect(renamed(labels)).toEqual(wanted);
  });

  test("parts that the graph does not connect are apart; equal vectors are no trouble", async () => {
    const points = [...Array(10).fill([0, 0]), ...Array(12).fill([5, 5]), [2, 2]];
    const { labels, probabilities, clusters } = await hdbscan(
      graphOf(points, 5),
      { minClusterSize: 4 },
      noBreath,
    );
    expect(clusters).toBe(2);
    expect([...labels]).toEqual([...Array(10).fill(1), ...Array(12).fill(0), 1]);
    // The one between hangs on to the group that its own list names.
    expect(probabilities[0]).toBe(1);
    expect(probabilities[22]).toBeLessThan(0.6);
  });

  test("the smallest sets are noise", async () => {
    for (const count of [0, 1, 2, 4]) {
      const graph = graphOf(Array.from({ length: count }, (_, i) => [i]));
      const { labels, clusters } = await hdbscan(graph, { minClusterSize: 5 }, noBreath);
      expect(clusters).toBe(0);
      expect([...labels]).toEqual(Array(count).fill(-1));
    }
  });

  test("refuses what it cannot work with, breathes and stops", async () => {
    const graph = graphOf(evenly(40, 1, 5), 6);
    for (const options of [{ minClusterSize: 1 }, { minClusterSize: 7 }, { minClusterSize: 2.5 }]) {
      await expect(hdbscan(graph, options, noBreath)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    }
    await expect(hdbscan(graph, { minClusterSize: 3, minSamples: 0 }, noBreath)).rejects.toThrow(
      "minSamples",
    );
    const shares: number[] = [];
    await hdbscan(graph, { minClusterSize: 3 }, async (share) => void shares.push(share));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    const stop = async () => Promise.reject(new Error("stopped"));
    await expect(hdbscan(graph, { minClusterSize: 3 }, stop)).rejects.toThrow("stopped");
  });
});
