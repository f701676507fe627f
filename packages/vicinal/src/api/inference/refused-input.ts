/** A hook may say that it was an input that it failed on, and not itself: then the request is at fault. */
import { VicinalError } from "../../runtime/errors.js";
import type { RefusedInput } from "./hooks.js";
import type { WantedVector } from "./model.js";
import { inputFault } from "./places.js";

/**
 * INPUT_REFUSED with the input's place in the request, where a hook threw on account of one of its inputs; otherwise the failure as it is.
 * @param label the hook's
 * @param failure HOOK_FAILED, whose cause is what the hook threw
 * @param batch the inputs of the call
 */
export function inputRefused(label: string, failure: unknown, batch: readonly WantedVector[]): unknown {
  const cause = failure instanceof VicinalError ? failure.cause : undefined;
  if (!(cause instanceof Error)) return failure;
  const { input, code, message } = cause as Partial<RefusedInput> & Error;
  const wanted = typeof input === "number" ? batch[input] : undefined;
  if (!wanted) return failure;
  const name = typeof code === "string" ? ` (${code})` : "";
  return inputFault(wanted.path, `the ${label} refuses this input${name}: ${message}`, "INPUT_REFUSED");
}
