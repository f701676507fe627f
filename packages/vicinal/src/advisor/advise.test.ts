/** The advisor through a database: what it measures, what it recommends, how it refuses and stops. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../api/database.js";
import { open } from "../api/open.js";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { VicinalError } from "../runtime/errors.js";
import { memoryStats } from "../runtime/memory.js";
import { endIdleWorkers } from "../runtime/pool.js";
import type { AdviseOptions, AdviseStep } from "./contract.js";

const dimensions = 24;
const count = 3000;
const vectors = clusteredVectors(count, dimensions, "Euclid", 3);
const vector = (i: number) => vectors.subarray(i * dimensions, (i + 1) * dimensions);

let database: Database;

beforeEach(async () => {
  database = await open(":memory:");
  await database.createCollection("points", { vectors: { size: dimensions, distance: "Euclid" } });
  await database.upsert("points", {
    points: Array.from({ length: count }, (_, id) => ({ id, vector: vector(id) })),
  });
});

afterEach(async () => {
  await database.close();
  endIdleWorkers();
});

const quick: AdviseOptions = { families: ["flat", "ivf", "kmeans-tree"], recall: 0.9 };

describe("advise", () => {
  test("measures every candidate, and recommends one that keeps the wish", async () => {
    const steps: AdviseStep[] = [];
    const advice = await database.advise("points", { ...quick, progress: (step) => steps.push(step) });
    expect(advice).toMatchObject({ using: "", dimensions, metric: "Euclid", points: count, sampled: count });
    expect(advice.queries).toEqual({ count: 120, source: "withheld" });
    const named = [...advice.rows.map(({ name }) => name), ...advice.excluded.map(({ name }) => name)];
    expect(named.sort()).toEqual(["flat", "ivf", "ivf encoding=pq4", "ivf encoding=sq8", "kmeans-tree"]);
    for (const row of advice.rows) {
      expect(row.recall).toBeLessThanOrEqual(1);
      expect(row.verified).toBe(true);
      expect(row.full.vectors).toBe(count);
      // The queries are not in the index.
      expect(row.measured.vectors).toBe(count - 120);
      expect(row.full.cpuUs).toBeGreaterThan(0);
      expect(row.full.p95Us).toBeGreaterThanOrEqual(row.full.medianUs);
      expect(row.bytesPerVector).toBeGreaterThanOrEqual(dimensions * 4);
    }
    const flat = advice.rows.find(({ name }) => name === "flat");
    expect(flat).toMatchObject({ recall: 1, bytesPerVector: dimensions * 4, parameters: {} });
    expect(advice.recommended?.recall).toBeGreaterThanOrEqual(0.89);
    expect(advice.rows).toContain(advice.recommended);
    expect(advice.why).toContain(advice.recommended?.name);
    const done = steps.map((step) => step.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(Math.max(...done)).toBeLessThanOrEqual(steps[0].total);
    expect(new Set(steps.map(({ kind }) => kind))).toEqual(new Set(["sample", "build", "measure", "time"]));
  });

  test("plans for more points than there are, from two sizes", async () => {
    const advice = await database.advise("points", {
      ...quick,
      families: ["flat", "ivf"],
      points: 1_000_000,
    });
    for (const { full, measured, verified } of advice.rows) {
      expect(verified).toBe(false);
      expect(full.vectors).toBe(1_000_000);
      expect(full.cpuUs).toBeGreaterThanOrEqual(measured.cpuUs);
    }
    expect(advice.why).toMatch(/extrapolated from 2,880/);
  });

  test("builds the leader over all points when it was chosen by a sample", async () => {
    const steps: AdviseStep[] = [];
    const progress = (step: AdviseStep) => steps.push(step);
    const options = { ...quick, families: ["kmeans-tree"], sample: 1000, progress };
    const advice = await database.advise("points", options);
    expect(advice.sampled).toBe(1000);
    expect(advice.recommended).toMatchObject({ name: "kmeans-tree", verified: true });
    expect(advice.recommended?.full.vectors).toBe(count);
    expect(advice.recommended?.measured.vectors).toBe(900);
    expect(steps.filter(({ kind }) => kind === "verify").length).toBe(1);
    const unverified = await database.advise("points", { ...options, verify: false });
    expect(unverified.recommended?.verified).toBe(false);
  });

  test("says which limit excludes what", async () => {
    const floats = count * dimensions * 4;
    const advice = await database.advise("points", {
      ...quick,
      families: ["flat", "kmeans-tree"],
      memoryBytes: floats,
    });
    expect(advice.recommended?.name).toBe("flat");
    expect(advice.excluded).toEqual([
      { name: "kmeans-tree", reason: expect.stringMatching(/^takes .* more than 288 kB$/) },
    ]);
    const none = await database.advise("points", { ...quick, families: ["flat"], memoryBytes: floats - 1 });
    expect(none.recommended).toBeUndefined();
    expect(none.why).toMatch(/^No candidate keeps all limits. Nearest is flat: takes 288 kB/);
    const late = await database.advise("points", { ...quick, families: ["flat"], latencyMs: 0.001 });
    expect(late.excluded).toEqual([{ name: "flat", reason: expect.stringMatching(/more than 0.001 ms$/) }]);
    await expect(database.applyAdvice("points", none)).rejects.toMatchObject({ code: "BAD_REQUEST" });
  });

  test("takes real queries, and leaves those out that are stored", async () => {
    const queries = Array.from({ length: 40 }, (_, i) => Array.from(vector(i)));
    const advice = await database.advise("points", { ...quick, families: ["flat"], queries });
    expect(advice.queries).toEqual({ count: 40, source: "given" });
    expect(advice.rows[0].measured.vectors).toBe(count - 40);
  });

  test("stops when it is told, and leaves no memory behind", async () => {
    const before = memoryStats().used;
    for (const kind of ["sample", "build", "measure", "time"]) {
      const controller = new AbortController();
      const progress = (step: AdviseStep) => {
        if (step.kind === kind) controller.abort();
      };
      const running = database.advise("points", { ...quick, progress, signal: controller.signal });
      await expect(running, kind).rejects.toMatchObject({ code: "CANCELLED" });
      expect(memoryStats().used).toBe(before);
    }
    await expect(database.advise("points", { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      VicinalError,
    );
  });

  const refused: [string, AdviseOptions, string, string][] = [
    ["recall", { recall: 1.5 }, "OUT_OF_RANGE", "recall"],
    ["no number", { recall: "0.9" as unknown as number }, "BAD_REQUEST", "recall"],
    ["k", { k: 0 }, "OUT_OF_RANGE", "k"],
    ["NaN", { latencyMs: Number.NaN }, "OUT_OF_RANGE", "latencyMs"],
    ["memory", { memoryBytes: 0.5 }, "OUT_OF_RANGE", "memoryBytes"],
    ["sample", { sample: 10 }, "OUT_OF_RANGE", "sample"],
    ["points", { points: -1 }, "OUT_OF_RANGE", "points"],
    ["budget", { budgetMs: 1 }, "OUT_OF_RANGE", "budgetMs"],
    ["seed", { seed: 1.5 }, "OUT_OF_RANGE", "seed"],
    ["verify", { verify: "yes" as unknown as boolean }, "BAD_REQUEST", "verify"],
    ["families", { families: [] }, "BAD_REQUEST", "families"],
    ["a family", { families: ["hsnw"] }, "BAD_REQUEST", "families"],
    ["an option", { recal: 0.9 } as AdviseOptions, "BAD_REQUEST", "recal"],
    ["queries", { queries: [vector(0)] }, "BAD_REQUEST", "queries"],
  ];
  test.each(refused)("refuses a wrong option by its name: %s", async (_what, options, code, field) => {
    await expect(database.advise("points", options)).rejects.toMatchObject({ code, details: { field } });
  });

  test("refuses what the collection has not", async () => {
    await expect(database.advise("absent")).rejects.toMatchObject({ code: "COLLECTION_NOT_FOUND" });
    await expect(database.advise("points", { using: "absent" })).rejects.toMatchObject({
      code: "UNKNOWN_VECTOR",
    });
    const queries = Array.from({ length: 20 }, () => [1, 2, 3]);
    await expect(database.advise("points", { queries })).rejects.toMatchObject({
      code: "WRONG_DIMENSION",
      details: { path: "queries[0]" },
    });
    await database.createCollection("few", { vectors: { size: 2, distance: "Dot" } });
    await database.upsert("few", { points: [{ id: 1, vector: [1, 2] }] });
    await expect(database.advise("few")).rejects.toMatchObject({
      code: "BAD_REQUEST",
      details: { expected: 200, actual: 1 },
    });
  });
});
