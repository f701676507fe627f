/** Builds: the same index on every thread, nothing left behind by a cancelled one, progress, what grows from another. */
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { memoryStats } from "../runtime/memory.js";
import { endIdleWorkers } from "../runtime/pool.js";
import { build, keptRecall, truthOf, type Variant, variants } from "./conformance.test.helper.js";
import { clusteredVectors, filledStore, throughFile } from "./fixtures.test.helper.js";
import type { VectorStore } from "./vector-store.js";

const stores: VectorStore[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});
afterAll(endIdleWorkers);

async function stored(
  variant: Variant,
  vectors: Float32Array,
  dimensions: number,
  kernels?: "shared" | "unshared",
) {
  const store = await filledStore(vectors, { dimensions, metric: variant.metric, kernels });
  stores.push(store);
  return store;
}

/** Threads and cancelling do not depend on the metric, except that some choices are for one only. */
const once = variants.filter(
  ({ family, parameters }, i) =>
    variants.findIndex(
      (other) => other.family === family && JSON.stringify(other.parameters) === JSON.stringify(parameters),
    ) === i,
);

describe.each(once)("$name", (variant) => {
  test("is the same on a worker, in slices and with the same seed again", async () => {
    const dimensions = 32;
    const vectors = clusteredVectors(2600, dimensions, variant.metric, 72);
    const saved = [];
    for (const kernels of ["shared", "unshared"] as const) {
      const store = await stored(variant, vectors, dimensions, kernels);
      const seen: number[] = [];
      const progress = (done: number, total: number) => {
        expect(total).toBe(2600);
        seen.push(done);
      };
      const { sections, meta } = throughFile((await build(variant, store, { seed: 5, progress })).save());
      saved.push({ sections, meta });
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(seen.at(-1)).toBe(2600);
    }
    expect(saved[1]).toEqual(saved[0]);
  });

  test("cancelled, leaves the store as it was", async () => {
    if (variant.family.family === "flat") return;
    const dimensions = 40;
    const vectors = clusteredVectors(2600, dimensions, variant.metric, 15);
    for (const kernels of ["shared", "unshared"] as const) {
      const store = await stored(variant, vectors, dimensions, kernels);
      const before = store.arena.reservedBytes;
      await expect(build(variant, store, { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: "CANCELLED",
      });
      const soon = new AbortController();
      const begun = build(variant, store, { signal: soon.signal });
      soon.abort();
      await expect(begun).rejects.toMatchObject({ code: "CANCELLED" });
      for (const part of [0, 0.5]) {
        // A quick build may be over before it reports.
        const stop = new AbortController();
        const progress = (done: number, total: number) => {
          if (done > part * total && done < total) stop.abort();
        };
        const outcome = await build(variant, store, { signal: stop.signal, progress }).catch(
          (error) => error.code,
        );
        if (stop.signal.aborted) expect(outcome).toBe("CANCELLED");
        else outcome.release();
      }
      expect(store.arena.reservedBytes).toBe(before);
      const index = await build(variant, store, { calibrate: false });
      index.release();
      expect(store.arena.reservedBytes).toBe(before);
    }
  });
});

describe.each(variants.filter(({ metric }) => metric === "Euclid"))("$name", (variant) => {
  test.each([
    ["a little", 3800],
    ["much", 2600],
  ])("keeps its promise when it grew by %s and lost some", async (_, kept) => {
    const dimensions = 24;
    const count = 4000;
    const vectors = clusteredVectors(count + 500, dimensions, variant.metric, 73);
    // The old store's vectors lie behind the new ones, a few of them are gone.
    const gone = 100;
    const start = count - kept;
    const old = await stored(
      variant,
      vectors.slice((start - gone) * dimensions, count * dimensions),
      dimensions,
    );
    const oldToNew = Int32Array.from({ length: kept + gone }, (__, i) => (i < gone ? -1 : start + i - gone));
    const previous = { index: await build(variant, old), oldToNew };
    const store = await stored(variant, vectors.slice(0, count * dimensions), dimensions);
    const index = await build(variant, store, { previous });
    const queries = Array.from({ length: 500 }, (__, i) =>
      vectors.slice((count + i) * dimensions, (count + i + 1) * dimensions),
    );
    const truth = truthOf(store, queries, 10);
    for (const recall of [0.8, 0.95]) {
      const { mean, error, effort } = keptRecall(index, queries, truth, { recall, k: 10 });
      expect(mean + 2 * error, `asked ${recall}, effort ${effort}`).toBeGreaterThanOrEqual(recall - 0.01);
    }
  });
});

test("memories go back to the pool and are taken again", async () => {
  const before = memoryStats();
  for (let round = 0; round < 20; round++) {
    const variant = variants[round % variants.length];
    const store = await stored(variant, clusteredVectors(500, 32, variant.metric, round), 32);
    await build(variant, store);
    store.close();
  }
  const after = memoryStats();
  expect(after.used).toBe(before.used);
  expect(after.idle + after.used).toBeLessThanOrEqual(before.idle + before.used + 1);
});
