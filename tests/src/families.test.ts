/** Every index family through the product: chosen at creation, built, searched with a recall, filtered, reopened. */

import { open } from "vicinal";
import { familyNames } from "vicinal/protocol";
import { describe, expect, test } from "vitest";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

const DIMENSIONS = 16;
const COUNT = 4000;
const QUERIES = 60;

describe.each(familyNames)("%s", (type) => {
  test("keeps the recall that is asked for, with and without a filter, and after reopening", async () => {
    await withFolder(async (folder) => {
      const next = random(7);
      const centres = Array.from({ length: 20 }, () =>
        Array.from({ length: DIMENSIONS }, () => next() - 0.5),
      );
      const vector = () => centres[Math.floor(next() * 20)].map((x) => Math.fround(x + (next() - 0.5) * 0.4));
      const points = Array.from({ length: COUNT }, (_, id) => ({
        id,
        vector: vector(),
        payload: { part: id % 4 },
      }));
      const queries = Array.from({ length: QUERIES }, vector);
      let database = await open(folder);
      await database.createCollection("c", {
        vectors: { size: DIMENSIONS, distance: "Cosine", index: { type } },
        optimizers_config: { indexing_threshold: 1 },
      });
      await database.upsert("c", { points });
      await database.waitForIndex("c", { everything: true });
      await database.delete("c", { points: Array.from({ length: 300 }, (_, i) => i * 7) });

      const found = async (filter?: { must: { key: string; match: { value: number } }[] }) => {
        let hits = 0;
        for (const query of queries) {
          const request = { query, limit: 10, filter };
          const truth = await database.query("c", { ...request, params: { exact: true } });
          const { points } = await database.query("c", { ...request, params: { recall: 0.95 } });
          expect(points).toHaveLength(10);
          expect(new Set(points.map(({ id }) => id)).size).toBe(10);
          const worst = truth.points[9].score;
          hits += points.filter(({ score }) => score >= worst - 1e-6).length;
        }
        return hits / (10 * QUERIES);
      };
      const filter = { must: [{ key: "part", match: { value: 1 } }] };
      for (let opening = 0; opening < 2; opening++) {
        const info = await database.getCollection("c");
        if (type !== "flat") expect(info.indexed_vectors_count).toBeGreaterThan(COUNT * 0.8);
        expect(await found()).toBeGreaterThanOrEqual(0.94);
        expect(await found(filter)).toBeGreaterThanOrEqual(0.94);
        await database.close();
        database = await open(folder);
      }
      await database.close();
    });
  });
});
