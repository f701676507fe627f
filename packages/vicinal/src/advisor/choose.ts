/**
 * From measured rows to a recommendation.
 *
 * Rule: among the rows that keep every limit, take the fastest; of those within 15 % of its time (no measurement here
 * is finer) the one with the least memory; of equal ones the one built soonest.
 */
import type { AdviceRow } from "./contract.js";
import type { Question } from "./options.js";

/** Rows this much slower than the fastest count as equally fast. */
const EQUALLY_FAST = 1.15;
/** Recall may fall short of what was asked by so much, as everywhere in the product. */
export const RECALL_SLACK = 0.01;

/** Why a row cannot be recommended; empty where it can. */
export function missesOf(
  row: Pick<AdviceRow, "recall" | "full" | "bytesPerVector">,
  { recall, memoryBytes, latencyMs }: Pick<Question, "recall" | "memoryBytes" | "latencyMs">,
): string[] {
  const misses: string[] = [];
  if (row.recall < recall - RECALL_SLACK)
    misses.push(`recall ${row.recall.toFixed(3)} is less than ${recall}`);
  const bytes = row.bytesPerVector * row.full.vectors;
  if (memoryBytes !== undefined && bytes > memoryBytes)
    misses.push(`takes ${byteText(bytes)}, more than ${byteText(memoryBytes)}`);
  const p95 = row.full.p95Us / 1000;
  if (latencyMs !== undefined && p95 > latencyMs)
    misses.push(`95 of 100 queries take up to ${milliseconds(p95)} ms, more than ${latencyMs} ms`);
  return misses;
}

/** Rows that keep the recall and are beaten by none in both time and memory. */
export function markPareto(rows: AdviceRow[]): void {
  const sound = rows.filter(({ misses }) => !misses.some((miss) => miss.startsWith("recall")));
  for (const row of rows)
    row.pareto =
      sound.includes(row) &&
      !sound.some(
        (other) =>
          other.full.cpuUs <= row.full.cpuUs &&
          other.bytesPerVector <= row.bytesPerVector &&
          (other.full.cpuUs < row.full.cpuUs || other.bytesPerVector < row.bytesPerVector),
      );
}

export function chosen(rows: readonly AdviceRow[]): AdviceRow | undefined {
  const sound = rows.filter(({ misses }) => misses.length === 0);
  const fastest = Math.min(...sound.map(({ full }) => full.cpuUs));
  return sound
    .filter(({ full }) => full.cpuUs <= fastest * EQUALLY_FAST)
    .sort((a, b) => a.bytesPerVector - b.bytesPerVector || a.full.buildSeconds - b.full.buildSeconds)[0];
}

/** The reasons, in whole sentences. */
export function reasons(rows: readonly AdviceRow[], best: AdviceRow | undefined, points: number): string {
  if (rows.length === 0) return "No candidate reached the wanted recall.";
  if (!best) {
    const least = [...rows].sort(
      (a, b) => a.misses.length - b.misses.length || a.full.cpuUs - b.full.cpuUs,
    )[0];
    return `No candidate keeps all limits. Nearest is ${least.name}: ${least.misses.join("; ")}.`;
  }
  const sentences = [
    `${best.name} answers ${count(best.queriesPerSecond)} queries per second of processor time with recall ${best.recall.toFixed(3)}, in ${count(best.bytesPerVector)} bytes per vector.`,
  ];
  const others = rows.filter((row) => row !== best && row.misses.length === 0);
  const fastest = others.sort((a, b) => a.full.cpuUs - b.full.cpuUs)[0];
  if (fastest && fastest.full.cpuUs < best.full.cpuUs)
    sentences.push(
      `${fastest.name} is faster by ${share(best.full.cpuUs / fastest.full.cpuUs)} only, and takes ${count(fastest.bytesPerVector)} bytes.`,
    );
  else if (fastest)
    sentences.push(
      `Next is ${fastest.name} with ${count(fastest.queriesPerSecond)} queries per second in ${count(fastest.bytesPerVector)} bytes.`,
    );
  const { measured } = best;
  sentences.push(
    best.full.vectors === measured.vectors || best.verified
      ? "It was measured over all points."
      : `Its cost for ${count(points)} points is extrapolated from ${count(measured.vectors)}.`,
  );
  if (best.onDisk)
    sentences.push("It serves from files: the time of reads comes on top of what was measured in memory.");
  return sentences.join(" ");
}

function share(ratio: number): string {
  return `${((ratio - 1) * 100).toFixed(0)} %`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

/** Bytes as people read them: 1.5 GB. */
function byteText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}
