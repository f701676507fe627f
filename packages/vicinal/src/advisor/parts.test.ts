/** The parts of the advisor by themselves. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { familyNames } from "../index/families.js";
import { loadKernels } from "../runtime/kernels.js";
import { seededRandom } from "../runtime/random.js";
import { CollectionState } from "../segment/state.js";
import { candidatesFor } from "./candidates.js";
import { chosen, markPareto } from "./choose.js";
import type { AdviceRow, Costs } from "./contract.js";
import { extrapolated } from "./extrapolate.js";
import { Ground } from "./ground.js";
import { checkedQuestion } from "./options.js";
import { Queries } from "./queries.js";
import { Run } from "./run.js";
import { countVectors, sampleVectors } from "./sample.js";
import { timeInTurns } from "./time.js";
import { tryAll } from "./try-all.js";

const costs = (vectors: number, cpuUs: number, indexBytes = 0, buildSeconds = 0): Costs => ({
  ...{ vectors, cpuUs, indexBytes, buildSeconds },
  ...{ medianUs: cpuUs, p95Us: cpuUs * 2 },
});

const row = (name: string, cpuUs: number, bytesPerVector: number, misses: string[] = []) =>
  ({ name, bytesPerVector, misses, pareto: false, full: costs(1000, cpuUs) }) as unknown as AdviceRow;

test("costs grow by the power that two sizes show, within what families can do", () => {
  const square = (n: number) => costs(n, Math.sqrt(n), n * 10, n ** 1.5 / 1e6);
  const full = extrapolated(square(1000), square(4000), 256_000, 1e9);
  expect(full.vectors).toBe(256_000);
  expect(full.cpuUs).toBeCloseTo(Math.sqrt(256_000), 6);
  expect(full.p95Us).toBeCloseTo(2 * Math.sqrt(256_000), 6);
  expect(full.indexBytes).toBe(2_560_000);
  expect(full.buildSeconds).toBeCloseTo(256_000 ** 1.5 / 1e6, 6);
  // Faster with more vectors is noise; more than linear is, too.
  expect(extrapolated(costs(1000, 9), costs(4000, 5), 16_000, 1e9).cpuUs).toBe(5);
  expect(extrapolated(costs(1000, 1), costs(4000, 50), 16_000, 1e9).cpuUs).toBe(200);
  // Nothing is known of the growth: linear.
  expect(extrapolated(undefined, costs(4000, 5), 16_000, 1e9).cpuUs).toBe(20);
  // Four segments of 4,000 are four searches as they were measured.
  const parts = extrapolated(square(1000), square(4000), 16_000, 4000);
  expect(parts.cpuUs).toBeCloseTo(4 * Math.sqrt(4000), 6);
  expect(parts.indexBytes).toBe(160_000);
});

test("takes the fastest, and of equally fast ones the smallest", () => {
  const rows = [row("fast", 10, 900), row("small", 11, 500), row("smaller", 12, 100), row("slow", 50, 10)];
  expect(chosen(rows)?.name).toBe("small");
  expect(chosen([row("fast", 10, 900, ["takes too much"]), ...rows.slice(2)])?.name).toBe("smaller");
  expect(chosen([row("fast", 10, 900, ["takes too much"])])).toBeUndefined();
});

test("the Pareto set holds what nothing beats, and nothing else", () => {
  const arbitrary = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(arbitrary, (pairs) => {
      const rows = pairs.map(([cpu, bytes], i) => row(String(i), cpu, bytes));
      markPareto(rows);
      for (const [i, [cpu, bytes]] of pairs.entries()) {
        const beaten = pairs.some(([c, b]) => c <= cpu && b <= bytes && (c < cpu || b < bytes));
        expect(rows[i].pareto).toBe(!beaten);
      }
    }),
    { seed: 42 },
  );
  const poor = row("poor", 1, 1, ["recall 0.800 is less than 0.95"]);
  const rows = [poor, row("sound", 5, 5)];
  markPareto(rows);
  expect(rows.map(({ pareto }) => pareto)).toEqual([false, true]);
});

test("candidates take turns, round by round, and each asks the queries in order", async () => {
  const calls: [number, number][] = [];
  const shares: number[] = [];
  const wait = (who: number) => (query: number) => {
    calls.push([who, query]);
    const until = performance.now() + 30;
    while (performance.now() < until);
  };
  const timed = await timeInTurns([wait(0), wait(1)], 2, (share) => shares.push(share), undefined);
  const order = calls.map(([who]) => who).filter((who, i, all) => who !== all[i - 1]);
  expect(order).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
  expect(calls.slice(0, 2)).toEqual([
    [0, 0],
    [0, 1],
  ]);
  expect(shares.at(-1)).toBe(1);
  for (const { medianUs, p95Us } of timed) {
    expect(medianUs).toBeGreaterThanOrEqual(30_000);
    expect(p95Us).toBeGreaterThanOrEqual(medianUs);
  }
});

test("a candidate that the time does not allow is named, not measured", async () => {
  const vectors = Float32Array.from({ length: 400 * 4 }, seededRandom(1));
  const queries = Queries.withheld(vectors, 4, 1);
  const question = checkedQuestion({ families: ["flat", "hnsw"], budgetMs: 1000 }, 4);
  const { candidates } = candidatesFor(question, { metric: "Euclid", dimensions: 4 });
  const ground = await Ground.lay(
    { dimensions: 4, metric: "Euclid", capacity: 400 },
    queries,
    question,
    async (store) => {
      for (let i = 0; i < 400; i++) {
        const vector = vectors.subarray(i * 4, i * 4 + 4);
        if (!queries.has(vector)) store.append(vector);
      }
    },
  );
  expect(ground.count).toBe(320);
  const outcomes = await tryAll(ground, candidates, question, new Run({ budgetMs: 0 }, 1));
  expect(outcomes.map((one) => "reason" in one && one.reason)).toEqual(
    candidates.map(() => "the time was over before it was measured"),
  );
  ground.close();
});

test("tries what serves the metric, every family with its defaults", () => {
  const names = (metric: "Euclid" | "Cosine" | "Manhattan") =>
    candidatesFor({ families: familyNames }, { metric, dimensions: 100 }).candidates.map(({ name }) => name);
  expect(names("Cosine")).toEqual(expect.arrayContaining([...familyNames]));
  expect(names("Cosine")).toContain("lsh hash=hyperplane");
  expect(names("Euclid")).not.toContain("lsh hash=hyperplane");
  expect(names("Manhattan")).not.toContain("ivf encoding=sq8");
  const limited = candidatesFor(
    { families: ["postings"], memoryBytes: 2 ** 24 },
    { metric: "Euclid", dimensions: 100 },
  );
  expect(limited.candidates.map(({ parameters }) => parameters)).toEqual([{ memoryBytes: 2 ** 24 }]);
  expect(new Set(names("Euclid")).size).toBe(names("Euclid").length);
});

test("queries know themselves by every number", () => {
  const vectors = Float32Array.from({ length: 100 * 3 }, seededRandom(2));
  const queries = Queries.withheld(vectors, 3, 7);
  expect(queries.vectors.length).toBe(20);
  const found = Array.from({ length: 100 }, (_, i) => queries.has(vectors.slice(i * 3, i * 3 + 3)));
  expect(found.filter(Boolean).length).toBe(20);
  const changed = queries.vectors[0].slice();
  changed[2] += 1e-6;
  expect(queries.has(changed)).toBe(false);
  const { dial, check } = queries.halves();
  expect([...dial, ...check]).toEqual(queries.vectors);
});

test("a sample holds live vectors only, each about as often as any other", async () => {
  const config = {
    vectors: { v: { size: 1, distance: "Euclid" as const, given: {} } },
    ...{ hnsw: {}, optimizers: {}, other: {}, fields: {} },
  };
  const state = new CollectionState(config, 1, await loadKernels());
  const payload = new TextEncoder().encode("{}");
  const points = Array.from({ length: 60 }, (_, i) => ({
    id: i,
    // Every third point has no such vector.
    vectors: i % 3 === 2 ? [] : [{ name: "v", vector: { data: Float32Array.of(i), norm: 1 } }],
    payload,
  }));
  state.apply([{ kind: "upsert", points }], 1);
  state.apply([{ kind: "delete", ids: [0, 1, 3] }], 2);
  const eligible = points.filter(({ id, vectors }) => vectors.length > 0 && ![0, 1, 3].includes(id));
  expect(countVectors(state, "v")).toBe(eligible.length);
  const random = seededRandom(5);
  const drawn = new Map<number, number>();
  for (let i = 0; i < 2000; i++) {
    const sample = await sampleVectors(state, "v", 10, eligible.length, random, undefined);
    expect([...sample]).toEqual([...new Set(sample)].sort((a, b) => a - b));
    for (const id of sample) drawn.set(id, (drawn.get(id) ?? 0) + 1);
  }
  expect([...drawn.keys()].sort((a, b) => a - b)).toEqual(eligible.map(({ id }) => id));
  // 2,000 draws of 10 of 37: 541 each, standard deviation 20.
  for (const times of drawn.values()) expect(Math.abs(times - 20_000 / 37)).toBeLessThan(100);
  state.close();
});
