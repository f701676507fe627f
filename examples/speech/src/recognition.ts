/** What a sound is, by the sounds that are most like it: k nearest neighbours, and how often they are right. */
import type { Database } from "vicinal";
import type { Collection } from "./sounds.js";

/** Neighbours that vote. */
export const VOTERS = 5;

export interface Recognition {
  sounds: number;
  /** Share of sounds whose nearest one has their label. */
  precisionAt1: number;
  /** Share of sounds whose neighbours elect their label. */
  accuracy: number;
  /** How often each label (rows, in order of `labels`) was taken for which (columns). */
  confusion: number[][];
  labels: string[];
}

/** The label with the largest sum of similarities; of equal ones the nearest. */
export function elect(neighbours: readonly { label: string; similarity: number }[]): string | undefined {
  const votes = new Map<string, number>();
  for (const { label, similarity } of neighbours)
    votes.set(label, (votes.get(label) ?? 0) + Math.max(0, similarity));
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** Each sound by all others that do not share its voice or recording. */
export async function recognise(
  database: Database,
  { name, label, apart }: Collection,
): Promise<Recognition> {
  const { points } = await database.scroll(name, { limit: 100_000, with_payload: [label, apart] });
  const labels = [...new Set(points.map(({ payload }) => String(payload?.[label])))].sort();
  const place = new Map(labels.map((one, i) => [one, i]));
  const confusion = labels.map(() => labels.map(() => 0));
  let nearest = 0;
  let elected = 0;
  for (const { id, payload } of points) {
    const own = String(payload?.[label]);
    const { points: found } = await database.query(name, {
      query: id,
      filter: { must_not: [{ key: apart, match: { value: payload?.[apart] as string } }] },
      limit: VOTERS,
      params: { exact: true },
      with_payload: [label],
    });
    const neighbours = found.map((point) => ({
      label: String(point.payload?.[label]),
      similarity: point.score,
    }));
    const taken = elect(neighbours) ?? own;
    if (neighbours[0]?.label === own) nearest++;
    if (taken === own) elected++;
    confusion[place.get(own) as number][place.get(taken) as number]++;
  }
  const count = points.length;
  return { sounds: count, precisionAt1: nearest / count, accuracy: elected / count, confusion, labels };
}

/** Rows: what was played; columns: what it was taken for; a dot for none. */
export function confusionTable({ confusion, labels }: Recognition): string {
  const width = Math.max(4, ...labels.map((label) => label.length));
  const cell = (text: string) => text.padStart(width);
  // Names that are long would make a table that no terminal holds: columns bear numbers then.
  const isLong = width > 4;
  const column = 4;
  const heads = labels.map((label, i) => (isLong ? `(${i + 1})` : label).padStart(column));
  const rows = labels.map((label, i) => {
    const counts = confusion[i].map((count) => (count === 0 ? "." : String(count)).padStart(column));
    return `${cell(label)} ${isLong ? `(${i + 1})`.padEnd(5) : ""}${counts.join("")}`;
  });
  return [`${cell("")} ${isLong ? "     " : ""}${heads.join("")}`, ...rows].join("\n");
}
