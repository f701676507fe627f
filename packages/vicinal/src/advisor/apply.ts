/** From advice to the change of the collection that follows it. */
import { VicinalError } from "../runtime/errors.js";
import type { Advice } from "./contract.js";

/** The body of an update that gives the vector the recommended index. BAD_REQUEST when nothing was recommended. */
export function indexUpdate({ using, recommended, why }: Pick<Advice, "using" | "recommended" | "why">): {
  vectors: Record<string, Record<string, unknown>>;
} {
  if (!recommended)
    throw new VicinalError("BAD_REQUEST", `There is no recommendation to apply: ${why}`, {
      field: "recommended",
    });
  const { family, parameters } = recommended;
  return { vectors: Object.fromEntries([[using, { index: { type: family, ...parameters } }]]) };
}
