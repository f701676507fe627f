/** The results as lines of text. */
import { table } from "@vicinal/cli/report";
import { atRecall, type EngineResult, titleOf } from "../measure/curve.js";
import type { FixedCost } from "../measure/fixed-cost.js";
import type { ProductResult } from "../measure/product.js";

const whole = (value: number | undefined) =>
  value === undefined ? "never" : Math.round(value).toLocaleString("en");

export function summary(results: readonly EngineResult[]): string {
  return table(
    ["engine", "build s", "cpu s", "bytes/vector", "q/s @0.95", "@0.99", "q/cpu s @0.95", "@0.99"],
    results.map((result) => [
      titleOf(result),
      result.build.wallSeconds.toFixed(1),
      result.build.cpuSeconds.toFixed(1),
      whole(result.bytesPerVector),
      whole(atRecall(result.points, 0.95, "queriesPerSecond")),
      whole(atRecall(result.points, 0.99, "queriesPerSecond")),
      whole(atRecall(result.points, 0.95, "queriesPerCpuSecond")),
      whole(atRecall(result.points, 0.99, "queriesPerCpuSecond")),
    ]),
  );
}

export function notes(results: readonly EngineResult[]): string {
  return results.flatMap(({ engine, notes }) => notes.map((note) => `${engine}: ${note}`)).join("\n");
}

export function curves(results: readonly EngineResult[]): string {
  return table(
    ["engine", "effort", "recall", "q/s", "q/cpu s", "p50 us", "p99 us"],
    results.flatMap((result) =>
      result.points.map((point) => [
        result.engine,
        Object.entries(point.effort).flat().join(" "),
        point.recall.toFixed(4),
        whole(point.queriesPerSecond),
        whole(point.queriesPerCpuSecond),
        point.p50Us.toFixed(1),
        point.p99Us.toFixed(1),
      ]),
    ),
  );
}

export function fixedCosts(costs: readonly FixedCost[]): string {
  return table(
    ["engine", "us/query"],
    costs.map(({ engine, microseconds }) => [engine, microseconds.toFixed(1)]),
  );
}

export function product({ points, dimensions, ingest, reopenMs, scan, rest }: ProductResult): string {
  const share = (scan.scan / scan.memory) * 100;
  return table(
    ["measure", "value"],
    [
      [
        `${whole(points)} x ${dimensions} stored durably`,
        `${ingest.wallSeconds.toFixed(2)} s (${ingest.cpuSeconds.toFixed(2)} s of processor time)`,
      ],
      ["opened again, first answer", `${reopenMs.toFixed(0)} ms`],
      [
        "exact scan",
        `${scan.scan.toFixed(1)} GB/s, ${share.toFixed(0)} % of the memory's ${scan.memory.toFixed(1)} GB/s`,
      ],
      ["query over HTTP, p50", `${rest.p50Ms.toFixed(3)} ms`],
      ["query over HTTP, p99", `${rest.p99Ms.toFixed(3)} ms`],
    ],
  );
}
