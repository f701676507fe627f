/** What every vector codec promises: estimates without bias, bounds at their rate, decoding, saving, refusals. */
import { afterEach, describe, expect, test } from "vitest";
import { type KernelModule, loadKernels } from "../runtime/kernels.js";
import { memoryStats } from "../runtime/memory.js";
import { seededRandom } from "../runtime/random.js";
import type { CodecMetric, TrainOptions } from "./contract.js";
import { trainOptimizedProduct } from "./opq/index.js";
import { trainProduct } from "./pq/index.js";
import { trainRaBitQ } from "./rabitq/index.js";
import { trainScalar } from "./sq/index.js";
import { loadVectorCodec, type VectorCodec } from "./vector-codec.js";

const module: KernelModule = await loadKernels();
const open: VectorCodec[] = [];
afterEach(() => {
  for (const codec of open.splice(0)) codec.close();
});
function kept(codec: VectorCodec): VectorCodec {
  open.push(codec);
  return codec;
}

type Train = (vectors: Float32Array, options: TrainOptions) => VectorCodec;
const codecs: [string, Train][] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((bits): [string, Train] => [
    `RaBitQ, ${bits} bits`,
    (vectors, options) => trainRaBitQ(module, vectors, { ...options, bits }),
  ]),
  ["SQ8", (vectors, options) => trainScalar(module, vectors, options)],
  ["SQ4", (vectors, options) => trainScalar(module, vectors, { ...options, bits: 4 })],
  ["SQ8 uniform", (vectors, options) => trainScalar(module, vectors, { ...options, range: "uniform" })],
  [
    "SQ4 uniform",
    (vectors, options) => trainScalar(module, vectors, { ...options, bits: 4, range: "uniform" }),
  ],
  ["SQ8 unturned", (vectors, options) => trainScalar(module, vectors, { ...options, rotate: false })],
  ["PQ 4 bits", (vectors, options) => trainProduct(module, vectors, { ...options, bits: 4, iterations: 6 })],
  ["PQ 8 bits", (vectors, options) => trainProduct(module, vectors, { ...options, bits: 8, iterations: 4 })],
  [
    "OPQ 4 bits",
    (vectors, options) =>
      trainOptimizedProduct(module, vectors, { ...options, bits: 4, iterations: 6, turns: 3 }),
  ],
];
const randomlyTurned = codecs.filter(([name]) => /^RaBitQ|^SQ[48]$/.test(name));

/** Vectors of correlated components: random mixtures of fewer than `dimensions` factors, far from the origin. */
function correlated(count: number, dimensions: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  const normal = () => random() + random() + random() + random() - 2;
  const factors = Math.max(1, Math.ceil(dimensions / 3));
  const mixing = Float64Array.from({ length: factors * dimensions }, normal);
  const vectors = new Float32Array(count * dimensions);
  for (let i = 0; i < count; i++) {
    const weights = Array.from({ length: factors }, normal);
    for (let j = 0; j < dimensions; j++) {
      let sum = 1 + 0.3 * normal();
      for (let f = 0; f < factors; f++) sum += weights[f] * mixing[f * dimensions + j];
      vectors[i * dimensions + j] = sum;
    }
  }
  return vectors;
}

function distance(metric: CodecMetric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let square = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    square += (a[i] - b[i]) ** 2;
  }
  return metric === "Euclid" ? square : metric === "Cosine" ? 1 - dot : -dot;
}

function normalised(vectors: Float32Array, dimensions: number): Float32Array {
  for (let i = 0; i < vectors.length; i += dimensions) {
    const vector = vectors.subarray(i, i + dimensions);
    const length = Math.hypot(...vector);
    for (let j = 0; j < dimensions; j++) vector[j] /= length;
  }
  return vectors;
}

/** Mean squared error of decoded vectors, as a share of the vectors' variance. */
function lossOf(codec: VectorCodec, vectors: Float32Array): number {
  const { dimensions } = codec;
  const decoded = codec.decode(codec.encode(vectors));
  const count = vectors.length / dimensions;
  let error = 0;
  let variance = 0;
  for (let j = 0; j < dimensions; j++) {
    let mean = 0;
    for (let i = j; i < vectors.length; i += dimensions) mean += vectors[i] / count;
    for (let i = j; i < vectors.length; i += dimensions) {
      error += (vectors[i] - decoded[i]) ** 2;
      variance += (vectors[i] - mean) ** 2;
    }
  }
  return error / variance;
}

describe.each(codecs)("%s", (_name, train) => {
  test.each(["Euclid", "Cosine", "Dot"] as const)("estimates %s within its bounds, mostly", (metric) => {
    const dimensions = 96;
    const count = 500;
    const all = correlated(count + 40, dimensions, 5);
    if (metric === "Cosine") normalised(all, dimensions);
    const vectors = all.slice(0, count * dimensions);
    const codec = kept(train(vectors, { dimensions, metric, epsilon: 1.9 }));
    const codes = codec.encode(vectors);
    expect(codes.length).toBe(count * codec.bytesPerVector);
    let within = 0;
    let error = 0;
    let spread = 0;
    for (let q = 0; q < 40; q++) {
      const query = all.subarray((count + q) * dimensions, (count + q + 1) * dimensions);
      const { distances, bounds } = codec.estimate(query, codes);
      for (let i = 0; i < count; i++) {
        const truth = distance(metric, query, vectors.subarray(i * dimensions, (i + 1) * dimensions));
        const off = Math.abs(distances[i] - truth);
        // Float arithmetic alone is off by a few millionths.
        if (off <= bounds[i] + 1e-5 * (1 + Math.abs(truth))) within++;
        error += off;
        spread += bounds[i];
      }
    }
    expect(within / (40 * count)).toBeGreaterThan(0.9);
    // A bound that says nothing would hold too.
    expect(spread).toBeLessThan(8 * error);
  });

  test("decodes near what was encoded", () => {
    const dimensions = 64;
    const vectors = correlated(600, dimensions, 6);
    expect(lossOf(kept(train(vectors, { dimensions })), vectors)).toBeLessThan(0.45);
  });

  test("comes back from a file as it was", () => {
    const dimensions = 50;
    const vectors = correlated(300, dimensions, 7);
    const codec = kept(train(vectors, { dimensions, metric: "Dot" }));
    const saved = JSON.parse(JSON.stringify(codec.save().meta));
    const again = kept(loadVectorCodec(module, { ...codec.save(), meta: saved }));
    expect(again.save()).toEqual(codec.save());
    const codes = codec.encode(vectors);
    expect(again.encode(vectors)).toEqual(codes);
    const query = vectors.subarray(0, dimensions);
    expect(again.estimate(query, codes)).toEqual(codec.estimate(query, codes));
    expect(kept(train(vectors, { dimensions, metric: "Dot" })).encode(vectors)).toEqual(codes);
  });

  test.each([1, 2, 3, 17, 33, 257])("serves %i dimensions, equal vectors and none", (dimensions) => {
    const vectors = correlated(60, dimensions, 8);
    const codec = kept(train(vectors, { dimensions }));
    expect(codec.encode(new Float32Array(0)).length).toBe(0);
    expect(codec.decode(new Uint8Array(0)).length).toBe(0);
    for (const list of codec.decode(codec.encode(vectors))) expect(Number.isFinite(list)).toBe(true);
    const equal = new Float32Array(40 * dimensions).fill(0.25);
    const flat = kept(train(equal, { dimensions }));
    const { distances } = flat.estimate(new Float32Array(dimensions).fill(0.5), flat.encode(equal));
    for (const found of distances) expect(found).toBeCloseTo(dimensions / 16, 3);
  });
});

test.each(randomlyTurned)(
  "%s: estimates have no bias over rotations, and its bound the promised rate",
  (_name, train) => {
    const dimensions = 128;
    const vectors = correlated(40, dimensions, 9);
    const query = correlated(1, dimensions, 10);
    const SEEDS = 60;
    const means: number[] = [];
    let within = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const codec = train(vectors, { dimensions, seed, epsilon: 1.9 });
      const { distances, bounds } = codec.estimate(query, codec.encode(vectors));
      codec.close();
      let sum = 0;
      distances.forEach((found, i) => {
        const truth = distance("Euclid", query, vectors.subarray(i * dimensions, (i + 1) * dimensions));
        sum += (found - truth) / (bounds[i] / 1.9);
        if (Math.abs(found - truth) <= bounds[i]) within++;
      });
      means.push(sum / 40);
    }
    const mean = means.reduce((sum, x) => sum + x, 0) / SEEDS;
    const error = Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / SEEDS / (SEEDS - 1));
    expect(Math.abs(mean), `bias in standard deviations, with error ${error}`).toBeLessThan(4 * error);
    // 94.3 % of a normal distribution lie within 1.9 deviations.
    const rate = within / (40 * SEEDS);
    expect(rate).toBeGreaterThan(0.92);
    expect(rate).toBeLessThan(0.975);
  },
);

test("each bit of RaBitQ lessens the loss, to that of uniform quantizers", () => {
  const dimensions = 128;
  const vectors = correlated(200, dimensions, 11);
  const losses = [1, 2, 3, 4, 5, 6, 7, 8].map((bits) =>
    lossOf(kept(trainRaBitQ(module, vectors, { dimensions, bits })), vectors),
  );
  // Of a normal component, with 2^bits even levels: Max, "Quantizing for minimum distortion" (1960).
  const known = [0.3634, 0.1188, 0.03744, 0.01154, 0.00349, 0.00104, 0.0003035, 0.0000869];
  losses.forEach((loss, i) => {
    expect(loss, `${i + 1} bits`).toBeLessThan(known[i] * 1.15);
    expect(loss, `${i + 1} bits`).toBeGreaterThan(known[i] * 0.4);
  });
});

test.each(codecs.filter(([name]) => !name.includes("PQ")))(
  "%s: an estimate follows from the decoded vector",
  (_name, train) => {
    // Without padding. With r = x - c, y the decoded r (the multiple of the code nearest to r) and q' = q - c, the estimate of <r, q'> is
    // <y, q'> |r|^2 / |y|^2.
    const dimensions = 96;
    const vectors = correlated(50, dimensions, 16);
    const codec = kept(train(vectors, { dimensions }));
    const codes = codec.encode(vectors);
    const decoded = codec.decode(codes);
    const centre = new Float32Array(codec.save().sections[0].bytes.buffer);
    const query = correlated(1, dimensions, 17);
    const { distances } = codec.estimate(query, codes);
    for (let i = 0; i < 50; i++) {
      let rr = 0;
      let yy = 0;
      let qq = 0;
      let yq = 0;
      for (let j = 0; j < dimensions; j++) {
        const r = vectors[i * dimensions + j] - centre[j];
        const y = decoded[i * dimensions + j] - centre[j];
        const q = query[j] - centre[j];
        rr += r * r;
        yy += y * y;
        qq += q * q;
        yq += y * q;
      }
      const expected = rr + qq - (2 * yq * rr) / yy;
      expect(Math.abs(distances[i] - expected)).toBeLessThan(1e-3 * (rr + qq));
    }
  },
);

test.each([4, 8] as const)("PQ, %i bits: each part has the code of its nearest centroid", (bits) => {
  const dimensions = 30;
  const parts = 10;
  const vectors = correlated(800, dimensions, 18);
  const codec = kept(trainProduct(module, vectors, { dimensions, parts, bits, iterations: 3 }));
  const { padded } = codec.shape;
  const width = padded / parts;
  const size = 2 ** bits;
  const [centre, codebooks] = codec.save().sections.map(({ bytes }) => new Float32Array(bytes.buffer));
  const codes = codec.encode(vectors);
  const used = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const body = codes.subarray(i * codec.bytesPerVector + 16, (i + 1) * codec.bytesPerVector);
    for (let part = 0; part < parts; part++) {
      const apart = (e: number) => {
        let sum = 0;
        for (let j = part * width; j < (part + 1) * width; j++) {
          const x = j < dimensions ? vectors[i * dimensions + j] - centre[j] : 0;
          sum += (x - codebooks[j * size + e]) ** 2;
        }
        return sum;
      };
      const least = Math.min(...Array.from({ length: size }, (_, e) => apart(e)));
      const code = bits === 8 ? body[part] : (body[part >> 1] >> (part % 2 === 1 ? 4 : 0)) & 15;
      expect(apart(code)).toBeLessThanOrEqual(least * 1.0001 + 1e-6);
      used.add(code);
    }
  }
  expect(used.size).toBeGreaterThan(size * 0.7);
});

test("OPQ loses less than PQ where components are correlated", () => {
  const dimensions = 32;
  const vectors = correlated(3000, dimensions, 12);
  const options = { dimensions, bits: 4 as const, parts: 8, seed: 3 };
  const plain = lossOf(kept(trainProduct(module, vectors, options)), vectors);
  const learned = lossOf(kept(trainOptimizedProduct(module, vectors, options)), vectors);
  expect(learned).toBeLessThan(plain * 0.9);
});

test("a code's length is what its bits say", () => {
  const vectors = correlated(20, 100, 13);
  const bytes = (codec: VectorCodec) => kept(codec).bytesPerVector;
  expect(bytes(trainRaBitQ(module, vectors, { dimensions: 100 }))).toBe(16 + 14);
  expect(bytes(trainRaBitQ(module, vectors, { dimensions: 100, bits: 5 }))).toBe(16 + 70);
  expect(bytes(trainScalar(module, vectors, { dimensions: 100 }))).toBe(16 + 128);
  expect(bytes(trainScalar(module, vectors, { dimensions: 100, bits: 4 }))).toBe(16 + 64);
  expect(bytes(trainProduct(module, vectors, { dimensions: 100, parts: 20 }))).toBe(16 + 20);
  expect(bytes(trainProduct(module, vectors, { dimensions: 100, parts: 25, bits: 4 }))).toBe(16 + 13);
});

test("a bad field is named, and no memory stays taken", () => {
  const before = memoryStats().used;
  const vectors = correlated(10, 8, 14);
  const refused = (field: string, act: () => unknown) =>
    expect(act, field).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", details: expect.objectContaining({ field }) }),
    );
  refused("dimensions", () => trainRaBitQ(module, vectors, { dimensions: 0 }));
  refused("vectors", () => trainRaBitQ(module, vectors, { dimensions: 7 }));
  refused("vectors", () => trainRaBitQ(module, new Float32Array(0), { dimensions: 8 }));
  refused("bits", () => trainRaBitQ(module, vectors, { dimensions: 8, bits: 9 }));
  refused("epsilon", () => trainRaBitQ(module, vectors, { dimensions: 8, epsilon: -1 }));
  refused("metric", () => trainRaBitQ(module, vectors, { dimensions: 8, metric: "Manhattan" as "Dot" }));
  refused("bits", () => trainScalar(module, vectors, { dimensions: 8, bits: 6 as 8 }));
  refused("range", () => trainScalar(module, vectors, { dimensions: 8, range: "wide" as "vector" }));
  refused("parts", () => trainProduct(module, vectors, { dimensions: 8, parts: 9 }));
  refused("bits", () => trainProduct(module, vectors, { dimensions: 8, bits: 5 as 4 }));
  refused("iterations", () => trainProduct(module, vectors, { dimensions: 8, iterations: 0 }));
  refused("turns", () => trainOptimizedProduct(module, vectors, { dimensions: 8, turns: 0 }));
  refused("dimensions", () => trainOptimizedProduct(module, new Float32Array(2048), { dimensions: 2048 }));
  const codec = trainRaBitQ(module, vectors, { dimensions: 8 });
  refused("codes", () => codec.decode(new Uint8Array(5)));
  refused("vectors", () => codec.encode(new Float32Array(9)));
  expect(() => codec.estimate(new Float32Array(7), new Uint8Array(0))).toThrow(
    expect.objectContaining({ code: "WRONG_DIMENSION" }),
  );
  codec.close();
  expect(memoryStats().used).toBe(before);
});

test("a damaged codec is refused", () => {
  const before = memoryStats().used;
  const codec = trainProduct(module, correlated(50, 12, 15), { dimensions: 12 });
  const saved = codec.save();
  codec.close();
  const damaged = (meta: Record<string, unknown>, sections = saved.sections) =>
    expect(() => loadVectorCodec(module, { ...saved, meta: { ...saved.meta, ...meta }, sections })).toThrow(
      expect.objectContaining({ code: "CORRUPTION" }),
    );
  damaged({ format: 2 });
  damaged({ body: "toString" });
  damaged({ metric: "Manhattan" });
  damaged({ turn: "left" });
  damaged({ dimensions: 0 });
  damaged({ padded: 7 });
  damaged({ parts: 5 });
  damaged({ range: Number.NaN });
  damaged({ epsilon: "1" });
  damaged({}, saved.sections.slice(1));
  expect(memoryStats().used).toBe(before);
});
