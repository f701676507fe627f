/** The parameters of IVF, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";
import type { Metric } from "../contract.js";

/** How the members of a list are stored; answers are always refined on the floats. */
export type IvfEncoding = "float32" | "rabitq" | "pq4" | "sq8";

export interface IvfParameters {
  /**
   * Number of lists, or `auto`: 2 sqrt(n), where comparing a query with all centroids costs about as much as reading
   * the lists of an accurate answer. More lists make the build dearer in proportion.
   */
  lists: number | "auto";
  /**
   * `rabitq` (1 bit per component), `pq4` (4 bits per 2 components), `sq8` (8 bits) or `float32` (no codes). `auto` takes
   * RaBitQ, and floats where codes do not pay: for Manhattan and below 17 dimensions (a vector of one cache line).
   */
  encoding: IvfEncoding | "auto";
  /** Rounds of k-means; later ones move centroids by little. */
  iterations: number;
  /**
   * How many standard deviations of the estimate's error a bound covers. The papers' 1.9 wrongly drops 3 % of the
   * vectors that lie at the limit itself, which a search for the single nearest notices; 2.2 drops half as many.
   */
  epsilon: number;
}

export const IVF_DEFAULTS: IvfParameters = { lists: "auto", encoding: "auto", iterations: 8, epsilon: 2.2 };

/** Rows per centroid that k-means learns from: 256 find centroids that are better by less than a percent. */
export const TRAINING_ROWS = 48;
/** A list of more than this many times the mean is split: the largest lists decide the slowest queries. */
export const LARGEST_LIST = 3;
/** Components of one part of a product code: 2 bits per component. */
export const PART_WIDTH = 2;
/** Vectors that product codebooks learn from: 256 per centroid of a part. */
export const CODEBOOK_ROWS = 4096;
export const CODEBOOK_ROUNDS = 12;

/** Below this many dimensions a vector fits one cache line. */
const LEAST_CODED_DIMENSIONS = 17;
/** Smaller lists than this cost more to find than to read. */
const LEAST_MEMBERS = 8;

const encodings: readonly string[] = ["auto", "float32", "rabitq", "pq4", "sq8"];

/** Checks given parameters and fills in the defaults. */
export function ivfParameters(given: unknown): IvfParameters {
  const result: IvfParameters = { ...IVF_DEFAULTS };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object" || Array.isArray(given))
    throw new VicinalError("BAD_REQUEST", "ivf parameters must be an object", { given });
  for (const [field, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (field === "lists") result.lists = value === "auto" ? value : whole(field, value, 1, 65536);
    else if (field === "iterations") result.iterations = whole(field, value, 1, 100);
    else if (field === "epsilon") {
      if (typeof value !== "number" || !(value >= 0 && value <= 10)) throw outside(field, "0 to 10", value);
      result.epsilon = value;
    } else if (field === "encoding") {
      if (typeof value !== "string" || !encodings.includes(value))
        throw outside(field, encodings.join(", "), value);
      result.encoding = value as IvfEncoding | "auto";
    } else {
      const known = Object.keys(IVF_DEFAULTS).join(", ");
      throw new VicinalError("BAD_REQUEST", `ivf has no parameter ${field}; there are: ${known}`, { field });
    }
  }
  return result;
}

function whole(field: string, value: unknown, low: number, high: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw outside(field, `an integer from ${low} to ${high}`, value);
}

function outside(field: string, allowed: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `${field} must be ${allowed}, not ${String(value)}`, {
    field,
    allowed,
  });
}

/** The encoding for vectors of that kind. BAD_REQUEST where a code cannot serve the metric. */
export function encodingFor(parameters: IvfParameters, metric: Metric, dimensions: number): IvfEncoding {
  const { encoding } = parameters;
  if (encoding === "auto")
    return metric === "Manhattan" || dimensions < LEAST_CODED_DIMENSIONS ? "float32" : "rabitq";
  if (metric === "Manhattan" && encoding !== "float32")
    throw new VicinalError("BAD_REQUEST", `encoding ${encoding} cannot serve Manhattan; float32 can`, {
      field: "encoding",
      allowed: "float32",
    });
  return encoding;
}

/** Lists for `count` vectors; 0 for none. */
export function listsFor(parameters: IvfParameters, count: number): number {
  const most = Math.ceil(count / LEAST_MEMBERS);
  const wanted = parameters.lists === "auto" ? Math.round(2 * Math.sqrt(count)) : parameters.lists;
  return Math.min(most, wanted);
}
