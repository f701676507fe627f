/**
 * How the names of Qdrant's proto files become those of its REST schemas: fields by their snake_case name, enum values
 * in lower snake case, and the exceptions to both.
 */
import type { DescEnum, DescField } from "@bufbuild/protobuf";

/** Fields whose REST name is another, by message or for all (`*`). */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "*": { with_vectors: "with_vector", shard_key_selector: "shard_key" },
  WithLookup: { with_vectors: "with_vectors" },
  CreateCollection: { vectors_config: "vectors", sparse_vectors_config: "sparse_vectors" },
  UpdateCollection: { vectors_config: "vectors", sparse_vectors_config: "sparse_vectors" },
  CollectionParams: { vectors_config: "vectors", sparse_vectors_config: "sparse_vectors" },
  OptimizersConfigDiff: { deprecated_max_optimization_threads: "max_optimization_threads" },
  QuantizationConfig: { turboquant: "turbo" },
  QuantizationConfigDiff: { turboquant: "turbo" },
  FieldCondition: { datetime_range: "range" },
  PointStruct: { vectors: "vector" },
  PointVectors: { vectors: "vector" },
  ScoredPoint: { vectors: "vector" },
  RetrievedPoint: { vectors: "vector" },
  DeletePointVectors: { vectors: "vector" },
  DeleteVectors: { vectors: "vector" },
  LookupLocation: { collection_name: "collection", vector_name: "vector" },
  SearchBatchPoints: { search_points: "searches" },
  RecommendBatchPoints: { recommend_points: "searches" },
  DiscoverBatchPoints: { discover_points: "searches" },
  QueryBatchPoints: { query_points: "searches" },
  PointsUpdateOperation: {
    delete_deprecated: "delete",
    delete_points: "delete",
    clear_payload_deprecated: "clear_payload",
  },
};

export function restName(field: DescField): string {
  return renamed[field.parent.name]?.[field.name] ?? renamed["*"][field.name] ?? field.name;
}

/** Enums whose values have the same names in REST. */
const keptEnums: ReadonlySet<string> = new Set(["Distance"]);

/** Values that stand for "not said". */
const unsaid = /^(Unknown|MemoryUnknown|Default$)/;

function enumValueText(desc: DescEnum, name: string): string | undefined {
  if (desc.name === "BinaryQuantizationQueryEncoding_Setting" || desc.name === "Setting")
    return name.toLowerCase();
  if (unsaid.test(name)) return undefined;
  if (keptEnums.has(desc.name)) return name;
  return name
    .replace(/^FieldType/, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/**
 * The REST text of an enum's number, `undefined` for one that says nothing, and the number as text for one that the
 * enum does not have, so that the engine's schema refuses it.
 */
export function enumText(desc: DescEnum, number: number): string | undefined {
  const value = desc.value[number];
  return value === undefined ? String(number) : enumValueText(desc, value.name);
}

/** The number of a REST text; 0, which enums keep for "unknown" or their default, where there is none. */
export function enumNumber(desc: DescEnum, text: unknown): number {
  return desc.values.find(({ name }) => enumValueText(desc, name) === text)?.number ?? 0;
}

/**
 * Messages that only wrap: in REST their one member stands in their place. Those with a oneof stand for the member
 * that is set.
 */
export const wrappers: ReadonlySet<string> = new Set([
  "Vectors",
  "NamedVectors",
  "VectorInput",
  "VectorExample",
  "TargetVector",
  "DenseVector",
  "MultiDenseVector",
  "SparseIndices",
  "VectorsConfig",
  "VectorParamsMap",
  "VectorParamsDiffMap",
  "SparseVectorConfig",
  "StrictModeSparseConfig",
  "StrictModeMultivectorConfig",
  "MaxOptimizationThreads",
  "BinaryQuantizationQueryEncoding",
  "RepeatedStrings",
  "RepeatedIntegers",
  "WithVectorsSelector",
  "VectorsSelector",
  "PayloadIncludeSelector",
  "PayloadExcludeSelector",
  "StartFrom",
  "ContextInput",
  "PointsIdsList",
  "MultExpression",
  "SumExpression",
  "ShardKey",
  "FacetValue",
]);
