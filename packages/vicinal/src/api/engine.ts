/**
 * Engine: the operations of the API over a catalogue of collections. Requests are checked by their schemas, resolved
 * against the collection, and handed to the write path or the planner; payloads leave as the bytes that are stored.
 */
import { advise } from "../advisor/advise.js";
import type { Advice, AdviseOptions } from "../advisor/contract.js";
import { encodePayload } from "../payload/json.js";
import { parsePath } from "../payload/path.js";
import { countMatching, estimateMatching } from "../query/matching.js";
import type { RecallWatch } from "../query/recall-watch.js";
import { after, afterEach } from "../runtime/after.js";
import { VicinalError } from "../runtime/errors.js";
import type { Collection } from "../segment/collection.js";
import type { DenseVector, Effect } from "../segment/effects.js";
import type { SettleOptions } from "../segment/optimizer.js";
import type { Chunks } from "../storage/archive.js";
import { describeAliases } from "./aliases.js";
import { type AnalysisOptions, type AnalysisResult, runAnalysis } from "./analysis/analysis.js";
import { AnalysisJobs } from "./analysis/jobs.js";
import { writeFindings } from "./analysis/writes.js";
import {
  type BlobRange,
  type BlobSource,
  BlobView,
  blobPlace,
  deleteBlob,
  operationsWithStoredBlobs,
  putBlob,
  type StoredBlob,
  storedBlob,
  withStoredBlobs,
} from "./blobs.js";
import type { Collections } from "./catalogue.js";
import { collectionConfig, configChange, describeCollection, newVector } from "./collections.js";
import type { EngineApi, RequestScope, ScopedEngine } from "./engine-api.js";
import type { ReadyHooks } from "./inference/hooks.js";
import { InferenceModels } from "./inference/inference.js";
import { explainMemory, type MemoryTree } from "./memory-tree.js";
import { type NodeReport, reportNode } from "./node-report.js";
import { clusterInfo, describeOptimizations, describePartialSnapshot } from "./operator-views.js";
import { PointReader } from "./points.js";
import { metricOf, pointIds, storedVector, vectorConfig } from "./prepare.js";
import { answerFacet } from "./queries/facets.js";
import { answerGroups } from "./queries/groups.js";
import { matrixOffsets, matrixPairs, sampledNeighbours } from "./queries/matrix.js";
import { answerQuery, compiled, type QueryScope } from "./queries/queries.js";
import { answerScroll } from "./queries/scroll.js";
import { SharedFilters } from "./queries/shared-filters.js";
import type { RawJson } from "./schema/index.js";
import * as schema from "./schema/index.js";
import { type SnapshotArchive, Snapshots } from "./snapshots/snapshots.js";
import {
  clearPayloadWrite,
  deletePayloadWrite,
  deleteVectorsWrite,
  deleteWrite,
  operationsWrite,
  overwritePayloadWrite,
  setPayloadWrite,
  updateVectorsWrite,
  upsertWrite,
  vectorBytes,
  type Write,
} from "./writes.js";

export class Engine implements ScopedEngine {
  readonly #catalogue: Collections;
  /** Checks a share of the searches in the background; absent where none is to be. */
  readonly watch: RecallWatch | undefined;
  readonly #hooks: ReadyHooks | undefined;
  readonly #models: InferenceModels;

  readonly #operationId: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #termCounts: RequestScope["termCounts"];
  readonly #jobs: AnalysisJobs;
  readonly #snapshots: Snapshots;

  constructor(
    catalogue: Collections,
    watch?: RecallWatch,
    hooks?: ReadyHooks,
    scope: RequestScope = {},
    jobs = new AnalysisJobs(),
    snapshots = new Snapshots(catalogue),
  ) {
    this.#operationId = scope.operationId;
    this.#signal = scope.signal;
    this.#termCounts = scope.termCounts;
    this.#jobs = jobs;
    this.#snapshots = snapshots;
    this.#catalogue = catalogue;
    this.watch = watch;
    this.#hooks = hooks;
    this.#models = new InferenceModels(hooks?.inference, scope.onUsage);
  }

  forRequest(scope: RequestScope): EngineApi {
    // Only hooks have something to tell.
    const { operationId, signal, termCounts } = scope;
    const isPlain = operationId === undefined && signal === undefined && termCounts === undefined;
    if (isPlain && !this.#hooks?.inference.size) return this;
    if (operationId !== undefined) checkOperationId(operationId);
    return new Engine(this.#catalogue, this.watch, this.#hooks, scope, this.#jobs, this.#snapshots);
  }

  // -------------------------------------------------------------------------------------------- collections

  async createCollection(name: string, body: schema.CreateCollection): Promise<boolean> {
    schema.parseCollectionName(name);
    const request = schema.createCollection.parse(body);
    if (request.sharding_method === "custom")
      throw new VicinalError("UNSUPPORTED", "sharding_method: custom sharding needs a cluster", {
        path: "sharding_method",
      });
    const config = collectionConfig(request);
    await this.#catalogue.create(name, config);
    return true;
  }

  async updateCollection(name: string, body: schema.UpdateCollection): Promise<boolean> {
    const collection = this.#catalogue.get(name);
    const request = schema.updateCollection.parse(body);
    await collection.write({
      id: this.#operationId,
      readsState: true,
      resolve: ({ state }) => [
        { kind: "configure", change: encodePayload(configChange(state.config, request)) },
      ],
    });
    return true;
  }

  async deleteCollection(name: string): Promise<boolean> {
    if (this.#catalogue.find(name)) await this.#jobs.removeAll(name);
    return this.#catalogue.delete(name);
  }

  async getCollection(name: string): Promise<schema.CollectionInfo> {
    return describeCollection(this.#catalogue.get(name));
  }

  async getCollections(): Promise<schema.CollectionsResponse> {
    return { collections: this.#catalogue.names().map((name) => ({ name })) };
  }

  async collectionExists(name: string): Promise<schema.CollectionExistence> {
    return { exists: this.#catalogue.has(name) };
  }

  async updateCollectionAliases(body: schema.ChangeAliases): Promise<boolean> {
    await this.#catalogue.changeAliases(schema.changeAliases.parse(body).actions);
    return true;
  }

  async getAliases(): Promise<schema.CollectionsAliases> {
    return describeAliases(this.#catalogue.aliases());
  }

  async getCollectionAliases(name: string): Promise<schema.CollectionsAliases> {
    return describeAliases(this.#catalogue.aliases(name));
  }

  // -------------------------------------------------------------------------------------------- operators' views

  async getOptimizations(
    name: string,
    args?: schema.OptimizationsRequest,
  ): Promise<schema.OptimizationsResponse> {
    return describeOptimizations(this.#catalogue.get(name), args);
  }

  async collectionClusterInfo(name: string): Promise<schema.CollectionClusterInfo> {
    return clusterInfo(this.#catalogue.get(name));
  }

  /** Points are put into shards by their ids: there are no keys. */
  async listShardKeys(name: string): Promise<schema.ShardKeysResponse> {
    this.#catalogue.get(name);
    return { shard_keys: [] };
  }

  async getQuotas(): Promise<schema.QuotaStatus> {
    return this.#catalogue.quotas.status();
  }

  async updateQuotas(body: schema.QuotaConfig): Promise<boolean> {
    await this.#catalogue.changeQuotas(schema.quotaConfig.parse(body));
    return true;
  }

  async getNodeReport(): Promise<NodeReport> {
    return reportNode(this.#catalogue);
  }

  /** What the database holds in memory, of the collections that are open. */
  async explainMemory(): Promise<MemoryTree> {
    return explainMemory(this.#catalogue);
  }

  /** Resolves when the optimizer has nothing left to do; see Optimizer.settle. */
  async waitForIndex(name: string, options?: SettleOptions): Promise<void> {
    await this.#catalogue.get(name).optimizer.settle(options);
  }

  /** Measures index families on the collection's own vectors; see docs/advisor.md. */
  async advise(name: string, options: AdviseOptions = {}): Promise<Advice> {
    const { state } = this.#catalogue.get(name);
    const using = options.using ?? "";
    if (vectorConfig(state.config, using).multi)
      throw new VicinalError(
        "UNSUPPORTED",
        `using: ${using} has multi-vectors, for which no families are compared`,
        {
          field: "using",
        },
      );
    const queries = options.queries?.map(
      (query, i) => (storedVector(state.config, using, query, `queries[${i}]`) as DenseVector).data,
    );
    return advise(state, using, options, queries);
  }

  /** Gives the vector the index that was recommended. BAD_REQUEST when none was. */
  async applyAdvice(name: string, { update, why }: Advice): Promise<boolean> {
    if (update) return this.updateCollection(name, update);
    throw new VicinalError("BAD_REQUEST", `There is no recommendation to apply: ${why}`, { field: "update" });
  }

  // -------------------------------------------------------------------------------------------- snapshots

  async createSnapshot(name: string): Promise<schema.SnapshotDescription> {
    return this.#snapshots.create(name);
  }

  async listSnapshots(name: string): Promise<schema.SnapshotDescription[]> {
    return this.#snapshots.list(name);
  }

  async deleteSnapshot(name: string, snapshot: string): Promise<boolean> {
    return this.#snapshots.delete(name, snapshot);
  }

  async downloadSnapshot(name: string, snapshot: string): Promise<SnapshotArchive> {
    return this.#snapshots.download(name, snapshot);
  }

  async recoverSnapshot(name: string, body: schema.SnapshotRecover): Promise<boolean> {
    return this.#snapshots.recover(name, body);
  }

  async uploadSnapshot(name: string, archive: Chunks, options?: schema.SnapshotUpload): Promise<boolean> {
    return this.#snapshots.upload(name, archive, options);
  }

  async getPartialSnapshotManifest(name: string): Promise<schema.PartialSnapshotManifest> {
    return describePartialSnapshot(this.#catalogue.get(name));
  }

  async createFullSnapshot(): Promise<schema.SnapshotDescription> {
    return this.#snapshots.createFull();
  }

  async listFullSnapshots(): Promise<schema.SnapshotDescription[]> {
    return this.#snapshots.listFull();
  }

  async deleteFullSnapshot(snapshot: string): Promise<boolean> {
    return this.#snapshots.deleteFull(snapshot);
  }

  async downloadFullSnapshot(snapshot: string): Promise<SnapshotArchive> {
    return this.#snapshots.downloadFull(snapshot);
  }

  async uploadFullSnapshot(archive: Chunks, options?: schema.SnapshotUpload): Promise<boolean> {
    return this.#snapshots.uploadFull(archive, options);
  }

  async createVectorName(
    name: string,
    vector: string,
    body: schema.VectorNameConfig,
  ): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const request = schema.vectorNameConfig.parse(body);
    return this.#write(collection, {
      resolve: ({ state }) => [
        { kind: "configure", change: encodePayload({ added: newVector(state.config, vector, request) }) },
      ],
    });
  }

  async deleteVectorName(name: string, vector: string): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    return this.#write(collection, {
      resolve: ({ state }) => {
        metricOf(state.config, vector);
        return [{ kind: "configure", change: encodePayload({ dropped: vector }) }];
      },
    });
  }

  // -------------------------------------------------------------------------------------------- writes
  // They reach the collection in the turn of their call, so that writes happen in the order of the calls; only one that asks a
  // hook for vectors comes later.

  async upsert(name: string, body: schema.PointInsertOperations): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const request = this.#models.resolve(schema.pointInsertOperations.parse(body), "document", this.#signal);
    return after(request, (resolved) =>
      withStoredBlobs(collection, resolved, (stored) =>
        this.#write(collection, upsertWrite(collection.state.config, stored)),
      ),
    );
  }

  async delete(name: string, body: schema.PointsSelector): Promise<schema.UpdateResult> {
    return this.#write(this.#catalogue.get(name), deleteWrite(schema.pointsSelector.parse(body)));
  }

  async updateVectors(name: string, body: schema.UpdateVectors): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const request = this.#models.resolve(schema.updateVectors.parse(body), "document", this.#signal);
    return after(request, (resolved) =>
      this.#write(collection, updateVectorsWrite(collection.state.config, resolved)),
    );
  }

  async deleteVectors(name: string, body: schema.DeleteVectors): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    return this.#write(
      collection,
      deleteVectorsWrite(collection.state.config, schema.deleteVectors.parse(body)),
    );
  }

  async setPayload(name: string, body: schema.SetPayload): Promise<schema.UpdateResult> {
    return this.#write(this.#catalogue.get(name), setPayloadWrite(schema.setPayload.parse(body)));
  }

  async overwritePayload(name: string, body: schema.SetPayload): Promise<schema.UpdateResult> {
    return this.#write(this.#catalogue.get(name), overwritePayloadWrite(schema.setPayload.parse(body)));
  }

  async deletePayload(name: string, body: schema.DeletePayload): Promise<schema.UpdateResult> {
    return this.#write(this.#catalogue.get(name), deletePayloadWrite(schema.deletePayload.parse(body)));
  }

  async clearPayload(name: string, body: schema.PointsSelector): Promise<schema.UpdateResult> {
    return this.#write(this.#catalogue.get(name), clearPayloadWrite(schema.pointsSelector.parse(body)));
  }

  async batchUpdate(name: string, body: schema.UpdateOperations): Promise<schema.UpdateResult[]> {
    const collection = this.#catalogue.get(name);
    const request = this.#models.resolve(schema.updateOperations.parse(body), "document", this.#signal);
    return after(request, (resolved) =>
      operationsWithStoredBlobs(collection, resolved, async (stored) => {
        const result = await this.#write(collection, operationsWrite(collection.state.config, stored));
        return stored.operations.map(() => ({ ...result }));
      }),
    );
  }

  async putBlob(
    name: string,
    id: unknown,
    blob: string,
    source: BlobSource,
  ): Promise<schema.BlobDescription> {
    return putBlob(this.#catalogue.get(name), blobPlace(name, id, blob), source, this.#operationId);
  }

  async getBlob(name: string, id: unknown, blob: string, range?: BlobRange): Promise<StoredBlob> {
    return storedBlob(this.#catalogue.get(name), blobPlace(name, id, blob), range);
  }

  async deleteBlob(name: string, id: unknown, blob: string): Promise<boolean> {
    return deleteBlob(this.#catalogue.get(name), blobPlace(name, id, blob), this.#operationId);
  }

  async createPayloadIndex(name: string, body: schema.CreateFieldIndex): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const { field_name: fieldName, field_schema: given } = schema.createFieldIndex.parse(body);
    const path = parsePath(fieldName, "field_name").text;
    if (given === undefined || given === null)
      throw new VicinalError("BAD_REQUEST", "field_schema: is missing, expected the type of the field", {
        path: "field_schema",
      });
    const fieldSchema = typeof given === "string" ? { type: given } : withDefaults(given);
    const effect: Effect = { kind: "field", path, schema: encodePayload(fieldSchema) };
    const result = await this.#write(collection, { resolve: () => [effect] });
    await collection.optimizer.whenFieldsReady();
    return result;
  }

  async deletePayloadIndex(name: string, fieldName: string): Promise<schema.UpdateResult> {
    const collection = this.#catalogue.get(name);
    const path = parsePath(fieldName, "field_name").text;
    return this.#write(collection, { resolve: () => [{ kind: "field", path, schema: undefined }] });
  }

  // -------------------------------------------------------------------------------------------- reads

  async retrieve(name: string, body: schema.PointRequest): Promise<schema.PointRecord<RawJson>[]> {
    const collection = this.#catalogue.get(name);
    const { state } = collection;
    const request = schema.pointRequest.parse(body);
    const reader = new PointReader(
      state.config,
      request.with_payload,
      request.with_vector,
      true,
      request.with_version,
      BlobView.of(name, collection, request.with_blobs),
    );
    const found: schema.PointRecord<RawJson>[] = [];
    for (const id of new Set(pointIds(request.ids, "ids"))) {
      const place = state.find(id);
      if (place) found.push(reader.read(place.segment, place.row));
    }
    await reader.complete();
    return found;
  }

  async scroll(name: string, body: schema.ScrollRequest): Promise<schema.ScrollResult<RawJson>> {
    return answerScroll(name, this.#catalogue.get(name), schema.scrollRequest.parse(body));
  }

  async count(name: string, body: schema.CountRequest): Promise<schema.CountResult> {
    const { state } = this.#catalogue.get(name);
    const request = schema.countRequest.parse(body);
    const filter = compiled(request.filter);
    if (filter && request.exact === false) return { count: estimateMatching(state, filter) };
    return { count: countMatching(state, filter) };
  }

  async query(name: string, body: schema.QueryRequest): Promise<schema.QueryResponse<RawJson>> {
    this.#catalogue.get(name);
    const request = this.#models.resolve(schema.queryRequest.parse(body), "query", this.#signal);
    return after(request, (resolved) => answerQuery(this.#scope(name), resolved));
  }

  async queryBatch(name: string, body: schema.QueryRequestBatch): Promise<schema.QueryResponse<RawJson>[]> {
    this.#catalogue.get(name);
    const { searches } = await this.#models.resolve(
      schema.queryRequestBatch.parse(body),
      "query",
      this.#signal,
    );
    const scope = this.#scope(name);
    return afterEach(searches, (request) => answerQuery(scope, request));
  }

  async queryGroups(name: string, body: schema.QueryGroupsRequest): Promise<schema.GroupsResult<RawJson>> {
    this.#catalogue.get(name);
    const request = await this.#models.resolve(schema.queryGroupsRequest.parse(body), "query", this.#signal);
    return answerGroups(this.#scope(name), request);
  }

  async facet(name: string, body: schema.FacetRequest): Promise<schema.FacetResponse> {
    const { state } = this.#catalogue.get(name);
    return answerFacet(state, schema.facetRequest.parse(body));
  }

  async searchMatrixPairs(name: string, body: schema.SearchMatrixRequest): Promise<schema.SearchMatrixPairs> {
    return matrixPairs(await sampledNeighbours(this.#scope(name), schema.searchMatrixRequest.parse(body)));
  }

  async searchMatrixOffsets(
    name: string,
    body: schema.SearchMatrixRequest,
  ): Promise<schema.SearchMatrixOffsets> {
    return matrixOffsets(await sampledNeighbours(this.#scope(name), schema.searchMatrixRequest.parse(body)));
  }

  #scope(name: string): QueryScope {
    const stateOf = (other: string) => {
      if (this.#catalogue.has(other)) return this.#catalogue.get(other).state;
      // Of a collection that a body names Qdrant says so in other words than of the path's.
      throw new VicinalError("COLLECTION_NOT_FOUND", `Not found: Collection ${other} not found`, {
        name: other,
      });
    };
    const collection = this.#catalogue.get(name);
    const { state } = collection;
    const rerankers = this.#hooks?.rerank ?? new Map();
    const filters = new SharedFilters();
    return {
      ...{ name, collection, state, watch: this.watch, stateOf, filters, rerankers },
      ...{ signal: this.#signal, termCounts: this.#termCounts },
    };
  }

  // ------------------------------------------------------------------------------------------ analyses

  /** Analyses points at once, and writes what it found where the request says so. */
  async analyze(
    name: string,
    body: schema.AnalysisRequest,
    options: AnalysisOptions = {},
  ): Promise<AnalysisResult> {
    const scope = this.#scope(name);
    const request = schema.analysisRequest.parse(body);
    const of = request.of && (await this.#models.resolve(request.of, "query", options.signal));
    const { result, findings } = await runAnalysis(scope, { ...request, of }, options);
    if (request.write)
      await writeFindings(findings, request.write.key, options, (operations) =>
        this.batchUpdate(name, { operations }),
      );
    return result;
  }

  /** The same in the background. BUSY when as many run as may. */
  async startAnalysis(name: string, body: schema.AnalysisRequest): Promise<schema.AnalysisJob> {
    const home = this.#catalogue.nameOf(name);
    const request = schema.analysisRequest.parse(body);
    return this.#jobs.start(home, request, (options) => this.analyze(name, request, options));
  }

  async getAnalyses(name: string): Promise<{ jobs: schema.AnalysisJob[] }> {
    return { jobs: this.#jobs.list(this.#catalogue.nameOf(name)) };
  }

  async getAnalysis(name: string, id: string): Promise<schema.AnalysisJob> {
    return this.#jobs.get(this.#catalogue.nameOf(name), id);
  }

  async deleteAnalysis(name: string, id: string): Promise<boolean> {
    await this.#jobs.remove(this.#catalogue.nameOf(name), id);
    return true;
  }

  async #write(collection: Collection, { resolve }: Write): Promise<schema.UpdateResult> {
    let bytes = 0;
    const counted = (effects: Effect[]) => {
      bytes = vectorBytes(effects);
      return effects;
    };
    const sequence = await collection.write({
      id: this.#operationId,
      readsState: false,
      resolve: (view) => after(resolve(view), counted),
    });
    if (bytes > 0) collection.optimizer.ingested(bytes);
    return { operation_id: sequence, status: "completed" };
  }

  /** Brings a read-only database up to what its writer has acknowledged; nothing to do otherwise. */
  refresh(): Promise<void> {
    return this.#catalogue.refresh();
  }

  async close(): Promise<void> {
    await this.#jobs.close();
    await this.#snapshots.close();
    await this.#catalogue.close();
  }
}

function checkOperationId(id: string): void {
  if (typeof id !== "string" || id.length === 0 || id.length > 255)
    throw new VicinalError("BAD_REQUEST", "An operation's id has 1 to 255 characters", {
      field: "operationId",
    });
}

/** The parameters of a field index as they are kept and shown: of a text index always with its tokenizer. */
function withDefaults(given: schema.PayloadSchemaParams): schema.PayloadSchemaParams {
  return given.type === "text" ? { ...given, tokenizer: given.tokenizer ?? "word" } : given;
}
