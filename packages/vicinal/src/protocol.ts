/**
 * `vicinal/protocol`: the API as data, for what speaks it over a wire (the server, clients, the cluster):
 * schemas and types of requests and answers, the engine's operations as an interface, errors, exact JSON.
 */
export type { BlobRange, BlobSource, StoredBlob } from "./api/blobs.js";
export type {
  ClusterApi,
  ClusterShardStatus,
  ClusterStatus,
  EtcdMemberStatus,
  HeldShardStatus,
} from "./api/cluster-api.js";
export type { EngineApi, RequestScope, ScopedEngine } from "./api/engine-api.js";
export type { MemoryNode, MemoryTree } from "./api/memory-tree.js";
export type {
  CollectionReport,
  DamagedCollection,
  NodeReport,
  SegmentReport,
  ShardReport,
} from "./api/node-report.js";
export * from "./api/schema/index.js";
export type { SnapshotArchive } from "./api/snapshots/snapshots.js";
export { familyNames } from "./index/families.js";
export { parsePointIdText } from "./payload/id.js";
export { parseJson, stringifyJson } from "./payload/json.js";
export { type ErrorCode, errorCatalogue, VicinalError } from "./runtime/errors.js";
export * from "./runtime/schema.js";
