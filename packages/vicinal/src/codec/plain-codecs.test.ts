/** Plain types and binary codes through the codecs' face: exact distances of rounded vectors, angles at their rate. */
import { byteOf, metrics, nearestHalf } from "@vicinal/kernels";
import { afterEach, describe, expect, test } from "vitest";
import { type KernelModule, loadKernels } from "../runtime/kernels.js";
import { memoryStats } from "../runtime/memory.js";
import { seededRandom } from "../runtime/random.js";
import { type CodecOptions, loadCodec, makeCodec } from "./any-codec.js";
import type { BatchCodec } from "./batch-codec.js";

const module: KernelModule = await loadKernels();
const open: BatchCodec[] = [];
afterEach(() => {
  for (const codec of open.splice(0)) codec.close();
});

function make(options: CodecOptions): BatchCodec {
  const codec = makeCodec(module, options, new Float32Array(0));
  open.push(codec);
  return codec;
}

function numbers(count: number, seed: number, scale: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => (random() - 0.3) * scale);
}

const rounded = { float32: (x: number) => x, float16: nearestHalf, uint8: byteOf };
const types = ["float32", "float16", "uint8"] as const;

describe.each(types)("%s", (type) => {
  test.each(["Euclid", "Cosine", "Dot", "Manhattan"] as const)(
    "measures %s on the rounded vectors",
    (metric) => {
      for (const dimensions of [1, 7, 100, 333]) {
        // More than one batch.
        const vectors = numbers(300 * dimensions, dimensions, 300);
        const codec = make({ type, dimensions, metric });
        expect(codec.bytesPerVector).toBe(dimensions * { float32: 4, float16: 2, uint8: 1 }[type]);
        const codes = codec.encode(vectors);
        const decoded = codec.decode(codes);
        expect(decoded.every((x, i) => x === rounded[type](vectors[i]))).toBe(true);
        expect(Buffer.compare(codec.encode(decoded), codes)).toBe(0);
        const query = numbers(dimensions, 99, 300);
        const { distances, bounds } = codec.estimate(query, codes);
        let worst = 0;
        for (let i = 0; i < 300; i++) {
          const wanted = metrics[metric](query, decoded.subarray(i * dimensions, (i + 1) * dimensions));
          worst = Math.max(worst, Math.abs(distances[i] - wanted));
        }
        expect(worst).toBeLessThan(1e-6 * dimensions * 300 * 300);
        expect(bounds.every((bound) => bound === 0)).toBe(true);
      }
    },
  );

  test("comes back from its saved form", () => {
    const codec = make({ type, dimensions: 20, metric: "Dot" });
    const again = loadCodec(module, codec.save());
    open.push(again);
    expect(again.save()).toEqual(codec.save());
    const vectors = numbers(60, 1, 100);
    expect(again.encode(vectors)).toEqual(codec.encode(vectors));
  });
});

test("half floats beyond the largest are infinities, and as far away as there is under every metric", () => {
  const farthest = 3.4028234663852886e38;
  for (const metric of ["Euclid", "Cosine", "Dot", "Manhattan"] as const) {
    for (const dimensions of [2, 16, 21]) {
      const codec = make({ type: "float16", dimensions, metric });
      for (const place of [0, dimensions - 1]) {
        const row = (value: number) =>
          Float32Array.from({ length: dimensions }, (_, i) => (i === place ? value : 1));
        const vectors = Float32Array.from(
          [65504, 70000, -70000, 65519.99].flatMap((value) => [...row(value)]),
        );
        const codes = codec.encode(vectors);
        const decoded = codec.decode(codes);
        const there = Array.from({ length: 4 }, (_, i) => decoded[i * dimensions + place]);
        expect(there).toEqual([65504, Infinity, -Infinity, 65504]);
        const { distances } = codec.estimate(row(65504), codes);
        expect(distances[1]).toBe(farthest);
        expect(distances[2]).toBe(farthest);
        expect(distances[0]).toBe(distances[3]);
        expect(distances[0]).toBeLessThan(1);
      }
    }
  }
});

describe("binary", () => {
  test("angles are estimated without bias, and lie within the bound at its rate", () => {
    const dimensions = 40;
    const normal = seededRandom(5);
    const unit = () => {
      const vector = Float32Array.from({ length: dimensions }, () => normal() + normal() + normal() - 1.5);
      const length = Math.hypot(...vector);
      return vector.map((x) => x / length);
    };
    const query = unit();
    // At all angles: mixtures of the query and another vector.
    const vectors = new Float32Array(60 * dimensions);
    for (let i = 0; i < 60; i++) {
      const other = unit();
      const mixed = query.map((x, j) => x * Math.cos(i / 19) + other[j] * Math.sin(i / 19));
      const length = Math.hypot(...mixed);
      vectors.set(
        mixed.map((x) => x / length),
        i * dimensions,
      );
    }
    const SEEDS = 60;
    let within = 0;
    const means: number[] = [];
    for (let seed = 0; seed < SEEDS; seed++) {
      const codec = makeCodec(
        module,
        { type: "binary", dimensions, seed, epsilon: 1.9, bits: 512 },
        new Float32Array(0),
      );
      const { distances, bounds } = codec.estimate(query, codec.encode(vectors));
      codec.close();
      let sum = 0;
      for (let i = 0; i < 60; i++) {
        const truth = metrics.Cosine(query, vectors.subarray(i * dimensions, (i + 1) * dimensions));
        const angle = (distance: number) => Math.acos(Math.max(-1, Math.min(1, 1 - distance)));
        sum += (angle(distances[i]) - angle(truth)) / 60;
        if (Math.abs(distances[i] - truth) <= bounds[i] + 1e-6) within++;
      }
      means.push(sum);
    }
    const mean = means.reduce((sum, x) => sum + x, 0) / SEEDS;
    const error = Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / SEEDS / (SEEDS - 1));
    expect(Math.abs(mean), `bias in radians, with error ${error}`).toBeLessThan(4 * error);
    // 94.3 % of a normal distribution lie within 1.9 deviations.
    const rate = within / (60 * SEEDS);
    expect(rate).toBeGreaterThan(0.92);
    expect(rate).toBeLessThan(0.98);
  });

  test("decodes to the direction, the better the more bits", () => {
    const dimensions = 16;
    const vectors = numbers(20 * dimensions, 3, 2);
    const meanCosine = (bits: number) => {
      const codec = make({ type: "binary", dimensions, bits });
      const decoded = codec.decode(codec.encode(vectors));
      let sum = 0;
      for (let i = 0; i < 20; i++) {
        const vector = vectors.subarray(i * dimensions, (i + 1) * dimensions);
        const own = decoded.subarray(i * dimensions, (i + 1) * dimensions);
        expect(Math.hypot(...own)).toBeCloseTo(1, 4);
        sum += (1 - metrics.Cosine(vector, own)) / Math.hypot(...vector);
      }
      return sum / 20;
    };
    // By theory sqrt(s / (s + d / bits)) with s = 2 / pi: 0.914 and 0.994.
    expect(meanCosine(128)).toBeGreaterThan(0.87);
    expect(meanCosine(2048)).toBeGreaterThan(0.985);
  });

  test("comes back from its saved form with the same planes", () => {
    const codec = make({ type: "binary", dimensions: 12, bits: 100, seed: 7 });
    expect(codec.bytesPerVector).toBe(16);
    const again = loadCodec(module, codec.save());
    open.push(again);
    const vectors = numbers(12 * 30, 1, 2);
    expect(again.encode(vectors)).toEqual(codec.encode(vectors));
  });
});

test("a bad field is named, and no memory stays taken", () => {
  const before = memoryStats().used;
  const refused = (field: string, options: Record<string, unknown>) =>
    expect(() => makeCodec(module, options as unknown as CodecOptions, new Float32Array(0)), field).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", details: expect.objectContaining({ field }) }),
    );
  refused("type", { type: "toString", dimensions: 4 });
  refused("dimensions", { type: "float16", dimensions: 0 });
  refused("metric", { type: "uint8", dimensions: 4, metric: "Hamming" });
  refused("metric", { type: "binary", dimensions: 4, metric: "Euclid" });
  refused("bits", { type: "binary", dimensions: 4, bits: 7 });
  refused("epsilon", { type: "binary", dimensions: 4, epsilon: -1 });
  refused("vectors", { type: "sq", dimensions: 4 });
  const damaged = (codec: string, meta: Record<string, unknown>) =>
    expect(() => loadCodec(module, { codec, meta, sections: [] })).toThrow(
      expect.objectContaining({ code: "CORRUPTION" }),
    );
  damaged("float17", {});
  damaged("float16", { format: 9, dimensions: 4, metric: "Dot" });
  damaged("float16", { format: 1, dimensions: 0, metric: "Dot" });
  damaged("uint8", { format: 1, dimensions: 4, metric: "toString" });
  damaged("binary", { format: 1, dimensions: 4, bits: 3, seed: 1, epsilon: 1 });
  damaged("binary", { format: 1, dimensions: 4, bits: 64, seed: "1", epsilon: 1 });
  expect(memoryStats().used).toBe(before);
});
