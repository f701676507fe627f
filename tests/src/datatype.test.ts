/** Vectors of other types than float32: rounded when they are written, answered and compared so, also after a restart. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { byteOf, nearestHalf } from "@vicinal/kernels";
import { open } from "vicinal";
import { describe, expect, test } from "vitest";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

const SIZE = 12;
const COUNT = 700;
const rounded = { float16: nearestHalf, uint8: byteOf };

describe.each(["float16", "uint8"] as const)("%s", (datatype) => {
  test.each(["Euclid", "Dot", "Manhattan", "Cosine"] as const)(
    "%s: answered and compared as rounded",
    async (distance) => {
      await withFolder(async (folder) => {
        const next = random(11);
        const vector = () => Array.from({ length: SIZE }, () => Math.fround(next() * 300 - 20));
        const points = Array.from({ length: COUNT }, (_, id) => ({ id, vector: vector() }));
        const query = vector();
        const round = (values: number[]) => values.map(rounded[datatype]);
        let database = await open(folder);
        await database.createCollection("c", {
          // Postings serve their vectors from files, row by row.
          vectors: {
            size: SIZE,
            distance,
            datatype,
            index: { type: distance === "Euclid" ? "postings" : "hnsw" },
          },
          optimizers_config: { indexing_threshold: 1 },
        });
        expect((await database.getCollection("c")).config.params.vectors).toMatchObject({ datatype });
        await database.upsert("c", { points: points.slice(0, 500) });
        await database.waitForIndex("c", { everything: true });
        await database.upsert("c", { points: points.slice(500) });
        const check = async () => {
          const { points: found } = await database.query("c", {
            query,
            limit: COUNT,
            params: { exact: true },
            with_vector: true,
          });
          expect(found.length).toBe(COUNT);
          let worst = 0;
          let unrounded = 0;
          for (const { id, vector: answered, score } of found) {
            const wanted = round(points[Number(id)].vector);
            // Cosine keeps the direction: bytes at length 1, or the half floats of the vector at length 1.
            const length = distance === "Cosine" ? Math.hypot(...wanted) : 1;
            const near = distance === "Cosine" ? 1e-3 : 0;
            (answered as ArrayLike<number> as number[]).forEach((x, i) => {
              worst = Math.max(worst, Math.abs(x - wanted[i] / length) - near);
              if (datatype === "float16" && nearestHalf(x) !== x) unrounded++;
            });
            const truth = scoreOf(distance, round(query), wanted);
            expect(Math.abs(score - truth)).toBeLessThan(
              distance === "Cosine" ? 1e-3 : 1e-4 * (1 + Math.abs(truth)),
            );
          }
          expect([worst, unrounded]).toEqual([0, 0]);
        };
        await check();
        await database.close();
        database = await open(folder);
        await check();
        await database.close();
      });
    },
  );
});

function scoreOf(distance: string, a: number[], b: number[]): number {
  const dot = a.reduce((sum, x, i) => sum + x * b[i], 0);
  if (distance === "Dot") return dot;
  if (distance === "Cosine") return dot / (Math.hypot(...a) * Math.hypot(...b));
  if (distance === "Manhattan") return a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0);
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));
}

test("a number beyond float16 is refused, and its point not written", async () => {
  const database = await open(":memory:");
  await database.createCollection("c", { vectors: { size: 2, distance: "Dot", datatype: "float16" } });
  const points = [
    { id: 1, vector: [1, 65519] },
    { id: 2, vector: [65520, 0] },
  ];
  await expect(database.upsert("c", { points })).rejects.toMatchObject({
    code: "BAD_VECTOR",
    details: { path: "points[1].vector" },
  });
  expect((await database.count("c")).count).toBe(0);
  await database.upsert("c", { points: points.slice(0, 1) });
  const [{ vector }] = await database.retrieve("c", { ids: [1], with_vector: true });
  expect([...(vector as Iterable<number>)]).toEqual([1, 65504]);
  await database.close();
});

test.each([
  ["float32", 4],
  ["float16", 2],
  ["uint8", 1],
] as const)(
  "%s: a number takes %i bytes in the log and in the files of segments",
  async (datatype, width) => {
    await withFolder(async (folder) => {
      const next = random(5);
      const size = 256;
      const points = Array.from({ length: 1500 }, (_, id) => ({
        id,
        vector: Array.from({ length: size }, () => next() * 200),
      }));
      const database = await open(folder);
      await database.createCollection("c", {
        vectors: { size, distance: "Euclid", datatype, index: { type: "flat" } },
      });
      await database.upsert("c", { points });
      const bytes = (of: RegExp) =>
        (readdirSync(folder, { recursive: true }) as string[])
          .filter((path) => of.test(path))
          .reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
      const numbers = points.length * size;
      expect(bytes(/log-/) / numbers).toBeGreaterThan(width);
      expect(bytes(/log-/) / numbers).toBeLessThan(width + 0.3);
      await database.waitForIndex("c", { everything: true });
      await database.close();
      expect(bytes(/vector-/) / numbers).toBeGreaterThanOrEqual(width);
      expect(bytes(/vector-/) / numbers).toBeLessThan(width + 0.1);
    });
  },
);

test("turbo4 is kept as the type and rounds nothing", async () => {
  const database = await open(":memory:");
  await database.createCollection("c", { vectors: { size: 3, distance: "Euclid", datatype: "turbo4" } });
  expect((await database.getCollection("c")).config.params.vectors).toMatchObject({ datatype: "turbo4" });
  await database.upsert("c", { points: [{ id: 1, vector: [0.1, -20.5, 1e30] }] });
  const [{ vector }] = await database.retrieve("c", { ids: [1], with_vector: true });
  expect(Array.from(vector as Float32Array)).toEqual([0.1, -20.5, 1e30].map(Math.fround));
  await database.close();
});
