import { describe, expect, it } from "vitest";
import { blobs, calm, cancelled, nearest } from "./blobs.test.helper.js";
import { fuzzyGraph } from "./fuzzy-graph.js";
import { Pace } from "./pace.js";
import { principalComponents } from "./pca.js";
import { NOBODY } from "./types.js";
import { umapPositions } from "./umap.js";

const made = blobs({ count: 240, blobs: 4, dimensions: 16, spread: 0.5 }, 31);
const neighbours = nearest(made, 10);

/** Share of vectors whose nearest on the plane is of the same clump. */
function together(positions: Float32Array): number {
  const plane = nearest({ count: made.count, dimensions: 2, data: positions }, 1);
  let good = 0;
  plane.numbers.forEach((other, i) => {
    if (made.blob[other] === made.blob[i]) good++;
  });
  return good / made.count;
}

describe("the graph of UMAP", () => {
  it("has the edges and weights of the library's own", async () => {
    const { UMAP } = await import("./bundled/umap.js");
    const doubled = made.data.slice(0, 60 * 16);
    // Equal vectors: first a pair, then more than there are neighbours.
    doubled.copyWithin(16, 0, 16);
    for (let i = 20; i < 30; i++) doubled.copyWithin(i * 16, 19 * 16, 20 * 16);
    for (const [data, count, k] of [
      [made.data, 240, 10],
      [doubled, 60, 6],
      [made.data, 5, 4],
    ] as const) {
      const near = nearest({ count, dimensions: 16, data }, k);
      const list = (of: ArrayLike<number>, first: (i: number) => number) =>
        Array.from({ length: count }, (_, i) => [first(i), ...Array.from(of).slice(i * k, i * k + k)]);
      const umap = new UMAP({ nNeighbors: Math.min(k + 1, count - 1) });
      umap.setPrecomputedKNN(
        list(near.numbers, (i) => i),
        list(near.distances, () => 0),
      );
      const theirs = umap.fuzzySimplicialSet(new Array(count).fill(0), Math.min(k + 1, count - 1)).getAll();
      const kept = theirs.filter(({ value }) => value > 0);
      const ours = await fuzzyGraph(near, new Pace(calm));
      const found = new Map(ours.getAll().map(({ row, col, value }) => [`${row} ${col}`, value]));
      expect(found.size).toBe(ours.getAll().length);
      expect([...found.values()].filter((value) => value > 0).length).toBe(kept.length);
      for (const { row, col, value } of kept) expect(found.get(`${row} ${col}`)).toBeCloseTo(value, 9);
    }
  });
});

describe("projection by UMAP", () => {
  it("keeps clumps apart, from random places and from principal components", async () => {
    expect(together(await umapPositions(neighbours, { seed: 2 }, calm))).toBeGreaterThanOrEqual(0.9);
    const { positions: start } = await principalComponents(made, {}, calm);
    const positions = await umapPositions(neighbours, { seed: 2, epochs: 200, start }, calm);
    expect(together(positions)).toBeGreaterThanOrEqual(0.9);
  });

  it("answers the same for the same seed and others for another, never from Math.random", async () => {
    const kept = Math.random;
    Math.random = () => {
      throw new Error("unseeded");
    };
    try {
      const one = await umapPositions(neighbours, { seed: 2, epochs: 50 }, calm);
      expect(await umapPositions(neighbours, { seed: 2, epochs: 50 }, calm)).toEqual(one);
      expect(await umapPositions(neighbours, { seed: 3, epochs: 50 }, calm)).not.toEqual(one);
    } finally {
      Math.random = kept;
    }
  });

  it("takes vectors without neighbours, and few of them", async () => {
    const sparse = {
      ...neighbours,
      numbers: neighbours.numbers.slice(),
      distances: neighbours.distances.slice(),
    };
    // Of the first none, of the next half.
    sparse.numbers.fill(NOBODY, 0, 10).fill(NOBODY, 15, 20);
    sparse.distances.fill(0, 0, 10).fill(0, 15, 20);
    const positions = await umapPositions(sparse, { epochs: 50 }, calm);
    expect(positions.every(Number.isFinite)).toBe(true);
    for (const count of [0, 1, 2, 3, 4, 5, 8]) {
      const data = made.data.subarray(0, count * made.dimensions);
      const few = nearest({ count, dimensions: made.dimensions, data }, 10);
      const places = await umapPositions(few, { epochs: 20 }, calm);
      expect(places.length).toBe(count * 2);
      expect(places.every(Number.isFinite)).toBe(true);
    }
    const nobody = {
      count: 6,
      k: 2,
      numbers: new Uint32Array(12).fill(NOBODY),
      distances: new Float32Array(12),
    };
    expect((await umapPositions(nobody, {}, calm)).every(Number.isFinite)).toBe(true);
  });

  it("takes vectors that are all the same", async () => {
    const same = nearest({ count: 20, dimensions: 2, data: new Float32Array(40).fill(1) }, 5);
    expect((await umapPositions(same, { epochs: 20 }, calm)).every(Number.isFinite)).toBe(true);
  });

  it("tells shares that rise to 1, and stops where the breath throws", async () => {
    const shares: number[] = [];
    await umapPositions(neighbours, { epochs: 100 }, async (share) => {
      shares.push(share);
    });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    await expect(umapPositions(neighbours, {}, cancelled(4))).rejects.toThrow("cancelled");
  });
});
