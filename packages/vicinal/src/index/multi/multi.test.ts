/** Multi-vectors: the scan against plain sums, the encodings against what they stand for, and the two stages against the scan. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../runtime/random.js";
import { effortFor } from "../calibration.js";
import { chooseIndex } from "../choice.js";
import type { LoadedIndex, Metric, SavedIndex } from "../contract.js";
import { VectorStore } from "../vector-store.js";
import { buildEncoded, encodedKind, loadEncoded } from "./build-encoded.js";
import { Documents } from "./documents.js";
import { FixedEncoder } from "./fixed-encoder.js";
import { MaxSimScan } from "./max-sim-scan.js";

const metrics: Metric[] = ["Euclid", "Cosine", "Dot", "Manhattan"];

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const distances: Record<Metric, (a: Float32Array, b: Float32Array) => number> = {
  Euclid: (a, b) => a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0),
  Cosine: (a, b) => -dot(a, b),
  Dot: (a, b) => -dot(a, b),
  Manhattan: (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0),
};

function plainDistance(metric: Metric, query: Float32Array[], document: Float32Array[]): number {
  const compare = distances[metric];
  const sum = query.reduce((total, q) => total + Math.min(...document.map((d) => compare(q, d))), 0);
  return metric === "Cosine" ? 1 + sum : sum;
}

function unit(vector: Float32Array): Float32Array {
  const norm = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / norm);
}

function randomVector(random: () => number, dimensions: number): Float32Array {
  return unit(Float32Array.from({ length: dimensions }, () => random() * 2 - 1));
}

function joined(vectors: Float32Array[], dimensions: number): Float32Array {
  const all = new Float32Array(vectors.length * dimensions);
  vectors.forEach((vector, i) => {
    all.set(vector, i * dimensions);
  });
  return all;
}

interface Made {
  scan: MaxSimScan;
  texts: Float32Array[][];
}

/** Documents about a few of many topics each. */
async function makeDocuments(metric: Metric, dimensions: number, count: number, seed: number): Promise<Made> {
  const random = seededRandom(seed);
  const topics = Array.from({ length: 60 }, () => randomVector(random, dimensions));
  const store = await VectorStore.create({ dimensions, metric, capacity: count * 8 });
  const documents = new Documents();
  const texts = Array.from({ length: count }, () => {
    const own = Array.from({ length: 3 }, () => topics[Math.floor(random() * topics.length)]);
    const text = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, i) =>
      unit(own[i % 3].map((value) => value + (random() - 0.5) * 0.4)),
    );
    for (const vector of text) store.append(vector);
    documents.append(text.length);
    return text;
  });
  return { scan: new MaxSimScan(store, documents), texts };
}

describe.each(metrics)("the scan with %s", (metric) => {
  test("answers what plain sums say, of all and of some", async () => {
    const { scan, texts } = await makeDocuments(metric, 5, 1500, 3);
    const random = seededRandom(4);
    for (const length of [1, 2, 5, 17]) {
      const query = Array.from({ length }, () => randomVector(random, 5));
      const some = new Uint32Array(Math.ceil(texts.length / 32));
      for (let i = 0; i < texts.length; i++) if (random() < 0.1) some[i >>> 5] |= 1 << (i & 31);
      for (const bits of [undefined, some]) {
        const passing = texts.flatMap((text, i) =>
          !bits || (bits[i >>> 5] >>> (i & 31)) & 1
            ? [{ i, distance: plainDistance(metric, query, text) }]
            : [],
        );
        passing.sort((a, b) => a.distance - b.distance);
        const found = scan.search({ query: joined(query, 5), k: 20, bits });
        expect(found.distances.length).toBe(20);
        expect(found.stats.scored).toBe(passing.length);
        found.ordinals.forEach((document, rank) => {
          expect(found.distances[rank]).toBeCloseTo(passing[rank].distance, 4);
          const own = passing.find(({ i }) => i === document);
          expect(found.distances[rank]).toBeCloseTo(own?.distance as number, 4);
        });
      }
    }
    scan.store.close();
  });
});

test("more wanted than there are: all, and none of none", async () => {
  const { scan } = await makeDocuments("Dot", 3, 10, 5);
  const query = new Float32Array([1, 0, 0]);
  expect(scan.search({ query, k: 99 }).ordinals.length).toBe(10);
  expect(scan.search({ query, k: 5, bits: new Uint32Array(1) }).ordinals.length).toBe(0);
  scan.store.close();
});

describe("encodings", () => {
  test("of a document with one vector stand for MaxSim exactly, where nothing is projected", async () => {
    const random = seededRandom(6);
    const dimensions = 6;
    const store = await VectorStore.create({ dimensions, metric: "Dot", capacity: 10 });
    const document = randomVector(random, dimensions);
    store.append(document);
    const encoder = new FixedEncoder(store, { repetitions: 5, bits: 3, projection: 16, seed: 1 });
    const query = Array.from({ length: 4 }, () => randomVector(random, dimensions));
    const product = dot(encoder.encodeQuery(joined(query, dimensions)), encoder.encodeDocument(0, 1));
    expect(product / 5).toBeCloseTo(-plainDistance("Dot", query, [document]), 4);
    store.close();
  });

  test("give all cells of a document what its vectors in them have in the mean", async () => {
    const random = seededRandom(7);
    const dimensions = 4;
    const store = await VectorStore.create({ dimensions, metric: "Dot", capacity: 30 });
    const vectors = Array.from({ length: 30 }, () => randomVector(random, dimensions));
    for (const vector of vectors) store.append(vector);
    const encoder = new FixedEncoder(store, { repetitions: 3, bits: 2, projection: 4, seed: 1 });
    const encoded = encoder.encodeDocument(0, 30);
    for (let repetition = 0; repetition < 3; repetition++) {
      // A vector's own query shows its cell: it alone is not zero there.
      const cells = vectors.map((vector) => {
        const query = encoder.encodeQuery(vector);
        return [0, 1, 2, 3].find((cell) => query[(repetition * 4 + cell) * dimensions] !== 0) as number;
      });
      for (const cell of new Set(cells)) {
        const within = vectors.filter((_, i) => cells[i] === cell);
        const at = (repetition * 4 + cell) * dimensions;
        for (let i = 0; i < dimensions; i++) {
          const mean = within.reduce((sum, vector) => sum + vector[i], 0) / within.length;
          expect(encoded[at + i]).toBeCloseTo(mean, 5);
        }
      }
    }
    store.close();
  });

  test("come near to MaxSim in the mean, projected or not", async () => {
    const { scan, texts } = await makeDocuments("Cosine", 16, 200, 8);
    const random = seededRandom(9);
    for (const projection of [8, 16]) {
      const encoder = new FixedEncoder(scan.store, { repetitions: 40, bits: 3, projection, seed: 42 });
      const pairs = Array.from({ length: 200 }, (_, i) => {
        const query = texts[Math.floor(random() * texts.length)].slice(0, 3);
        const product = dot(
          encoder.encodeQuery(joined(query, 16)),
          encoder.encodeDocument(scan.documents.first(i), scan.documents.end(i)),
        );
        return [product / 40 / query.length, (1 - plainDistance("Cosine", query, texts[i])) / query.length];
      });
      expect(correlation(pairs)).toBeGreaterThan(0.8);
      encoder.close();
    }
    scan.store.close();
  });

  test("do not serve distances", () => {
    expect(encodedKind({ dimensions: 8, metric: "Euclid" })).toBeUndefined();
    expect(encodedKind({ dimensions: 8, metric: "Cosine" })).toEqual({ dimensions: 2560, metric: "Dot" });
  });
});

function correlation(pairs: number[][]): number {
  const mean = (at: number) => pairs.reduce((sum, pair) => sum + pair[at], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [a, b] of pairs) {
    xy += (a - x) * (b - y);
    xx += (a - x) ** 2;
    yy += (b - y) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

function asLoaded({ meta, sections }: SavedIndex): LoadedIndex {
  // Copies: the memory that they lie in goes.
  const copies = new Map(sections.map(({ name, bytes }) => [name, bytes.slice()]));
  return {
    meta: JSON.parse(JSON.stringify(meta)),
    length: (name) => copies.get(name)?.length ?? 0,
    readInto: async (name, target) => target.set(copies.get(name) as Uint8Array),
  };
}

test("the two stages keep the recall that was measured, under filters too, and after being saved", async () => {
  const dimensions = 4;
  const { scan, texts } = await makeDocuments("Cosine", dimensions, 1200, 10);
  const kind = encodedKind(scan.store);
  const choice = chooseIndex("hnsw", {}, kind as NonNullable<typeof kind>);
  const index = await buildEncoded(scan, choice, {});
  expect(index.family).toBe("muvera+hnsw");
  const random = seededRandom(11);
  const queries = Array.from({ length: 60 }, () => {
    const text = texts[Math.floor(random() * texts.length)];
    const noisy = text.map((vector) => unit(vector.map((value) => value + (random() - 0.5) * 0.3)));
    return joined(noisy, dimensions);
  });
  const half = new Uint32Array(Math.ceil(texts.length / 32)).fill(0x55555555);
  for (const [selectivity, bits] of [[1, undefined] as const, [0.5, half] as const]) {
    const effort = effortFor(index.calibration!, { recall: 0.95, k: 10, selectivity });
    expect(effort, `selectivity ${selectivity}`).toBeDefined();
    let found = 0;
    for (const query of queries) {
      const truth = scan.search({ query, k: 10, bits });
      const { ordinals, distances } = index.search({ query, k: 10, effort: effort as number, bits });
      expect(ordinals.length).toBe(10);
      for (const document of ordinals) expect(!bits || document % 2 === 0).toBe(true);
      found += distances.filter((distance) => distance <= truth.distances[9]).length / 10;
    }
    expect(found / queries.length, `selectivity ${selectivity}`).toBeGreaterThan(0.94);
  }
  const request = { query: queries[0], k: 10, effort: 100 };
  const before = index.search(request);
  const saved = asLoaded(index.save());
  index.release();
  const loaded = await loadEncoded(scan, "hnsw", saved);
  expect(loaded.search(request)).toEqual(before);
  expect(loaded.calibration).toEqual(saved.meta.calibration);
  loaded.release();
  const damages: Record<string, unknown>[] = [
    { format: 2 },
    { documents: 1199 },
    { repetitions: 39 },
    { bits: -1 },
    { calibration: { curves: 1 } },
  ];
  for (const damage of damages)
    await expect(
      loadEncoded(scan, "hnsw", { ...saved, meta: { ...saved.meta, ...damage } }),
      JSON.stringify(damage),
    ).rejects.toMatchObject({ code: "CORRUPTION" });
  scan.store.close();
});

test("a build that is cancelled leaves the vectors as they were", async () => {
  const { scan } = await makeDocuments("Dot", 4, 300, 12);
  const kind = encodedKind(scan.store);
  const choice = chooseIndex("hnsw", {}, kind as NonNullable<typeof kind>);
  const reserved = scan.store.arena.reservedBytes;
  const abort = new AbortController();
  const building = buildEncoded(scan, choice, { signal: abort.signal, progress: () => abort.abort() });
  await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
  expect(scan.store.arena.reservedBytes).toBe(reserved);
  scan.store.close();
});
