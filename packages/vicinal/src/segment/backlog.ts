/**
 * Backlog: vectors that are sealed but not indexed make searches slow, and dead rows fill the disk, so that writes may not
 * run ahead of the optimizer for ever. From half of the bound on each group of writes waits in proportion, which lets the
 * optimizer keep up; at the bound writes stop until it has.
 */
import { BACKLOG_BYTES, WASTE_SHARE } from "./defaults.js";
import { backlogBytes } from "./memory-budget.js";
import type { Segment } from "./segment.js";
import { deadBytes, liveBytes } from "./segment-size.js";
import type { CollectionState } from "./state.js";
import { mostBytes } from "./work-plan.js";

/** Share of the bound from which on writes are slowed down. */
const SLOW_FROM = 0.5;
/** What a group of writes waits just below the bound. */
const MOST_DELAY_MS = 200;
/** Dead rows alone never stop writes: a large deletion takes a while to be cleared away. */
const MOST_WASTE = 0.99;
const LOOK_MS = 10;

/** Milliseconds that a group of writes waits while so much of the bound is used; infinite: until it is less. */
export function delayMs(pressure: number): number {
  if (pressure < SLOW_FROM) return 0;
  if (pressure >= 1) return Number.POSITIVE_INFINITY;
  return ((pressure - SLOW_FROM) / (1 - SLOW_FROM)) * MOST_DELAY_MS;
}

/** Undefined, or what a group of writes waits for. `pressure` is asked again as it falls. */
export function admission(pressure: () => number): Promise<void> | undefined {
  return delayMs(pressure()) > 0 ? waitOut(pressure) : undefined;
}

async function waitOut(pressure: () => number): Promise<void> {
  for (let waited = 0; waited < delayMs(pressure()); waited += LOOK_MS)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** How far the optimizer is behind, as a share of what is allowed, and with what. */
export interface Pressure {
  share: number;
  what: string;
}

export function slownessOf({ share, what }: Pressure): string | undefined {
  if (delayMs(share) === 0) return undefined;
  const percent = `${Math.round(share * 100)} % of what is allowed`;
  return `Writes ${share >= 1 ? "wait" : "are slowed down"}: ${what} (${percent})`;
}

/** Vectors of the segments that have no index yet but should. */
export function indexPressure(
  state: CollectionState,
  bare: readonly Segment[],
  mostBytes = BACKLOG_BYTES,
): Pressure {
  const bytes = bare.reduce((sum, segment) => sum + segment.vectorBytes(), 0);
  return {
    share: bytes / Math.min(mostBytes, backlogBytes(state.config, state.budget)),
    what: "vectors wait for their index",
  };
}

/** Share of what may be held from which on writes are slowed down; the rest is left to what they wait for. */
const NEARLY_FULL = 0.9;

/** What is held, against the budget of the database. */
export function memoryPressure({ budget }: CollectionState): Pressure {
  const held = budget ? budget.heldBytes() / budget.roomBytes : 0;
  return {
    share: SLOW_FROM + ((held - NEARLY_FULL) / (1 - NEARLY_FULL)) * (1 - SLOW_FROM),
    what: "the memory budget is nearly full",
  };
}

/** Dead rows of the segments that should be rewritten, in collections of several segments. */
export function wastePressure(state: CollectionState, dirty: readonly Segment[]): Pressure {
  const live = state.segments().reduce((sum, segment) => sum + liveBytes(segment), 0);
  const bound = Math.max(WASTE_SHARE * live, mostBytes(state));
  return {
    share: Math.min(MOST_WASTE, deadBytes(dirty) / bound),
    what: "dead rows wait to be cleared away",
  };
}
