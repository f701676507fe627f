/**
 * What a server needs of the engine: the operations of the API, each taking a request body and answering with the
 * `result` part of the answer.
 *
 * The engine validates the bodies by the schemas of `schema/` itself, so embedded callers and servers get the
 * same errors. Payloads come as stored bytes, vectors as `Float32Array`. A write's promise resolves once the
 * write is durable and searchable.
 */

import type { Chunks } from "../storage/archive.js";
import type { BlobRange, BlobSource, StoredBlob } from "./blobs.js";
import type { ClusterApi } from "./cluster-api.js";
import type { MemoryTree } from "./memory-tree.js";
import type { NodeReport } from "./node-report.js";
import type { TermCounts } from "./queries/idf.js";
import type {
  AnalysisJob,
  AnalysisRequest,
  BlobDescription,
  ChangeAliases,
  CollectionClusterInfo,
  CollectionExistence,
  CollectionInfo,
  CollectionsAliases,
  CollectionsResponse,
  CountRequest,
  CountResult,
  CreateCollection,
  CreateFieldIndex,
  DeletePayload,
  DeleteVectors,
  FacetRequest,
  FacetResponse,
  GroupsResult,
  InferenceUsage,
  OptimizationsRequest,
  OptimizationsResponse,
  PartialSnapshotManifest,
  PointInsertOperations,
  PointRecord,
  PointRequest,
  PointsSelector,
  QueryGroupsRequest,
  QueryRequest,
  QueryRequestBatch,
  QueryResponse,
  QuotaConfig,
  QuotaStatus,
  RawJson,
  ScrollRequest,
  ScrollResult,
  SearchMatrixOffsets,
  SearchMatrixPairs,
  SearchMatrixRequest,
  SetPayload,
  ShardKeysResponse,
  SnapshotDescription,
  SnapshotRecover,
  SnapshotUpload,
  UpdateCollection,
  UpdateOperations,
  UpdateResult,
  UpdateVectors,
  VectorNameConfig,
} from "./schema/index.js";
import type { SnapshotArchive } from "./snapshots/snapshots.js";

/** What one request wants to be told beside its result. */
export interface RequestScope {
  /** Called before the result is there, where a model counted its tokens. */
  onUsage?: (usage: InferenceUsage) => void;
  /**
   * What the sender calls the request's write, 1 to 255 characters: one of this name that the collection was lately sent (of the
   * last 4,096 named ones) is answered as it was then, and not done again.
   */
  operationId?: string;
  /**
   * Of reads in a cluster: 1, the default, is the word of one replica; with anything else an answer has seen every write that was
   * acknowledged before the request.
   */
  consistency?: number | "majority" | "quorum" | "all";
  /**
   * Of reads in a cluster: the answer has seen the writes that these tokens are of, whichever replica gives it; see `onSequence`.
   * Several are joined by commas. BAD_REQUEST for what is no token.
   */
  minSequence?: string;
  /** Called in a cluster before the result of a write of points is there, with the token of it and of what `minSequence` has. */
  onSequence?: (token: string) => void;
  /**
   * Aborted when nobody waits for the answer any more. A read ends with CANCELLED where it can be interrupted: while it waits, and
   * between two reads of files; what computes ends its turn first. A write that was begun is done.
   */
  signal?: AbortSignal;
  /** Of a query of a shard: the counts of all shards, by which a sparse query's terms are weighed. */
  termCounts?: TermCounts;
}

export interface EngineApi {
  /** Of an engine of several nodes. */
  readonly cluster?: ClusterApi;

  createCollection(name: string, body: CreateCollection): Promise<boolean>;
  updateCollection(name: string, body: UpdateCollection): Promise<boolean>;
  /** Answers false when there was none. */
  deleteCollection(name: string): Promise<boolean>;
  getCollection(name: string): Promise<CollectionInfo>;
  getCollections(): Promise<CollectionsResponse>;
  collectionExists(name: string): Promise<CollectionExistence>;
  updateCollectionAliases(body: ChangeAliases): Promise<boolean>;
  getAliases(): Promise<CollectionsAliases>;
  getCollectionAliases(name: string): Promise<CollectionsAliases>;

  getOptimizations(name: string, args?: OptimizationsRequest): Promise<OptimizationsResponse>;
  collectionClusterInfo(name: string): Promise<CollectionClusterInfo>;
  listShardKeys(name: string): Promise<ShardKeysResponse>;
  getQuotas(): Promise<QuotaStatus>;
  updateQuotas(body: QuotaConfig): Promise<boolean>;
  /** What a node's telemetry says; Vicinal's own. */
  getNodeReport(): Promise<NodeReport>;
  /** Where the memory goes: a tree of what is held and its bytes, of the collections that are open. */
  explainMemory(): Promise<MemoryTree>;

  /** Of all that was acknowledged before the call; see docs/snapshots.md. */
  createSnapshot(name: string): Promise<SnapshotDescription>;
  listSnapshots(name: string): Promise<SnapshotDescription[]>;
  /** SNAPSHOT_NOT_FOUND */
  deleteSnapshot(name: string, snapshot: string): Promise<boolean>;
  downloadSnapshot(name: string, snapshot: string): Promise<SnapshotArchive>;
  /** Puts a snapshot in the place of the collection, or makes it; a failure changes nothing. */
  recoverSnapshot(name: string, body: SnapshotRecover): Promise<boolean>;
  uploadSnapshot(name: string, archive: Chunks, options?: SnapshotUpload): Promise<boolean>;
  /** By segment, the last write that changed each part. */
  getPartialSnapshotManifest(name: string): Promise<PartialSnapshotManifest>;
  /** Of all collections, each consistent in itself, and their aliases. */
  createFullSnapshot(): Promise<SnapshotDescription>;
  listFullSnapshots(): Promise<SnapshotDescription[]>;
  deleteFullSnapshot(snapshot: string): Promise<boolean>;
  downloadFullSnapshot(snapshot: string): Promise<SnapshotArchive>;
  /** Into a database without collections. */
  uploadFullSnapshot(archive: Chunks, options?: SnapshotUpload): Promise<boolean>;

  /** Adds a vector that no point has yet. BAD_REQUEST where the name is taken. */
  createVectorName(name: string, vector: string, body: VectorNameConfig): Promise<UpdateResult>;
  deleteVectorName(name: string, vector: string): Promise<UpdateResult>;

  /** Analyses in the background; Vicinal's own. BUSY, JOB_NOT_FOUND */
  startAnalysis(name: string, body: AnalysisRequest): Promise<AnalysisJob>;
  /** Without their results. */
  getAnalyses(name: string): Promise<{ jobs: AnalysisJob[] }>;
  getAnalysis(name: string, id: string): Promise<AnalysisJob>;
  /** Cancels a job that runs, and forgets it. */
  deleteAnalysis(name: string, id: string): Promise<boolean>;

  upsert(name: string, body: PointInsertOperations): Promise<UpdateResult>;
  delete(name: string, body: PointsSelector): Promise<UpdateResult>;
  updateVectors(name: string, body: UpdateVectors): Promise<UpdateResult>;
  deleteVectors(name: string, body: DeleteVectors): Promise<UpdateResult>;
  setPayload(name: string, body: SetPayload): Promise<UpdateResult>;
  overwritePayload(name: string, body: SetPayload): Promise<UpdateResult>;
  deletePayload(name: string, body: DeletePayload): Promise<UpdateResult>;
  clearPayload(name: string, body: PointsSelector): Promise<UpdateResult>;
  /** All of the operations in their order, or none; answers once for each. */
  batchUpdate(name: string, body: UpdateOperations): Promise<UpdateResult[]>;
  /** Vicinal's own; see docs/originals.md. POINT_NOT_FOUND; BODY_TOO_LARGE; OUT_OF_RANGE where the point has too many. */
  putBlob(name: string, id: unknown, blob: string, source: BlobSource): Promise<BlobDescription>;
  /** BLOB_NOT_FOUND, POINT_NOT_FOUND */
  getBlob(name: string, id: unknown, blob: string, range?: BlobRange): Promise<StoredBlob>;
  deleteBlob(name: string, id: unknown, blob: string): Promise<boolean>;
  createPayloadIndex(name: string, body: CreateFieldIndex): Promise<UpdateResult>;
  deletePayloadIndex(name: string, fieldName: string): Promise<UpdateResult>;

  retrieve(name: string, body: PointRequest): Promise<PointRecord<RawJson>[]>;
  scroll(name: string, body: ScrollRequest): Promise<ScrollResult<RawJson>>;
  count(name: string, body: CountRequest): Promise<CountResult>;
  query(name: string, body: QueryRequest): Promise<QueryResponse<RawJson>>;
  queryBatch(name: string, body: QueryRequestBatch): Promise<QueryResponse<RawJson>[]>;
  queryGroups(name: string, body: QueryGroupsRequest): Promise<GroupsResult<RawJson>>;
  facet(name: string, body: FacetRequest): Promise<FacetResponse>;
  searchMatrixPairs(name: string, body: SearchMatrixRequest): Promise<SearchMatrixPairs>;
  searchMatrixOffsets(name: string, body: SearchMatrixRequest): Promise<SearchMatrixOffsets>;
}

/** An engine that tells requests more than their results. */
export interface ScopedEngine extends EngineApi {
  /** The same engine on behalf of one request. */
  forRequest(scope: RequestScope): EngineApi;
}
