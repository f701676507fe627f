/**
 * A random sample of the points that match, each set of so many points equally likely, in random order.
 *
 * Floyd (in Bentley, Programming pearls: a sample of brilliance, CACM 1987): k distinct numbers below n by k draws. Those
 * are the places of the sampled points among the matching rows, which are walked through once.
 */
import { countBits, forEachBit } from "../runtime/bits.js";
import type { CollectionState } from "../segment/state.js";
import type { RowFilter } from "./matching.js";
import { candidateRows, type RankedRow, UNCOMPARED_SCORE } from "./ranked.js";

/** @param random Numbers in [0, 1). */
export function sampledRows(
  state: CollectionState,
  { limit, filter }: { limit: number; filter: RowFilter | undefined },
  random: () => number = Math.random,
): RankedRow[] {
  const parts = state.segments().map((segment) => {
    const bits = candidateRows(state, segment, filter);
    return { segment, bits, count: countBits(bits) };
  });
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const chosen = distinctBelow(total, Math.min(limit, total), random);
  const rows: RankedRow[] = [];
  let place = 0;
  for (const { segment, bits } of parts)
    forEachBit(bits, (row) => {
      if (chosen.has(place++)) rows.push({ segment, row, score: UNCOMPARED_SCORE });
    });
  shuffle(rows, random);
  return rows;
}

function distinctBelow(total: number, count: number, random: () => number): Set<number> {
  const chosen = new Set<number>();
  for (let upper = total - count; upper < total; upper++) {
    const drawn = Math.floor(random() * (upper + 1));
    chosen.add(chosen.has(drawn) ? upper : drawn);
  }
  return chosen;
}

/** Fisher and Yates. */
function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [items[i], items[other]] = [items[other], items[i]];
  }
}
