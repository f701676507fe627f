/** Advice as lines of at most 80 columns. */
import type { Advice, AdviceRow } from "vicinal";
import { table } from "./table.js";

const WIDTH = 80;

export function adviceText(advice: Advice): string {
  const { rows, recommended, points, dimensions, metric, sampled, queries, wanted, excluded } = advice;
  const origin = queries.source === "given" ? "given" : "withheld";
  const parts = [
    wrapped(
      `${count(points)} points, ${dimensions} dimensions, ${metric}. Recall@${wanted.k} of ${wanted.recall} or more, measured on ${count(sampled)} vectors with ${queries.count} ${origin} queries.`,
    ),
  ];
  if (rows.length > 0) {
    const header = ["  index", "recall", "q/s", "p95 ms", "bytes", "memory", "build s"];
    parts.push(
      table(
        header,
        rows.map((row) => cells(row, row === recommended)),
      ),
    );
    parts.push(wrapped(legend(rows)));
  }
  parts.push(wrapped(advice.why));
  if (excluded.length > 0)
    parts.push(
      ["excluded:", ...excluded.map(({ name, reason }) => wrapped(`  ${name}: ${reason}`))].join("\n"),
    );
  return parts.join("\n\n");
}

function cells(row: AdviceRow, best: boolean): string[] {
  const { full, verified, pareto } = row;
  const about = verified ? "" : "~";
  return [
    `${best ? ">" : pareto ? "*" : " "} ${row.name}`,
    row.recall.toFixed(3),
    about + count(row.queriesPerSecond),
    about + (full.p95Us / 1000).toFixed(full.p95Us < 10_000 ? 3 : 1),
    count(row.bytesPerVector),
    about + bytes(row.bytesPerVector * full.vectors),
    about + seconds(full.buildSeconds),
  ];
}

function legend(rows: readonly AdviceRow[]): string {
  const sentences = ["> recommended; * no other is both faster and smaller."];
  if (rows.some(({ verified }) => !verified)) sentences.push("~ extrapolated from the sample.");
  const disk = [...new Set(rows.filter(({ onDisk }) => onDisk).map(({ family }) => family))];
  if (disk.length > 0) sentences.push(`${disk.join(", ")}: from files, reads come on top of these times.`);
  sentences.push(
    "q/s and build s are of processor time, bytes are per vector with its floats, memory is for all points.",
  );
  return sentences.join(" ");
}

function seconds(value: number): string {
  return value < 10 ? value.toFixed(1) : count(value);
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? scaled.toFixed(0) : scaled.toFixed(1)} ${units[power]}`;
}

/** Lines broken at spaces; where the text is indented, those after the first are more so. */
function wrapped(text: string): string {
  const indent = /^ */.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let line = "";
  for (const word of text.trim().split(" ")) {
    const longer = line === "" ? indent + word : `${line} ${word}`;
    if (line === "" || longer.length <= WIDTH) line = longer;
    else {
      lines.push(line);
      line = `${indent}${indent}${word}`;
    }
  }
  return [...lines, line].join("\n");
}
