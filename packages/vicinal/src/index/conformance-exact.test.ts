/** Full effort: what every family finds, whatever the metric, the choice and the dimensions. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../runtime/pool.js";
import {
  build,
  type Data,
  exactAtFullEffort,
  fullEffort,
  makeData,
  metrics,
  recallOf,
  truthOf,
  variants,
} from "./conformance.test.helper.js";
import type { VectorIndex } from "./contract.js";
import { bitsOf } from "./fixtures.test.helper.js";
import { FlatIndex } from "./flat/index.js";

afterAll(endIdleWorkers);

/** Recall@10 and @100 at full effort; families that promise so answer as the scan does. */
function checkFullEffort(index: VectorIndex, queries: Float32Array[], bits?: Uint32Array): void {
  const { store, family } = index;
  const effort = fullEffort(index);
  for (const k of [10, 100]) {
    const truth = truthOf(store, queries, k, bits);
    expect(recallOf(index, queries, truth, { k, effort, bits }).mean, `k ${k}`).toBeGreaterThan(0.99);
  }
  if (!exactAtFullEffort.has(family)) return;
  const scan = new FlatIndex(store);
  for (const query of queries) {
    const request = { query, k: 20, bits };
    expect(index.search({ ...request, effort })).toMatchObject({
      ordinals: scan.search(request).ordinals,
      distances: scan.search(request).distances,
    });
  }
}

describe.each(metrics)("%s", (metric) => {
  let data: Data;
  beforeAll(async () => {
    data = await makeData(metric, { count: 1500, dimensions: 24, queries: 60, seed: 91 });
  });
  afterAll(() => data.store.close());

  test.each(variants.filter((variant) => variant.metric === metric))("$name", async (variant) => {
    const index = await build(variant, data.store, { calibrate: false });
    checkFullEffort(index, data.queries);
    checkFullEffort(
      index,
      data.queries,
      bitsOf(1500, (ordinal) => ordinal % 5 === 2),
    );
    index.release();
  });
});

describe.each([1, 3, 100, 784, 2048])("%i dimensions", (dimensions) => {
  test.each(variants.filter(({ metric }) => metric === "Euclid" || metric === "Dot"))(
    "$name",
    async (variant) => {
      const { metric } = variant;
      const { store, queries } = await makeData(metric, { count: 300, dimensions, queries: 12, seed: 92 });
      const index = await build(variant, store, { calibrate: false });
      checkFullEffort(index, queries);
      store.close();
    },
  );
});
