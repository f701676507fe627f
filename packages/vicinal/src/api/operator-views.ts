/** What operators see of one collection, in the words of Qdrant's API: a node is one peer, a collection one shard. */
import { VicinalError } from "../runtime/errors.js";
import type { Collection } from "../segment/collection.js";
import type { OptimizerTask } from "../segment/optimizer-tasks.js";
import type { Segment } from "../segment/segment.js";
import { SparseColumn } from "../segment/sparse-column.js";
import type { WriteReport } from "../segment/write-counts.js";
import { livePayloadBytes, liveVectorBytes } from "./limits/strict-checks.js";
import type {
  CollectionClusterInfo,
  OptimizationsRequest,
  OptimizationsResponse,
  PartialSnapshotManifest,
} from "./schema/index.js";

const PEER_ID = 0;
const SHARD_ID = 0;

export function clusterInfo({ state }: Collection): CollectionClusterInfo {
  const shard = { shard_id: SHARD_ID, points_count: state.pointCount, state: "Active" as const };
  return {
    peer_id: PEER_ID,
    shard_count: 1,
    local_shards: [shard],
    remote_shards: [],
    shard_transfers: [],
  };
}

/**
 * Which parts of each segment changed last by which write, for those who compare copies of a shard. A write never
 * changes a row's vectors in place, so a segment's parts are of one age.
 */
export function describePartialSnapshot({ state }: Collection): PartialSnapshotManifest {
  const segments = state.segments().map((segment) => {
    const version = segment.versions().reduce((last, one) => Math.max(last, one), 0);
    const parts = [...segment.vectors.keys(), ...segment.sparse.keys()].map(
      (name) => `vector_storage/${name}`,
    );
    const file_versions = Object.fromEntries([...parts, "payload_storage"].map((part) => [part, version]));
    return { segment_id: segmentUuid(segment), segment_version: version, file_versions };
  });
  return Object.fromEntries(segments.map((segment) => [segment.segment_id, segment]));
}

/** Operations that need several nodes. */
export function standalone(operation: string): VicinalError {
  return new VicinalError("STANDALONE", `${operation}: Vicinal is running in standalone mode`, { operation });
}

function described(segment: Segment) {
  return { uuid: segmentUuid(segment), points_count: segment.liveCount };
}

/** Segments have numbers; clients expect UUIDs. */
function segmentUuid({ id }: Segment): string {
  return `00000000-0000-0000-0000-${id.toString(16).padStart(12, "0")}`;
}

export function describeOptimizations(
  { state, optimizer, writes }: Collection,
  request: OptimizationsRequest = {},
): OptimizationsResponse {
  const { task } = optimizer;
  const segments = state.segments();
  const busy = segments.filter(({ id }) => task?.segments.includes(id));
  const idle = segments.filter((segment) => !busy.includes(segment));
  const running = task
    ? [
        {
          uuid: busy.length > 0 ? segmentUuid(busy[0]) : "",
          optimizer: task.kind,
          status: "optimizing" as const,
          segments: busy.map(described),
          progress: progressOf(task),
        },
      ]
    : [];
  const wanted = new Set((request.with ?? "").split(",").map((name) => name.trim()));
  return {
    // What comes next is decided when its turn has come: nothing waits in a queue.
    summary: {
      queued_optimizations: 0,
      queued_segments: 0,
      queued_points: 0,
      idle_segments: idle.length,
    },
    running,
    ...(optimizer.waiting === undefined ? {} : { waiting: optimizer.waiting }),
    ...(optimizer.slowness === undefined ? {} : { slowness: optimizer.slowness }),
    writes: writes.report(),
    ...(wanted.has("queued") ? { queued: [] } : {}),
    ...(wanted.has("completed") ? { completed: [] } : {}),
    ...(wanted.has("idle_segments") ? { idle_segments: idle.map(described) } : {}),
  };
}

/** The remaining seconds are as many as the work done so far says, once there is any. */
function progressOf({ kind, step, done, total, begun }: OptimizerTask) {
  const elapsed = Math.max(0, Date.now() - begun) / 1000;
  return {
    name: step ? `${kind}: ${step}` : kind,
    started_at: new Date(begun).toISOString(),
    duration_sec: elapsed,
    done,
    total,
    ...(done > 0 && done <= total ? { eta_sec: (elapsed / done) * (total - done) } : {}),
  };
}

type Column = ReturnType<Segment["columns"]>[number];

function familyOf(column: Column): string {
  return column instanceof SparseColumn ? "sparse" : column.index.family;
}

/** Vectors that something better than a scan serves. */
export function indexedCount(segments: readonly Segment[]): number {
  let indexed = 0;
  for (const segment of segments)
    for (const column of segment.columns()) if (familyOf(column) !== "flat") indexed += column.count;
  return indexed;
}

/** Numbers of vectors by name, of which one segment or all have rows that live. */
export function vectorCounts(segments: readonly Segment[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const segment of segments) {
    const share = segment.rowCount === 0 ? 0 : segment.liveCount / segment.rowCount;
    for (const column of segment.columns())
      counts.set(column.name, (counts.get(column.name) ?? 0) + Math.round(column.count * share));
  }
  return Object.fromEntries(counts);
}

export interface ShardReport {
  status: "green" | "yellow" | "red";
  failure: string | undefined;
  points: number;
  vectorsByName: Record<string, number>;
  vectorBytes: number;
  payloadBytes: number;
  indexedVectors: number;
  /** Operations that wait to be written, and the number of the last that was. */
  queue: { length: number; op_num: number };
  runningOptimizations: number;
  writes: WriteReport;
  segments: SegmentReport[];
}

export interface SegmentReport {
  uuid: string;
  isGrowing: boolean;
  points: number;
  deletedPoints: number;
  vectorBytes: number;
  payloadBytes: number;
  memoryBytes: number;
  /** By name: how many, and which index serves them. */
  vectors: Record<string, { count: number; family: string }>;
  fields: { path: string; type: string }[];
}

export function reportOf(collection: Collection): ShardReport {
  const { state, optimizer } = collection;
  const segments = state.segments();
  return {
    ...healthOf(collection),
    points: state.pointCount,
    vectorsByName: vectorCounts(segments),
    vectorBytes: liveVectorBytes(state),
    payloadBytes: livePayloadBytes(state),
    indexedVectors: indexedCount(segments),
    queue: { length: collection.waitingWrites, op_num: state.sequence },
    runningOptimizations: optimizer.task ? 1 : 0,
    writes: collection.writes.report(),
    segments: segments.map((segment) => segmentReport(segment, state.config.fields)),
  };
}

function segmentReport(segment: Segment, fields: Readonly<Record<string, { type: string }>>): SegmentReport {
  const { ids, payloads, fields: fieldBytes, vectors, indexes } = segment.memoryBytes();
  return {
    uuid: segmentUuid(segment),
    isGrowing: !segment.sealed,
    points: segment.liveCount,
    deletedPoints: segment.deadCount,
    vectorBytes: segment.vectorBytes(),
    payloadBytes: segment.payloads.heapBytes,
    memoryBytes: ids + payloads + fieldBytes + vectors + indexes,
    vectors: Object.fromEntries(
      segment.columns().map((column) => [column.name, { count: column.count, family: familyOf(column) }]),
    ),
    fields: [...segment.fields.keys()].map((path) => ({ path, type: fields[path]?.type ?? "" })),
  };
}

/** Green when nothing is left to do, red when the last task failed and why. */
export function healthOf({ optimizer }: Collection): Pick<ShardReport, "status" | "failure"> {
  const { failure, idle } = optimizer;
  if (failure !== undefined) return { status: "red", failure: messageOf(failure) };
  return { status: idle ? "green" : "yellow", failure: undefined };
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
