/**
 * Backlog: vectors that are sealed but not indexed make searches slow, so that writes may not run ahead of the
 * optimizer for ever. From half of the bound on each group of writes waits in proportion, which lets the optimizer keep up; at the
 * bound writes stop until it has.
 */

/** Share of the bound from which on writes are slowed down. */
const SLOW_FROM = 0.5;
/** What a group of writes waits just below the bound. */
const MOST_DELAY_MS = 200;
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

export function backlogMessage(pressure: number): string | undefined {
  if (pressure < SLOW_FROM) return undefined;
  const what = `${Math.round(pressure * 100)} % of the vectors that may wait for their index do`;
  return pressure >= 1 ? `Writes wait: ${what}` : `Writes are slowed down: ${what}`;
}
