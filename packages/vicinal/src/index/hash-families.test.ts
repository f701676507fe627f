/** What the hashing families share: the recall that is asked for, and the same index on a worker and in slices. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../runtime/pool.js";
import { effortFor } from "./calibration.js";
import { familyNamed } from "./families.js";
import { clusteredVectors, filledStore, throughFile } from "./fixtures.test.helper.js";
import { FlatIndex } from "./flat/index.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 32;

describe.each(["lsh", "mih"])("family %s", (name) => {
  const family = familyNamed(name);

  test("gives the recall that is asked for, on queries that are not in the index", async () => {
    const vectors = clusteredVectors(5400, DIMENSIONS, "Euclid", 71);
    const store = await filledStore(vectors.slice(0, 5000 * DIMENSIONS), {
      dimensions: DIMENSIONS,
      metric: "Euclid",
    });
    const index = await family.build(store, family.parameters({}), {});
    const scan = new FlatIndex(store);
    for (const wanted of [0.8, 0.9, 0.95]) {
      const effort = effortFor(index.calibration!, { recall: wanted, k: 10 });
      expect(effort, `recall ${wanted} is promised`).toBeDefined();
      let hits = 0;
      for (let i = 5000; i < 5400; i++) {
        const query = vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);
        const truth = new Set(scan.search({ query, k: 10 }).ordinals);
        for (const ordinal of index.search({ query, k: 10, effort: effort! }).ordinals)
          if (truth.has(ordinal)) hits++;
      }
      // Less the scatter of 400 queries.
      expect(hits / 4000, `effort ${effort}`).toBeGreaterThan(wanted - 0.02);
    }
    store.close();
  });

  test("without shared memory the build runs in slices and gives the same index", async () => {
    const vectors = clusteredVectors(4000, DIMENSIONS, "Cosine", 72);
    const made = [];
    for (const kernels of ["shared", "unshared"] as const) {
      const store = await filledStore(vectors, { dimensions: DIMENSIONS, metric: "Cosine", kernels });
      const index = await family.build(store, family.parameters({}), {});
      const { sections, meta } = throughFile(index.save());
      made.push({ sections, meta });
      store.close();
    }
    expect(made[1]).toEqual(made[0]);
  });
});
