/** Loops over many items in slices, with a breath between them. */
import type { Breath } from "./types.js";

/** Items of a slice: a few milliseconds of the loops of this folder. */
const SLICE = 1 << 16;

/**
 * Calls `work(from, to)` over 0..total in slices and breathes before each of them, with shares from `start`
 * to `end`. `weight` is what one item costs (the k of a loop over neighbour lists): slices get shorter by it.
 */
export async function inSlices(
  total: number,
  work: (from: number, to: number) => void,
  breath: Breath,
  start: number,
  end: number,
  weight = 1,
): Promise<void> {
  const step = Math.max(1, Math.floor(SLICE / Math.max(1, weight)));
  for (let from = 0; from < total; from += step) {
    await breath(start + ((end - start) * from) / total);
    work(from, Math.min(total, from + step));
  }
}
