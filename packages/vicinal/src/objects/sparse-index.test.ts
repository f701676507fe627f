/** Sparse vectors as an object: against products computed one by one. */
import { expect, test } from "vitest";
import { seededRandom } from "../runtime/random.js";
import { IndexSparse } from "./sparse-index.js";

function vectorsOf(count: number, seed: number) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const indices = [...new Set(Array.from({ length: 12 }, () => Math.floor(random() ** 2 * 400)))];
    return { indices, values: indices.map(() => Math.fround(random() * 2)) };
  });
}

const product = (a: ReturnType<typeof vectorsOf>[0], b: typeof a) =>
  a.indices.reduce((sum, index, i) => {
    const at = b.indices.indexOf(index);
    return at < 0 ? sum : sum + a.values[i] * b.values[at];
  }, 0);

test("a batch answers what a plain comparison answers, before and after build, saved and loaded", async () => {
  const vectors = vectorsOf(1500, 1);
  const queries = vectorsOf(8, 2);
  const index = await IndexSparse.create();
  expect(await index.add(vectors.slice(0, 600))).toBe(0);
  expect(await index.add(vectors.slice(600))).toBe(600);
  expect(index.ntotal).toBe(1500);
  const among = Array.from({ length: 300 }, (_, i) => i * 5);
  const check = async (from: IndexSparse) => {
    for (const allowed of [undefined, among]) {
      const { labels, scores } = await from.search(queries, 10, { among: allowed });
      queries.forEach((query, q) => {
        const expected = (allowed ?? vectors.map((_, label) => label))
          .map((label) => product(vectors[label], query))
          .sort((a, b) => b - a);
        for (let i = 0; i < 10; i++) {
          expect(scores[q * 10 + i]).toBeCloseTo(expected[i], 4);
          expect(product(vectors[labels[q * 10 + i]], query)).toBeCloseTo(expected[i], 4);
        }
      });
    }
  };
  await check(index);
  await index.build();
  await check(index);
  const saved = await index.save();
  const again = await IndexSparse.load(saved);
  await check(again);
  expect(Buffer.compare(await again.save(), saved)).toBe(0);
  expect(index.frequency(3)).toBe(vectors.filter(({ indices }) => indices.includes(3)).length);
  const { indices, values } = index.reconstruct(7);
  expect([...indices]).toEqual([...vectors[7].indices].sort((a, b) => a - b));
  expect(values.reduce((sum, x) => sum + x, 0)).toBeCloseTo(
    vectors[7].values.reduce((sum, x) => sum + x, 0),
    4,
  );
  saved[saved.length >> 1] ^= 1;
  await expect(IndexSparse.load(saved)).rejects.toMatchObject({ code: "CORRUPTION" });
  await again.close();
  await index.close();
  await expect(index.add([])).rejects.toMatchObject({ code: "CLOSED" });
});

test("bad vectors are refused by name, and nothing is added", async () => {
  const index = await IndexSparse.create();
  const good = { indices: [1], values: [1] };
  const cases: [unknown, string, string][] = [
    [{ indices: [1, 2], values: [1] }, "BAD_VECTOR", "vectors[1]"],
    [{ indices: [1, 1], values: [1, 2] }, "BAD_VECTOR", "vectors[1]"],
    [{ indices: [-1], values: [1] }, "BAD_REQUEST", "vectors[1].indices[0]"],
    [{ indices: [2 ** 32], values: [1] }, "BAD_REQUEST", "vectors[1].indices[0]"],
    [{ indices: [1], values: [1e39] }, "BAD_VECTOR", "vectors[1].values[0]"],
    [{ indices: [1], values: [Number.NaN] }, "BAD_VECTOR", "vectors[1].values[0]"],
  ];
  for (const [bad, code, where] of cases)
    await expect(index.add([good, bad as typeof good])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(where),
    });
  expect(index.ntotal).toBe(0);
  await expect(index.search([good], 0)).rejects.toMatchObject({ code: "BAD_REQUEST" });
  const { labels } = await index.search([good], 3);
  expect([...labels]).toEqual([-1, -1, -1]);
  await index.close();
});
