/** What a point's vectors are in JSON lines: dense, sparse, many in one, or any of these by names. */
import type { Point, SparseVector, StoredVector, Vector } from "../client.js";
import { UserError } from "../errors.js";

/** @param place for messages */
export function pointVectors(value: unknown, place: string): Point["vector"] {
  if (value === undefined) throw new UserError(`${place}: no "vector"`);
  if (isDense(value) || isMulti(value)) return value;
  if (!isRecord(value))
    throw new UserError(
      `${place}: "vector" is neither an array of numbers, nor several of these, nor named ones`,
    );
  for (const [name, vector] of Object.entries(value))
    if (!isDense(vector) && !isMulti(vector) && !isSparse(vector))
      throw new UserError(
        `${place}: vector ${JSON.stringify(name)} is no array of numbers, no array of such, and has no "indices" and "values"`,
      );
  return value as Record<string, StoredVector>;
}

export function isDense(value: unknown): value is Vector {
  return value instanceof Float32Array || isNumbers(value);
}

/** Rows of one length. */
export function isMulti(value: unknown): value is Vector[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isDense)) return false;
  return value.every((row: Vector) => row.length === value[0].length);
}

/** As many indices as values; none at all is a vector too. */
export function isSparse(value: unknown): value is SparseVector {
  if (!isRecord(value) || !Array.isArray(value.indices) || !Array.isArray(value.values)) return false;
  const isNumber = (part: unknown) => typeof part === "number";
  const { indices, values } = value;
  return indices.length === values.length && indices.every(isNumber) && values.every(isNumber);
}

/** Whether one vector without a name. */
export function isUnnamed(vector: Point["vector"]): vector is Vector | Vector[] {
  return isDense(vector) || isMulti(vector);
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === "number");
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
