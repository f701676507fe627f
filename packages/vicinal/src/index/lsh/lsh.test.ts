/** LSH's own promises: every hash function's collision theorem, where it fails, parameters, damaged files. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import type { Metric } from "../contract.js";
import { clusteredVectors, filledStore, normalise, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import { VectorStore } from "../vector-store.js";
import { cauchyCollision, gaussianCollision, hyperplaneCollision } from "./collision.js";
import { type HashName, LshIndex, type LshParameters, lsh } from "./index.js";
import {
  allocateTables,
  allocateWork,
  answerBytes,
  drawFunctions,
  openTables,
  paddedFor,
} from "./table-memory.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 24;
/** Functions drawn for each measured rate: three standard errors are below 0.03. */
const DRAWS = 128 * 24;

/** Share of drawn functions under which each pair collides. */
async function collisionRates(
  hash: HashName,
  metric: Metric,
  width: number,
  pairs: [Float32Array, Float32Array][],
): Promise<number[]> {
  const store = await VectorStore.create({ dimensions: DIMENSIONS, metric, capacity: 2 });
  try {
    const [tables, functions] = hash === "cross-polytope" ? [128, 8] : [128, 24];
    const lastAxes = hash === "cross-polytope" ? paddedFor(DIMENSIONS) : 0;
    const shape = { dimensions: DIMENSIONS, count: 2, hash, tables, functions, width, largest: 0, lastAxes };
    const layout = allocateTables(store, shape);
    drawFunctions(store, layout, 77);
    openTables(store, layout);
    const work = allocateWork(store, layout) + answerBytes(store);
    const vector = store.arena.allocate(DIMENSIONS * 4);
    const out = store.arena.allocate(functions * 4);
    const integers = (x: Float32Array, table: number) => {
      store.arena.f32.set(x, vector >>> 2);
      store.kernels.lshIntegers(layout.head, work, table, vector, out);
      return store.arena.i32.slice(out >>> 2, (out >>> 2) + functions);
    };
    return pairs.map(([x, y]) => {
      let same = 0;
      for (let table = 0; table < tables; table++) {
        const a = integers(x, table);
        const b = integers(y, table);
        for (let j = 0; j < functions; j++) if (a[j] === b[j]) same++;
      }
      return same / (tables * functions);
    });
  } finally {
    store.close();
  }
}

/** A random x, and y = x + a random direction of the given length (in the given norm). */
function pairAt(distance: number, norm: "euclid" | "manhattan", seed: number): [Float32Array, Float32Array] {
  const random = seededRandom(seed);
  const draw = () => Float32Array.from({ length: DIMENSIONS }, () => random() + random() + random() - 1.5);
  const x = draw();
  const step = draw();
  const length =
    norm === "euclid" ? Math.hypot(...step) : step.reduce((sum, value) => sum + Math.abs(value), 0);
  return [x, x.map((value, i) => value + (step[i] * distance) / length)];
}

/** Two unit vectors at an angle. */
function pairAtAngle(angle: number, seed: number): [Float32Array, Float32Array] {
  const [x, other] = pairAt(1, "euclid", seed);
  normalise(x);
  const along = other.reduce((sum, value, i) => sum + value * x[i], 0);
  const across = other.map((value, i) => value - along * x[i]);
  normalise(across);
  return [x, x.map((value, i) => Math.cos(angle) * value + Math.sin(angle) * across[i])];
}

const tolerance = (p: number, draws = DRAWS) => 3.5 * Math.sqrt((p * (1 - p)) / draws) + 0.004;

describe("collision rates", () => {
  const distances = [0.25, 0.5, 1, 2, 4];

  test("p-stable with offset: p(c) of Datar et al., whatever the place", async () => {
    const pairs = distances.map((distance, i) => pairAt(distance, "euclid", i));
    const far = pairs.map(([x, y]): [Float32Array, Float32Array] => [
      x.map((v) => v + 9),
      y.map((v) => v + 9),
    ]);
    for (const moved of [pairs, far]) {
      const rates = await collisionRates("p-stable", "Euclid", 1.5, moved);
      rates.forEach((rate, i) => {
        const p = gaussianCollision(distances[i], 1.5);
        expect(Math.abs(rate - p), `distance ${distances[i]}: ${rate}, ${p} expected`).toBeLessThan(
          tolerance(p),
        );
      });
    }
  });

  test("p-stable with Cauchy directions: p(c) of the Manhattan distance", async () => {
    const pairs = distances.map((distance, i) => pairAt(distance, "manhattan", i));
    const rates = await collisionRates("p-stable", "Manhattan", 1.5, pairs);
    rates.forEach((rate, i) => {
      const p = cauchyCollision(distances[i], 1.5);
      expect(Math.abs(rate - p), `distance ${distances[i]}: ${rate}, ${p} expected`).toBeLessThan(
        tolerance(p),
      );
    });
  });

  test("Gaussian without offset: the rate depends on the place, so that p(c) does not hold", async () => {
    const across = Float32Array.from({ length: DIMENSIONS }, (_, i) => (i === 0 ? 0.5 : 0));
    const opposite = across.map((value) => -value);
    const shifted = across.map((value, i) => (i === 1 ? 40 : value));
    const shiftedToo = opposite.map((value, i) => (i === 1 ? 40 : value));
    const [centred, distant] = await collisionRates("gaussian", "Euclid", 1.5, [
      [across, opposite],
      [shifted, shiftedToo],
    ]);
    const p = gaussianCollision(1, 1.5);
    // Around the origin, a boundary for every draw, the two never meet; far from it the boundaries look random.
    expect(centred).toBeLessThan(0.02);
    expect(Math.abs(distant - p)).toBeLessThan(tolerance(p));
  });

  test("hyperplanes: 1 - angle / pi, and not the cosine", async () => {
    const angles = [0.1, 0.5, 1, Math.PI / 2, 2.2, 3];
    const pairs = angles.map((angle, i) => pairAtAngle(angle, i));
    const rates = await collisionRates("hyperplane", "Cosine", 1, pairs);
    rates.forEach((rate, i) => {
      const p = hyperplaneCollision(angles[i]);
      expect(Math.abs(rate - p), `angle ${angles[i]}: ${rate}, ${p} expected`).toBeLessThan(tolerance(p));
    });
    expect(Math.abs(rates[2] - Math.cos(1))).toBeGreaterThan(0.1);
  });

  test("cross-polytopes: falls with the angle, and tells far apart from near better than hyperplanes of equal cost", async () => {
    const angles = [0.2, 0.5, 0.8, 1.1, Math.PI / 2];
    const pairs = angles.map((angle, i) => pairAtAngle(angle, i));
    const rates = await collisionRates("cross-polytope", "Cosine", 1, pairs);
    for (let i = 1; i < rates.length; i++) expect(rates[i]).toBeLessThan(rates[i - 1]);
    // Orthogonal vectors meet as rarely as chance has it, among 2 x 32 axes.
    expect(Math.abs(rates.at(-1)! - 1 / 64)).toBeLessThan(tolerance(1 / 64, 1024));
    // rho = ln(1/p1) / ln(1/p2) decides how many tables are needed: less is better.
    const rho = (near: number, far: number) => Math.log(near) / Math.log(far);
    const planes = rho(hyperplaneCollision(angles[1]), hyperplaneCollision(angles[3]));
    expect(rho(rates[1], rates[3])).toBeLessThan(planes);
  });
});

describe("every family of functions finds the nearest", () => {
  const cases: [HashName, Metric][] = [
    ["gaussian", "Euclid"],
    ["p-stable", "Cosine"],
    ["gaussian", "Cosine"],
    ["hyperplane", "Cosine"],
    ["hyperplane", "Dot"],
    ["cross-polytope", "Cosine"],
    ["cross-polytope", "Dot"],
  ];
  test.each(cases)("%s, %s", async (hash, metric) => {
    const vectors = clusteredVectors(3100, 50, metric, 31);
    const store = await filledStore(vectors.slice(0, 3000 * 50), { dimensions: 50, metric });
    const index = await lsh.build(store, lsh.parameters({ hash }), {});
    const scan = new FlatIndex(store);
    const recallAt = (effort: number) => {
      let hits = 0;
      for (let i = 3000; i < 3100; i++) {
        const query = vectors.subarray(i * 50, (i + 1) * 50);
        const truth = new Set(scan.search({ query, k: 10 }).ordinals);
        for (const ordinal of index.search({ query, k: 10, effort }).ordinals) if (truth.has(ordinal)) hits++;
      }
      return hits / 1000;
    };
    const [few, many] = [recallAt(16), recallAt(256)];
    expect(many).toBeGreaterThan(0.9);
    expect(many).toBeGreaterThan(few);
    store.close();
  });
});

test("a search reads as many buckets as its effort says, and a filter widens it", async () => {
  const vectors = clusteredVectors(5000, 40, "Euclid", 32);
  const store = await filledStore(vectors, { dimensions: 40, metric: "Euclid" });
  const index = await lsh.build(store, lsh.parameters({}), { calibrate: false });
  const query = vectors.slice(0, 40);
  const { stats } = index.search({ query, k: 10, effort: 20 });
  expect(stats.visited).toBe(20);
  expect(stats.scored).toBeGreaterThan(0);
  const bits = new Uint32Array(157).fill(0x55555555);
  expect(index.search({ query, k: 10, effort: 20, bits }).stats.visited).toBe(40);
  const all = index.search({ query, k: 10, effort: (index as LshIndex).buckets });
  expect(all.exhausted).toBe(true);
  expect(all.ordinals).toEqual(new FlatIndex(store).search({ query, k: 10 }).ordinals);
  store.close();
});

describe("refuses", () => {
  test.each([
    [{ tables: 0 }, "tables"],
    [{ functions: 33 }, "functions"],
    [{ width: 0 }, "width"],
    [{ width: Number.NaN }, "width"],
    [{ hash: "minhash" }, "hash"],
  ])("%o", (given, field) => {
    expect(() => lsh.parameters(given)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
    expect(() => lsh.parameters(given)).toThrow(field);
  });

  test("functions that do not fit the distance, before any work", async () => {
    const store = await filledStore(clusteredVectors(10, 4, "Dot", 1), { dimensions: 4, metric: "Dot" });
    const before = store.arena.reservedBytes;
    const parameters: LshParameters = lsh.parameters({ hash: "p-stable" });
    await expect(lsh.build(store, parameters, {})).rejects.toMatchObject({ code: "BAD_REQUEST" });
    expect(store.arena.reservedBytes).toBe(before);
    store.close();
  });

  test("damaged files", async () => {
    const store = await filledStore(clusteredVectors(1200, 8, "Euclid", 2), {
      dimensions: 8,
      metric: "Euclid",
    });
    const index = await lsh.build(store, lsh.parameters({ tables: 2 }), {});
    expect(index).toBeInstanceOf(LshIndex);
    const before = store.arena.reservedBytes;
    const damage = async (change: (saved: ReturnType<typeof throughFile>) => void) => {
      const saved = throughFile(index.save());
      change(saved);
      await expect(lsh.load(store, saved)).rejects.toMatchObject({ code: "CORRUPTION" });
      expect(store.arena.reservedBytes).toBe(before);
    };
    for (const field of ["format", "count", "metric", "hash", "tables", "functions", "width", "buckets"])
      await damage((saved) => {
        saved.meta[field] = "other";
      });
    await damage((saved) => saved.sections.delete("entries"));
    await damage((saved) => saved.sections.get("entries")!.fill(255, 4, 8));
    await damage((saved) => saved.sections.get("starts")!.fill(255, 8, 12));
    await damage((saved) => {
      saved.meta.calibration = { queries: 1, curves: [{}] };
    });
    store.close();
  });
});
