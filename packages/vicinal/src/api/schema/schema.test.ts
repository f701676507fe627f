import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VicinalError } from "../../runtime/errors.js";
import type { Schema } from "../../runtime/schema.js";
import {
  collectionName,
  countRequest,
  createCollection,
  createFieldIndex,
  pointInsertOperations,
  pointRequest,
  pointsSelector,
  queryOfSearch,
  queryRequest,
  scrollRequest,
  searchRequest,
  setPayload,
  updateCollection,
} from "./index.js";

function fault(schema: Schema<unknown>, value: unknown): VicinalError {
  try {
    schema.parse(value);
  } catch (error) {
    if (error instanceof VicinalError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(value)}`);
}

const uuid = "550e8400-e29b-41d4-a716-446655440000";

describe("accepted", () => {
  test.each<[string, Schema<unknown>, unknown]>([
    ["one vector", createCollection, { vectors: { size: 4, distance: "Cosine" } }],
    [
      "named vectors",
      createCollection,
      {
        vectors: {
          a: { size: 4, distance: "Dot", index: { type: "flat" } },
          size: { size: 1, distance: "Euclid" },
        },
      },
    ],
    [
      "configurations",
      createCollection,
      {
        vectors: { size: 65_535, distance: "Manhattan", on_disk: true, datatype: "float32" },
        hnsw_config: { m: 16, ef_construct: 200 },
        optimizers_config: { indexing_threshold: 0, max_optimization_threads: "auto" },
        quantization_config: { scalar: { type: "int8", always_ram: true } },
        wal_config: { wal_capacity_mb: 1 },
        shard_number: 1,
        sparse_vectors: null,
        metadata: { owner: "me" },
      },
    ],
    [
      "an update",
      updateCollection,
      { vectors: { "": { hnsw_config: { m: 32 } } }, quantization_config: "Disabled" },
    ],
    ["numbers as vector", pointInsertOperations, { points: [{ id: 1, vector: [0.5, 1] }] }],
    [
      "a typed array",
      pointInsertOperations,
      { points: [{ id: 2n ** 64n - 1n, vector: Float32Array.of(1) }] },
    ],
    [
      "vectors by name",
      pointInsertOperations,
      { points: [{ id: uuid, vector: { text: [1], model: [2] }, payload: null }] },
    ],
    [
      "columns",
      pointInsertOperations,
      { batch: { ids: [1, uuid], vectors: [[1], [2]], payloads: [null, {}] } },
    ],
    [
      "named columns",
      pointInsertOperations,
      { batch: { ids: [1], vectors: { a: [[1]], b: [Float32Array.of(2)] } } },
    ],
    ["ids to delete", pointsSelector, { points: [1, "550E8400E29B41D4A716446655440000"] }],
    ["a filter to delete by", pointsSelector, { filter: {} }],
    ["payload by ids", setPayload, { payload: { a: 0 }, points: [1], key: "b.c" }],
    ["ids to fetch", pointRequest, { ids: [1], with_payload: ["a"], with_vector: true }],
    ["a page", scrollRequest, { offset: 7n, limit: 1, with_payload: { exclude: ["a"] } }],
    ["a count", countRequest, { exact: false, filter: null }],
    ["a query by vector", queryRequest, { query: [1], limit: 3, params: { recall: 0.95, hnsw_ef: 10 } }],
    ["a query by id", queryRequest, { query: uuid, using: "a" }],
    ["a nearest query", queryRequest, { query: { nearest: 5 }, score_threshold: -1, offset: 0 }],
    ["no query", queryRequest, {}],
    ["a search", searchRequest, { vector: { name: "a", vector: [1] }, limit: 1 }],
    ["an index", createFieldIndex, { field_name: "a.b", field_schema: "keyword" }],
    [
      "an index with options",
      createFieldIndex,
      { field_name: "a", field_schema: { type: "integer", range: true } },
    ],
  ])("%s", (_name, schema, value) => {
    expect(schema.parse(value)).toBe(value);
  });
});

describe("refused, naming the culprit", () => {
  test.each<[Schema<unknown>, unknown, string, string]>([
    [
      createCollection,
      { vectors: { size: 0, distance: "Dot" } },
      "OUT_OF_RANGE",
      "vectors.size: value 0 invalid, must be from 1 to 65536",
    ],
    [createCollection, { vectors: { size: 4 } }, "BAD_REQUEST", "vectors.distance: is missing"],
    [
      createCollection,
      { vectors: { size: 4, distance: "Hamming" } },
      "BAD_REQUEST",
      'vectors.distance: expected "Cosine", "Euclid", "Dot" or "Manhattan", got "Hamming"',
    ],
    [
      createCollection,
      { vectors: { a: { size: 4, distance: "Dot", datatype: "turbo8" } } },
      "BAD_REQUEST",
      'vectors.a.datatype: expected "float32", "float16", "uint8" or "turbo4", got "turbo8"',
    ],
    [
      createCollection,
      { sparse_vectors: { text: { modifier: "bm25" } } },
      "BAD_REQUEST",
      'sparse_vectors.text.modifier: expected "none" or "idf", got "bm25"',
    ],
    [
      createCollection,
      { hnsw_config: { ef_construct: 1 } },
      "OUT_OF_RANGE",
      "hnsw_config.ef_construct: value 1 invalid, must be 4 or larger",
    ],
    [pointInsertOperations, { points: [] }, "BAD_REQUEST", "points: Empty update request"],
    [
      pointInsertOperations,
      {},
      "BAD_REQUEST",
      "expected an object with `points` or an object with `batch`, got an object",
    ],
    [
      pointInsertOperations,
      { points: [{ id: "1", vector: [1] }] },
      "BAD_POINT_ID",
      'points[0].id: value "1" is not a valid point ID',
    ],
    [
      pointInsertOperations,
      { points: [{ id: 1, vector: [1, null] }] },
      "BAD_VECTOR",
      "points[0].vector[1]: expected a number, got null",
    ],
    [
      pointInsertOperations,
      { points: [{ id: 1, vector: { a: [Number.NaN] } }] },
      "BAD_VECTOR",
      "points[0].vector.a[0]: expected a finite float32, got NaN",
    ],
    [
      pointInsertOperations,
      { points: [{ id: 1, vector: { text: 5, model: "m" } }] },
      "BAD_REQUEST",
      "points[0].vector.text: expected a string, got 5",
    ],
    [
      pointInsertOperations,
      { points: [{ id: 1, vector: { a: { indices: [1], values: [1, 2] } } }] },
      "OUT_OF_RANGE",
      "points[0].vector.a.values: Validation error: must be the same length as indices",
    ],
    [
      pointInsertOperations,
      { batch: { ids: [1, 2], vectors: [[1]] } },
      "OUT_OF_RANGE",
      "batch: number of ids and vectors must be equal (2 != 1)",
    ],
    [
      pointInsertOperations,
      { batch: { ids: [1], vectors: { a: [] } } },
      "OUT_OF_RANGE",
      "batch: number of ids and a must be equal (1 != 0)",
    ],
    [setPayload, { payload: {} }, "BAD_REQUEST", "either `points` or `filter` must be given"],
    [
      setPayload,
      { payload: [], points: [1] },
      "BAD_REQUEST",
      "payload: expected an object, got an array of 0",
    ],
    [pointsSelector, { filter: 3 }, "BAD_FILTER", "filter: expected"],
    [queryRequest, { limit: 0 }, "OUT_OF_RANGE", "limit: value 0 invalid, must be 1 or larger"],
    [queryRequest, { prefetch: 3 }, "BAD_REQUEST", "prefetch: expected an object"],
    [queryRequest, { prefetch: [{ limit: 0 }] }, "OUT_OF_RANGE", "prefetch[0].limit: value 0 invalid"],
    [queryRequest, { query: { fusion: "sum" } }, "BAD_REQUEST", "query.fusion: expected"],
    [
      queryRequest,
      { query: { nearest: { indices: [3, 3], values: [1, 2] } } },
      "OUT_OF_RANGE",
      "query.nearest.indices: Validation error: must be unique",
    ],
    [queryRequest, { query: "x" }, "BAD_POINT_ID", 'query: value "x" is not a valid point ID'],
    [
      queryRequest,
      { params: { recall: 1.5 } },
      "OUT_OF_RANGE",
      "params.recall: value 1.5 invalid, must be from 0.0 to 1.0",
    ],
    [searchRequest, { vector: [1] }, "BAD_REQUEST", "limit: is missing"],
    [
      createFieldIndex,
      { field_name: "a", field_schema: "fulltext" },
      "BAD_REQUEST",
      "field_schema: expected",
    ],
    [
      createFieldIndex,
      { field_name: "a", field_schema: "colour" },
      "BAD_REQUEST",
      'field_schema: expected "keyword", "integer", "float", "geo"',
    ],
    [
      createFieldIndex,
      { field_name: "a", field_schema: { type: "text", stemmer: { type: "snowball", language: "klingon" } } },
      "BAD_REQUEST",
      'field_schema.stemmer.language: expected "arabic"',
    ],
    [collectionName, "a/b", "OUT_OF_RANGE", "expected a name without"],
    [collectionName, "", "OUT_OF_RANGE", "expected at least 1 characters"],
  ])("%#", (schema, value, code, message) => {
    const error = fault(schema, value);
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });
});

/** All places inside a JSON value, as key sequences; the value itself is the empty one. */
function placesOf(value: unknown): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [[]];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [
    [],
    ...keys.flatMap((key) => placesOf(value[key as keyof typeof value]).map((rest) => [key, ...rest])),
  ];
}

function replaced(value: unknown, place: readonly (string | number)[], by: unknown): unknown {
  if (place.length === 0) return by;
  const [key, ...rest] = place;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

function pathOf(place: readonly (string | number)[]): string {
  return place.map((key, i) => (typeof key === "number" ? `[${key}]` : i > 0 ? `.${key}` : key)).join("");
}

describe("a spoiled request is refused at the spoiled place", () => {
  test.each<[string, Schema<unknown>, unknown]>([
    [
      "upsert",
      pointInsertOperations,
      {
        points: [
          { id: 1, vector: [0.5] },
          { id: uuid, vector: { a: [1] }, payload: { b: 1 } },
        ],
      },
    ],
    [
      "query",
      queryRequest,
      {
        query: { nearest: [1, 2] },
        using: "a",
        params: { recall: 1, quantization: { rescore: true } },
        limit: 5,
      },
    ],
    [
      "collection",
      createCollection,
      {
        vectors: { a: { size: 4, distance: "Dot", hnsw_config: { m: 8 } } },
        optimizers_config: { flush_interval_sec: 1 },
      },
    ],
  ])("%s", (_name, schema, request) => {
    const garbage = fc.constantFrom<unknown>("?", -1.5, true, [true], { "?": true }, Number.NaN, () => 0);
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...placesOf(request)), garbage, (place, by) => {
        const spoiled = replaced(request, place, by);
        const issue = schema.check(spoiled);
        if (issue === undefined) return;
        refused++;
        const { path } = fault(schema, spoiled).details;
        const expected = pathOf(place);
        // At the place or inside it; or at the value around it, where none of its forms is recognised any more.
        expect(String(path).startsWith(expected) || expected.startsWith(String(path))).toBe(true);
      }),
      { seed: 5, numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(250);
  });
});

test("an older search becomes a query", () => {
  expect(queryOfSearch({ vector: [1, 2], limit: 3, with_payload: true })).toEqual({
    query: [1, 2],
    limit: 3,
    with_payload: true,
  });
  expect(queryOfSearch({ vector: { name: "a", vector: [1] }, limit: 1 })).toEqual({
    query: [1],
    using: "a",
    limit: 1,
  });
});
