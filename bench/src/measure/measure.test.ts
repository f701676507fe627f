import { describe, expect, it } from "vitest";
import { exactSearcher } from "../data/exact.js";
import { type DataSet, truthDepth } from "../data/layout.js";
import { atRecall, type CurvePoint } from "./curve.js";
import { recallOf } from "./recall.js";
import { median, percentile } from "./stats.js";

/** Points 0, 1, 2, ... on a line, the last ones doubled; one query at 0. */
function lineSet(metric: "Euclid" | "Cosine" = "Euclid"): DataSet {
  const dimensions = 4;
  const count = 200;
  const base = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row += 1) base.set([Math.min(row, 12), 1, 0, 0], row * dimensions);
  const queries = Float32Array.of(0, 1, 0, 0);
  const neighbors = exactSearcher({ base, queries, dimensions, metric, depth: truthDepth })(0, 1);
  return {
    meta: { name: "line", dimensions, metric, count, queries: 1, source: "", licence: "", seed: 0 },
    base,
    queries,
    neighbors,
  };
}

describe("recallOf", () => {
  it.each(["Euclid", "Cosine"] as const)(
    "counts the share of the k nearest that was found (%s)",
    (metric) => {
      const set = lineSet(metric);
      expect(recallOf(set, 0, [0, 1, 2, 3, 4], 5)).toBe(1);
      expect(recallOf(set, 0, [4, 3, 2, 1, 0], 5)).toBe(1);
      expect(recallOf(set, 0, [0, 1, 2, 8, 9], 5)).toBe(0.6);
      expect(recallOf(set, 0, [0, 1], 5)).toBe(0.4);
      expect(recallOf(set, 0, [], 5)).toBe(0);
    },
  );

  it("accepts any of equally near answers, but each only once", () => {
    const set = lineSet();
    const twelve = Array.from({ length: 12 }, (_, i) => i);
    // All rows from 12 on are equal; the truth holds the first of them.
    expect(recallOf(set, 0, [...twelve, 150, 199], 14)).toBe(1);
    expect(recallOf(set, 0, [...twelve, 150, 150], 14)).toBeCloseTo(13 / 14);
  });
});

describe("percentile", () => {
  it("is the nearest rank", () => {
    const values = [5, 1, 4, 2, 3];
    expect(median(values)).toBe(3);
    expect(percentile(values, 0)).toBe(1);
    expect(percentile(values, 0.99)).toBe(5);
    expect(percentile(values, 0.2)).toBe(1);
    expect(percentile(values, 0.21)).toBe(2);
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe("atRecall", () => {
  const point = (ef: number, recall: number, queriesPerSecond: number): CurvePoint => ({
    effort: { ef },
    recall,
    queriesPerSecond,
    queriesPerCpuSecond: queriesPerSecond,
    p50Us: 0,
    p99Us: 0,
  });
  const points = [point(10, 0.8, 1000), point(20, 0.9, 100), point(40, 1, 10)];

  it("reads the curve between its points on a logarithmic scale", () => {
    expect(atRecall(points, 0.85, "queriesPerSecond")).toBeCloseTo(Math.sqrt(1000 * 100));
    expect(atRecall(points, 0.9, "queriesPerSecond")).toBeCloseTo(100);
    expect(atRecall(points, 0.5, "queriesPerSecond")).toBe(1000);
  });

  it("is undefined where a recall is never reached", () => {
    expect(atRecall(points.slice(0, 2), 0.95, "queriesPerSecond")).toBeUndefined();
  });

  it("leaves points out that were asked by recall", () => {
    const asked = { ...point(0, 0.99, 5000), effort: { recall: 0.99 } };
    expect(atRecall([...points, asked], 0.9, "queriesPerSecond")).toBeCloseTo(100);
  });
});
