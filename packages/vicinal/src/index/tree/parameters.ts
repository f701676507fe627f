/** Parameters of the tree families, checked against their ranges. */
import { VicinalError } from "../../runtime/errors.js";
import type { VectorKind } from "../contract.js";
import type { Encoding } from "./tree-memory.js";

export interface Range {
  low: number;
  high: number;
  whole: boolean;
}

export interface EncodingParameter {
  /**
   * How vectors are compared in leaves when the answer need not be exact. `auto` takes 8-bit codes where they pay: not
   * for Manhattan, and not for vectors of less than a cache line.
   */
  encoding: Encoding | "auto";
}

const encodings = ["auto", "int8", "float32"];
/** Below this many dimensions a float vector fits one cache line, and a byte is too coarse for near neighbours. */
const LEAST_CODED_DIMENSIONS = 17;

/** The encoding that `auto` stands for. Manhattan has no codes: BAD_REQUEST where they are asked for. */
export function encodingOf(vectors: VectorKind, { encoding }: EncodingParameter): Encoding {
  if (vectors.metric === "Manhattan") {
    if (encoding === "int8")
      throw new VicinalError("BAD_REQUEST", "encoding must be auto or float32 for Manhattan", {
        field: "encoding",
      });
    return "float32";
  }
  if (encoding !== "auto") return encoding;
  return vectors.dimensions < LEAST_CODED_DIMENSIONS ? "float32" : "int8";
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Given parameters (also by their snake_case names) over the defaults; BAD_REQUEST names the field and its range. */
export function checkedParameters<P extends EncodingParameter>(
  family: string,
  given: unknown,
  defaults: P,
  ranges: Record<Exclude<keyof P & string, "encoding">, Range>,
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
    if (field === "encoding") {
      if (!encodings.includes(value as string))
        throw new VicinalError("BAD_REQUEST", `${name} must be one of ${encodings.join(", ")}`, {
          field: name,
        });
      result.encoding = value as P["encoding"];
      continue;
    }
    const { low, high, whole } = ranges[field as Exclude<keyof P & string, "encoding">];
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
