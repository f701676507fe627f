/** Vectors of a collection: a uniform sample of the live ones, and all of them in slices. */
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";

/** Rows copied between two breaths. */
const SLICE_ROWS = 4096;

/** Live rows that have the vector. */
export function countVectors(state: CollectionState, using: string): number {
  let count = 0;
  for (const segment of state.segments()) for (const _ of liveVectors(segment, using)) count++;
  return count;
}

/**
 * `size` of the `total` live vectors, each as likely as any other, in the collection's own order: an index depends on the
 * order in which it is built. Chosen in one synchronous pass (selection sampling; Fan, Muller, Rezucha 1962), then read.
 */
export async function sampleVectors(
  state: CollectionState,
  using: string,
  size: number,
  total: number,
  random: () => number,
): Promise<Float32Array> {
  const { size: dimensions } = state.config.vectors[using];
  const sample = new Float32Array(size * dimensions);
  let taken = 0;
  let seen = 0;
  const parts = state.segments().map((segment) => {
    const rows: number[] = [];
    for (const row of liveVectors(segment, using)) {
      if (random() * (total - seen++) >= size - taken) continue;
      rows.push(row);
      taken++;
    }
    return { segment, rows, leave: segment.readers.enter() };
  });
  let at = 0;
  try {
    for (const { segment, rows } of parts)
      for (const vector of await vectorsOf(segment, using, rows)) sample.set(vector, at++ * dimensions);
  } finally {
    for (const { leave } of parts) leave();
  }
  return sample;
}

/**
 * All live vectors, in slices, one after the other. Ends early, answering false, when the segments change meanwhile: then
 * some vectors might come twice.
 */
export async function eachVector(
  state: CollectionState,
  using: string,
  take: (vector: Float32Array) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const segments = state.segments();
  for (const segment of segments) {
    const leave = segment.readers.enter();
    try {
      const rows = [...liveVectors(segment, using)];
      for (let at = 0; at < rows.length; at += SLICE_ROWS) {
        for (const vector of await vectorsOf(segment, using, rows.slice(at, at + SLICE_ROWS))) take(vector);
        await yieldToOthers();
        throwIfCancelled(signal);
        if (state.segments() !== segments) return false;
      }
    } finally {
      leave();
    }
  }
  return true;
}

async function vectorsOf(segment: Segment, using: string, rows: number[]): Promise<Float32Array[]> {
  const vectors = (await segment.vectors.get(using)?.getMany(rows)) ?? [];
  return vectors.flatMap((vector) => (vector ? [vector.data] : []));
}

/** Live rows that have the vector. */
function* liveVectors(segment: Segment, using: string): Generator<number> {
  const column = segment.vectors.get(using);
  if (!column) return;
  for (let row = 0; row < segment.rowCount; row++)
    if (segment.isLive(row) && column.ordinal(row) >= 0) yield row;
}
