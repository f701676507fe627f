/** A small in-memory engine for the server's tests: exact search by dot product, no filters. */
import {
  type AnalysisJob,
  type CollectionInfo,
  createCollection,
  type EngineApi,
  type ExtendedPointId,
  type PointRecord,
  parseCollectionName,
  pointInsertOperations,
  pointRequest,
  queryRequest,
  RawJson,
  type ScoredPoint,
  type ScrollResult,
  scrollRequest,
  stringifyJson,
  type UpdateResult,
  VicinalError,
} from "vicinal/protocol";

interface FakePoint {
  id: ExtendedPointId;
  vector: Float32Array;
  payload: RawJson;
}

const completed: UpdateResult = { operation_id: 7, status: "completed" };

export class FakeEngine implements EngineApi {
  private readonly collections = new Map<string, { size: number; points: Map<string, FakePoint> }>();
  /** What a test puts here is thrown by the next `count`. */
  failure: unknown;

  async createCollection(name: string, body: unknown): Promise<boolean> {
    parseCollectionName(name);
    const { vectors } = createCollection.parse(body);
    if (this.collections.has(name))
      throw new VicinalError("COLLECTION_EXISTS", `Wrong input: Collection \`${name}\` already exists!`);
    this.collections.set(name, { size: (vectors as { size: number }).size, points: new Map() });
    return true;
  }

  async updateCollection(): Promise<boolean> {
    return true;
  }

  async deleteCollection(name: string): Promise<boolean> {
    return this.collections.delete(name);
  }

  async getCollection(name: string): Promise<CollectionInfo> {
    const { points, size } = this.collection(name);
    return {
      status: "green",
      optimizer_status: "ok",
      points_count: points.size,
      segments_count: 1,
      config: {
        params: { vectors: { size, distance: "Dot" } },
        hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000 },
        optimizer_config: { default_segment_number: 1, flush_interval_sec: 5 },
        metadata: { exact: 2n ** 64n - 1n },
      },
      payload_schema: {},
    };
  }

  async getCollections() {
    return { collections: [...this.collections.keys()].map((name) => ({ name })) };
  }

  async collectionExists(name: string) {
    return { exists: this.collections.has(name) };
  }

  async createSnapshot() {
    return { name: "one.snapshot", size: 0 };
  }
  async listSnapshots() {
    return [];
  }
  async deleteSnapshot() {
    return true;
  }
  async downloadSnapshot(): Promise<never> {
    throw new VicinalError("SNAPSHOT_NOT_FOUND", "Not found: Snapshot");
  }
  async recoverSnapshot() {
    return true;
  }
  async uploadSnapshot() {
    return true;
  }
  async putBlob(): Promise<never> {
    throw new VicinalError("POINT_NOT_FOUND", "Not found: Point");
  }
  async getBlob(): Promise<never> {
    throw new VicinalError("BLOB_NOT_FOUND", "Not found: Blob");
  }
  async deleteBlob() {
    return true;
  }
  async getPartialSnapshotManifest() {
    return {};
  }
  async createFullSnapshot() {
    return { name: "full.snapshot", size: 0 };
  }
  async listFullSnapshots() {
    return [];
  }
  async deleteFullSnapshot() {
    return true;
  }
  async downloadFullSnapshot(): Promise<never> {
    throw new VicinalError("SNAPSHOT_NOT_FOUND", "Not found: Snapshot");
  }
  async uploadFullSnapshot() {
    return true;
  }

  async updateCollectionAliases(): Promise<boolean> {
    return true;
  }

  async getAliases() {
    return { aliases: [] };
  }
  getCollectionAliases = this.getAliases;

  async getOptimizations() {
    return {
      summary: { queued_optimizations: 0, queued_segments: 0, queued_points: 0, idle_segments: 0 },
      running: [],
    };
  }

  async collectionClusterInfo() {
    return { peer_id: 0, shard_count: 1, local_shards: [], remote_shards: [], shard_transfers: [] };
  }

  async listShardKeys() {
    return { shard_keys: [] };
  }

  async getQuotas() {
    return { config: {}, usage: { resident_memory_percent: null, disk_usage_percent: null } };
  }

  async updateQuotas(): Promise<boolean> {
    return true;
  }

  async explainMemory() {
    return { what: "database", bytes: 0, parts: [], resident: null, budget: null };
  }

  async getNodeReport() {
    const exceeded = { resident_memory: null, disk_usage: null };
    return {
      collectionCount: this.collections.size,
      collections: [],
      damaged: [],
      quotas: { config: {}, exceeded },
    };
  }

  async upsert(name: string, body: unknown): Promise<UpdateResult> {
    const { size, points } = this.collection(name);
    const operation = pointInsertOperations.parse(body);
    if (!("points" in operation)) throw new VicinalError("UNSUPPORTED", "columns are not faked");
    for (const { id, vector, payload } of operation.points) {
      const values = Float32Array.from(vector as number[]);
      if (values.length !== size)
        throw new VicinalError(
          "WRONG_DIMENSION",
          `Wrong input: Vector dimension error: expected dim: ${size}, got ${values.length}`,
          { path: "points[0].vector" },
        );
      const json = new RawJson(Buffer.from(stringifyJson(payload ?? {})));
      points.set(String(id), { id, vector: values, payload: json });
    }
    return completed;
  }

  async delete(): Promise<UpdateResult> {
    return completed;
  }
  setPayload = this.delete;
  createVectorName = this.delete;
  deleteVectorName = this.delete;
  overwritePayload = this.delete;
  deletePayload = this.delete;
  clearPayload = this.delete;
  updateVectors = this.delete;
  deleteVectors = this.delete;

  async batchUpdate(_name: string, { operations }: { operations: unknown[] }): Promise<UpdateResult[]> {
    return operations.map(() => completed);
  }

  createPayloadIndex = this.delete;
  deletePayloadIndex = this.delete;

  async retrieve(name: string, body: unknown): Promise<PointRecord<RawJson>[]> {
    const { points } = this.collection(name);
    return pointRequest.parse(body).ids.flatMap((id) => points.get(String(id)) ?? []);
  }

  async scroll(name: string, body: unknown): Promise<ScrollResult<RawJson>> {
    const { limit } = scrollRequest.parse(body);
    const points = [...this.collection(name).points.values()];
    return { points: points.slice(0, limit ?? 10), next_page_offset: points[limit ?? 10]?.id ?? null };
  }

  async count(name: string) {
    if (this.failure !== undefined) throw this.failure;
    return { count: this.collection(name).points.size };
  }

  async query(name: string, body: unknown): Promise<{ points: ScoredPoint<RawJson>[] }> {
    const { points } = this.collection(name);
    const { query, limit } = queryRequest.parse(body);
    const scored = [...points.values()].map((point) => {
      const score = point.vector.reduce((sum, value, i) => sum + value * (query as number[])[i], 0);
      return { ...point, version: 1, score: Math.fround(score) };
    });
    scored.sort((a, b) => b.score - a.score);
    return { points: scored.slice(0, Number(limit ?? 10)) };
  }

  async queryBatch(name: string, { searches }: { searches: unknown[] }) {
    return Promise.all(searches.map((search) => this.query(name, search)));
  }

  async queryGroups() {
    return { groups: [] };
  }

  async facet() {
    return { hits: [] };
  }

  async searchMatrixPairs() {
    return { pairs: [] };
  }

  async searchMatrixOffsets() {
    return { offsets_row: [], offsets_col: [], scores: [], ids: [] };
  }

  async startAnalysis(): Promise<AnalysisJob> {
    return { id: "1", task: "kmeans", status: "running", stage: "reading", progress: 0 };
  }

  async getAnalyses() {
    return { jobs: [await this.startAnalysis()] };
  }

  async getAnalysis() {
    return this.startAnalysis();
  }

  async deleteAnalysis() {
    return true;
  }

  private collection(name: string) {
    const found = this.collections.get(name);
    if (found === undefined)
      throw new VicinalError("COLLECTION_NOT_FOUND", `Not found: Collection \`${name}\` doesn't exist!`);
    return found;
  }
}
