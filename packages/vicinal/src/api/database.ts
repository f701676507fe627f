/**
 * Database: what an embedded user holds. Its methods, their arguments and their results are those of the official
 * JavaScript client of Qdrant's REST API, so code moves between process and server by changing the line that makes
 * the client. The types are wider: ids may be `bigint`, vectors `Float32Array`.
 */

import type { Advice, AdviseOptions } from "../advisor/contract.js";
import { decodePayload } from "../payload/json.js";
import type { RecallWatch } from "../query/recall-watch.js";
import type { SettleOptions } from "../segment/optimizer.js";
import type { Chunks } from "../storage/archive.js";
import type { AnalysisOptions, AnalysisResult } from "./analysis/analysis.js";
import type { BlobRange, BlobSource, StoredBlob } from "./blobs.js";
import { Catalogue } from "./catalogue.js";
import { Engine } from "./engine.js";
import type { ReadyHooks } from "./inference/hooks.js";
import { underStrictMode } from "./limits/strict-mode.js";
import type { MemoryTree } from "./memory-tree.js";
import type * as schema from "./schema/index.js";
import { type RawJson, writeOptions } from "./schema/index.js";
import type { SnapshotArchive } from "./snapshots/snapshots.js";

type Args<T> = T & schema.WriteOptions;
type ReadArgs<T> = T & schema.ReadOptions;

export class Database {
  /** The same operations with payloads as stored bytes; what a server stands on. */
  readonly engine: Engine;
  readonly #release: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** Use `open`. */
  constructor(home: Catalogue | Engine, release = async () => {}, watch?: RecallWatch, hooks?: ReadyHooks) {
    this.engine = home instanceof Catalogue ? underStrictMode(new Engine(home, watch, hooks), home) : home;
    this.#release = release;
  }

  /** Makes a collection. COLLECTION_EXISTS when the name is taken. */
  createCollection(name: string, args: schema.CreateCollection): Promise<boolean> {
    return this.engine.createCollection(name, args);
  }

  updateCollection(name: string, args: schema.UpdateCollection): Promise<boolean> {
    return this.engine.updateCollection(name, args);
  }

  /** Deletes a collection and all its points; false when there was none. */
  deleteCollection(name: string): Promise<boolean> {
    return this.engine.deleteCollection(name);
  }

  getCollection(name: string): Promise<schema.CollectionInfo> {
    return this.engine.getCollection(name);
  }

  getCollections(): Promise<schema.CollectionsResponse> {
    return this.engine.getCollections();
  }

  collectionExists(name: string): Promise<schema.CollectionExistence> {
    return this.engine.collectionExists(name);
  }

  /** Creates, deletes and renames aliases: all of the actions or none. An alias serves where a collection's name does. */
  updateCollectionAliases(args: schema.ChangeAliases & { timeout?: number }): Promise<boolean> {
    return this.engine.updateCollectionAliases(args);
  }

  getAliases(): Promise<schema.CollectionsAliases> {
    return this.engine.getAliases();
  }

  getCollectionAliases(name: string): Promise<schema.CollectionsAliases> {
    return this.engine.getCollectionAliases(name);
  }

  /** What the optimizer does now. */
  getOptimizations(name: string, args?: schema.OptimizationsRequest): Promise<schema.OptimizationsResponse> {
    return this.engine.getOptimizations(name, args);
  }

  /** Shares of the machine's memory and disk from which on only deletions are taken, and what is in use. */
  getQuotas(): Promise<schema.QuotaStatus> {
    return this.engine.getQuotas();
  }

  updateQuotas(config: schema.QuotaConfig): Promise<boolean> {
    return this.engine.updateQuotas(config);
  }

  /**
   * Takes a snapshot of the collection: of all that was acknowledged before the call, while writes go on. Needs a data folder
   * (UNSUPPORTED in memory).
   */
  createSnapshot(name: string): Promise<schema.SnapshotDescription> {
    return this.engine.createSnapshot(name);
  }

  /** The collection's snapshots, the oldest first; they outlive the collection. */
  listSnapshots(name: string): Promise<schema.SnapshotDescription[]> {
    return this.engine.listSnapshots(name);
  }

  /** SNAPSHOT_NOT_FOUND */
  deleteSnapshot(name: string, snapshotName: string): Promise<boolean> {
    return this.engine.deleteSnapshot(name, snapshotName);
  }

  /** A snapshot as one file, a tar: its chunks, to be read once, with `size` and `checksum`. SNAPSHOT_NOT_FOUND */
  downloadSnapshot(name: string, snapshotName: string): Promise<SnapshotArchive> {
    return this.engine.downloadSnapshot(name, snapshotName);
  }

  /**
   * Puts a snapshot in the place of the collection, or makes the collection. `location` is the name of one of its
   * snapshots, or a URL. A failure changes nothing.
   */
  recoverSnapshot(name: string, args: schema.SnapshotRecover): Promise<boolean> {
    return this.engine.recoverSnapshot(name, args);
  }

  /** As recoverSnapshot, from the bytes that a download gave. BAD_REQUEST names what is wrong with them. */
  uploadSnapshot(name: string, archive: Chunks, args?: schema.SnapshotUpload): Promise<boolean> {
    return this.engine.uploadSnapshot(name, archive, args);
  }

  /** Takes a snapshot of all collections, each consistent in itself, and of the aliases. */
  createFullSnapshot(): Promise<schema.SnapshotDescription> {
    return this.engine.createFullSnapshot();
  }

  listFullSnapshots(): Promise<schema.SnapshotDescription[]> {
    return this.engine.listFullSnapshots();
  }

  deleteFullSnapshot(snapshotName: string): Promise<boolean> {
    return this.engine.deleteFullSnapshot(snapshotName);
  }

  downloadFullSnapshot(snapshotName: string): Promise<SnapshotArchive> {
    return this.engine.downloadFullSnapshot(snapshotName);
  }

  /** All collections and aliases of a snapshot's archive, into a database without collections: all or none. */
  uploadFullSnapshot(archive: Chunks, args?: schema.SnapshotUpload): Promise<boolean> {
    return this.engine.uploadFullSnapshot(archive, args);
  }

  /** Where the memory goes: a tree of what is held and its bytes, of the collections that are open; see docs/memory.md. */
  explainMemory(): Promise<MemoryTree> {
    return this.engine.explainMemory();
  }

  /** Writes points, in place of those with the same ids. Durable and searchable once it resolves. */
  upsert(name: string, args: Args<schema.PointInsertOperations>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.upsert(name, args));
  }

  /** Deletes points by ids or by a filter; ids that do not exist are passed over. */
  delete(name: string, args: Args<schema.PointsSelector>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.delete(name, args));
  }

  /** Puts vectors in the place of points' own, by name; what else they hold stays. POINT_NOT_FOUND as for payloads. */
  updateVectors(name: string, args: Args<schema.UpdateVectors>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.updateVectors(name, args));
  }

  /** Takes the named vectors from points by ids or by a filter. POINT_NOT_FOUND as for payloads. */
  /** Adds a vector that no point has yet. BAD_REQUEST where the name is taken. */
  createVectorName(
    name: string,
    vectorName: string,
    config: schema.VectorNameConfig,
  ): Promise<schema.UpdateResult> {
    return this.engine.createVectorName(name, vectorName, config);
  }

  /** Drops a vector from the collection and all its points. */
  deleteVectorName(name: string, vectorName: string): Promise<schema.UpdateResult> {
    return this.engine.deleteVectorName(name, vectorName);
  }

  deleteVectors(name: string, args: Args<schema.DeleteVectors>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.deleteVectors(name, args));
  }

  /** Merges fields into payloads. POINT_NOT_FOUND when an id does not exist; nothing is changed then. */
  setPayload(name: string, args: Args<schema.SetPayload>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.setPayload(name, args));
  }

  overwritePayload(name: string, args: Args<schema.SetPayload>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.overwritePayload(name, args));
  }

  deletePayload(name: string, args: Args<schema.DeletePayload>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.deletePayload(name, args));
  }

  clearPayload(name: string, args: Args<schema.PointsSelector>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.clearPayload(name, args));
  }

  /**
   * Several writes in their order, all of them or none: readers see what was before the first or what is after the last.
   * Answers once for each.
   */
  batchUpdate(name: string, args: Args<schema.UpdateOperations>): Promise<schema.UpdateResult[]> {
    return answered(args, () => this.engine.batchUpdate(name, args));
  }

  /**
   * Gives a point a blob, in place of the one of that name: at once or as it arrives. The bytes are durable before the point names
   * them. POINT_NOT_FOUND; BODY_TOO_LARGE; OUT_OF_RANGE where the point has too many. See docs/originals.md. Vicinal's own.
   */
  putBlob(
    name: string,
    id: schema.ExtendedPointId,
    blob: string,
    source: BlobSource,
  ): Promise<schema.BlobDescription> {
    return this.engine.putBlob(name, id, blob, source);
  }

  /** A blob of a point: what it is, and its bytes or a range of them, read as they are asked for. BLOB_NOT_FOUND, POINT_NOT_FOUND */
  getBlob(name: string, id: schema.ExtendedPointId, blob: string, range?: BlobRange): Promise<StoredBlob> {
    return this.engine.getBlob(name, id, blob, range);
  }

  /** Takes a blob from a point. BLOB_NOT_FOUND, POINT_NOT_FOUND */
  deleteBlob(name: string, id: schema.ExtendedPointId, blob: string): Promise<boolean> {
    return this.engine.deleteBlob(name, id, blob);
  }

  createPayloadIndex(name: string, args: Args<schema.CreateFieldIndex>): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.createPayloadIndex(name, args));
  }

  deletePayloadIndex(
    name: string,
    fieldName: string,
    args: schema.WriteOptions = {},
  ): Promise<schema.UpdateResult> {
    return answered(args, () => this.engine.deletePayloadIndex(name, fieldName));
  }

  /** Points by ids; those that do not exist are left out. */
  async retrieve(name: string, args: ReadArgs<schema.PointRequest>): Promise<schema.PointRecord[]> {
    return (await this.engine.retrieve(name, args)).map(decoded);
  }

  /** Points page by page in the order of their ids. */
  async scroll(name: string, args: ReadArgs<schema.ScrollRequest> = {}): Promise<schema.ScrollResult> {
    const { points, next_page_offset } = await this.engine.scroll(name, args);
    return { points: points.map(decoded), next_page_offset };
  }

  count(name: string, args: ReadArgs<schema.CountRequest> = {}): Promise<schema.CountResult> {
    return this.engine.count(name, args);
  }

  /**
   * The points nearest to a vector or to a stored point, best first. `params.recall` asks for a share of the true
   * neighbours, `params.exact` for all of them, `params.explain` for how they were found. If `limit` points match the filter, `limit` points come back.
   */
  async query(name: string, args: ReadArgs<schema.QueryRequest>): Promise<schema.QueryResponse> {
    return decodedResponse(await this.engine.query(name, args));
  }

  async queryBatch(name: string, args: ReadArgs<schema.QueryRequestBatch>): Promise<schema.QueryResponse[]> {
    return (await this.engine.queryBatch(name, args)).map(decodedResponse);
  }

  /** The best points of each value of a field; see docs/queries.md. */
  async queryGroups(name: string, args: ReadArgs<schema.QueryGroupsRequest>): Promise<schema.GroupsResult> {
    const { groups } = await this.engine.queryGroups(name, args);
    return { groups: groups.map(decodedGroup) };
  }

  /** How many points hold each value of an indexed field: counted, never estimated. */
  facet(name: string, args: ReadArgs<schema.FacetRequest>): Promise<schema.FacetResponse> {
    return this.engine.facet(name, args);
  }

  /** Scores among a random sample of points: of each with its nearest, as pairs of ids. */
  searchMatrixPairs(
    name: string,
    args: ReadArgs<schema.SearchMatrixRequest> = {},
  ): Promise<schema.SearchMatrixPairs> {
    return this.engine.searchMatrixPairs(name, args);
  }

  /** The same as a sparse matrix. */
  searchMatrixOffsets(
    name: string,
    args: ReadArgs<schema.SearchMatrixRequest> = {},
  ): Promise<schema.SearchMatrixOffsets> {
    return this.engine.searchMatrixOffsets(name, args);
  }

  /**
   * Resolves when everything that was written is indexed as far as it will be. `everything` also merges what is left
   * into as few segments as fit, however much must be copied. Vicinal's own.
   */
  waitForIndex(name: string, options?: SettleOptions): Promise<void> {
    return this.engine.waitForIndex(name, options);
  }

  /**
   * Measures which index serves the collection best under limits of recall, memory and latency, on a sample of its vectors.
   * Takes minutes; `progress` and `signal` tell and stop. Changes nothing: see `applyAdvice`. Vicinal's own.
   */
  advise(name: string, options?: AdviseOptions): Promise<Advice> {
    return this.engine.advise(name, options);
  }

  /** Gives the collection the index that was recommended; it is built behind the writes. Vicinal's own. */
  applyAdvice(name: string, advice: Advice): Promise<boolean> {
    return this.engine.applyAdvice(name, advice);
  }

  /**
   * Clusters, near-duplicates, outliers or a two-dimensional map of points: of all, of those that pass a filter, or of those that a
   * query finds. Reports progress and can be cancelled. See docs/analysis.md.
   */
  analyze(name: string, request: schema.AnalysisRequest, options?: AnalysisOptions): Promise<AnalysisResult> {
    return this.engine.analyze(name, request, options);
  }

  /**
   * Of a database that was opened read-only: resolves once everything can be read that its writer had acknowledged before the
   * call. Otherwise there is nothing to do. Vicinal's own.
   */
  refresh(): Promise<void> {
    return this.engine.refresh();
  }

  /**
   * Finishes what was accepted. The last handle on a folder writes a checkpoint, frees all memory and lets other processes
   * open it.
   */
  close(): Promise<void> {
    this.#closing ??= this.engine.close().finally(this.#release);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The result of a write, whose options have been checked before: `wait: false` is told that the write was received. */
async function answered<R extends schema.UpdateResult | schema.UpdateResult[]>(
  options: schema.WriteOptions,
  write: () => Promise<R>,
): Promise<R> {
  const { wait } = writeOptions.parse(options);
  const result = await write();
  return wait === false ? (received(result) as R) : result;
}

function received(
  result: schema.UpdateResult | schema.UpdateResult[],
): schema.UpdateResult | schema.UpdateResult[] {
  return Array.isArray(result)
    ? result.map((one) => received(one) as schema.UpdateResult)
    : { ...result, status: "acknowledged" };
}

function decodedResponse({ points, explain }: schema.QueryResponse<RawJson>): schema.QueryResponse {
  const answer = { points: points.map(decoded) };
  return explain ? { ...answer, explain } : answer;
}

function decodedGroup({ id, hits, lookup }: schema.PointGroup<RawJson>): schema.PointGroup {
  const group = { id, hits: hits.map(decoded) };
  return lookup ? { ...group, lookup: decoded(lookup) } : group;
}

function decoded<P extends { payload?: RawJson | null }>(
  point: P,
): Omit<P, "payload"> & { payload?: schema.Payload | null } {
  const { payload } = point;
  return payload ? { ...point, payload: decodePayload(payload.bytes) } : (point as Omit<P, "payload">);
}
