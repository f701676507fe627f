/** Flat over every codec, and codecs as objects. */
import { afterEach, describe, expect, test } from "vitest";
import { type CodecName, type CodecOptions, makeCodec } from "../codec/index.js";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { loadKernels } from "../runtime/kernels.js";
import { memoryStats } from "../runtime/memory.js";
import { IndexFlat, IndexPQ, IndexRaBitQ, IndexScalarQuantizer } from "./classic.js";
import { Codec } from "./codec-object.js";
import type { Index } from "./contract.js";
import { createIndex, loadIndex } from "./create.js";

const D = 32;
const COUNT = 1500;
const open: (Index | Codec)[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});
function kept<T extends Index | Codec>(thing: T): T {
  open.push(thing);
  return thing;
}

type Case = [string, { type: CodecName; [option: string]: unknown }, least: number];
/** Recall@10 that each reaches without floats, on clustered vectors. */
const cases: Case[] = [
  ["float32", { type: "float32" }, 0.999],
  ["float16", { type: "float16" }, 0.99],
  ["SQ8", { type: "sq" }, 0.95],
  ["SQ8 uniform", { type: "sq", range: "uniform" }, 0.95],
  ["SQ4", { type: "sq", bits: 4 }, 0.75],
  ["RaBitQ, 4 bits", { type: "rabitq", bits: 4 }, 0.75],
  ["RaBitQ, 1 bit", { type: "rabitq" }, 0.25],
  ["PQ", { type: "pq", parts: 16, iterations: 5 }, 0.6],
  ["PQ, 4 bits", { type: "pq", bits: 4, iterations: 5 }, 0.4],
  ["OPQ", { type: "opq", parts: 16, iterations: 4, turns: 2 }, 0.6],
];
const metrics = ["Euclid", "Cosine", "Dot"] as const;

async function recall(index: Index, queries: Float32Array, truth: Int32Array, options = {}): Promise<number> {
  const { labels } = await index.search(queries, 10, options);
  let found = 0;
  for (let at = 0; at < labels.length; at += 10) {
    const wanted = new Set(truth.subarray(at, at + 10));
    for (let i = at; i < at + 10; i++) if (wanted.has(labels[i])) found++;
  }
  return found / labels.length;
}

describe.each(cases)("flat over %s", (_name, codec, least) => {
  test.each(metrics)("finds by codes what it should, %s, and exactly with floats", async (metric) => {
    const all = clusteredVectors(COUNT + 30, D, "Euclid", 3);
    const vectors = all.subarray(0, COUNT * D);
    const queries = all.subarray(COUNT * D);
    const plain = kept(await IndexFlat.create(D, { metric }));
    await plain.add(vectors);
    const { labels: truth } = await plain.search(queries, 10);
    const index = kept(await createIndex({ family: "flat", dimensions: D, metric, codec }));
    if (!index.isTrained) {
      await expect(index.add(vectors)).rejects.toMatchObject({ code: "NOT_TRAINED" });
      expect((await index.search(queries, 1)).labels.every((label) => label === -1)).toBe(true);
    }
    await index.train(vectors);
    expect(await index.add(vectors.subarray(0, 700 * D))).toBe(0);
    expect(await index.add(vectors.subarray(700 * D))).toBe(700);
    expect(await recall(index, queries, truth)).toBeGreaterThan(least);

    const refined = kept(await createIndex({ family: "flat", dimensions: D, metric, codec, refine: 8 }));
    await refined.train(vectors);
    await refined.add(vectors);
    expect(await recall(refined, queries, truth)).toBeGreaterThan(0.9);
    expect(await recall(refined, queries, truth, { effort: 40 })).toBeGreaterThan(0.985);
    expect(await recall(refined, queries, truth, { recall: 0.9 })).toBe(1);
    const { labels, distances } = await refined.search(queries, 10, { exact: true });
    const same = await plain.search(queries, 10);
    expect({ labels, distances }).toEqual({ labels: same.labels, distances: same.distances });
  });

  test("passes over the removed, and comes back from its bytes byte for byte", async () => {
    const vectors = clusteredVectors(600, D, "Euclid", 4);
    for (const refine of [0, 3]) {
      const index = kept(await createIndex({ family: "flat", dimensions: D, codec, refine }));
      await index.train(vectors);
      await index.add(vectors);
      expect(await index.removeIds([0, 7, 8])).toBe(3);
      const queries = vectors.slice(0, 9 * D);
      const hits = await index.search(queries, 5, { among: [1, 2, 3, 8] });
      for (let q = 0; q < 9; q++)
        expect([...hits.labels.subarray(q * 5, q * 5 + 5)].sort()).toEqual([-1, -1, 1, 2, 3]);
      const saved = await index.save();
      const again = kept(await loadIndex(saved));
      expect(Buffer.compare(await again.save(), saved)).toBe(0);
      expect([again.ntotal, again.d, again.metric]).toEqual([597, D, "Euclid"]);
      expect(await again.search(queries, 20)).toEqual(await index.search(queries, 20));
      expect(await again.rangeSearch(queries, 5)).toEqual(await index.rangeSearch(queries, 5));
      expect(again.reconstruct(5)).toEqual(index.reconstruct(5));
      expect(await again.add(vectors.slice(0, D))).toBe(600);
    }
  });

  test("as an object: trains, encodes, decodes, estimates, is saved", async () => {
    const vectors = clusteredVectors(400, D, "Euclid", 5);
    const made = kept(await Codec.create({ dimensions: D, ...codec } as CodecOptions));
    if (!made.isTrained)
      expect(() => made.encode(vectors)).toThrow(expect.objectContaining({ code: "NOT_TRAINED" }));
    const untrained = kept(await Codec.load(await made.save()));
    expect(untrained.isTrained).toBe(made.isTrained);
    await made.train(vectors);
    await untrained.train(vectors);
    const codes = made.encode(vectors);
    expect(codes.length).toBe(400 * made.bytesPerVector);
    expect(Buffer.compare(untrained.encode(vectors), codes)).toBe(0);
    const again = kept(await Codec.load(await made.save()));
    expect([again.type, again.d, again.isTrained]).toEqual([codec.type, D, true]);
    expect(Buffer.compare(again.encode(vectors), codes)).toBe(0);
    expect(again.estimate(vectors.slice(0, D), codes)).toEqual(made.estimate(vectors.slice(0, D), codes));
    expect(made.decode(codes).length).toBe(vectors.length);
    made.close();
    expect(() => made.encode(vectors)).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });
});

test("uint8 keeps whole numbers, under every metric but Cosine", async () => {
  const vectors = Float32Array.from({ length: 50 * D }, (_, i) => (i * 37) % 256);
  for (const metric of ["Euclid", "Dot", "Manhattan"] as const) {
    const index = kept(await IndexScalarQuantizer.create(D, { metric, codec: { type: "uint8" } }));
    const plain = kept(await IndexFlat.create(D, { metric }));
    for (const each of [index, plain]) await each.add(vectors);
    expect(index.reconstruct(3)).toEqual(vectors.slice(3 * D, 4 * D));
    expect(index.memoryBytes()).toBe(50 * D);
    const query = vectors.slice(5 * D, 6 * D);
    const found = await index.search(query, 5);
    expect(found.distances).toEqual((await plain.search(query, 5)).distances);
  }
  await expect(
    IndexScalarQuantizer.create(D, { metric: "Cosine", codec: { type: "uint8" } }),
  ).rejects.toMatchObject({
    code: "BAD_REQUEST",
    details: { field: "metric" },
  });
});

test("bad arguments are named, and no memory stays taken", async () => {
  const before = memoryStats().used;
  const refused = (field: string, act: () => Promise<unknown>, code = "BAD_REQUEST") =>
    expect(act(), field).rejects.toMatchObject({ code, details: { field } });
  await refused("type", () => IndexPQ.create(D, { codec: { type: "toString" as "pq" } }));
  await refused("metric", () => IndexRaBitQ.create(D, { metric: "Manhattan" }));
  await refused("metric", () => createIndex({ family: "flat", dimensions: D, codec: { type: "binary" } }));
  await refused("refine", () => IndexPQ.create(D, { refine: 1001 }));
  await refused("refine", () => createIndex({ family: "flat", dimensions: D, refine: 2 }));
  await refused("codec", () => createIndex({ family: "hnsw", dimensions: D, codec: { type: "sq" } }));
  await refused("dimensions", () => Codec.create({ type: "pq", dimensions: 0 }));
  expect(memoryStats().used).toBe(before);
  const index = await IndexPQ.create(D, { codec: { parts: 64 } });
  const vectors = clusteredVectors(300, D, "Euclid", 6);
  await refused("parts", () => index.train(vectors));
  expect(index.isTrained).toBe(false);
  await index.close();
  const other = await IndexRaBitQ.create(D);
  await other.train(vectors);
  await other.add(vectors);
  await refused("vectors", () => other.train(vectors));
  await refused("recall", () => other.search(vectors.slice(0, D), 1, { recall: 0.9 }));
  await other.close();
  expect(memoryStats().used).toBe(before);
});

test("damaged bytes are refused", async () => {
  const before = memoryStats().used;
  const index = await IndexScalarQuantizer.create(D, { refine: 2 });
  const vectors = clusteredVectors(300, D, "Euclid", 7);
  await index.train(vectors);
  await index.add(vectors);
  const saved = await index.save();
  await index.close();
  const codec = await Codec.create({ type: "pq", dimensions: D });
  await codec.train(vectors);
  const learned = await codec.save();
  codec.close();
  for (const [bytes, load] of [
    [saved, loadIndex],
    [learned, Codec.load],
  ] as const) {
    for (let at = 0; at < bytes.length; at += 4999) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << (at % 8);
      await expect(load(flipped)).rejects.toMatchObject({ code: "CORRUPTION" });
    }
  }
  await expect(loadIndex(learned)).rejects.toMatchObject({ code: "CORRUPTION" });
  expect(memoryStats().used).toBe(before);
});

test("flat over binary codes finds by angle, and exactly with floats", async () => {
  const all = clusteredVectors(COUNT + 30, D, "Euclid", 8);
  const queries = all.subarray(COUNT * D);
  const plain = kept(await IndexFlat.create(D, { metric: "Cosine" }));
  const codec = { type: "binary", bits: 512 } as const;
  const index = kept(
    await createIndex({ family: "flat", dimensions: D, metric: "Cosine", codec, refine: 10 }),
  );
  for (const each of [plain, index]) await each.add(all.subarray(0, COUNT * D));
  const { labels } = await plain.search(queries, 10);
  expect(await recall(index, queries, labels)).toBeGreaterThan(0.9);
  expect(index.memoryBytes()).toBe(COUNT * (64 + 4 * D));
});

test.each(["pq", "opq"] as const)("%s learns the same on a worker", { timeout: 60_000 }, async (type) => {
  const vectors = clusteredVectors(4000, D, "Euclid", 9);
  const options = { type, dimensions: D, iterations: 3, turns: 1 };
  const codec = kept(await Codec.create(options));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await codec.train(vectors);
  clearInterval(timer);
  const inline = makeCodec(await loadKernels(), options, vectors);
  expect(Buffer.compare(codec.encode(vectors), inline.encode(vectors))).toBe(0);
  inline.close();
  expect(ticks).toBeGreaterThan(0);
  await expect(kept(await Codec.create({ ...options, parts: 99 })).train(vectors)).rejects.toMatchObject({
    code: "BAD_REQUEST",
    details: { field: "parts" },
  });
});
