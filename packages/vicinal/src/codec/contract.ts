/**
 * What every codec of vectors keeps: it turns float vectors into codes of fixed length, codes back into vectors near
 * them, and estimates distances of a query to codes without decoding them.
 *
 * Estimates are unbiased over the choice of rotation, and each comes with a bound: the distance lies within it at the rate
 * of `epsilon` standard deviations (1.9: about 94 %, 2.2: about 97 %, on both sides together).
 */
import { VicinalError } from "../runtime/errors.js";

/** Distances, smaller is nearer: squared Euclid, 1 - cosine (of unit vectors), the negative inner product. */
export type CodecMetric = "Euclid" | "Cosine" | "Dot";

/** What a saved codec says does not fit together. */
export function damagedCodec(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted codec: ${what}`, { what });
}

/** What all codecs take to learn from vectors. */
export interface TrainOptions {
  dimensions: number;
  /** Default Euclid. */
  metric?: CodecMetric;
  /** Seed of every random choice; the same seed and vectors give the same codec. Default 42. */
  seed?: number;
  /** Standard deviations that a bound covers, 0..10. Default 1.9. */
  epsilon?: number;
}

export interface Estimates {
  /** One per code. */
  distances: Float32Array;
  /** What each may be off by. */
  bounds: Float32Array;
}

/** A codec as sections of a file, and a small JSON-able description. Byte order little-endian. */
export interface SavedCodec {
  codec: string;
  meta: Record<string, unknown>;
  sections: { name: string; bytes: Uint8Array }[];
}

export const DEFAULT_SEED = 42;
export const DEFAULT_EPSILON = 1.9;

/** BAD_REQUEST naming the field and what it may be. */
export function badField(field: string, allowed: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `${field} must be ${allowed}, not ${String(value)}`, {
    field,
    allowed,
  });
}

export function wholeField(field: string, value: unknown, low: number, high: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw badField(field, `an integer from ${low} to ${high}`, value);
}

/** Checks what all codecs take. `vectors` lie one after the other. */
export function checkTraining(vectors: Float32Array, options: TrainOptions): Required<TrainOptions> {
  const dimensions = wholeField("dimensions", options.dimensions, 1, 65536);
  const { metric = "Euclid", seed = DEFAULT_SEED, epsilon = DEFAULT_EPSILON } = options;
  if (metric !== "Euclid" && metric !== "Cosine" && metric !== "Dot")
    throw badField("metric", "Euclid, Cosine or Dot", metric);
  if (!(typeof epsilon === "number" && epsilon >= 0 && epsilon <= 10))
    throw badField("epsilon", "0 to 10", epsilon);
  if (vectors.length === 0 || vectors.length % dimensions !== 0)
    throw badField("vectors", `a positive multiple of ${dimensions} numbers`, `${vectors.length} numbers`);
  return { dimensions, metric, seed, epsilon };
}
