/** Refusals of options that no analysis can work with. */
import { VicinalError } from "../runtime/errors.js";
import type { Neighbours } from "./types.js";

function refuse(field: string, allowed: string, value: unknown): never {
  throw new VicinalError("BAD_REQUEST", `${field} must be ${allowed}, not ${String(value)}`, {
    field,
    value,
  });
}

/** An integer of at least `least`. */
export function checkInteger(field: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) refuse(field, `an integer of at least ${least}`, value);
}

/** A finite distance of at least 0. */
export function checkDistance(field: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) refuse(field, "a finite number of at least 0", value);
}

/** One of the words in `allowed`. */
export function checkWord(field: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) refuse(field, `one of ${allowed.join(", ")}`, value);
}

/** At most the k of the graph, unless the graph is complete: then there is nobody left to know. */
export function checkWithinGraph(field: string, value: number, neighbours: Neighbours): void {
  const { k, count } = neighbours;
  if (value > k && k < count - 1) refuse(field, `at most the ${k} neighbours that are known`, value);
}
