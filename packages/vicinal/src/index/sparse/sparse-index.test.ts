/** Sparse search against products computed one by one. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../runtime/random.js";
import { SparseIndex, sparseDot } from "./sparse-index.js";
import type { SparseVector } from "./sparse-rows.js";

const open: SparseIndex[] = [];
afterEach(() => {
  for (const index of open.splice(0)) index.close();
});

async function make(vectors: SparseVector[]): Promise<SparseIndex> {
  const index = await SparseIndex.create();
  open.push(index);
  for (const vector of vectors) index.append(vector);
  return index;
}

/** Terms are drawn so that few are common and most are rare. */
function randomVector(
  random: () => number,
  length: number,
  vocabulary: number,
  signed: boolean,
): SparseVector {
  const terms = new Set<number>();
  while (terms.size < Math.min(length, vocabulary)) terms.add(Math.floor(vocabulary * random() ** 3));
  return {
    terms: Uint32Array.from(terms).sort(),
    values: Float32Array.from(terms, () => (signed ? random() * 2 - 1 : random() * 3)),
  };
}

function expected(vectors: SparseVector[], query: SparseVector, k: number, passes = (_: number) => true) {
  return vectors
    .map((vector, ordinal) => ({ ordinal, score: sparseDot(vector, query) }))
    .filter(({ ordinal, score }) => score !== undefined && passes(ordinal))
    .sort((a, b) => b.score! - a.score! || a.ordinal - b.ordinal)
    .slice(0, k)
    .map(({ score }) => score!);
}

function agrees(
  index: SparseIndex,
  vectors: SparseVector[],
  query: SparseVector,
  k: number,
  bits?: Uint32Array,
) {
  const passes = (ordinal: number) => !bits || ((bits[ordinal >>> 5] >>> (ordinal & 31)) & 1) === 1;
  const { ordinals, distances } = index.search({ query, k, bits });
  const scores = expected(vectors, query, k, passes);
  expect(ordinals.length).toBe(scores.length);
  ordinals.forEach((ordinal, i) => {
    expect(passes(ordinal)).toBe(true);
    const own = sparseDot(vectors[ordinal], query)!;
    expect(-distances[i]).toBeCloseTo(own, 3);
    expect(own, `rank ${i}`).toBeCloseTo(scores[i], 3);
  });
  expect(new Set(ordinals).size).toBe(ordinals.length);
}

describe("sparse search", () => {
  test.each([
    [1, false],
    [40, true],
    [700, false],
    [5200, false],
    [5200, true],
  ])("%i vectors, signed %s: while growing, filtered, and as one run", async (count, signed) => {
    const random = seededRandom(count);
    const vectors = Array.from({ length: count }, () =>
      randomVector(random, 1 + Math.floor(random() * 30), 2000, signed),
    );
    const index = await make(vectors);
    const bits = Uint32Array.from({ length: (count + 31) >>> 5 }, () => random() * 2 ** 32);
    const rare = new Uint32Array((count + 31) >>> 5);
    rare[0] = 1;
    for (const settled of [false, true]) {
      if (settled) await index.consolidate();
      for (const k of [1, 10, 200])
        for (let i = 0; i < 5; i++) {
          const query = randomVector(random, 1 + Math.floor(random() * 20), 2000, signed);
          agrees(index, vectors, query, k);
          agrees(index, vectors, query, k, bits);
          agrees(index, vectors, query, k, rare);
        }
    }
    expect(index.consolidated).toBe(true);
  });

  test("any vectors, any query", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.dictionary(
            fc.integer({ min: 0, max: 12 }).map(String),
            fc.float({ noNaN: true, min: -9, max: 9 }),
          ),
          {
            maxLength: 40,
          },
        ),
        fc.dictionary(
          fc.integer({ min: 0, max: 12 }).map(String),
          fc.float({ noNaN: true, min: -9, max: 9 }),
        ),
        fc.integer({ min: 1, max: 50 }),
        async (lists, given, k) => {
          const vectorOf = (list: Record<string, number>): SparseVector => ({
            terms: Uint32Array.from(Object.keys(list).map(Number)).sort(),
            values: Float32Array.from(
              Object.keys(list)
                .map(Number)
                .sort((a, b) => a - b),
              (term) => list[term],
            ),
          });
          const vectors = lists.map(vectorOf);
          const index = await make(vectors);
          agrees(index, vectors, vectorOf(given), k);
        },
      ),
      { seed: 7, numRuns: 100 },
    ));

  test("prunes blocks that cannot hold a hit", async () => {
    const random = seededRandom(3);
    const vectors = Array.from({ length: 20_000 }, () => randomVector(random, 30, 30_000, false));
    const index = await make(vectors);
    await index.consolidate();
    let scored = 0;
    let all = 0;
    for (let i = 0; i < 20; i++) {
      const query = vectors[i * 997];
      scored += index.search({ query, k: 1 }).stats.scored;
      for (const term of query.terms) all += index.frequency(term);
    }
    expect(scored).toBeLessThan(all * 0.7);
  });

  test("counts in how many vectors a term occurs, and gives vectors back", async () => {
    const random = seededRandom(4);
    const vectors = Array.from({ length: 1500 }, () => randomVector(random, 10, 50, true));
    const index = await make(vectors);
    for (const term of [0, 7, 49, 50, 2 ** 32 - 1])
      expect(index.frequency(term)).toBe(vectors.filter(({ terms }) => terms.includes(term)).length);
    expect(index.rows.get(1234)).toEqual(vectors[1234]);
  });

  test("products that overflow neither break the order nor lose a hit", async () => {
    const large: SparseVector = { terms: Uint32Array.of(1, 2), values: Float32Array.of(3e38, -3e38) };
    const index = await make([large, { terms: Uint32Array.of(1), values: Float32Array.of(2) }, large]);
    const { ordinals } = index.search({
      query: { terms: Uint32Array.of(1, 2), values: Float32Array.of(3e38, 3e38) },
      k: 5,
    });
    expect([...ordinals].sort()).toEqual([0, 1, 2]);
  });

  test("a cancelled consolidation leaves all as it was", async () => {
    const random = seededRandom(5);
    const vectors = Array.from({ length: 30_000 }, () => randomVector(random, 40, 3000, false));
    const index = await make(vectors);
    const before = index.memoryBytes();
    const stop = new AbortController();
    await expect(
      index.consolidate({ signal: stop.signal, progress: () => stop.abort() }),
    ).rejects.toMatchObject({ code: "CANCELLED" });
    expect(index.consolidated).toBe(false);
    expect(index.memoryBytes()).toBe(before);
    agrees(index, vectors, vectors[5], 10);
  });
});
