/** From what a query compares with, a vector or a point's id, to the vector itself. */
import { type PointId, parsePointId } from "../payload/id.js";
import { after, afterEach } from "../runtime/after.js";
import { VicinalError } from "../runtime/errors.js";
import type { StoredVector } from "../segment/effects.js";
import type { CollectionState, Place } from "../segment/state.js";
import { storedVector, vectorConfig } from "./prepare.js";

/** Where the vectors of points that are named by their ids are kept. */
export interface LookupPlace {
  state: CollectionState;
  /** Name of the vector. */
  vector: string;
}

export type Example = ArrayLike<number> | PointId;

export interface ExampleVector {
  /** Of unit length where the metric is Cosine. */
  query: Float32Array;
  /** The components as they were given or are stored. */
  given: Float32Array;
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
    return { query: storedVector(state.config, using, given, at).data, given: Float32Array.from(given) };
  const from = lookup ?? { state, vector: using };
  const id = parsePointId(given, at);
  const place = from.state.find(id);
  if (!place) throw pointNotFound(id);
  return after(readVector(place, from.vector), (vector) => {
    if (!vector) throw vectorNotFound(id, from.vector);
    const asStored = from.state === state && from.vector === using;
    const query = asStored ? vector.data : storedVector(state.config, using, vector.data, at).data;
    return from.state === state ? { query, given: vector.data, id } : { query, given: vector.data };
  });
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
  const column = segment.vectors.get(using);
  if (!column?.file) return column?.get(row);
  const leave = segment.readers.enter();
  return Promise.resolve(column.getMany([row]))
    .then(([vector]) => vector)
    .finally(leave);
}

/** The place that `lookup_from` names. COLLECTION_NOT_FOUND, UNKNOWN_VECTOR. */
export function lookupPlace(
  given: { collection: string; vector?: string | null } | null | undefined,
  stateOf: (collection: string) => CollectionState,
): LookupPlace | undefined {
  if (!given) return undefined;
  const state = stateOf(given.collection);
  const vector = given.vector ?? "";
  vectorConfig(state.config, vector);
  return { state, vector };
}

export function pointNotFound(id: PointId): VicinalError {
  return new VicinalError("POINT_NOT_FOUND", `Not found: No point with id ${id} found`, { id });
}
