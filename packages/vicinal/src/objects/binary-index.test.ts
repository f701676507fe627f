/** Binary codes as an object: against a plain count of the bits that differ. */
import { expect, test } from "vitest";
import { seededWords } from "../runtime/random.js";
import { IndexBinary } from "./binary-index.js";

const COUNT = 900;

function codesOf(count: number, bytes: number, seed: number): Uint8Array {
  const next = seededWords(seed);
  return Uint8Array.from({ length: count * bytes }, () => next() & next());
}

function differing(a: Uint8Array, b: Uint8Array): number {
  let bits = 0;
  for (let i = 0; i < a.length; i++) for (let x = a[i] ^ b[i]; x; x &= x - 1) bits++;
  return bits;
}

test.each([64, 256])("%i bits: a batch answers what a plain comparison answers", async (d) => {
  const bytes = d / 8;
  const codes = codesOf(COUNT, bytes, d);
  const queries = codesOf(12, bytes, d + 1);
  const index = await IndexBinary.create(d);
  expect(await index.add(codes.subarray(0, 100 * bytes))).toBe(0);
  expect(await index.add(codes.subarray(100 * bytes))).toBe(100);
  expect([index.d, index.ntotal, index.codeSize]).toEqual([d, COUNT, bytes]);
  const { labels, distances } = await index.search(queries, 20);
  for (let q = 0; q < 12; q++) {
    const query = queries.subarray(q * bytes, (q + 1) * bytes);
    const all = Array.from({ length: COUNT }, (_, label) => ({
      label,
      distance: differing(query, codes.subarray(label * bytes, (label + 1) * bytes)),
    })).sort((a, b) => a.distance - b.distance || a.label - b.label);
    for (let i = 0; i < 20; i++)
      expect({ label: labels[q * 20 + i], distance: distances[q * 20 + i] }).toEqual(all[i]);
  }
  expect(index.reconstruct(7)).toEqual(codes.slice(7 * bytes, 8 * bytes));
  const saved = await index.save();
  const again = await IndexBinary.load(saved);
  expect(Buffer.compare(await again.save(), saved)).toBe(0);
  expect(await again.search(queries, 20)).toEqual({ k: 20, labels, distances });
  saved[100] ^= 4;
  await expect(IndexBinary.load(saved)).rejects.toMatchObject({ code: "CORRUPTION" });
  await Promise.all([index.close(), again.close()]);
  await expect(index.search(queries, 1)).rejects.toMatchObject({ code: "CLOSED" });
});

test("too few codes leave places without a label, and bad arguments are named", async () => {
  const index = await IndexBinary.create(16);
  await index.add(Uint8Array.of(1, 2));
  const { labels, distances } = await index.search(Uint8Array.of(1, 3, 0, 0), 2);
  expect([...labels]).toEqual([0, -1, 0, -1]);
  expect([...distances]).toEqual([1, -1, 2, -1]);
  const refused = (code: string, field: string, act: () => Promise<unknown>) =>
    expect(act()).rejects.toMatchObject({ code, details: { field } });
  await refused("WRONG_DIMENSION", "codes", () => index.add(Uint8Array.of(1)));
  await refused("BAD_REQUEST", "codes", () => index.add([1, 2] as unknown as Uint8Array));
  await refused("WRONG_DIMENSION", "queries", () => index.search(Uint8Array.of(1, 2, 3), 1));
  await refused("BAD_REQUEST", "k", () => index.search(Uint8Array.of(1, 2), 0));
  await expect(IndexBinary.create(4)).rejects.toMatchObject({ code: "BAD_REQUEST" });
  await index.close();
});
