/** Messages become the bodies that the REST schemas accept, and results become messages. */
import { create, type DescMessage, fromBinary, isMessage, toBinary } from "@bufbuild/protobuf";
import {
  CollectionInfoSchema,
  CountPointsSchema,
  CreateCollectionSchema,
  CreateFieldIndexCollectionSchema,
  DeletePointVectorsSchema,
  QueryPointsSchema,
  RecommendPointsSchema,
  ScoredPointSchema,
  SearchPointsSchema,
  UpdateBatchPointsSchema,
  UpdateCollectionSchema,
  UpsertPointsSchema,
} from "@qdrant/js-client-grpc";
import { RawJson } from "vicinal/protocol";
import { describe, expect, test } from "vitest";
import { type Decoded, fromMessage } from "./from-message.js";
import { toMessage } from "./to-message.js";

const num = (value: bigint) => ({ pointIdOptions: { case: "num", value } });
const dense = (...data: number[]) => ({ vector: { case: "dense", value: { data } } });
const input = (...data: number[]) => ({ variant: { case: "dense", value: { data } } });
const string = (value: string) => ({ kind: { case: "stringValue", value } });
const constant = (value: number) => ({ variant: { case: "constant", value } });
const variable = (value: string) => ({ variant: { case: "variable", value } });

/** That of the services: the package also exports one of an older proto file. */
const filterSchema = CountPointsSchema.field.filter.message as DescMessage;

const filterOf = (field: object) => ({ must: [{ conditionOneOf: { case: "field", value: field } }] });

describe("requests", () => {
  test.each<[string, DescMessage, object, object]>([
    [
      "a collection",
      CreateCollectionSchema,
      {
        collectionName: "c",
        vectorsConfig: {
          config: {
            case: "paramsMap",
            value: {
              map: {
                a: {
                  size: 3n,
                  distance: 1,
                  datatype: 2,
                  multivectorConfig: { comparator: 0 },
                  quantizationConfig: { quantization: { case: "turboquant", value: { bits: 1 } } },
                },
              },
            },
          },
        },
        sparseVectorsConfig: { map: { s: { modifier: 1, index: { onDisk: true } } } },
        optimizersConfig: { maxOptimizationThreads: { variant: { case: "setting", value: 0 } } },
        quantizationConfig: {
          quantization: {
            case: "binary",
            value: { encoding: 2, queryEncoding: { variant: { case: "setting", value: 2 } } },
          },
        },
        metadata: { owner: string("me") },
      },
      {
        collection_name: "c",
        vectors: {
          a: {
            size: 3,
            distance: "Cosine",
            datatype: "uint8",
            multivector_config: { comparator: "max_sim" },
            quantization_config: { turbo: { bits: "bits1_5" } },
          },
        },
        sparse_vectors: { s: { modifier: "idf", index: { on_disk: true } } },
        optimizers_config: { max_optimization_threads: "auto" },
        quantization_config: { binary: { encoding: "one_and_half_bits", query_encoding: "scalar4bits" } },
        metadata: { owner: "me" },
      },
    ],
    [
      "a change of the vector without a name",
      UpdateCollectionSchema,
      {
        vectorsConfig: { config: { case: "params", value: { onDisk: true } } },
        quantizationConfig: { quantization: { case: "disabled", value: {} } },
      },
      { collection_name: "", vectors: { "": { on_disk: true } }, quantization_config: "Disabled" },
    ],
    [
      "an index of text",
      CreateFieldIndexCollectionSchema,
      {
        fieldName: "f",
        fieldIndexParams: {
          indexParams: {
            case: "textIndexParams",
            value: {
              tokenizer: 3,
              lowercase: true,
              stopwords: { languages: ["english"], custom: ["x"] },
              stemmer: { stemmingParams: { case: "snowball", value: { language: "english" } } },
            },
          },
        },
      },
      {
        collection_name: "",
        field_name: "f",
        field_schema: {
          type: "text",
          tokenizer: "word",
          lowercase: true,
          stopwords: { languages: ["english"], custom: ["x"] },
          stemmer: { type: "snowball", language: "english" },
        },
      },
    ],
    [
      "an index by type",
      CreateFieldIndexCollectionSchema,
      { fieldName: "f", fieldType: 6 },
      { collection_name: "", field_name: "f", field_schema: "datetime" },
    ],
    [
      "points with vectors of all kinds, in the older forms too",
      UpsertPointsSchema,
      {
        updateMode: 1,
        points: [
          {
            id: num(2n ** 64n - 1n),
            vectors: { vectorsOptions: { case: "vector", value: { data: [1, 2] } } },
          },
          {
            id: { pointIdOptions: { case: "uuid", value: "0f8fad5b-d9cb-469f-a165-70867728950e" } },
            vectors: {
              vectorsOptions: {
                case: "vectors",
                value: {
                  vectors: {
                    sparse: { data: [0.5], indices: { data: [7] } },
                    multi: { data: [1, 2, 3, 4], vectorsCount: 2 },
                    words: { vector: { case: "document", value: { text: "t", model: "m" } } },
                    __proto: dense(1),
                  },
                },
              },
            },
          },
          { id: num(1n) },
        ],
        shardKeySelector: { shardKeys: [{ key: { case: "keyword", value: "k" } }] },
      },
      {
        collection_name: "",
        update_mode: "insert_only",
        points: [
          { id: 2n ** 64n - 1n, vector: [1, 2], payload: {} },
          {
            id: "0f8fad5b-d9cb-469f-a165-70867728950e",
            vector: {
              sparse: { indices: [7], values: [0.5] },
              multi: [
                [1, 2],
                [3, 4],
              ],
              words: { text: "t", model: "m" },
              __proto: [1],
            },
            payload: {},
          },
          { id: 1, vector: {}, payload: {} },
        ],
        shard_key: "k",
      },
    ],
    [
      "vectors to delete",
      DeletePointVectorsSchema,
      {
        pointsSelector: { pointsSelectorOneOf: { case: "points", value: { ids: [num(1n)] } } },
        vectors: { names: ["a"] },
      },
      { collection_name: "", points: [1], vector: ["a"] },
    ],
    [
      "updates in one batch",
      UpdateBatchPointsSchema,
      {
        operations: [
          {
            operation: {
              case: "deletePoints",
              value: { points: { pointsSelectorOneOf: { case: "points", value: { ids: [num(1n)] } } } },
            },
          },
          {
            operation: {
              case: "setPayload",
              value: {
                payload: { a: string("b") },
                pointsSelector: { pointsSelectorOneOf: { case: "filter", value: {} } },
              },
            },
          },
        ],
      },
      {
        collection_name: "",
        operations: [{ delete: { points: [1] } }, { set_payload: { payload: { a: "b" }, filter: {} } }],
      },
    ],
    [
      "filters",
      filterSchema,
      {
        must: [
          {
            conditionOneOf: {
              case: "field",
              value: { key: "a", match: { matchValue: { case: "keywords", value: { strings: ["x"] } } } },
            },
          },
          {
            conditionOneOf: {
              case: "field",
              value: { key: "t", datetimeRange: { gte: { seconds: 1n, nanos: 500 } } },
            },
          },
          { conditionOneOf: { case: "isEmpty", value: { key: "e" } } },
          { conditionOneOf: { case: "hasId", value: { hasId: [num(3n)] } } },
          { conditionOneOf: { case: "hasVector", value: { hasVector: "v" } } },
          { conditionOneOf: { case: "slice", value: { total: 4, index: 1 } } },
          { conditionOneOf: { case: "nested", value: { key: "n", filter: filterOf({ key: "b" }) } } },
          { conditionOneOf: { case: "filter", value: { minShould: { conditions: [], minCount: 1n } } } },
        ],
      },
      {
        must: [
          { key: "a", match: { any: ["x"] } },
          { key: "t", range: { gte: "1970-01-01T00:00:01.000000500Z" } },
          { is_empty: { key: "e" } },
          { has_id: [3] },
          { has_vector: "v" },
          { slice: { total: 4, index: 1 } },
          { nested: { key: "n", filter: { must: [{ key: "b" }] } } },
          { min_should: { conditions: [], min_count: 1 } },
        ],
      },
    ],
    [
      "the older search",
      SearchPointsSchema,
      {
        vector: [1, 2],
        vectorName: "a",
        limit: 3n,
        withVectors: { selectorOptions: { case: "enable", value: true } },
      },
      { collection_name: "", limit: 3, vector: { name: "a", vector: [1, 2] }, with_vector: true },
    ],
    [
      "the older recommendation, a query",
      RecommendPointsSchema,
      { positive: [num(1n)], positiveVectors: [dense(1, 2)], limit: 3n, strategy: 1 },
      {
        collection_name: "",
        limit: 3,
        query: { recommend: { positive: [1, [1, 2]], negative: [], strategy: "best_score" } },
      },
    ],
    [
      "queries of queries",
      QueryPointsSchema,
      {
        prefetch: [
          {
            query: {
              variant: { case: "nearestWithMmr", value: { nearest: input(1), mmr: { diversity: 0.5 } } },
            },
          },
          {
            query: {
              variant: {
                case: "orderBy",
                value: { key: "k", direction: 1, startFrom: { value: { case: "integer", value: 5n } } },
              },
            },
            lookupFrom: { collectionName: "other", vectorName: "v" },
            params: { idf: { corpus: {} } },
          },
        ],
        query: { variant: { case: "rrf", value: { k: 2 } } },
        params: { idf: {} },
        withPayload: { selectorOptions: { case: "exclude", value: { fields: ["a"] } } },
        withVectors: { selectorOptions: { case: "include", value: { names: ["v"] } } },
      },
      {
        collection_name: "",
        prefetch: [
          { query: { nearest: [1], mmr: { diversity: 0.5 } } },
          {
            query: { order_by: { key: "k", direction: "desc", start_from: 5 } },
            lookup_from: { collection: "other", vector: "v" },
            params: { idf: { corpus: {} } },
          },
        ],
        query: { rrf: { k: 2 } },
        params: { idf: "global" },
        with_payload: { exclude: ["a"] },
        with_vector: ["v"],
      },
    ],
    [
      "formulas",
      QueryPointsSchema,
      {
        query: {
          variant: {
            case: "formula",
            value: {
              expression: {
                variant: {
                  case: "sum",
                  value: {
                    sum: [
                      variable("$score"),
                      { variant: { case: "mult", value: { mult: [constant(2), variable("x")] } } },
                      { variant: { case: "neg", value: constant(1) } },
                      { variant: { case: "gaussDecay", value: { x: variable("x"), scale: 4 } } },
                      {
                        variant: {
                          case: "condition",
                          value: { conditionOneOf: { case: "field", value: { key: "a" } } },
                        },
                      },
                    ],
                  },
                },
              },
              defaults: { x: { kind: { case: "integerValue", value: 1n } } },
            },
          },
        },
      },
      {
        collection_name: "",
        query: {
          formula: {
            sum: [
              "$score",
              { mult: [2, "x"] },
              { neg: 1 },
              { gauss_decay: { x: "x", scale: 4 } },
              { key: "a" },
            ],
          },
          defaults: { x: 1 },
        },
      },
    ],
  ])("%s", (_name, desc, given, body) => {
    const message = create(desc, given as never);
    expect(fromMessage(desc, message as Decoded)).toEqual(body);
  });

  test.each([
    [0, "vectors count must be greater than 0"],
    [2, "invalid dense vector length for vectors count"],
  ])("three numbers are no %i vectors", (vectorsCount, rule) => {
    const value = { data: [1, 2, 3], vectorsCount };
    const points = [{ id: num(1n), vectors: { vectorsOptions: { case: "vector", value } } }];
    const message = create(UpsertPointsSchema, { points } as never);
    expect(() => fromMessage(UpsertPointsSchema, message as never)).toThrow(rule);
  });
});

/** What a client reads of the answer. */
function sent(desc: DescMessage, value: unknown): Record<string, unknown> {
  const message = toMessage(desc, value) as never;
  expect(isMessage(message, desc)).toBe(true);
  return fromBinary(desc, toBinary(desc, message)) as never;
}

describe("answers", () => {
  test("a point", () => {
    const payload = new RawJson(
      new TextEncoder().encode('{"big":9007199254740993,"huge":18446744073709551615}'),
    );
    const point = { id: 2n ** 64n - 1n, version: 3, score: 0.5, payload };
    const plain = sent(ScoredPointSchema, { ...point, vector: Float32Array.of(1, 2), order_value: 5 });
    expect(plain).toMatchObject({
      id: num(2n ** 64n - 1n),
      version: 3n,
      score: 0.5,
      payload: {
        big: { kind: { case: "integerValue", value: 9007199254740993n } },
        huge: { kind: { case: "doubleValue", value: 2 ** 64 } },
      },
      vectors: { vectorsOptions: { case: "vector", value: { data: [], ...dense(1, 2) } } },
      orderValue: { variant: { case: "int", value: 5n } },
    });
    const vector = {
      a: [1],
      s: { indices: [3], values: [0.5] },
      m: [Float32Array.of(1), Float32Array.of(2)],
    };
    expect(sent(ScoredPointSchema, { ...point, payload: null, vector })).toMatchObject({
      payload: {},
      vectors: {
        vectorsOptions: {
          case: "vectors",
          value: {
            vectors: {
              a: dense(1),
              s: { vector: { case: "sparse", value: { indices: [3], values: [0.5] } } },
              m: { vector: { case: "multiDense", value: { vectors: [{ data: [1] }, { data: [2] }] } } },
            },
          },
        },
      },
    });
  });

  test("a collection", () => {
    const info = {
      status: "yellow",
      optimizer_status: { error: "broken" },
      segments_count: 2,
      points_count: 7,
      config: {
        params: {
          vectors: { a: { size: 4, distance: "Euclid", datatype: "float16" } },
          sparse_vectors: { s: { modifier: "idf" } },
        },
        hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10 },
        optimizer_config: { default_segment_number: 1, flush_interval_sec: 5, max_optimization_threads: 3 },
        quantization_config: { binary: { query_encoding: "scalar8bits" } },
      },
      payload_schema: {
        t: {
          data_type: "text",
          params: { type: "text", tokenizer: "word", stopwords: "english" },
          points: 3,
        },
      },
    };
    expect(sent(CollectionInfoSchema, info)).toMatchObject({
      status: 2,
      optimizerStatus: { ok: false, error: "broken" },
      segmentsCount: 2n,
      pointsCount: 7n,
      config: {
        params: {
          vectorsConfig: {
            config: { case: "paramsMap", value: { map: { a: { size: 4n, distance: 2, datatype: 3 } } } },
          },
          sparseVectorsConfig: { map: { s: { modifier: 1 } } },
        },
        hnswConfig: { m: 16n },
        optimizerConfig: { maxOptimizationThreads: { variant: { case: "value", value: 3n } } },
        quantizationConfig: {
          quantization: {
            case: "binary",
            value: { queryEncoding: { variant: { case: "setting", value: 3 } } },
          },
        },
      },
      payloadSchema: {
        t: {
          dataType: 5,
          points: 3n,
          params: {
            indexParams: {
              case: "textIndexParams",
              value: { tokenizer: 3, stopwords: { languages: ["english"], custom: [] } },
            },
          },
        },
      },
    });
  });
});
