/** What operators ask of a collection: its place in a cluster, what the optimizer does, what nodes may use. */
import {
  array,
  boolean,
  choice,
  type Infer,
  named,
  nullable,
  number,
  object,
  optional,
  string,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { shardKey } from "./common.js";

const localShardInfo = named(
  "LocalShardInfo",
  object({
    shard_id: unsigned(),
    shard_key: optional(shardKey),
    points_count: unsigned(),
    state: named("ReplicaState", choice("Active")),
  }),
);

export const collectionClusterInfo = named(
  "CollectionClusterInfo",
  object({
    peer_id: unsigned(),
    shard_count: unsigned(),
    local_shards: array(localShardInfo),
    remote_shards: array(object({})),
    shard_transfers: array(object({})),
  }),
);
/** Where a collection's shards are; on one node there is one, here. */
export type CollectionClusterInfo = Infer<typeof collectionClusterInfo>;

export const shardKeysResponse = named(
  "ShardKeysResponse",
  object({ shard_keys: array(named("ShardKeyDescription", object({ key: shardKey }))) }),
);
export type ShardKeysResponse = Infer<typeof shardKeysResponse>;

const optimizationSegment = named(
  "OptimizationSegmentInfo",
  object({ uuid: string(), points_count: unsigned() }),
);
const optimization = named(
  "Optimization",
  object({
    uuid: string(),
    optimizer: string(),
    status: union(choice("optimizing", "done"), object({ error: string() })),
    segments: array(optimizationSegment),
    progress: named(
      "ProgressTree",
      object({
        name: string(),
        started_at: optional(string()),
        duration_sec: optional(number()),
        done: optional(unsigned()),
        total: optional(unsigned()),
        eta_sec: optional(number()).describe("Seconds that are left as the work done so far says."),
      }),
    ),
  }),
);

const bytes = unsigned();
const writes = named(
  "WriteReport",
  object({
    ingested: bytes.describe("Bytes of vectors and payloads that came in since the collection was opened."),
    log: bytes,
    segments: bytes,
    merges: bytes,
    indexes: bytes,
    manifests: bytes,
    amplification: number().describe("Bytes written per byte that came in."),
  }),
);

export const optimizationsResponse = named(
  "OptimizationsResponse",
  object({
    summary: named(
      "OptimizationsSummary",
      object({
        queued_optimizations: unsigned(),
        queued_segments: unsigned(),
        queued_points: unsigned(),
        idle_segments: unsigned(),
      }),
    ),
    running: array(optimization),
    waiting: optional(string()).describe("What waits for room on the disk or in memory, and for how much."),
    slowness: optional(string()).describe("Why writes are slowed down or wait."),
    writes: optional(writes),
    queued: optional(array(object({ optimizer: string(), segments: array(optimizationSegment) }))),
    completed: optional(array(optimization)),
    idle_segments: optional(array(optimizationSegment)),
  }),
);
/** What the optimizer does, and what of it is asked for in addition. */
export type OptimizationsResponse = Infer<typeof optimizationsResponse>;

export interface OptimizationsRequest {
  /** Names separated by commas: `queued`, `completed`, `idle_segments`. */
  with?: string;
  /** Of the completed, at most so many. None is kept by this version. */
  completed_limit?: number;
}

const percent = optional(unsigned({ min: 1, max: 100 }));

export const quotaConfig = named(
  "QuotaConfig",
  object({
    enabled: optional(boolean()).describe("Default false."),
    max_resident_memory_percent: percent,
    max_disk_usage_percent: percent,
    release_margin_percent: optional(unsigned({ max: 100 })).describe(
      "How far below a limit use must fall before writes are taken again. Default 5.",
    ),
  }),
);
/** Shares of the machine from which on nothing is written that takes more. */
export type QuotaConfig = Infer<typeof quotaConfig>;

export const quotaStatus = named(
  "QuotaStatus",
  object({
    config: quotaConfig,
    usage: named(
      "QuotaUsage",
      object({
        resident_memory_percent: nullable(number()),
        disk_usage_percent: nullable(number()),
      }),
    ),
  }),
);
export type QuotaStatus = Infer<typeof quotaStatus>;
