/** The parameters of multi-index hashing, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";

export interface MihParameters {
  /** Bits of a code, 8..4096. `auto`: 256 up to 128 dimensions, 512 beyond. Fewer bits need more codes refined. */
  bits: number | "auto";
  /** Tables beside the codes. `auto`: where sampled searches cost less through them than by scanning the codes. */
  tables: boolean | "auto";
}

export const MIH_DEFAULTS: MihParameters = { bits: "auto", tables: "auto" };

/** Effort: how many of the nearest codes are measured on the floats. */
export const MIH_EFFORT = { default: 256, min: 1, max: 4096 };

/** Checks given parameters and fills in the defaults. */
export function mihParameters(given: unknown): MihParameters {
  const result: MihParameters = { ...MIH_DEFAULTS };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object") throw refused("parameters", "an object", given);
  for (const [field, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (field === "bits") result.bits = value === "auto" ? value : checkedBits(value);
    else if (field === "tables") {
      if (value !== "auto" && typeof value !== "boolean") throw refused(field, "auto, true or false", value);
      result.tables = value;
    }
  }
  return result;
}

export function bitsFor(parameters: MihParameters, dimensions: number): number {
  if (parameters.bits !== "auto") return parameters.bits;
  return dimensions <= 128 ? 256 : 512;
}

/** Code lengths that the kernels serve. */
export function checkedBits(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 8 || value > 4096)
    throw refused("bits", "an integer from 8 to 4096", value);
  return value;
}

function refused(field: string, wanted: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `mih: ${field} must be ${wanted}, not ${String(value)}`, { field });
}
