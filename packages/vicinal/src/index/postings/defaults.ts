/** The parameters of clustered postings, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";
import type { Metric, VectorKind } from "../contract.js";

/** How a posting stores its members. */
export type PostingEncoding = "int8" | "float32";

export interface PostingsParameters {
  /**
   * Vectors for which a posting is the nearest, at most about. Smaller ones are read with less in vain but need more heads
   * in memory: (5 d + 200) / postingSize bytes per vector, about.
   */
  postingSize: number;
  /** Postings that a vector may stand in: more find it by one read more often, and take more disk. */
  replicas: number;
  /** A vector stands in a further posting when that head is at most so many times as far as its nearest one. */
  closure: number;
  /**
   * `int8`: a byte per component, and the best candidates are read again as floats; `float32`: nothing is read again, but
   * four times as many bytes. `auto` is floats for Manhattan and below 17 dimensions.
   */
  encoding: PostingEncoding | "auto";
  /**
   * Bytes of memory that the vectors of a collection may take under this index: a share for segments that are built, a
   * share for postings read lately, and the heads of all segments, which grow with the collection.
   */
  memoryBytes: number;
}

export const POSTINGS_DEFAULTS: PostingsParameters = {
  postingSize: 64,
  replicas: 4,
  closure: 1.2,
  encoding: "auto",
  memoryBytes: 2 ** 30,
};

/**
 * Candidates that are measured on the floats: so many times k, and at least so many. Each is a read of its own; on words and
 * fashion 1.2 times k finds as much as twice k, which leaves a margin for vectors whose codes are poorer.
 */
export const REFINE_FACTOR = 1.5;
export const REFINE_LEAST = 12;
/** Further postings take no more members than this many times `postingSize`. */
export const LONGEST_POSTING = 6;
/** Heads that are looked at for each vector, per replica. */
export const CANDIDATE_HEADS = 6;
/**
 * A head is occluded by a chosen one that is nearer to it by this factor than the vector is. SPANN takes 1 for heads that are
 * vectors; centroids lie nearer to each other, and 1 would leave one copy of nearly all vectors (words: 1.01 on average, recall
 * 0.939 with 64 postings read; 1.35: 1.74 copies, 0.973).
 */
export const OCCLUSION = 1.35;
/** Effort where nothing was measured. */
export const DEFAULT_EFFORT = 32;

/** Below this many dimensions a code saves less than its head takes. */
const LEAST_CODED_DIMENSIONS = 17;

const ranges = {
  postingSize: [4, 4096],
  replicas: [1, 16],
  memoryBytes: [2 ** 20, 2 ** 50],
} as const;
const encodings: readonly string[] = ["auto", "int8", "float32"];

/** Checks given parameters (also by their snake_case names) and fills in the defaults. */
export function postingsParameters(given: unknown): PostingsParameters {
  const result: PostingsParameters = { ...POSTINGS_DEFAULTS };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object" || Array.isArray(given))
    throw new VicinalError("BAD_REQUEST", "postings parameters must be an object", { given });
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const field = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (field === "postingSize" || field === "replicas" || field === "memoryBytes")
      result[field] = whole(name, value, ranges[field]);
    else if (field === "closure") {
      if (typeof value !== "number" || !(value >= 1 && value <= 100)) throw outside(name, "1 to 100", value);
      result.closure = value;
    } else if (field === "encoding") {
      if (typeof value !== "string" || !encodings.includes(value))
        throw outside(name, encodings.join(", "), value);
      result.encoding = value as PostingsParameters["encoding"];
    } else {
      const known = Object.keys(POSTINGS_DEFAULTS).join(", ");
      throw new VicinalError("BAD_REQUEST", `postings has no parameter ${name}; there are: ${known}`, {
        field: name,
      });
    }
  }
  return result;
}

function whole(field: string, value: unknown, [low, high]: readonly [number, number]): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw outside(field, `an integer from ${low} to ${high}`, value);
}

function outside(field: string, allowed: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `${field} must be ${allowed}, not ${String(value)}`, {
    field,
    allowed,
  });
}

/** Refuses codes for a metric that they cannot estimate. */
export function checkEncoding({ encoding }: PostingsParameters, { metric }: VectorKind): void {
  if (encoding === "int8" && metric === "Manhattan")
    throw new VicinalError("BAD_REQUEST", "encoding int8 cannot serve Manhattan; float32 can", {
      field: "encoding",
      allowed: "float32",
    });
}

/** The encoding for vectors of that kind. */
export function encodingOf(
  parameters: PostingsParameters,
  metric: Metric,
  dimensions: number,
): PostingEncoding {
  checkEncoding(parameters, { metric, dimensions });
  if (parameters.encoding !== "auto") return parameters.encoding;
  return metric === "Manhattan" || dimensions < LEAST_CODED_DIMENSIONS ? "float32" : "int8";
}
