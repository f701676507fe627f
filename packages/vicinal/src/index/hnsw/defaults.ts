/** The parameters of HNSW, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";
import type { Encoding } from "../graph/encoding.js";

export interface HnswParameters {
  /** Neighbours per node in the upper layers; twice as many in layer 0. 16 is a good middle for 100 to 1,000 dimensions. */
  m: number;
  /**
   * Beam while building, 100 as in Qdrant. 200 took 1.3 to 1.5 times as long and found 0.001 to 0.005 more at the same effort (words
   * and Fashion-MNIST).
   */
  efConstruct: number;
  /** `auto` takes 8-bit codes where they pay: not for Manhattan, and not for vectors of less than a cache line. */
  encoding: Encoding | "auto";
  /**
   * Layer 0 only, walked from several nodes. In many dimensions as good as the layers ("Down with the Hierarchy",
   * Munyampirwa et al. 2024), and a few bytes per vector smaller.
   */
  flat: boolean;
}

export const HNSW_DEFAULTS: HnswParameters = { m: 16, efConstruct: 100, encoding: "auto", flat: false };

export const ranges = { m: [2, 128], efConstruct: [4, 4096] } as const;
const aliases: Record<string, keyof HnswParameters> = { ef_construct: "efConstruct" };

/** Checks given parameters (also by their snake_case names) and fills in the defaults. */
export function hnswParameters(given: unknown): HnswParameters {
  const result: HnswParameters = { ...HNSW_DEFAULTS };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object")
    throw new VicinalError("BAD_REQUEST", "hnsw parameters must be an object", { given });
  for (const [name, value] of Object.entries(given)) {
    const field = aliases[name] ?? name;
    if (value === undefined || value === null) continue;
    if (field === "m" || field === "efConstruct") result[field] = inRange(name, value, ranges[field]);
    else if (field === "encoding") {
      if (value !== "auto" && value !== "int8" && value !== "float32")
        throw new VicinalError("BAD_REQUEST", `${name} must be auto, int8 or float32, not ${String(value)}`, {
          field: name,
        });
      result.encoding = value;
    } else if (field === "flat") {
      if (typeof value !== "boolean")
        throw new VicinalError("BAD_REQUEST", `${name} must be true or false, not ${String(value)}`, {
          field: name,
        });
      result.flat = value;
    }
  }
  return result;
}

function inRange(name: string, value: unknown, [low, high]: readonly [number, number]): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
    throw new VicinalError(
      "OUT_OF_RANGE",
      `${name} must be an integer from ${low} to ${high}, not ${String(value)}`,
      {
        field: name,
        low,
        high,
      },
    );
  }
  return value;
}
