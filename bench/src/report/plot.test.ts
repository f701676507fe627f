import { expect, it } from "vitest";
import type { EngineResult } from "../measure/curve.js";
import { curvePlot } from "./plot.js";

const engine = (name: string, speed: number): EngineResult => ({
  engine: name,
  version: "1.0.0",
  notes: [],
  build: { wallSeconds: 1, cpuSeconds: 1 },
  bytesPerVector: 1,
  points: [0.7, 0.9, 0.99, 1].map((recall, i) => ({
    effort: { ef: 10 * (i + 1) },
    recall,
    queriesPerSecond: speed / (i + 1),
    queriesPerCpuSecond: speed / (i + 1),
    p50Us: 1,
    p99Us: 2,
  })),
});

it("draws one line and one entry of the legend for each engine, and escapes texts", () => {
  const meta = {
    name: "a<b",
    dimensions: 8,
    metric: "Euclid" as const,
    count: 1000,
    queries: 10,
    source: "",
    licence: "",
    seed: 1,
  };
  const machine = {
    processor: "Some Processor",
    processors: 2,
    memoryGiB: 8,
    system: "linux",
    node: "v20.20.2",
    commit: "abc",
    changed: false,
    date: "2026-01-02T03:04:05Z",
  };
  const svg = curvePlot(meta, [engine("one", 1000), engine("two", 5000)], 10, machine);
  const names = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, name]) => name);
  expect(names).toContain("one 1.0.0");
  expect(names).toContain("two 1.0.0");
  expect(names).toContain("a&lt;b: 1,000 x 8, Euclid, k = 10");
  expect(svg.match(/<polyline/g)?.length).toBe(2);
  // The point of recall 0.7 lies left of the picture: three points of each engine are drawn, and two in the legend.
  expect(svg.match(/<circle/g)?.length).toBe(8);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});
