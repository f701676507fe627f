import { describe, expect, it } from "vitest";
import { exactSearcher } from "./exact.js";
import type { Metric } from "./layout.js";
import { random } from "./random.js";

const dimensions = 8;

function distance(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squares = 0;
  let norm = 0;
  for (let i = 0; i < dimensions; i += 1) {
    dot += a[i] * b[i];
    squares += (a[i] - b[i]) ** 2;
    norm += b[i] * b[i];
  }
  return metric === "Cosine" ? -dot / Math.sqrt(norm) : squares;
}

describe("exactSearcher", () => {
  it.each(["Euclid", "Cosine"] as const)("finds what sorting all distances finds (%s)", (metric) => {
    const draw = random(7);
    const base = Float32Array.from({ length: 1000 * dimensions }, () => draw.normal());
    const queries = Float32Array.from({ length: 6 * dimensions }, () => draw.normal());
    const depth = 25;
    const found = exactSearcher({ base, queries, dimensions, metric, depth })(2, 6);
    for (let query = 2; query < 6; query += 1) {
      const vector = queries.subarray(query * dimensions, (query + 1) * dimensions);
      const order = Array.from({ length: 1000 }, (_, row) => ({
        row,
        distance: distance(metric, vector, base.subarray(row * dimensions, (row + 1) * dimensions)),
      })).sort((a, b) => a.distance - b.distance);
      expect([...found.subarray((query - 2) * depth, (query - 1) * depth)]).toEqual(
        order.slice(0, depth).map((hit) => hit.row),
      );
    }
  });

  it("orders equal distances by id", () => {
    const base = new Float32Array(600 * dimensions).fill(1);
    const queries = new Float32Array(dimensions);
    const found = exactSearcher({ base, queries, dimensions, metric: "Euclid", depth: 5 })(0, 1);
    expect([...found]).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("random", () => {
  it("repeats itself for a seed, and draws standard normals", () => {
    const draw = (seed: number) => {
      const generator = random(seed);
      return Array.from({ length: 20_000 }, () => generator.normal());
    };
    const values = draw(42);
    expect(draw(42)).toEqual(values);
    expect(draw(43)).not.toEqual(values);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
  });

  it("samples distinct ascending numbers", () => {
    const sample = random(1).sample(50, 50);
    expect([...sample]).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
