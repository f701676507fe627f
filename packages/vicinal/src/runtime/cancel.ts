import { VicinalError } from "./errors.js";

/** Throws CANCELLED when the caller gave up. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new VicinalError("CANCELLED", "The operation was cancelled", {}, { cause: signal.reason });
}

/** Lets timers, messages and input have their turn. */
export function yieldToOthers(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
