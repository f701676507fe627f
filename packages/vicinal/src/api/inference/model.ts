/** What turns inputs into vectors: a model that is built in, or a hook. */
import type { InferenceContext, InferenceInput } from "./hooks.js";
import type { Path } from "./places.js";

export type InferenceKind = InferenceContext["kind"];

/** An input, once however often a request has it. */
export interface WantedVector {
  input: InferenceInput;
  /** Where it stands in the request, first. */
  path: Path;
}

export interface ModelAnswer {
  /** One for each input, in order. */
  vectors: readonly unknown[];
  /** How many the model counted; absent where it does not say. */
  tokens?: number;
}

export type Model = (
  wanted: readonly WantedVector[],
  kind: InferenceKind,
  signal: AbortSignal,
) => ModelAnswer | Promise<ModelAnswer>;
