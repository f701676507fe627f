/**
 * `vicinal/shard`: the engine's parts for whoever gives a collection another log and another home than a folder: the
 * cluster. No promise of stability: it goes with the engine's version.
 */

export { type Home, openHome } from "#platform/home.js";
export { Aliases, collectionExists, collectionNotFound, describeAliases } from "./api/aliases.js";
export type { BlobRange, BlobSource, StoredBlob } from "./api/blobs.js";
export type { Collections } from "./api/catalogue.js";
export { collectionConfig } from "./api/collections.js";
export { Database } from "./api/database.js";
export { Engine } from "./api/engine.js";
export { type Hooks, type ReadyHooks, readyHooks } from "./api/inference/hooks.js";
export { Quotas } from "./api/limits/quotas.js";
export { underStrictMode } from "./api/limits/strict-mode.js";
export { summedCounts, type TermCounts, termCounts } from "./api/queries/idf.js";
export { type PointId, parsePointId, writeIdKey } from "./payload/id.js";
export { fusedByRank, fusedByScore, RRF_K } from "./query/fusion.js";
export type { RankedRow } from "./query/ranked.js";
export { RecallWatch } from "./query/recall-watch.js";
export { throwIfCancelled } from "./runtime/cancel.js";
export { corruption, VicinalError } from "./runtime/errors.js";
export { Readers } from "./runtime/readers.js";
export { type OptimizerOptions, Resources } from "./runtime/resources.js";
export { Collection, type CollectionOptions, type OpenLog } from "./segment/collection.js";
export type { CollectionConfig } from "./segment/config.js";
export { copyBlobs, namedBlobs } from "./segment/copy-blobs.js";
export { decodeRecord, type Effect } from "./segment/effects.js";
export { CollectionFollower, type FollowedLog } from "./segment/follower.js";
export { liveIds, readStored } from "./segment/stored-points.js";
export { crc32c } from "./storage/crc32c.js";
export type { Directory, FileWriter } from "./storage/directory.js";
export { endsEarly, fileExists, fileNotFound } from "./storage/faults.js";
export type { HeldLog, Log } from "./storage/log.js";
export type { LogRecord } from "./storage/log-replay.js";
export { MemoryDirectory } from "./storage/memory-directory.js";
export { checkPath, joinPath } from "./storage/paths.js";
