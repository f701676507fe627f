/** From requests that passed their schemas to what the segments store: ids, vectors and payloads checked against the collection. */
import { type PointId, parsePointId } from "../payload/id.js";
import { encodePayload } from "../payload/json.js";
import { VicinalError } from "../runtime/errors.js";
import type { CollectionConfig, VectorConfig } from "../segment/config.js";
import { roundTo } from "../segment/datatype.js";
import type { StoredPoint, StoredVector } from "../segment/effects.js";
import type {
  PointInsertOperations,
  SupportedBatchVectorStruct,
  SupportedVectorStruct,
  UpdateVectors,
} from "./schema/index.js";

type Dense = ArrayLike<number>;

/** The vector of that name, or UNKNOWN_VECTOR. */
export function vectorConfig(config: CollectionConfig, name: string): VectorConfig {
  const vector = Object.hasOwn(config.vectors, name) ? config.vectors[name] : undefined;
  if (vector) return vector;
  throw new VicinalError("UNKNOWN_VECTOR", `Wrong input: Not existing vector name error: ${name}`, { name });
}

function isDense(value: unknown): value is Dense {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/**
 * A float32 copy of the right length, of unit length for Cosine (a zero vector stays zero), rounded to the vector's type: for
 * Cosine bytes before they are brought to unit length, half floats after it, since that is what is compared.
 */
export function storedVector(config: CollectionConfig, name: string, given: Dense, at: string): StoredVector {
  const { size, distance, datatype } = vectorConfig(config, name);
  if (given.length !== size)
    throw new VicinalError(
      "WRONG_DIMENSION",
      `Wrong input: Vector dimension error: expected dim: ${size}, got ${given.length}`,
      { path: at, vector: name, expected: size, actual: given.length },
    );
  const data = Float32Array.from(given);
  // NaN and infinities do not cancel out in a sum of squares, and finite float32 numbers cannot overflow it.
  if (!Number.isFinite(squareOf(data))) throw beyond("float32", at);
  if (datatype === "uint8") roundTo(datatype, data);
  let norm = 1;
  if (distance === "Cosine") {
    norm = Math.sqrt(squareOf(data));
    if (norm > 0) for (let i = 0; i < data.length; i++) data[i] /= norm;
  }
  if (datatype === "float16" && !roundTo(datatype, data)) throw beyond(datatype, at);
  return { data, norm };
}

function squareOf(data: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += data[i] * data[i];
  return squares;
}

function beyond(type: string, at: string): VicinalError {
  const message = `${at}: the vector holds a number beyond the range of ${type}`;
  return new VicinalError("BAD_VECTOR", message, { path: at });
}

export function storedPoints(config: CollectionConfig, request: PointInsertOperations): StoredPoint[] {
  if ("points" in request)
    return request.points.map(({ id, vector, payload }, i) =>
      storedPoint(config, id, namedVectors(vector as SupportedVectorStruct), payload, `points[${i}]`),
    );
  const { ids, vectors, payloads } = request.batch;
  const columns = vectors as SupportedBatchVectorStruct;
  return ids.map((id, i) => {
    const named: [string, Dense][] = Array.isArray(columns)
      ? [["", columns[i]]]
      : Object.entries(columns).map(([name, column]) => [name, column[i]]);
    return storedPoint(config, id, named, payloads?.[i], `batch[${i}]`);
  });
}

function namedVectors(vector: SupportedVectorStruct): [string, Dense][] {
  return isDense(vector) ? [["", vector]] : Object.entries(vector);
}

function storedPoint(
  config: CollectionConfig,
  id: unknown,
  named: [string, Dense][],
  payload: unknown,
  at: string,
): StoredPoint {
  return {
    id: parsePointId(id, `${at}.id`),
    vectors: storedVectors(config, named, at),
    payload: encodePayload(payload ?? {}, `${at}.payload`),
  };
}

function storedVectors(
  config: CollectionConfig,
  named: [string, Dense][],
  at: string,
): StoredPoint["vectors"] {
  return named.map(([name, given]) => ({
    name,
    vector: storedVector(config, name, given, name === "" ? `${at}.vector` : `${at}.vector.${name}`),
  }));
}

/** Vectors alone, of points that are there. */
export function storedPointVectors(
  config: CollectionConfig,
  points: UpdateVectors["points"],
): Omit<StoredPoint, "payload">[] {
  return points.map(({ id, vector }, i) => ({
    id: parsePointId(id, `points[${i}].id`),
    vectors: storedVectors(config, namedVectors(vector as SupportedVectorStruct), `points[${i}]`),
  }));
}

export function pointIds(given: readonly unknown[], at = "points"): PointId[] {
  return given.map((id, i) => parsePointId(id, `${at}[${i}]`));
}
