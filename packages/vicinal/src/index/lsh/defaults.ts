/** The parameters of LSH, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";
import type { Metric } from "../contract.js";

/** The families of hash functions: see collision.ts for what each one's theorem says. */
export type HashName = "p-stable" | "gaussian" | "hyperplane" | "cross-polytope";

export interface LshParameters {
  /** `auto`: p-stable for Euclid and Manhattan, cross-polytopes for Cosine and Dot. */
  hash: HashName | "auto";
  /** Tables. Each takes about 10 bytes per vector; probing more buckets of few tables does the work of many tables. */
  tables: number;
  /** Functions that a table concatenates; `auto` from a sample, so that a bucket holds about BUCKET_SIZE vectors. */
  functions: number | "auto";
  /** Width w of a p-stable bucket, in the unit of the distance; `auto` from a sample. */
  width: number | "auto";
}

export const LSH_DEFAULTS: LshParameters = { hash: "auto", tables: 8, functions: "auto", width: "auto" };

/** Probes over all tables: the default where nothing was measured, and the most that a scratch has room for. */
export const LSH_EFFORT = { default: 128, min: 1, max: 16384 };

/**
 * Expected vectors of a bucket that are not near: enough to pay for a look-up, few enough to choose among buckets.
 * With 16, 64 probes reached recall 0.92 on 4,000 clustered vectors of 60 dimensions.
 */
export const BUCKET_SIZE = 32;
/** Fewer vectors than this are scanned: hashing a query would cost more. */
export const LEAST_HASHED = 1000;

/** A probe's set of moves has 32 bits: two moves per p-stable function, one per hyperplane. */
export const MOST_FUNCTIONS: Record<HashName, number> = {
  "p-stable": 16,
  gaussian: 16,
  hyperplane: 32,
  "cross-polytope": 8,
};

/** What serves which metric, the default first. An inner product has no distance: it is searched by angle. */
const served: Record<Metric, readonly HashName[]> = {
  Euclid: ["p-stable", "gaussian"],
  Manhattan: ["p-stable"],
  // words-100k: recall 0.952 at 810 queries/s, hyperplanes 0.947 at 610.
  Cosine: ["cross-polytope", "hyperplane", "p-stable", "gaussian"],
  Dot: ["cross-polytope", "hyperplane"],
};

const hashNames: readonly string[] = Object.keys(MOST_FUNCTIONS);

/** Checks given parameters and fills in the defaults. */
export function lshParameters(given: unknown): LshParameters {
  const result: LshParameters = { ...LSH_DEFAULTS };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object") throw refused("parameters", "an object", given);
  for (const [field, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (field === "tables") result.tables = whole(field, value, 1, 128);
    else if (field === "functions") result.functions = value === "auto" ? value : whole(field, value, 1, 32);
    else if (field === "width") {
      const sound = value === "auto" || (typeof value === "number" && value > 0 && Number.isFinite(value));
      if (!sound) throw refused(field, "auto or a number above 0", value);
      result.width = value as number | "auto";
    } else if (field === "hash") {
      if (value !== "auto" && !hashNames.includes(value as string))
        throw refused(field, `auto, ${hashNames.join(", ")}`, value);
      result.hash = value as HashName | "auto";
    }
  }
  return result;
}

/** The hash functions for a metric; BAD_REQUEST where they do not fit it. */
export function hashFor(parameters: LshParameters, metric: Metric): HashName {
  const { hash, functions } = parameters;
  const name = hash === "auto" ? served[metric][0] : hash;
  if (!served[metric].includes(name))
    throw refused("hash", `one of ${served[metric].join(", ")} for the distance ${metric}`, name);
  if (functions !== "auto" && functions > MOST_FUNCTIONS[name])
    throw refused("functions", `at most ${MOST_FUNCTIONS[name]} for ${name}`, functions);
  return name;
}

function whole(field: string, value: unknown, low: number, high: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high)
    throw refused(field, `an integer from ${low} to ${high}`, value);
  return value;
}

function refused(field: string, wanted: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `lsh: ${field} must be ${wanted}, not ${String(value)}`, { field });
}
