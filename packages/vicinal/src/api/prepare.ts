/** From requests that passed their schemas to what the segments store: ids, vectors and payloads checked against the collection. */
import type { Metric } from "../index/contract.js";
import type { SparseVector } from "../index/sparse/index.js";
import { type PointId, parsePointId } from "../payload/id.js";
import { encodePayload } from "../payload/json.js";
import { VicinalError } from "../runtime/errors.js";
import { type BlobRefs, encodeRefs } from "../segment/blob-refs.js";
import type { CollectionConfig, SparseConfig, VectorConfig } from "../segment/config.js";
import { roundTo } from "../segment/datatype.js";
import type { DenseVector, MultiVector, StoredPoint, StoredVector } from "../segment/effects.js";
import type {
  PointInsertOperations,
  SupportedBatchVectorStruct,
  SupportedVectorStruct,
  UpdateVectors,
} from "./schema/index.js";

type Dense = ArrayLike<number>;
/** A vector of any kind as a request holds it. */
export type GivenVector =
  | Dense
  | readonly Dense[]
  | { indices: ArrayLike<number>; values: ArrayLike<number> };

/** The dense vector of that name, or UNKNOWN_VECTOR. */
export function vectorConfig(config: CollectionConfig, name: string): VectorConfig {
  const vector = Object.hasOwn(config.vectors, name) ? config.vectors[name] : undefined;
  if (vector) return vector;
  throw new VicinalError("UNKNOWN_VECTOR", `Wrong input: Not existing vector name error: ${name}`, { name });
}

/** The sparse vector of that name; undefined where there is none. */
export function sparseVectorConfig({ sparse }: CollectionConfig, name: string): SparseConfig | undefined {
  return sparse && Object.hasOwn(sparse, name) ? sparse[name] : undefined;
}

/** What vectors of that name, dense or sparse, are compared by; sparse ones by their products. UNKNOWN_VECTOR. */
export function metricOf(config: CollectionConfig, name: string): Metric {
  return sparseVectorConfig(config, name) ? "Dot" : vectorConfig(config, name).distance;
}

/** A given vector as vectors of that name are stored. WRONG_DIMENSION, BAD_VECTOR, UNKNOWN_VECTOR. */
export function storedVector(
  config: CollectionConfig,
  name: string,
  given: GivenVector,
  at: string,
): StoredVector {
  if (!isSparse(given)) {
    if (given.length === 0) throw badRows(at, at, "dense vector must not be empty");
    if (isMany(given)) checkRows(given, at);
  }
  if (sparseVectorConfig(config, name)) {
    if (!isSparse(given)) throw wrongKind("sparse", isMany(given) ? "multi" : "dense", name, at);
    return storedSparse(given, at);
  }
  const vector = vectorConfig(config, name);
  if (isSparse(given)) throw wrongKind(vector.multi ? "multi" : "dense", "sparse", name, at);
  if (vector.multi) return storedMulti(vector, name, isMany(given) ? given : [given], at);
  if (isMany(given)) throw wrongKind("dense", "multi", name, at);
  return storedDense(vector, name, given, at);
}

function isSparse(given: GivenVector): given is { indices: ArrayLike<number>; values: ArrayLike<number> } {
  return "indices" in given;
}

function isMany(given: Dense | readonly Dense[]): given is readonly Dense[] {
  return typeof given[0] === "object";
}

/** The vectors of a multi-vector are of one length, and not empty. The message names the place as Qdrant does. */
function checkRows(rows: readonly Dense[], at: string): void {
  const place = at.replace(/\.vector(\..*)?$/, ".vector.?.data");
  if (rows.some(({ length }) => length === 0)) throw badRows(at, place, "all vectors must be non-empty");
  const other = rows.find(({ length }) => length !== rows[0].length);
  if (other)
    throw badRows(
      at,
      place,
      `all vectors must have the same dimension, found vector with dimension ${other.length}`,
    );
}

function badRows(at: string, place: string, rule: string): VicinalError {
  return new VicinalError("BAD_VECTOR", `Validation error in JSON body: [${place}: ${rule}]`, { path: at });
}

function wrongKind(expected: string, actual: string, name: string, at: string): VicinalError {
  return new VicinalError(
    "BAD_VECTOR",
    `Wrong input: ${at}: \`${name}\` is a ${expected} vector, got a ${actual} one`,
    { path: at, vector: name, expected, actual },
  );
}

/** Terms in rising order. The schema has seen to equal lengths and distinct terms. */
function storedSparse(
  { indices, values }: { indices: ArrayLike<number>; values: ArrayLike<number> },
  at: string,
): SparseVector {
  const terms = Uint32Array.from(indices);
  const weights = Float32Array.from(values);
  if (!weights.every(Number.isFinite)) throw beyond("float32", at);
  for (let i = 1; i < terms.length; i++)
    if (terms[i] < terms[i - 1]) {
      const order = Uint32Array.from(terms.keys()).sort((a, b) => terms[a] - terms[b]);
      return {
        terms: order.map((at) => terms[at]),
        values: Float32Array.from(order, (at) => weights[at]),
      };
    }
  return { terms, values: weights };
}

/** Numbers of one multi-vector at most, as in Qdrant. */
const MULTI_NUMBERS = 32_000_000;

function storedMulti(vector: VectorConfig, name: string, rows: readonly Dense[], at: string): MultiVector {
  const { size, distance } = vector;
  if (rows.length * size > MULTI_NUMBERS)
    throw new VicinalError(
      "OUT_OF_RANGE",
      `Validation error: ${at}: a multi-vector has at most ${MULTI_NUMBERS} numbers, got ${rows.length * size}`,
      { path: at, vector: name, allowed: MULTI_NUMBERS, actual: rows.length * size },
    );
  const data = new Float32Array(rows.length * size);
  const norms = distance === "Cosine" ? new Float32Array(rows.length) : undefined;
  rows.forEach((row, i) => {
    const stored = storedDense(vector, name, row, `${at}[${i}]`);
    data.set(stored.data, i * size);
    if (norms) norms[i] = stored.norm;
  });
  return { data, count: rows.length, norms };
}

/**
 * A float32 copy of the right length, of unit length for Cosine (a zero vector stays zero), rounded to the vector's type: for
 * Cosine bytes before they are brought to unit length, half floats after it, since that is what is compared.
 */
function storedDense(
  { size, distance, datatype }: VectorConfig,
  name: string,
  given: Dense,
  at: string,
): DenseVector {
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
    return request.points.map(({ id, vector, payload, blobs }, i) =>
      withRefs(
        storedPoint(config, id, namedVectors(vector as SupportedVectorStruct), payload, `points[${i}]`),
        blobs,
      ),
    );
  const { ids, vectors, payloads, blobs } = request.batch;
  const columns = vectors as SupportedBatchVectorStruct;
  return ids.map((id, i) => {
    const named: [string, GivenVector][] = Array.isArray(columns)
      ? [["", columns[i]]]
      : Object.entries(columns).map(([name, column]) => [name, column[i]]);
    return withRefs(storedPoint(config, id, named, payloads?.[i], `batch[${i}]`), blobs?.[i]);
  });
}

/** @param blobs References: the bytes were stored before (see withStoredBlobs). */
function withRefs(point: StoredPoint, blobs: object | null | undefined): StoredPoint {
  if (blobs) point.blobs = encodeRefs(blobs as BlobRefs);
  return point;
}

/** The vectors of a point by their names; an unnamed one alone has the empty name. */
export function namedVectors(vector: SupportedVectorStruct): [string, GivenVector][] {
  return Array.isArray(vector) || ArrayBuffer.isView(vector)
    ? [["", vector as GivenVector]]
    : Object.entries(vector as Record<string, GivenVector>);
}

function storedPoint(
  config: CollectionConfig,
  id: unknown,
  named: [string, GivenVector][],
  payload: unknown,
  at: string,
): StoredPoint {
  return {
    id: parsePointId(id, `${at}.id`),
    vectors: storedVectors(config, named, at),
    payload: encodePayload(payload ?? {}, `${at}.payload`),
  };
}

/** @param at Where the point stands in the request. */
export function storedVectors(
  config: CollectionConfig,
  named: readonly [string, GivenVector][],
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
