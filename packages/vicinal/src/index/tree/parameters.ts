/** Checks numeric parameters of a family against their ranges; used by both tree families. */
import { VicinalError } from "../../runtime/errors.js";

export interface Range {
  low: number;
  high: number;
  whole: boolean;
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Given parameters (also by their snake_case names) over the defaults; BAD_REQUEST names the field and its range. */
export function checkedParameters<P extends object>(
  family: string,
  given: unknown,
  defaults: P,
  ranges: Record<keyof P & string, Range>,
): P {
  const result = { ...defaults };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object")
    throw new VicinalError("BAD_REQUEST", `${family} parameters must be an object`, { given });
  const fields = Object.keys(defaults) as (keyof P & string)[];
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const field = fields.find((known) => known === name || snakeCase(known) === name);
    if (!field)
      throw new VicinalError(
        "BAD_REQUEST",
        `${family} has no parameter ${name}; there are: ${fields.join(", ")}`,
        { field: name },
      );
    const { low, high, whole } = ranges[field];
    if (typeof value !== "number" || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
      throw new VicinalError(
        "BAD_REQUEST",
        `${name} must be ${whole ? "an integer" : "a number"} from ${low} to ${high}, not ${String(value)}`,
        { field: name, low, high },
      );
    result[field] = value as P[keyof P & string];
  }
  return result;
}
