/** A swap of a pointer that ends in knowledge: it counts, it does not, or all attempts to learn which have failed. */
import { VicinalError } from "vicinal/shard";
import type { Pointer } from "./pointer.js";
import { pause } from "./retry.js";

const ATTEMPTS = 6;
const DELAY_MS = 50;

export interface Swap {
  readonly pointer: Pointer;
  /** What is to be replaced. */
  readonly revision: string | undefined;
  /** Never swapped in before, by anybody. */
  readonly value: string;
  /** Values of this writer's earlier swaps of which nobody knows whether they count: each may turn out to be what is replaced. */
  readonly unsettled: ReadonlySet<string>;
  /** The first wait before another attempt, in milliseconds. Default 50. */
  readonly delayMs?: number;
}

/** Resolves with the new revision. FENCED; after any other failure nobody knows whether the value counts. */
export async function settleSwap(swap: Swap): Promise<string> {
  const { pointer, value, unsettled, delayMs = DELAY_MS } = swap;
  let { revision } = swap;
  for (let attempt = 1; ; attempt++) {
    let failure: unknown;
    try {
      return await pointer.swap(revision, value);
    } catch (reason) {
      failure = reason;
    }
    const fenced = failure instanceof VicinalError && failure.code === "FENCED";
    try {
      const current = await pointer.read();
      // An attempt whose answer was lost.
      if (current?.value === value) return current.revision;
      const isOurs = current !== undefined && unsettled.has(current.value);
      if (current?.revision !== revision) {
        if (!isOurs) throw fenced ? failure : fencedBy(failure);
        revision = current?.revision;
      } else if (fenced) throw failure;
    } catch (reason) {
      if (reason instanceof VicinalError && reason.code === "FENCED") throw reason;
      failure = reason;
    }
    if (attempt === ATTEMPTS) throw failure;
    await pause(delayMs, attempt);
  }
}

function fencedBy(cause: unknown): VicinalError {
  return new VicinalError("FENCED", "Another writer has committed to the shard meanwhile", {}, { cause });
}
