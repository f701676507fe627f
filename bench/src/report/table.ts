/** The results as lines of text. */
import { atRecall, type EngineResult } from "../measure/curve.js";

/** Columns aligned right, the first one left. */
export function table(header: string[], rows: string[][]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ");
  return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

const whole = (value: number | undefined) =>
  value === undefined ? "never" : Math.round(value).toLocaleString("en");

export function summary(results: readonly EngineResult[]): string {
  return table(
    ["engine", "build s", "cpu s", "bytes/vector", "q/s @0.95", "@0.99", "q/cpu s @0.95", "@0.99"],
    results.map((result) => [
      `${result.engine} ${result.version}`,
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

export function curves(results: readonly EngineResult[]): string {
  return table(
    ["engine", "effort", "recall", "q/s", "q/cpu s", "p50 us", "p99 us"],
    results.flatMap((result) =>
      result.points.map((point) => [
        result.engine,
        "ef" in point.effort ? `ef ${point.effort.ef}` : `recall ${point.effort.recall}`,
        point.recall.toFixed(4),
        whole(point.queriesPerSecond),
        whole(point.queriesPerCpuSecond),
        point.p50Us.toFixed(1),
        point.p99Us.toFixed(1),
      ]),
    ),
  );
}
