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
 * order in which it is built. One synchronous pass (selection sampling; Fan, Muller, Rezucha 1962).
 */
export function sampleVectors(
  state: CollectionState,
  using: string,
  size: number,
  total: number,
  random: () => number,
): Float32Array {
  const { size: dimensions } = state.config.vectors[using];
  const sample = new Float32Array(size * dimensions);
  let taken = 0;
  let seen = 0;
  for (const segment of state.segments())
    for (const vector of liveVectors(segment, using)) {
      if (random() * (total - seen++) >= size - taken) continue;
      sample.set(vector(), taken++ * dimensions);
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
    let rows = 0;
    for (const vector of liveVectors(segment, using)) {
      take(vector());
      if (++rows % SLICE_ROWS !== 0) continue;
      await yieldToOthers();
      throwIfCancelled(signal);
      if (state.segments() !== segments) return false;
    }
  }
  return true;
}

/** Each live row's vector, read where it lies when it is called for. */
function* liveVectors(segment: Segment, using: string): Generator<() => Float32Array> {
  const column = segment.vectors.get(using);
  if (!column) return;
  for (let row = 0; row < segment.rowCount; row++) {
    if (!segment.isLive(row)) continue;
    const ordinal = column.ordinal(row);
    if (ordinal >= 0) yield () => column.store.view(ordinal);
  }
}
