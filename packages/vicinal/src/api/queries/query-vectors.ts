/** From what a query compares with, a vector or a point's id, to the vector itself. */
import { type PointId, parsePointId } from "../../payload/id.js";
import { type QueryVector, queryVectorOf } from "../../query/query-vector.js";
import { after, afterEach } from "../../runtime/after.js";
import { VicinalError } from "../../runtime/errors.js";
import type { StoredVector } from "../../segment/effects.js";
import type { CollectionState, Place } from "../../segment/state.js";
import { type GivenVector, metricOf, storedVector } from "../prepare.js";

/** Where the vectors of points that are named by their ids are kept. */
export interface LookupPlace {
  state: CollectionState;
  /** Name of the vector. */
  vector: string;
}

export type Example = GivenVector | PointId;

export interface ExampleVector {
  query: QueryVector;
  /** As it was given, or is stored. */
  given: GivenVector | StoredVector;
  /** The point of the searched collection that gave its vector: it is no answer to itself. */
  id?: PointId;
}

/** What an example is compared with. */
export interface Comparison {
  /** Name of the searched collection's vector. */
  using: string;
  lookup: LookupPlace | undefined;
  /** Where the example stands in the request, for messages. */
  at: string;
}

/**
 * A promise only where a vector has to be read from a file.
 * @throws POINT_NOT_FOUND, UNKNOWN_VECTOR, WRONG_DIMENSION
 */
export function exampleVector(
  state: CollectionState,
  { using, lookup, at }: Comparison,
  given: Example,
): ExampleVector | Promise<ExampleVector> {
  if (typeof given === "object")
    return { query: queryVectorOf(storedVector(state.config, using, given, at)), given };
  const from = lookup ?? { state, vector: using };
  const id = parsePointId(given, at);
  const place = from.state.find(id);
  if (!place) throw pointNotFound(id);
  metricOf(from.state.config, from.vector);
  return after(readVector(place, from.vector), (vector) => {
    if (!vector) throw vectorNotFound(id, from.vector);
    const asStored = from.state === state && from.vector === using;
    const taken = asStored ? vector : storedVector(state.config, using, asGiven(vector), at);
    const example = { query: queryVectorOf(taken), given: vector };
    return from.state === state ? { ...example, id } : example;
  });
}

/** A stored vector as if a request had brought it. */
export function asGiven(vector: StoredVector): GivenVector {
  if ("terms" in vector) return { indices: vector.terms, values: vector.values };
  if (!("count" in vector)) return vector.data;
  const { data, count } = vector;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

/** As `exampleVector`, of several. */
export function exampleVectors(
  state: CollectionState,
  comparison: Comparison,
  given: readonly Example[],
): ExampleVector[] | Promise<ExampleVector[]> {
  return afterEach(given, (example) => exampleVector(state, comparison, example));
}

/** Where the points lie now, each once; those that are gone by now lie nowhere. */
export function placesOf(state: CollectionState, ids: readonly PointId[]): Place[] {
  if (ids.length === 0) return [];
  return [...new Set(ids)].map((id) => state.find(id)).filter((place) => place !== undefined);
}

function vectorNotFound(id: PointId, using: string): VicinalError {
  return new VicinalError("UNKNOWN_VECTOR", `Wrong input: Point ${id} has no vector named \`${using}\``, {
    id,
    using,
  });
}

function readVector(
  { segment, row }: Place,
  using: string,
): StoredVector | undefined | Promise<StoredVector | undefined> {
  const column = segment.column(using);
  if (!column?.file) return column?.get(row);
  const leave = segment.readers.enter();
  return Promise.resolve(column.getMany([row]))
    .then(([vector]) => vector)
    .finally(leave);
}

/**
 * The place that `lookup_from` names; without a vector that which is searched. Whether there is such a vector is asked once a point
 * is looked up. COLLECTION_NOT_FOUND.
 */
export function lookupPlace(
  given: { collection: string; vector?: string | null } | null | undefined,
  using: string,
  stateOf: (collection: string) => CollectionState,
): LookupPlace | undefined {
  return given ? { state: stateOf(given.collection), vector: given.vector ?? using } : undefined;
}

export function pointNotFound(id: PointId): VicinalError {
  return new VicinalError("POINT_NOT_FOUND", `Not found: No point with id ${id} found`, { id });
}
