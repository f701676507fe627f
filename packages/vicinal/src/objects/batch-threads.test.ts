/** Large batches on workers: the answers of the calling thread, query by query. */
import { afterEach, expect, test } from "vitest";
import { familyNames } from "../index/families.js";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { memoryStats } from "../runtime/memory.js";
import { worthThreads } from "./batch-threads.js";
import type { Index } from "./contract.js";
import { createIndex } from "./create.js";

const D = 64;
const COUNT = 6000;
const QUERIES = 600;
const all = clusteredVectors(COUNT + QUERIES, D, "Euclid", 21);
const vectors = all.slice(0, COUNT * D);
const queries = all.slice(COUNT * D);
const open: Index[] = [];
afterEach(async () => {
  for (const index of open.splice(0)) await index.close();
});

/** Row by row what a batch of one query answers. */
async function singly(
  index: Index,
  k: number,
  options: object,
  every: number,
): Promise<Map<number, number[]>> {
  const answers = new Map<number, number[]>();
  for (let q = 0; q < QUERIES; q += every) {
    const { labels } = await index.search(queries.subarray(q * D, (q + 1) * D), k, options);
    answers.set(q, [...labels]);
  }
  return answers;
}

test.each(familyNames)(
  "%s: a batch answers what its queries do one by one",
  { timeout: 60_000 },
  async (family) => {
    const index = await createIndex({ family, dimensions: D, calibrate: false });
    open.push(index);
    await index.add(vectors);
    await index.build();
    const half = Array.from({ length: COUNT / 2 }, (_, i) => 2 * i);
    // So much effort that the batch is worth threads, where the dial goes as far.
    const effort = Math.min(index.effort?.max ?? 1, 2000);
    for (const options of [{ exact: true }, { exact: true, among: half }, { effort }]) {
      const { labels } = await index.search(queries, 10, options);
      for (const [q, wanted] of await singly(index, 10, options, 37))
        expect([...labels.subarray(q * 10, q * 10 + 10)]).toEqual(wanted);
    }
  },
);

test("a batch with more hits than there are vectors, cancelled, and memory given back", async () => {
  const before = memoryStats().used;
  const index = await createIndex({ family: "hnsw", dimensions: D, calibrate: false });
  await index.add(vectors);
  await index.build();
  const stop = new AbortController();
  const late = index.search(queries, 10, { exact: true, signal: stop.signal });
  setTimeout(() => stop.abort(), 5);
  await late.catch((error) => expect(error.code).toBe("CANCELLED"));
  const { labels } = await index.search(queries, COUNT + 3, { exact: true });
  const first = labels.subarray(0, COUNT + 3);
  expect(new Set(first).size).toBe(COUNT + 1);
  expect([...first.subarray(COUNT)]).toEqual([-1, -1, -1]);
  await index.close();
  expect(memoryStats().used).toBe(before);
});

test("only what costs enough goes to workers", () => {
  const store = { shared: true, dimensions: 100, count: 100_000 };
  const index = { store, effort: { scored: 16 }, lend: () => ({}) } as never;
  const request = (count: number, effort?: number, bits?: Uint32Array) =>
    ({ queries: new Float32Array(count * 100), k: 10, bits, effort, signal: undefined }) as const;
  expect(worthThreads(index, request(200))).toBe(true);
  expect(worthThreads(index, request(20))).toBe(false);
  expect(worthThreads(index, request(500, 100))).toBe(false);
  expect(worthThreads(index, request(10_000, 100))).toBe(true);
  expect(worthThreads(index, request(10_000, 100, new Uint32Array(1)))).toBe(false);
  expect(worthThreads({ store, effort: { scored: 16 } } as never, request(10_000, 100))).toBe(false);
});
