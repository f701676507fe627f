/** Strict mode: limits of what requests may ask of a collection. */
import {
  boolean,
  type Infer,
  named,
  number,
  object,
  optional,
  record,
  unsigned,
} from "../../runtime/schema.js";

const multivectorLimit = named(
  "StrictModeMultivector",
  object({ max_vectors: optional(unsigned({ min: 1 })) }),
);
const sparseLimit = named("StrictModeSparse", object({ max_length: optional(unsigned({ min: 1 })) }));

export const strictModeConfig = named(
  "StrictModeConfig",
  object({
    enabled: optional(boolean()).describe("Whether the limits hold. Default false."),
    max_query_limit: optional(unsigned({ min: 1 })).describe(
      "Most hits of a query; of groups and matrices the product of their two limits.",
    ),
    max_timeout: optional(unsigned({ min: 1 })).describe("Longest `timeout` of a request, seconds."),
    unindexed_filtering_retrieve: optional(boolean()).describe(
      "Whether reads may filter by fields without an index. Default true.",
    ),
    unindexed_filtering_update: optional(boolean()).describe(
      "Whether writes may filter by fields without an index. Default true.",
    ),
    search_max_hnsw_ef: optional(unsigned()),
    search_allow_exact: optional(boolean()).describe(
      "Whether exact searches and counts are allowed. Default true.",
    ),
    search_max_oversampling: optional(number()),
    upsert_max_batchsize: optional(unsigned()).describe("Most points of one write."),
    search_max_batchsize: optional(unsigned()).describe("Most queries of one batch."),
    max_collection_vector_size_bytes: optional(unsigned()).describe(
      "Bytes of the points' vectors from which on no more are written.",
    ),
    max_collection_payload_size_bytes: optional(unsigned()).describe(
      "Bytes of the points' payloads from which on no more are written.",
    ),
    max_points_count: optional(unsigned({ min: 1 })).describe(
      "Number of points from which on no more are written.",
    ),
    read_rate_limit: optional(unsigned({ min: 1 })).describe("Reads per minute."),
    write_rate_limit: optional(unsigned({ min: 1 })).describe("Written points per minute."),
    filter_max_conditions: optional(unsigned()),
    condition_max_size: optional(unsigned()).describe("Most values of `any`, `except` or `has_id`."),
    multivector_config: optional(named("StrictModeMultivectorConfig", record(multivectorLimit))),
    sparse_config: optional(named("StrictModeSparseConfig", record(sparseLimit))),
    max_payload_index_count: optional(unsigned()),
    max_resident_memory_percent: optional(unsigned({ min: 1, max: 100 })).describe(
      "Share of the machine's memory from which on nothing is written that takes more.",
    ),
  }),
);
export type StrictModeConfig = Infer<typeof strictModeConfig>;
