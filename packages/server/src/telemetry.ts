/** `/telemetry`: the node's state in the form that clients of Qdrant read, in as much detail as is asked for. */
import { availableParallelism } from "node:os";
import type { CollectionReport, EngineApi, NodeReport, SegmentReport, ShardReport } from "vicinal/protocol";
import type { RequestTally, Tallies } from "./tally.js";
import { apiVersion, productVersion } from "./version.js";

export interface Doors {
  rest: RequestTally;
  grpc: RequestTally;
}

export interface TelemetryRequest {
  /** 0: counts of requests. 1: a summary of collections. 2: their configurations. 3: their shards. 4: segments. */
  level: number;
  /** Whether requests are counted by collection, too. */
  perCollection: boolean;
}

/** What builds of Qdrant may have in addition. */
const features = {
  debug: false,
  service_debug_feature: false,
  recovery_mode: false,
  gpu: false,
  rocksdb: false,
  staging: false,
};

const startedAt = new Date().toISOString();

export async function telemetry(
  engine: EngineApi,
  doors: Doors,
  { level, perCollection }: TelemetryRequest,
): Promise<Record<string, unknown>> {
  const report = await engine.getNodeReport();
  const names = new Set(report.collections.map(({ name }) => name));
  for (const door of [doors.rest, doors.grpc]) door.keep(names);
  return {
    id: nodeId,
    app: {
      name: "vicinal",
      version: apiVersion,
      vicinal_version: productVersion,
      features,
      startup: startedAt,
    },
    collections: describeCollections(report, level),
    cluster: level === 0 ? { enabled: false } : { enabled: false, status: null },
    requests: {
      rest: describeDoor(doors.rest, level, perCollection),
      grpc: describeDoor(doors.grpc, level, perCollection),
    },
    quota: report.quotas,
    ...(level > 0 ? describeMachine() : {}),
  };
}

/** Another at each start: nothing is known of who runs the server. */
const nodeId = crypto.randomUUID();

function describeMachine() {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    memory: {
      active_bytes: heapTotal + external,
      allocated_bytes: heapUsed + external,
      metadata_bytes: 0,
      resident_bytes: rss,
      retained_bytes: heapTotal - heapUsed,
    },
    hardware: { collection_data: {} },
    search_pool: { mode: "shared", high_cpu_threads: availableParallelism(), high_io_threads: 0 },
  };
}

function describeDoor({ all, byCollection }: RequestTally, level: number, perCollection: boolean) {
  const collections = [...byCollection].map(([name, tallies]) => [name, responses(tallies, level)]);
  return {
    responses: responses(all, level),
    ...(perCollection ? { per_collection_responses: Object.fromEntries(collections) } : {}),
  };
}

function responses(tallies: Tallies, level: number) {
  const described: Record<string, Record<string, unknown>> = {};
  for (const [endpoint, byStatus] of tallies) {
    described[endpoint] = {};
    for (const [status, { count, sumMs, leastMs, mostMs, lastAt }] of byStatus)
      described[endpoint][status] = {
        count,
        avg_duration_micros: (sumMs / count) * 1000,
        ...(level > 0
          ? {
              min_duration_micros: leastMs * 1000,
              max_duration_micros: mostMs * 1000,
              total_duration_micros: Math.round(sumMs * 1000),
              last_responded: lastAt.toISOString(),
            }
          : {}),
      };
  }
  return described;
}

function describeCollections({ collectionCount, collections, damaged }: NodeReport, level: number) {
  const count = { number_of_collections: collectionCount };
  if (level === 0) return count;
  return {
    ...count,
    ...(damaged.length > 0 ? { damaged } : {}),
    collections: collections.map((collection) => describeCollection(collection, level)),
    snapshots: [],
  };
}

function describeCollection({ name, info, shard }: CollectionReport, level: number) {
  const { params, ...config } = info.config;
  if (level === 1) return { vectors: vectorCount(shard), optimizers_status: info.optimizer_status, params };
  const summary = { id: name, init_time_ms: 0, config: { params, ...config } };
  if (level === 2) return summary;
  return {
    ...summary,
    shards: [
      {
        id: 0,
        key: null,
        local: describeShard(shard, info.optimizer_status, level),
        remote: [],
        replicate_states: { "0": "Active" },
        partial_snapshot: null,
      },
    ],
    transfers: [],
    resharding: [],
  };
}

function vectorCount({ vectorsByName }: ShardReport): number {
  return Object.values(vectorsByName).reduce((sum, count) => sum + count, 0);
}

function describeShard(shard: ShardReport, status: unknown, level: number) {
  return {
    variant_name: "local shard",
    status: shard.status,
    total_optimized_points: 0,
    vectors_size_bytes: shard.vectorBytes,
    payloads_size_bytes: shard.payloadBytes,
    num_points: shard.points,
    num_vectors: vectorCount(shard),
    num_vectors_by_name: shard.vectorsByName,
    optimizations: {
      status,
      optimizations: { count: shard.runningOptimizations },
      log: [],
      writes: shard.writes,
    },
    async_scorer: false,
    update_queue: shard.queue,
    ...(level > 3
      ? { segments: shard.segments.map(describeSegment), indexed_only_excluded_vectors: {} }
      : {}),
  };
}

function describeSegment(segment: SegmentReport) {
  const vectors = Object.entries(segment.vectors);
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const isIndexed = (family: string) => family !== "flat";
  return {
    info: {
      uuid: segment.uuid,
      segment_type: vectors.some(([, { family }]) => isIndexed(family)) ? "indexed" : "plain",
      num_vectors: sum(vectors.map(([, { count }]) => count)),
      num_points: segment.points,
      num_indexed_vectors: sum(vectors.map(([, { count, family }]) => (isIndexed(family) ? count : 0))),
      num_deleted_vectors: segment.deletedPoints,
      vectors_size_bytes: segment.vectorBytes,
      payloads_size_bytes: segment.payloadBytes,
      ram_usage_bytes: segment.memoryBytes,
      disk_usage_bytes: 0,
      is_appendable: segment.isGrowing,
      index_schema: Object.fromEntries(
        segment.fields.map(({ path, type }) => [path, { data_type: type, points: segment.points }]),
      ),
      vector_data: Object.fromEntries(
        vectors.map(([name, { count, family }]) => [
          name,
          {
            num_vectors: count,
            num_indexed_vectors: isIndexed(family) ? count : 0,
            num_deleted_vectors: segment.deletedPoints,
          },
        ]),
      ),
    },
    config: {
      vector_data: Object.fromEntries(
        vectors.map(([name, { family }]) => [name, { index: { type: family } }]),
      ),
      payload_storage_type: { type: "in_ram_mmap" },
    },
    vector_index_searches: vectors.map(([name]) => ({ index_name: name })),
    payload_field_indices: segment.fields.map(({ path, type }) => ({
      field_name: path,
      index_type: type,
      points_values_count: segment.points,
      points_count: segment.points,
    })),
  };
}
