/** Multi-index hashing: exact among codes whatever the path; parameters and damaged files of the index over floats. */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import { bitsOf, clusteredVectors, filledStore, throughFile } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import { partsFor, scanCost, tableCost } from "./code-tables.js";
import { HammingIndex, type MihIndex, mih } from "./index.js";

afterAll(endIdleWorkers);

/** Random codes, the more alike the smaller `spread`: each flips a share of the bits of one of a few. */
function randomCodes(count: number, bits: number, spread: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const bytes = Math.ceil(bits / 8);
  const codes = new Uint8Array(count * bytes);
  const centres = Array.from({ length: 4 }, () => Array.from({ length: bits }, () => random() < 0.5));
  for (let i = 0; i < count; i++) {
    const centre = centres[Math.floor(random() * 4)];
    for (let j = 0; j < bits; j++)
      if (centre[j] !== random() < spread) codes[i * bytes + (j >>> 3)] |= 1 << (j & 7);
  }
  return codes;
}

/** By comparing with all. */
function linear(codes: Uint8Array, bytes: number, query: Uint8Array, k: number): [number, number][] {
  const all: [number, number][] = [];
  for (let i = 0; i * bytes < codes.length; i++) {
    let distance = 0;
    for (let j = 0; j < bytes; j++)
      for (let word = codes[i * bytes + j] ^ query[j]; word; word &= word - 1) distance++;
    all.push([distance, i]);
  }
  return all.sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, k);
}

describe("native codes", () => {
  test("every path answers as a linear scan does", async () => {
    const cases = fc.record({
      bits: fc.oneof(fc.integer({ min: 8, max: 200 }), fc.constantFrom(64, 128, 256, 520, 1024)),
      count: fc.integer({ min: 0, max: 300 }),
      k: fc.integer({ min: 0, max: 40 }),
      spread: fc.constantFrom(0, 0.05, 0.2, 0.5),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ bits, count, k, spread, seed }) => {
        const index = await HammingIndex.create(bits);
        const bytes = Math.ceil(bits / 8);
        const codes = randomCodes(count + 2, bits, spread, seed);
        index.add(codes.subarray(0, count * bytes));
        for (let i = 0; i < 2; i++) {
          const query = codes.subarray((count + i) * bytes, (count + i + 1) * bytes);
          const expected = linear(codes.subarray(0, count * bytes), bytes, query, k);
          for (const path of ["auto", "scan"] as const) check(index, query, k, path, expected);
          // Through the tables alone a far neighbour may cost 2^24 look-ups per part.
          if (partsFor(bits, Math.max(2, count)) * 9 >= bits) check(index, query, k, "tables", expected);
        }
        index.close();
      }),
      { seed: 61, numRuns: 80 },
    );
  });

  function check(
    index: HammingIndex,
    query: Uint8Array,
    k: number,
    path: "auto" | "tables" | "scan",
    expected: [number, number][],
  ): void {
    const { ordinals, distances } = index.search(query, k, path);
    expect(
      Array.from(ordinals, (ordinal, i) => [distances[i], ordinal]),
      path,
    ).toEqual(expected);
  }

  test("near neighbours among many cost fewer comparisons than a scan, far ones fall back to it", async () => {
    const bits = 64;
    const index = await HammingIndex.create(bits);
    const codes = randomCodes(50_000, bits, 0.5, 62);
    index.add(codes);
    const near = codes.slice(800, 808);
    near[0] ^= 1;
    const { ordinals, distances, stats } = index.search(near, 1);
    expect([ordinals[0], distances[0]]).toEqual([100, 1]);
    expect(stats.scanned).toBe(false);
    expect(stats.scored).toBeLessThan(2500);
    expect(index.search(near, 1000).stats.scanned).toBe(true);
    index.close();
  });

  test("bits that go together are spread over the parts", async () => {
    // Bits 0..15 are one bit, sixteen times; left together, they would share a part of 2 values.
    const random = seededRandom(63);
    const codes = new Uint8Array(20_000 * 8);
    for (let i = 0; i < 20_000; i++) {
      codes.fill(random() < 0.5 ? 255 : 0, i * 8, i * 8 + 2);
      for (let j = 2; j < 8; j++) codes[i * 8 + j] = Math.floor(random() * 256);
    }
    const index = await HammingIndex.create(64);
    index.add(codes);
    let scored = 0;
    for (let i = 0; i < 20; i++) {
      const query = index.reconstruct(i * 997);
      query[7] ^= 1;
      const { distances, stats } = index.search(query, 1, "tables");
      expect(distances[0]).toBeLessThanOrEqual(1);
      scored += stats.scored / 20;
    }
    // Together they would make half of all codes members of the query's own value.
    expect(scored).toBeLessThan(1000);
    index.close();
  });

  test("codes can be added after a search, saved and loaded", async () => {
    const codes = randomCodes(900, 100, 0.3, 64);
    const index = await HammingIndex.create(100);
    index.add(codes.subarray(0, 500 * 13));
    index.search(codes.subarray(0, 13), 5);
    index.add(codes.subarray(500 * 13));
    expect(index.count).toBe(900);
    const query = codes.slice(700 * 13, 701 * 13);
    expect(index.search(query, 1).ordinals[0]).toBe(linear(codes, 13, query, 1)[0][1]);
    const saved = index.save();
    const again = await HammingIndex.load(saved);
    expect(again.save()).toEqual(saved);
    expect(again.search(query, 20)).toEqual(index.search(query, 20));
    index.close();
    again.close();
    for (const cut of [0, 15, saved.length - 1])
      await expect(HammingIndex.load(saved.subarray(0, cut))).rejects.toMatchObject({ code: "CORRUPTION" });
    const other = saved.slice();
    other[4] = 9;
    await expect(HammingIndex.load(other)).rejects.toMatchObject({ code: "CORRUPTION" });
  });

  test("refuses codes of another length, bits past the last, and lengths beyond the range", async () => {
    await expect(HammingIndex.create(7)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(HammingIndex.create(4097)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    const index = await HammingIndex.create(12);
    const refusal = (code: string) => expect.objectContaining({ code });
    expect(() => index.add(new Uint8Array(3))).toThrow(refusal("WRONG_DIMENSION"));
    expect(() => index.add(Uint8Array.of(0, 16))).toThrow(refusal("BAD_VECTOR"));
    expect(() => index.search(new Uint8Array(1), 1)).toThrow(refusal("WRONG_DIMENSION"));
    expect(() => index.search(new Uint8Array(2), -1)).toThrow(refusal("BAD_REQUEST"));
    expect(() => index.reconstruct(0)).toThrow(refusal("OUT_OF_RANGE"));
    expect(index.count).toBe(0);
    index.close();
  });
});

test("the cost of a radius rises with it, and passes that of a scan", () => {
  const shape = { bits: 64, stride: 8, parts: 4, count: 100_000 };
  const costs = [0, 3, 4, 8, 16, 32].map((radius) => tableCost(shape, radius));
  expect(costs).toEqual([...costs].sort((a, b) => a - b));
  expect(costs[0]).toBeLessThan(scanCost(shape) / 100);
  expect(costs.at(-1)).toBeGreaterThan(scanCost(shape));
});

describe("over floats", () => {
  const build = async (given: object) => {
    const vectors = clusteredVectors(3000, 16, "Euclid", 65);
    const store = await filledStore(vectors, { dimensions: 16, metric: "Euclid" });
    return { vectors, store, index: (await mih.build(store, mih.parameters(given), {})) as MihIndex };
  };

  test("tables and scan of the codes answer the same, filtered or not", async () => {
    const [tables, scan] = [
      await build({ bits: 32, tables: true }),
      await build({ bits: 32, tables: false }),
    ];
    expect(tables.index.layout.codes.parts).toBeGreaterThan(0);
    expect(scan.index.layout.codes.parts).toBe(0);
    const bits = bitsOf(3000, (ordinal) => ordinal % 3 === 0);
    for (let i = 0; i < 50; i++) {
      const query = tables.vectors.slice(i * 16, (i + 1) * 16);
      for (const request of [
        { query, k: 5, effort: 40 },
        { query, k: 5, effort: 40, bits },
      ]) {
        const { ordinals, distances } = tables.index.search(request);
        expect({ ordinals, distances }).toEqual({
          ordinals: scan.index.search(request).ordinals,
          distances: scan.index.search(request).distances,
        });
      }
    }
    tables.store.close();
    scan.store.close();
  });

  test("at full effort equal to the exact scan", async () => {
    const { vectors, store, index } = await build({});
    const query = vectors.slice(0, 16);
    const { ordinals } = index.search({ query, k: 20, effort: 3000 });
    expect(ordinals).toEqual(new FlatIndex(store).search({ query, k: 20 }).ordinals);
    store.close();
  });

  test.each([[{ bits: 7 }], [{ bits: 5000 }], [{ bits: 64.5 }], [{ tables: "yes" }]])(
    "refuses %o",
    (given) => {
      expect(() => mih.parameters(given)).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
      expect(() => mih.parameters(given)).toThrow(Object.keys(given)[0]);
    },
  );

  test("refuses damaged files", async () => {
    const { store, index } = await build({ bits: 40, tables: true });
    const before = store.arena.reservedBytes;
    const damage = async (change: (saved: ReturnType<typeof throughFile>) => void) => {
      const saved = throughFile(index.save());
      change(saved);
      await expect(mih.load(store, saved)).rejects.toMatchObject({ code: "CORRUPTION" });
      expect(store.arena.reservedBytes).toBe(before);
    };
    for (const field of ["format", "count", "dimensions", "metric", "bits", "largest", "parts"])
      await damage((saved) => {
        saved.meta[field] = -1;
      });
    await damage((saved) => saved.sections.delete("codes"));
    await damage((saved) => saved.sections.get("order")!.fill(255, 0, 4));
    await damage((saved) => saved.sections.get("codes")!.fill(255, 7, 8));
    await damage((saved) => {
      saved.meta.calibration = { queries: "many" };
    });
    store.close();
  });
});
