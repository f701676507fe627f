/** The parameters of HNSW, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";
import type { VectorKind } from "../contract.js";

/** How vectors are compared while a graph is built and walked; answers are always refined on the floats. */
export type Encoding = "int8" | "float32";

export interface HnswParameters {
  /** Neighbours per node in the upper layers; twice as many in layer 0. 16 is a good middle for 100 to 1,000 dimensions. */
  m: number;
  /** Beam while building. Twice as much buys little recall for twice the time. */
  efConstruct: number;
  /** `auto` takes 8-bit codes where they pay: not for Manhattan, and not for vectors of less than a cache line. */
  encoding: Encoding | "auto";
}

export const HNSW_DEFAULTS: HnswParameters = { m: 16, efConstruct: 200, encoding: "auto" };

/** Effort (`ef`): the default where nothing was measured, and the range in which it means something. */
// scored: distances per place of the beam; measured 12-20 at m = 16.
export const HNSW_EFFORT = { name: "ef", default: 128, min: 1, max: 65536, scored: 16 };

/** Below this many dimensions a float vector fits one cache line, and a byte is too coarse for near neighbours. */
export const LEAST_CODED_DIMENSIONS = 17;

const ranges = { m: [2, 128], efConstruct: [4, 4096] } as const;
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
    }
  }
  return result;
}

/** Manhattan has no codes: BAD_REQUEST where they are asked for. */
export function checkEncoding({ encoding }: HnswParameters, { metric }: VectorKind): void {
  if (metric === "Manhattan" && encoding === "int8")
    throw new VicinalError(
      "BAD_REQUEST",
      "encoding must be auto or float32 for the distance Manhattan, not int8",
      {
        field: "encoding",
        allowed: "auto, float32",
      },
    );
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
