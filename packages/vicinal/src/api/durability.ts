/** Levels of durability: what an acknowledgement of a write promises. */
import { VicinalError } from "../runtime/errors.js";

/**
 * When a write is acknowledged.
 *
 * - `"sync"`: when it is synced. No acknowledged write is ever lost. Writes that wait at the same time share one sync.
 * - `{ interval: ms }`: when the operating system has it, synced at most `ms` milliseconds (1 to 3,600,000) later. A
 *   killed process loses nothing; a power cut may take what was acknowledged since the last sync began, always the youngest:
 *   the writes of `ms` milliseconds, and those of the time that a sync takes, at most 64 MiB of them.
 */
export type Durability = "sync" | { interval: number };

/** An hour: a timer of 2^31 ms and more would fire at once. */
const INTERVAL_MAX_MS = 3_600_000;

const expected = `expected "sync" or { interval: milliseconds, 1 to ${INTERVAL_MAX_MS} }`;

/** BAD_REQUEST for what is no level. */
export function checkDurability(value: unknown): asserts value is Durability {
  if (value === "sync") return;
  if (typeof value !== "object" || value === null || Object.keys(value).join() !== "interval")
    throw refused("durability", value);
  const { interval } = value as { interval: unknown };
  if (typeof interval !== "number" || !(interval >= 1 && interval <= INTERVAL_MAX_MS))
    throw refused("durability.interval", interval);
}

/** As the log takes it: 0 for a sync before each acknowledgement. */
export function syncIntervalMs(durability: Durability = "sync"): number {
  return durability === "sync" ? 0 : durability.interval;
}

function refused(field: string, value: unknown): VicinalError {
  const got = typeof value === "number" ? String(value) : JSON.stringify(value);
  return new VicinalError("BAD_REQUEST", `open: ${field}: ${expected}, got ${got}`, { field });
}
