/** Vamana's own promises: the rule of alpha under each metric, parameters, one graph whatever the memory. */
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import type { Metric } from "../contract.js";
import { clusteredVectors, filledStore, normalise, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import { occlusionFactor } from "./defaults.js";
import { vamana } from "./index.js";

afterAll(endIdleWorkers);

/** Whether the paper drops a candidate, by lengths: with the occluder alpha times nearer than the owner. */
const rules: Record<Metric, (alpha: number, own: number, between: number) => boolean> = {
  Euclid: (alpha, own, between) => alpha * Math.sqrt(between) < Math.sqrt(own),
  // The chord between unit vectors: its square is twice 1 - cosine.
  Cosine: (alpha, own, between) => alpha * Math.sqrt(2 * between) < Math.sqrt(2 * own),
  Manhattan: (alpha, own, between) => alpha * between < own,
  Dot: (alpha, own, between) => -between > alpha * -own,
};

test.each(Object.keys(rules) as Metric[])("alpha is meant for lengths: %s", async (metric) => {
  const random = seededRandom(9);
  let dropped = 0;
  for (let round = 0; round < 300; round++) {
    const vectors = Float32Array.from({ length: 12 }, () => random() * 2 - 0.6);
    if (metric === "Cosine") for (let i = 0; i < 12; i += 4) normalise(vectors.subarray(i, i + 4));
    const store = await filledStore(vectors, { dimensions: 4, metric });
    const scan = new FlatIndex(store);
    const candidate = vectors.slice(0, 4);
    const [own, between] = scan.distances(candidate, Uint32Array.of(1, 2));
    const alpha = 1 + random();
    // Beside the limit rounding decides.
    const beside = Math.abs(between - own * occlusionFactor(metric, alpha)) < 1e-5;
    const occluded = between < own * occlusionFactor(metric, alpha);
    if (!beside) expect(occluded).toBe(rules[metric](alpha, own, between));
    if (occluded) dropped++;
    store.close();
  }
  expect(dropped).toBeGreaterThan(20);
  expect(dropped).toBeLessThan(280);
});

describe("parameters", () => {
  test("have defaults and other names", () => {
    expect(vamana.parameters(undefined)).toEqual({
      degree: 32,
      alpha: 1.2,
      searchListSize: 100,
      encoding: "auto",
    });
    expect(vamana.parameters({ degree: 48, search_list_size: 75 })).toMatchObject({
      degree: 48,
      searchListSize: 75,
    });
  });

  test.each([{ degree: 3 }, { degree: 129 }, { alpha: 0.9 }, { searchListSize: 1.5 }, { beam: 4 }])(
    "are checked: %o",
    (given) => {
      const [field] = Object.keys(given);
      expect(() => vamana.parameters(given)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
      expect(() => vamana.parameters(given)).toThrow(field);
    },
  );

  test("codes cannot serve Manhattan", () => {
    const parameters = vamana.parameters({ encoding: "int8" });
    const kind = { metric: "Manhattan", dimensions: 20 } as const;
    expect(() => vamana.encodingOf?.(parameters, kind)).toThrow("encoding");
  });
});

test("without shared memory the build runs in slices and gives the same graph", async () => {
  const vectors = clusteredVectors(2600, 40, "Euclid", 4);
  const saved = [];
  for (const kernels of ["shared", "unshared"] as const) {
    const store = await filledStore(vectors, { dimensions: 40, metric: "Euclid", kernels });
    const index = await vamana.build(store, vamana.parameters({}), {});
    saved.push(throughFile(index.save()));
    store.close();
  }
  expect(saved[1].sections).toEqual(saved[0].sections);
  expect(saved[1].meta).toEqual(saved[0].meta);
});
