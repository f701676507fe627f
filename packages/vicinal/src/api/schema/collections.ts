/** Collections: how they are made, changed and described. */

import { familyNames } from "../../index/families.js";
import {
  array,
  boolean,
  choice,
  type Infer,
  type Issue,
  named,
  number,
  object,
  optional,
  record,
  refined,
  type Schema,
  string,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { datatypes } from "../../segment/datatype.js";
import { memoryPlacement, payload } from "./common.js";
import { payloadIndexInfo } from "./field-index.js";
import { strictModeConfig } from "./strict-mode.js";

export const distance = named("Distance", choice("Cosine", "Euclid", "Dot", "Manhattan"));
export type Distance = Infer<typeof distance>;

/** Greatest number of elements of a vector, as in Qdrant. */
export const dimensionMax = 65_536;

export const hnswConfigDiff = named(
  "HnswConfigDiff",
  object({
    m: optional(unsigned().describe("Edges per node of the graph. Default 16.")),
    ef_construct: optional(
      unsigned({ min: 4 }).describe("Candidates considered per insertion. Default 200."),
    ),
    full_scan_threshold: optional(
      unsigned({ min: 10 }).describe("Kilobytes of vectors below which all are scanned."),
    ),
    max_indexing_threads: optional(unsigned()),
    on_disk: optional(boolean()),
    memory: optional(memoryPlacement),
    payload_m: optional(unsigned()),
    inline_storage: optional(boolean()),
  }),
);
export type HnswConfigDiff = Infer<typeof hnswConfigDiff>;

const alwaysRam = optional(boolean());
const quantizationForms = [
  named(
    "ScalarQuantization",
    object({
      scalar: object({
        type: choice("int8"),
        quantile: optional(number({ min: 0.5, max: 1 })),
        always_ram: alwaysRam,
        memory: optional(memoryPlacement),
      }),
    }),
  ),
  named(
    "ProductQuantization",
    object({
      product: object({
        compression: choice("x4", "x8", "x16", "x32", "x64"),
        always_ram: alwaysRam,
        memory: optional(memoryPlacement),
      }),
    }),
  ),
  named(
    "BinaryQuantization",
    object({
      binary: object({
        always_ram: alwaysRam,
        memory: optional(memoryPlacement),
        encoding: optional(choice("one_bit", "two_bits", "one_and_half_bits")),
        query_encoding: optional(choice("default", "binary", "scalar4bits", "scalar8bits")),
      }),
    }),
  ),
  named(
    "TurboQuantization",
    object({
      turbo: object({
        always_ram: alwaysRam,
        memory: optional(memoryPlacement),
        bits: optional(choice("bits1", "bits1_5", "bits2", "bits4")),
      }),
    }),
  ),
] as const;

export const quantizationConfig = named("QuantizationConfig", union(...quantizationForms));
export type QuantizationConfig = Infer<typeof quantizationConfig>;

export const quantizationConfigDiff = named(
  "QuantizationConfigDiff",
  union(...quantizationForms, choice("Disabled")),
);
export type QuantizationConfigDiff = Infer<typeof quantizationConfigDiff>;

/** The index family of a vector, with the family's parameters beside its name; Vicinal's own addition. */
export const vectorIndex: Schema<VectorIndex> = named(
  "VectorIndex",
  object({ type: choice(...familyNames) }),
);
export interface VectorIndex {
  type: string;
  [parameter: string]: unknown;
}

/** Of what has files of its own, which cannot be pinned. */
const placementOnDisk = refined(memoryPlacement, (memory): Issue | undefined =>
  memory === "pinned"
    ? { code: "OUT_OF_RANGE", path: [], message: "`pinned` is for indexes and quantized vectors alone" }
    : undefined,
);

export const vectorParams = named(
  "VectorParams",
  object({
    size: unsigned({ min: 1, max: dimensionMax }).describe("Number of elements of each vector."),
    distance,
    hnsw_config: optional(hnswConfigDiff),
    quantization_config: optional(quantizationConfig),
    on_disk: optional(boolean()),
    memory: optional(placementOnDisk),
    datatype: optional(
      choice(...datatypes).describe(
        "What the numbers are rounded to when they are written; turbo4 keeps them as they are. Default float32.",
      ),
    ),
    multivector_config: optional(
      named("MultiVectorConfig", object({ comparator: choice("max_sim") })).describe(
        "Points have several vectors of this name, compared by the best match of each.",
      ),
    ),
    index: optional(vectorIndex.describe("Index family, Vicinal's own field. Default hnsw.")),
  }),
);
export type VectorParams = Infer<typeof vectorParams>;

export const vectorsConfig = named("VectorsConfig", union(vectorParams, record(vectorParams)));
/** The vectors of a collection: one without a name, or several with. */
export type VectorsConfig = Infer<typeof vectorsConfig>;

export const optimizersConfigDiff = named(
  "OptimizersConfigDiff",
  object({
    deleted_threshold: optional(number({ min: 0, max: 1 })),
    vacuum_min_vector_number: optional(unsigned({ min: 100 })),
    default_segment_number: optional(unsigned()),
    max_segment_size: optional(unsigned({ min: 1 })),
    memmap_threshold: optional(unsigned()),
    indexing_threshold: optional(unsigned()),
    flush_interval_sec: optional(unsigned()),
    max_optimization_threads: optional(union(unsigned(), choice("auto"))),
    prevent_unoptimized: optional(boolean()),
  }),
);
export type OptimizersConfigDiff = Infer<typeof optimizersConfigDiff>;

export const walConfigDiff = named(
  "WalConfigDiff",
  object({
    wal_capacity_mb: optional(unsigned({ min: 1 })),
    wal_segments_ahead: optional(unsigned()),
    wal_retain_closed: optional(unsigned()),
  }),
);
export type WalConfigDiff = Infer<typeof walConfigDiff>;

const payloadStorage = named("PayloadStorageParams", object({ memory: optional(placementOnDisk) }));
const sparseIndexParams = named(
  "SparseIndexParams",
  object({
    full_scan_threshold: optional(unsigned()),
    on_disk: optional(boolean()),
    memory: optional(memoryPlacement),
    datatype: optional(
      refined(choice(...datatypes), (datatype) =>
        datatype === "turbo4" ? "sparse vectors do not support turbo4" : undefined,
      ),
    ),
  }),
);
const sparseVectorParams = named(
  "SparseVectorParams",
  object({
    index: optional(sparseIndexParams),
    modifier: optional(choice("none", "idf")).describe(
      "idf: the rarer a term of a query, the more it counts. Default none.",
    ),
  }),
);
const sparseVectorsConfig = named("SparseVectorsConfig", record(sparseVectorParams));

const ttl = named(
  "TimeToLive",
  object({
    seconds: number({ min: 0, max: 1e11 }).describe(
      "After their writing points expire that say nothing else; 0 for never.",
    ),
  }),
);
const ttlField = optional(ttl).describe("How long points live; Vicinal's own field. Default for ever.");

export const createCollection = named(
  "CreateCollection",
  object({
    vectors: optional(vectorsConfig),
    shard_number: optional(unsigned({ min: 1 })),
    sharding_method: optional(choice("auto", "custom")),
    replication_factor: optional(unsigned({ min: 1 })),
    write_consistency_factor: optional(unsigned({ min: 1 })),
    on_disk_payload: optional(boolean()),
    payload: optional(payloadStorage),
    hnsw_config: optional(hnswConfigDiff),
    wal_config: optional(walConfigDiff),
    optimizers_config: optional(optimizersConfigDiff),
    quantization_config: optional(quantizationConfig),
    quantization: optional(quantizationConfig).describe("Another name of `quantization_config`."),
    sparse_vectors: optional(sparseVectorsConfig),
    strict_mode_config: optional(strictModeConfig),
    metadata: optional(payload),
    ttl: ttlField,
  }),
);
export type CreateCollection = Infer<typeof createCollection>;

/** A vector that a collection is to have in addition. */
export const vectorNameConfig = named(
  "VectorNameConfig",
  union(
    named("DenseVectorNameConfig", object({ dense: vectorParams })),
    named("SparseVectorNameConfig", object({ sparse: sparseVectorParams })),
  ),
);
export type VectorNameConfig = Infer<typeof vectorNameConfig>;

const vectorParamsDiff = named(
  "VectorParamsDiff",
  object({
    hnsw_config: optional(hnswConfigDiff),
    quantization_config: optional(quantizationConfigDiff),
    on_disk: optional(boolean()),
    memory: optional(placementOnDisk),
    index: optional(
      vectorIndex.describe(
        "Another index family or other parameters, Vicinal's own field: built anew in the background.",
      ),
    ),
  }),
);

export const updateCollection = named(
  "UpdateCollection",
  object({
    vectors: optional(named("VectorsConfigDiff", record(vectorParamsDiff))).describe(
      "By name; the empty name is the vector without one.",
    ),
    optimizers_config: optional(optimizersConfigDiff),
    params: optional(
      named(
        "CollectionParamsDiff",
        object({
          replication_factor: optional(unsigned({ min: 1 })),
          write_consistency_factor: optional(unsigned({ min: 1 })),
          read_fan_out_factor: optional(unsigned()),
          read_fan_out_delay_ms: optional(unsigned()),
          on_disk_payload: optional(boolean()),
          payload: optional(payloadStorage),
        }),
      ),
    ),
    hnsw_config: optional(hnswConfigDiff),
    quantization_config: optional(quantizationConfigDiff),
    sparse_vectors: optional(sparseVectorsConfig),
    strict_mode_config: optional(strictModeConfig),
    metadata: optional(payload),
    ttl: ttlField,
  }),
);
export type UpdateCollection = Infer<typeof updateCollection>;

// ---------------------------------------------------------------------------------------------- answers

const collectionConfig = named(
  "CollectionConfig",
  object({
    params: named(
      "CollectionParams",
      object({
        vectors: optional(vectorsConfig),
        shard_number: optional(unsigned()),
        sharding_method: optional(choice("auto", "custom")),
        replication_factor: optional(unsigned()),
        write_consistency_factor: optional(unsigned()),
        read_fan_out_factor: optional(unsigned()),
        read_fan_out_delay_ms: optional(unsigned()),
        on_disk_payload: optional(boolean()),
        payload: optional(payloadStorage),
        sparse_vectors: optional(record(sparseVectorParams)),
        ttl: ttlField,
      }),
    ),
    hnsw_config: named(
      "HnswConfig",
      object({
        m: unsigned(),
        ef_construct: unsigned(),
        full_scan_threshold: unsigned(),
        max_indexing_threads: optional(unsigned()),
        on_disk: optional(boolean()),
        memory: optional(memoryPlacement),
        payload_m: optional(unsigned()),
        inline_storage: optional(boolean()),
      }),
    ),
    optimizer_config: named(
      "OptimizersConfig",
      object({
        deleted_threshold: optional(number()),
        vacuum_min_vector_number: optional(unsigned()),
        default_segment_number: unsigned(),
        max_segment_size: optional(unsigned()),
        memmap_threshold: optional(unsigned()),
        indexing_threshold: optional(unsigned()),
        flush_interval_sec: unsigned(),
        max_optimization_threads: optional(unsigned()),
        prevent_unoptimized: optional(boolean()),
      }),
    ),
    wal_config: optional(
      named(
        "WalConfig",
        object({
          wal_capacity_mb: unsigned(),
          wal_segments_ahead: unsigned(),
          wal_retain_closed: optional(unsigned()),
        }),
      ),
    ),
    quantization_config: optional(quantizationConfig),
    strict_mode_config: optional(strictModeConfig),
    metadata: optional(payload),
  }),
);
export type CollectionConfig = Infer<typeof collectionConfig>;

export const collectionInfo = named(
  "CollectionInfo",
  object({
    status: named("CollectionStatus", choice("green", "yellow", "grey", "red")),
    optimizer_status: union(choice("ok"), object({ error: string() })),
    warnings: optional(array(object({ message: string() }))),
    indexed_vectors_count: optional(unsigned()),
    points_count: optional(unsigned()),
    segments_count: unsigned(),
    config: collectionConfig,
    payload_schema: record(payloadIndexInfo),
    update_queue: optional(object({ length: unsigned(), deferred_points: optional(unsigned()) })),
  }),
);
export type CollectionInfo = Infer<typeof collectionInfo>;

export const collectionsResponse = named(
  "CollectionsResponse",
  object({ collections: array(named("CollectionDescription", object({ name: string() }))) }),
);
export type CollectionsResponse = Infer<typeof collectionsResponse>;

export const collectionExistence = named("CollectionExistence", object({ exists: boolean() }));
export type CollectionExistence = Infer<typeof collectionExistence>;
