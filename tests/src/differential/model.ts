/**
 * The reference of the differential test: a collection as a map of points, everything by loops over all of them. No index, no
 * kernel, 64-bit floats. Filters are judged by the reference that the filters' own tests have.
 */
import type { Filter } from "../../../packages/vicinal/dist/payload/filter.js";
import { naive } from "../../../packages/vicinal/dist/payload/filter-reference.test.helper.js";
import { datetimes } from "../../../packages/vicinal/dist/payload/fixtures.test.helper.js";
import {
  decodePayload,
  encodePayload,
  type JsonObject,
  type JsonValue,
} from "../../../packages/vicinal/dist/payload/json.js";
import { parsePath, valuesAt } from "../../../packages/vicinal/dist/payload/path.js";

export type Id = number | bigint | string;
export type Dense = readonly number[];
export interface Sparse {
  indices: number[];
  values: number[];
}
/** Several in one. */
export type Multi = readonly Dense[];
export type Vector = Dense | Sparse | Multi;
export const metrics = ["Cosine", "Dot", "Euclid", "Manhattan"] as const;
export type Metric = (typeof metrics)[number];

export interface Point {
  id: Id;
  vectors: Record<string, Vector>;
  payload: JsonObject;
}

export interface Scored {
  id: Id;
  score: number;
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const dot = (a: Dense, b: Dense) => total(a.map((value, i) => value * b[i]));
const squared = (a: Dense, b: Dense) => total(a.map((value, i) => (value - b[i]) ** 2));
const unit = (a: Dense) => a.map((value) => value / Math.sqrt(dot(a, a)));

/** Larger is nearer. */
const similarities: Record<Metric, (a: Dense, b: Dense) => number> = {
  Cosine: (a, b) => dot(unit(a), unit(b)),
  Dot: dot,
  Euclid: (a, b) => -squared(a, b),
  Manhattan: (a, b) => -total(a.map((value, i) => Math.abs(value - b[i]))),
};

export const isSparse = (vector: Vector): vector is Sparse => "indices" in vector;
export const isMulti = (vector: Vector): vector is Multi =>
  !isSparse(vector) && typeof vector[0] === "object";

/** The product of what two vectors have in common; undefined where that is nothing. */
function product(a: Sparse, b: Sparse): number | undefined {
  const values = new Map(b.indices.map((term, i) => [term, b.values[i]]));
  const shared = a.indices.flatMap((term, i) => {
    const value = values.get(term);
    return value === undefined ? [] : [value * a.values[i]];
  });
  return shared.length > 0 ? total(shared) : undefined;
}

/** How alike a point's vector is to an example, the larger the more. */
function similarityOf(metric: Metric, vector: Vector, example: Vector): number {
  if (isSparse(vector)) return product(vector, example as Sparse) ?? 0;
  if (!isMulti(vector)) return similarities[metric](vector, example as Dense);
  const best = (one: Dense) => Math.max(...vector.map((row) => similarities[metric](row, one)));
  return total((example as Multi).map(best));
}

/** What an answer's `score` is; undefined where the point is no answer. */
function scoreOf(metric: Metric, vector: Vector, query: Vector): number | undefined {
  if (isSparse(vector)) return product(vector, query as Sparse);
  const similarity = similarityOf(metric, vector, query);
  if (metric === "Euclid") return Math.sqrt(-similarity);
  return metric === "Manhattan" ? -similarity : similarity;
}

export const largerIsNearer = (metric: Metric) => metric === "Cosine" || metric === "Dot";

/** Numbers by their values, before UUIDs by their text. */
export function compareIds(a: Id, b: Id): number {
  if (typeof a === "string" || typeof b === "string") {
    if (typeof a !== typeof b) return typeof a === "string" ? 1 : -1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As it comes back from being stored. */
export const stored = (payload: JsonObject): JsonObject => decodePayload(encodePayload(payload));

export type FieldValue = number | bigint | string | boolean;

const isInteger = (value: JsonValue): value is number | bigint =>
  typeof value === "bigint" || Number.isSafeInteger(value);

const WIDEST = 2n ** 64n - 1n;

/** A value as an index of a type keeps it; undefined for values of other types. */
const readers: Record<string, (value: JsonValue) => FieldValue | undefined> = {
  // Half of a surrogate pair is no text: no index holds it.
  keyword: (value) => (typeof value === "string" && !/\p{Surrogate}/u.test(value) ? value : undefined),
  bool: (value) => (typeof value === "boolean" ? value : undefined),
  integer: (value) => (isInteger(value) && value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined),
  // Integers of more than 64 bits are in no index.
  float: (value) =>
    typeof value === "number" || (typeof value === "bigint" && value >= -WIDEST && value <= WIDEST)
      ? value
      : undefined,
  datetime: (value) => (typeof value === "string" ? datetimes.get(value) : undefined),
};

/** What stands at a path, and the items of arrays there. */
function itemsAt(payload: JsonObject, path: string): JsonValue[] {
  return valuesAt(payload, parsePath(path)).flatMap((value) => (Array.isArray(value) ? value : [value]));
}

const distinct = <T>(values: readonly T[]): T[] => [...new Map(values.map((v) => [String(v), v])).values()];

export class Model {
  readonly metric: Metric;
  /** Types of field indexes by their paths. */
  readonly indexes = new Map<string, string>();
  readonly #points = new Map<string, Point>();

  constructor(metric: Metric) {
    this.metric = metric;
  }

  get points(): Point[] {
    return [...this.#points.values()].sort((a, b) => compareIds(a.id, b.id));
  }

  /** Its points at this moment, by the text of their ids, to be told of or restored. */
  copy(): Map<string, Point> {
    return new Map(this.#points);
  }

  restore(points: ReadonlyMap<string, Point>): void {
    this.#points.clear();
    for (const [id, point] of points) this.#points.set(id, point);
  }

  find(id: Id): Point | undefined {
    return this.#points.get(String(id));
  }

  put(point: Point): void {
    this.#points.set(String(point.id), { ...point, payload: stored(point.payload) });
  }

  delete(id: Id): void {
    this.#points.delete(String(id));
  }

  matching(filter: Filter | undefined): Point[] {
    const texts = new Set<string>();
    return this.points.filter(
      ({ id, payload, vectors }) =>
        !filter || naive(filter, { id, payload, texts, vectors: Object.keys(vectors) }),
    );
  }

  /** The distinct values that an index of that type holds of the point. */
  fieldValues({ payload }: Point, path: string, type: string): FieldValue[] {
    const values = itemsAt(payload, path).map(readers[type]);
    return distinct(values.filter((value) => value !== undefined));
  }

  /** The groups that the point is in: none where one of its values cannot name a group. */
  groupKeys({ payload }: Point, path: string): FieldValue[] {
    const values = itemsAt(payload, path);
    const keys = values.filter((value) => typeof value === "string" || isInteger(value));
    return keys.length === values.length ? [...new Set(keys)] : [];
  }

  /** The vector of an example; of a stored point as it is stored. */
  exampleVector(using: string, example: Id | Vector): Vector {
    if (typeof example === "object") return example;
    const vector = this.find(example)?.vectors[using] as Vector;
    if (this.metric !== "Cosine" || isSparse(vector)) return vector;
    return isMulti(vector) ? vector.map(unit) : unit(vector);
  }

  /** All points that a query by this vector may answer, in any order. */
  nearest(using: string, query: Vector, points: readonly Point[]): Scored[] {
    return withVector(points, using).flatMap(({ id, vector }) => {
      const score = scoreOf(this.metric, vector, query);
      return score === undefined ? [] : [{ id, score }];
    });
  }

  /** The same by what a point is worth by its similarities to examples. */
  byExamples(
    using: string,
    points: readonly Point[],
    worth: (similarity: (example: Id | Vector) => number) => number,
  ): Scored[] {
    return withVector(points, using).map(({ id, vector }) => ({
      id,
      score: worth((example) => similarityOf(this.metric, vector, this.exampleVector(using, example))),
    }));
  }
}

function withVector(points: readonly Point[], using: string): { id: Id; vector: Vector }[] {
  return points.flatMap(({ id, vectors }) => (vectors[using] ? [{ id, vector: vectors[using] }] : []));
}
