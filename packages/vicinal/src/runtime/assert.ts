import { VicinalError } from "./errors.js";

/** States a rule that the code relies on; a broken one is a bug of ours, never of the caller's. */
export function assert(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new VicinalError("INTERNAL", `Broken rule: ${rule}`);
}
