/** Checks of what callers hand over, each before anything changes. */
import type { Metric } from "../index/contract.js";
import { setBit } from "../runtime/bits.js";
import { VicinalError } from "../runtime/errors.js";
import type { Vectors } from "./contract.js";

const metrics: readonly Metric[] = ["Euclid", "Cosine", "Dot", "Manhattan"];
/** Of a vector, as everywhere in the engine. */
const MOST_DIMENSIONS = 65_535;
/** Labels are 32-bit integers. */
const MOST_LABELS = 2 ** 31 - 1;

/** BAD_REQUEST naming the argument, what it may be and what it is. */
export function badArgument(field: string, allowed: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `${field} must be ${allowed}, not ${String(value)}`, {
    field,
    allowed,
  });
}

export function checkedMetric(value: unknown): Metric {
  const metric = metrics.find((name) => name === value);
  if (!metric) throw badArgument("metric", metrics.join(", "), value);
  return metric;
}

export function checkedDimensions(value: unknown): number {
  return checkedWhole("dimensions", value, 1, MOST_DIMENSIONS);
}

export function checkedK(value: unknown): number {
  return checkedWhole("k", value, 1, MOST_LABELS);
}

export function checkedWhole(field: string, value: unknown, low: number, high: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw badArgument(field, `an integer from ${low} to ${high}`, value);
}

/** A number from `low` to `high`, or undefined. */
export function checkedShare(field: string, value: unknown, low: number, high: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw badArgument(field, `a number from ${low} to ${high}`, value);
}

/** Whole vectors of finite float32 numbers. A Float32Array comes back itself. */
export function checkedVectors(field: string, given: Vectors, dimensions: number): Float32Array {
  const vectors = given instanceof Float32Array ? given : numbersOf(field, given);
  if (vectors.length % dimensions !== 0)
    throw new VicinalError(
      "WRONG_DIMENSION",
      `${field} must hold a multiple of ${dimensions} numbers, not ${vectors.length}`,
      { field, expected: dimensions, actual: vectors.length },
    );
  for (let i = 0; i < vectors.length; i++) {
    if (Number.isFinite(vectors[i])) continue;
    throw new VicinalError("BAD_VECTOR", `${field}[${i}] must be a finite float32, not ${String(given[i])}`, {
      field,
      index: i,
    });
  }
  return vectors;
}

function numbersOf(field: string, given: unknown): Float32Array {
  if (Array.isArray(given) && given.every((value) => typeof value === "number"))
    return Float32Array.from(given);
  throw badArgument(field, "a Float32Array or an array of numbers", describe(given));
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "an array of other things" : Object.prototype.toString.call(value);
}

/** Bits of labels below `count`. */
export function labelBits(field: string, labels: Iterable<number>, count: number): Uint32Array {
  const bits = new Uint32Array((count + 31) >>> 5);
  for (const label of labels) setBit(bits, checkedLabel(field, label, count));
  return bits;
}

export function checkedLabel(field: string, label: unknown, count: number): number {
  if (typeof label === "number" && Number.isInteger(label) && label >= 0 && label < count) return label;
  throw new VicinalError("OUT_OF_RANGE", `${field} must be below ${count}, not ${String(label)}`, {
    field,
    allowed: `0 to ${count - 1}`,
  });
}

/** Copies of vectors, each of length 1; those of length 0 stay as they are. */
export function normalised(vectors: Float32Array, dimensions: number): Float32Array {
  const result = new Float32Array(vectors.length);
  for (let at = 0; at < vectors.length; at += dimensions) {
    let square = 0;
    for (let i = at; i < at + dimensions; i++) square += vectors[i] * vectors[i];
    const factor = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let i = at; i < at + dimensions; i++) result[i] = vectors[i] * factor;
  }
  return result;
}
