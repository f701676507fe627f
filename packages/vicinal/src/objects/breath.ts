/** Lets others have their turn now and then in work that goes on for long, and stops it when its caller gave up. */
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";

/** Milliseconds of work between two breaths. */
const SLICE_MS = 16;

export class Breath {
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  constructor(signal: AbortSignal | undefined) {
    throwIfCancelled(signal);
    this.#signal = signal;
  }

  /** True when `take` is due: asked first, so that short work never waits. */
  get due(): boolean {
    return performance.now() - this.#since >= SLICE_MS;
  }

  async take(): Promise<void> {
    await yieldToOthers();
    throwIfCancelled(this.#signal);
    this.#since = performance.now();
  }
}
