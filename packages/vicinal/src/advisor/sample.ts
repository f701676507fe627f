/** Vectors of a collection: a uniform sample of the live ones, and all of them, wherever they lie. */
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";

/** Rows read between two breaths. */
const SLICE_ROWS = 4096;

/** Rows of a segment. */
interface Part {
  segment: Segment;
  rows: number[];
}

/** Live rows that have the vector. */
export function countVectors(state: CollectionState, using: string): number {
  let count = 0;
  for (const segment of state.segments()) for (const _ of liveRows(segment, using)) count++;
  return count;
}

/**
 * `size` of the `total` live vectors, each as likely as any other, in the collection's own order: an index depends on the
 * order in which it is built. Rows are chosen in one synchronous pass (selection sampling; Fan, Muller, Rezucha 1962).
 */
export async function sampleVectors(
  state: CollectionState,
  using: string,
  size: number,
  total: number,
  random: () => number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { size: dimensions } = state.config.vectors[using];
  let taken = 0;
  let seen = 0;
  const parts = state.segments().map((segment): Part => {
    const rows: number[] = [];
    for (const row of liveRows(segment, using)) {
      if (random() * (total - seen++) >= size - taken) continue;
      rows.push(row);
      taken++;
    }
    return { segment, rows };
  });
  const sample = new Float32Array(size * dimensions);
  let at = 0;
  await readParts(parts, using, signal, (vector) => {
    sample.set(vector, at);
    at += dimensions;
  });
  return sample;
}

/** All vectors that are live now. */
export function eachVector(
  state: CollectionState,
  using: string,
  take: (vector: Float32Array) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const parts = state.segments().map((segment) => ({ segment, rows: [...liveRows(segment, using)] }));
  return readParts(parts, using, signal, take);
}

/** In slices; the segments keep their vectors until all are read, even if they are merged meanwhile. */
async function readParts(
  parts: readonly Part[],
  using: string,
  signal: AbortSignal | undefined,
  take: (vector: Float32Array) => void,
): Promise<void> {
  const leave = parts.map(({ segment }) => segment.readers.enter());
  try {
    for (const { segment, rows } of parts) {
      const column = segment.vectors.get(using);
      for (let from = 0; column && from < rows.length; from += SLICE_ROWS) {
        const vectors = await column.getMany(rows.slice(from, from + SLICE_ROWS));
        for (const vector of vectors) if (vector) take(vector.data);
        throwIfCancelled(signal);
        if (from + SLICE_ROWS < rows.length) await yieldToOthers();
      }
    }
  } finally {
    for (const done of leave) done();
  }
}

/** Live rows that have the vector. */
function* liveRows(segment: Segment, using: string): Generator<number> {
  const column = segment.vectors.get(using);
  if (!column) return;
  for (let row = 0; row < segment.rowCount; row++)
    if (segment.isLive(row) && column.ordinal(row) >= 0) yield row;
}
