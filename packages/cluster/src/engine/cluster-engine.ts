/**
 * ClusterEngine: the operations of the API over all nodes. Every node has one and answers anything: what concerns collections goes
 * through etcd, writes go to the owners of the shards that they concern, reads to one replica of each shard.
 *
 * A write of several shards is atomic in each of them, not over all. A read sees what its replica has applied; one that asks for
 * more than one replica's word sees everything that was acknowledged before it (`strong`).
 */
import { randomUUID } from "node:crypto";
import type {
  ClusterApi,
  EngineApi,
  Filter,
  PartialSnapshotManifest,
  RequestScope,
  ScopedEngine,
} from "vicinal/protocol";
import * as schema from "vicinal/protocol";
import {
  type BlobRange,
  type BlobSource,
  describeAliases,
  type PointId,
  parsePointId,
  type StoredBlob,
  summedCounts,
  type TermCounts,
  VicinalError,
} from "vicinal/shard";
import { pause } from "../etcd/etcd.js";
import type { ClusterNode } from "../node/cluster-node.js";
import { peerOf } from "../node/cluster-node.js";
import { ClusterOperations } from "../node/operations.js";
import type { RoutingRecord } from "../node/records.js";
import { ringOf, shardOfPoint } from "../routing/ring.js";
import {
  divisionOf,
  formatTokens,
  merged,
  type Position,
  parseTokens,
  seenBy,
} from "../routing/sequence-token.js";
import { Caller, WRITE_TIMEOUT_MS } from "./caller.js";
import { inOrderOfField, inOrderOfIds, type Row, revived, sampled, summed } from "./merge.js";
import { amongThese, answerGroups, answerQuery, type Shards } from "./queries.js";
import { type Parts, split, splitBatch } from "./split.js";

type Body = Record<string, unknown>;

/** What a facet asks each shard for: the counts of all of its values, so that the sums are right. */
const FACET_VALUES = 1_000_000;
/** A new collection's shards are there by then. */
const READY_MS = 15_000;
const DEFAULT_LIMIT = 10;
/** A call between nodes has a bound. */
const BLOB_BYTES_MAX = 240 * 2 ** 20;

type Key = string | number;

interface Found {
  name: string;
  id: string;
  routing: RoutingRecord;
  version: string;
}

export class ClusterEngine implements ScopedEngine {
  readonly cluster: ClusterApi;
  readonly #node: ClusterNode;
  readonly #caller: Caller;
  readonly #scope: RequestScope;
  /** What reads must have seen. */
  readonly #seen: readonly Position[];

  constructor(node: ClusterNode, caller = new Caller(node), scope: RequestScope = {}) {
    this.#node = node;
    this.#caller = caller;
    this.#scope = scope;
    this.#seen = scope.minSequence ? parseTokens(scope.minSequence) : [];
    this.cluster = new ClusterOperations(node);
  }

  forRequest(scope: RequestScope): EngineApi {
    if (Object.values(scope).every((wish) => wish === undefined)) return this;
    return new ClusterEngine(this.#node, this.#caller, scope);
  }

  // ---------------------------------------------------------------------------------------------- collections

  async createCollection(name: string, body: schema.CreateCollection): Promise<boolean> {
    await this.#node.metadata.createCollection(name, body);
    await this.#ready(name);
    return true;
  }

  /** Every shard has an owner; those that take longer are waited for by whoever writes. */
  async #ready(name: string): Promise<void> {
    const end = performance.now() + READY_MS;
    const { id, routing } = await this.#find(name);
    for (const { id: shard, nodes } of routing.shards)
      for (;;) {
        const target = { collection: id, shard };
        const asked = nodes.map((node) =>
          this.#node.ask(node, target, "status", [], { timeoutMs: 1000 }).catch(() => undefined),
        );
        const roles = (await Promise.all(asked)).map(
          (status) => (status as { role: string } | undefined)?.role,
        );
        if (roles.includes("owner") || performance.now() > end) break;
        await pause(25);
      }
  }

  async updateCollection(name: string, body: schema.UpdateCollection): Promise<boolean> {
    const { replication_factor: factor, write_consistency_factor: consistency } = (body.params ?? {}) as Body;
    await this.#change(name, "updateCollection", [body]);
    if (factor || consistency)
      await this.#node.metadata.reroute(name, (routing) => ({
        ...routing,
        replicationFactor: Number(factor ?? routing.replicationFactor),
        writeConsistency: Number(consistency ?? routing.writeConsistency),
      }));
    return true;
  }

  async deleteCollection(name: string): Promise<boolean> {
    return this.#node.metadata.deleteCollection(name);
  }

  async getCollection(name: string): Promise<schema.CollectionInfo> {
    const found = await this.#find(name);
    const infos = (await this.#reads(found, undefined, "getCollection", [])) as schema.CollectionInfo[];
    const { routing } = found;
    if (infos.length === 0)
      throw new VicinalError("SHARD_UNAVAILABLE", `Collection ${name} has no shards yet: create a shard key`);
    const [info] = infos;
    const sum = (field: "points_count" | "indexed_vectors_count" | "segments_count") =>
      infos.reduce((total, one) => total + Number(one[field] ?? 0), 0);
    const worst = ["red", "yellow", "grey"].find((status) => infos.some((one) => one.status === status));
    const fields = Object.entries(info.payload_schema ?? {}).map(([path, field]) => {
      const points = infos.reduce(
        (total, { payload_schema }) => total + Number(payload_schema?.[path]?.points ?? 0),
        0,
      );
      return [path, { ...field, points }];
    });
    const params = {
      ...info.config.params,
      shard_number: ringsOf(routing).flat().length,
      replication_factor: routing.replicationFactor,
      write_consistency_factor: routing.writeConsistency,
      ...(routing.custom ? { sharding_method: "custom" } : {}),
    };
    return {
      ...info,
      status: (worst ?? "green") as schema.CollectionInfo["status"],
      points_count: sum("points_count"),
      indexed_vectors_count: sum("indexed_vectors_count"),
      segments_count: sum("segments_count"),
      payload_schema: Object.fromEntries(fields),
      config: { ...info.config, params },
    } as schema.CollectionInfo;
  }

  async getCollections(): Promise<schema.CollectionsResponse> {
    await this.#node.view.refresh();
    return { collections: [...this.#node.view.collections.keys()].map((name) => ({ name })) };
  }

  async collectionExists(name: string): Promise<schema.CollectionExistence> {
    await this.#node.view.refresh();
    const { view } = this.#node;
    return { exists: view.collections.has(view.resolve(name)) };
  }

  async updateCollectionAliases(body: schema.ChangeAliases): Promise<boolean> {
    return this.#node.metadata.changeAliases(body);
  }

  async getAliases(): Promise<schema.CollectionsAliases> {
    await this.#node.view.refresh();
    return describeAliases(Object.entries(this.#node.view.aliases.record));
  }

  async getCollectionAliases(given: string): Promise<schema.CollectionsAliases> {
    const { name } = await this.#find(given);
    return describeAliases(
      Object.entries(this.#node.view.aliases.record).filter(([, target]) => target === name),
    );
  }

  async getOptimizations(
    name: string,
    args?: schema.OptimizationsRequest,
  ): Promise<schema.OptimizationsResponse> {
    const answers = await this.#reads(await this.#find(name), undefined, "getOptimizations", [args]);
    return summed(answers) as schema.OptimizationsResponse;
  }

  async collectionClusterInfo(name: string): Promise<schema.CollectionClusterInfo> {
    const { id, routing } = await this.#find(name);
    const { view, name: node } = this.#node;
    const local_shards: unknown[] = [];
    const remote_shards: unknown[] = [];
    for (const { id: shard_id, key, nodes, change } of routing.shards)
      for (const other of nodes) {
        const shown = { shard_id, ...(key === undefined ? {} : { shard_key: key }) };
        const moving = routing.transfers?.some(({ shard, to }) => shard === shard_id && to === other);
        const state = moving || change === "joining" ? "Partial" : view.nodes.has(other) ? "Active" : "Dead";
        if (other !== node) remote_shards.push({ ...shown, peer_id: peerOf(other), state });
        else {
          const status = await this.#node
            .ask(node, { collection: id, shard: shard_id }, "status", [])
            .catch(() => undefined);
          local_shards.push({
            ...shown,
            points_count: (status as { points?: number } | undefined)?.points ?? 0,
            state,
          });
        }
      }
    const shard_transfers = (routing.transfers ?? []).map(({ shard, from, to, keep }) => ({
      shard_id: shard,
      from: peerOf(from),
      to: peerOf(to),
      sync: keep,
    }));
    const info = {
      peer_id: peerOf(node),
      shard_count: ringsOf(routing).flat().length,
      local_shards,
      remote_shards,
      shard_transfers,
    };
    return info as unknown as schema.CollectionClusterInfo;
  }

  async listShardKeys(name: string): Promise<schema.ShardKeysResponse> {
    const { routing } = await this.#find(name);
    const known = new Set(routing.shards.flatMap(({ key }) => (key === undefined ? [] : [key])));
    return { shard_keys: [...known].map((key) => ({ key })) };
  }

  // ---------------------------------------------------------------------------------------------- this node

  async getQuotas(): Promise<schema.QuotaStatus> {
    return this.#node.local.getQuotas();
  }

  async updateQuotas(body: schema.QuotaConfig): Promise<boolean> {
    return this.#node.local.updateQuotas(body);
  }

  async getNodeReport(): ReturnType<EngineApi["getNodeReport"]> {
    return this.#node.local.getNodeReport();
  }

  async explainMemory(): ReturnType<EngineApi["explainMemory"]> {
    return this.#node.local.explainMemory();
  }

  // ---------------------------------------------------------------------------------------------- configuration

  async #change(name: string, operation: string, args: readonly unknown[]): Promise<number> {
    const { metadata } = this.#node;
    const number = await metadata.change(name, operation, args);
    const { id, routing } = await this.#find(name);
    const late: number[] = [];
    await Promise.all(
      routing.shards.map(async ({ id: shard }) => {
        const done = this.#caller.write({ collection: id, shard }, "change", [number], {
          timeoutMs: READY_MS,
        });
        await done.catch(() => late.push(shard));
      }),
    );
    if (late.length > 0)
      throw new VicinalError(
        "SHARD_UNAVAILABLE",
        `The change is in order and will be made; shards ${late.join(", ")} of ${name} have not made it yet`,
        { committed: true, shards: late },
      );
    await metadata.forget(name, number);
    return number;
  }

  async createVectorName(
    name: string,
    vector: string,
    body: schema.VectorNameConfig,
  ): Promise<schema.UpdateResult> {
    return done(await this.#change(name, "createVectorName", [vector, body]));
  }

  async deleteVectorName(name: string, vector: string): Promise<schema.UpdateResult> {
    return done(await this.#change(name, "deleteVectorName", [vector]));
  }

  async createPayloadIndex(name: string, body: schema.CreateFieldIndex): Promise<schema.UpdateResult> {
    return done(await this.#change(name, "createPayloadIndex", [body]));
  }

  async deletePayloadIndex(name: string, field: string): Promise<schema.UpdateResult> {
    return done(await this.#change(name, "deletePayloadIndex", [field]));
  }

  // ---------------------------------------------------------------------------------------------- writes

  upsert(name: string, body: schema.PointInsertOperations): Promise<schema.UpdateResult> {
    return this.#write(name, "upsert", body);
  }

  /** Whole, since calls between nodes do not stream. */
  async putBlob(
    name: string,
    id: unknown,
    blob: string,
    { type, bytes }: BlobSource,
  ): Promise<schema.BlobDescription> {
    const source = { type, bytes: await gathered(bytes) };
    return (await this.#pointWrite(name, id, "putBlob", [blob, source])) as schema.BlobDescription;
  }

  async deleteBlob(name: string, id: unknown, blob: string): Promise<boolean> {
    return (await this.#pointWrite(name, id, "deleteBlob", [blob])) as boolean;
  }

  async getBlob(name: string, id: unknown, blob: string, range?: BlobRange): Promise<StoredBlob> {
    const found = await this.#find(name);
    const shard = this.#placeOf(found, id);
    const read = (await this.#read(found, shard, "blob", [id, blob, range])) as Omit<StoredBlob, "bytes"> & {
      bytes: Uint8Array;
    };
    return { ...read, bytes: once(read.bytes) };
  }

  #placeOf({ routing }: Found, id: unknown): number {
    const point = parsePointId(id);
    if (routing.custom)
      throw new VicinalError(
        "UNSUPPORTED",
        "Blobs of points with shard keys come and go with the points: nobody says which key",
      );
    return shardOfPoint(point, ringOf(routing));
  }

  /** A write of one point, to the shard that it lies in by now. */
  async #pointWrite(
    name: string,
    id: unknown,
    operation: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    const operationId = this.#scope.operationId ?? randomUUID();
    for (;;) {
      const found = await this.#find(name);
      const target = { collection: found.id, shard: this.#placeOf(found, id) };
      try {
        const result = await this.#caller.write(target, operation, [id, ...args], {
          operationId,
          routing: found.version,
        });
        if (this.#scope.onSequence) {
          const { sequence } = (await this.#caller.write(target, "status", [], {})) as { sequence: number };
          this.#tell([positionOf(found, new Map([[target.shard, sequence]]))]);
        }
        return renamed(result, found.name);
      } catch (reason) {
        if (!(reason instanceof VicinalError) || reason.code !== "ROUTING_CHANGED") throw reason;
        await this.#node.view.refresh();
      }
    }
  }

  delete(name: string, body: schema.PointsSelector): Promise<schema.UpdateResult> {
    return this.#write(name, "delete", body);
  }

  updateVectors(name: string, body: schema.UpdateVectors): Promise<schema.UpdateResult> {
    return this.#write(name, "updateVectors", body);
  }

  deleteVectors(name: string, body: schema.DeleteVectors): Promise<schema.UpdateResult> {
    return this.#write(name, "deleteVectors", body);
  }

  setPayload(name: string, body: schema.SetPayload): Promise<schema.UpdateResult> {
    return this.#write(name, "setPayload", body);
  }

  overwritePayload(name: string, body: schema.SetPayload): Promise<schema.UpdateResult> {
    return this.#write(name, "overwritePayload", body);
  }

  deletePayload(name: string, body: schema.DeletePayload): Promise<schema.UpdateResult> {
    return this.#write(name, "deletePayload", body);
  }

  clearPayload(name: string, body: schema.PointsSelector): Promise<schema.UpdateResult> {
    return this.#write(name, "clearPayload", body);
  }

  async batchUpdate(name: string, body: schema.UpdateOperations): Promise<schema.UpdateResult[]> {
    const operations = body?.operations as unknown as Body[];
    if (!Array.isArray(operations)) schema.updateOperations.parse(body);
    for (const step of operations) checkForm("batchUpdate", { operations: [withoutKey(step)] });
    const results = await this.#send(name, "batchUpdate", (routing) =>
      splitBatch(operations, (key) => writeRing(routing, key)),
    );
    const last = Math.max(0, ...results.map(lastOf));
    return operations.map(() => done(last));
  }

  async #write(name: string, operation: string, body: unknown): Promise<schema.UpdateResult> {
    const { shard_key: key, ...rest } = (body ?? {}) as Body;
    checkForm(operation, rest);
    if (needsPoints.has(operation)) await this.#checkPoints(name, rest, key);
    const results = await this.#send(name, operation, (routing) =>
      split(operation, rest, writeRing(routing, key)),
    );
    return done(Math.max(0, ...results.map(lastOf)));
  }

  /** A change of points of several shards that one of them would refuse is refused by all: nothing is changed then. */
  async #checkPoints(name: string, body: Body, key: unknown): Promise<void> {
    const ids = ((body.points ?? []) as (PointId | { id: PointId })[]).map((one) =>
      typeof one === "object" ? one.id : one,
    );
    const found = await this.#find(name);
    const ring = writeRing(found.routing, key);
    if (new Set(ids.map((id) => shardOfPoint(id, ring))).size < 2) return;
    const rows = await this.#points(found, ids, { with_payload: false }, key);
    const there = new Set(rows.map(({ id }) => String(id)));
    const missing = ids.find((id) => !there.has(String(parsePointId(id))));
    if (missing === undefined) return;
    throw new VicinalError("POINT_NOT_FOUND", `Not found: No point with id ${missing} found`, {
      id: String(missing),
    });
  }

  /** The parts to their shards, at once; where points lie elsewhere by now, what is not done is split anew. */
  async #send(
    name: string,
    operation: string,
    partsOf: (routing: RoutingRecord) => Parts,
  ): Promise<unknown[]> {
    const id = this.#scope.operationId ?? randomUUID();
    const end = performance.now() + WRITE_TIMEOUT_MS;
    const results: unknown[] = [];
    const written: Position[] = [];
    let before: string | undefined;
    for (;;) {
      const found = await this.#find(name);
      const parts = partsOf(found.routing);
      // The same shards by the same version get the same name: what they have done already they do not do again.
      const operationId = before === undefined ? id : `${id}@${found.version}`;
      const options = {
        operationId,
        routing: found.version,
        timeoutMs: Math.ceil(Math.max(1000, end - performance.now())),
      };
      const answers = await Promise.allSettled(
        [...parts].map(([shard, body]) =>
          this.#caller.write({ collection: found.id, shard }, operation, [body], options),
        ),
      );
      const sequences = new Map<number, number>();
      [...parts.keys()].forEach((shard, i) => {
        const answer = answers[i];
        if (answer.status === "rejected") return;
        results.push(answer.value);
        sequences.set(shard, lastOf(answer.value));
      });
      written.push(positionOf(found, sequences));
      const failures = answers.flatMap((answer, i) =>
        answer.status === "rejected"
          ? [{ shard: [...parts.keys()][i], reason: answer.reason as unknown }]
          : [],
      );
      if (failures.length === 0) {
        this.#tell(written);
        return results;
      }
      const other = failures.find(
        ({ reason }) => !(reason instanceof VicinalError) || reason.code !== "ROUTING_CHANGED",
      );
      if (other || performance.now() > end)
        throw inPart(
          other?.reason ?? failures[0].reason,
          failures.map(({ shard }) => shard),
          parts.size,
        );
      before = found.version;
      await this.#node.view.refresh();
    }
  }

  /** Where the write was put. */
  #tell(written: readonly Position[]): void {
    this.#scope.onSequence?.(formatTokens(merged([...this.#seen, ...written])));
  }

  // ---------------------------------------------------------------------------------------------- reads

  async retrieve(name: string, body: schema.PointRequest): Promise<Row[]> {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const request = schema.pointRequest.parse(rest);
    return this.#points(
      await this.#find(name),
      request.ids as PointId[],
      { ...request, ids: undefined },
      key,
    );
  }

  /** In the order of the ids. */
  async #points(found: Found, ids: readonly PointId[], body: Body, key?: unknown): Promise<Row[]> {
    const rings = readRings(found.routing, key);
    const wanted = new Map<number, PointId[]>();
    for (const ring of rings)
      for (const id of ids) {
        const shard = shardOfPoint(id, ring);
        wanted.set(shard, [...(wanted.get(shard) ?? []), id]);
      }
    const answers = await Promise.all(
      [...wanted].map(([shard, some]) => this.#read(found, shard, "retrieve", [{ ...body, ids: some }])),
    );
    const rows = new Map(
      (answers as Row[][]).flatMap((some) => revived(some)).map((row) => [String(row.id), row]),
    );
    return ids.flatMap((id) => rows.get(String(parsePointId(id))) ?? []);
  }

  async scroll(name: string, body: schema.ScrollRequest): Promise<schema.ScrollResult<schema.RawJson>> {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const request = schema.scrollRequest.parse(rest);
    const limit = request.limit ?? DEFAULT_LIMIT;
    const answers = (await this.#reads(await this.#find(name), key, "scroll", [
      request,
    ])) as schema.ScrollResult<schema.RawJson>[];
    const pages = answers.map(({ points }) => revived(points));
    if (request.order_by) {
      const { order_by: order } = request;
      const descending = typeof order === "object" && order.direction === "desc";
      return { points: inOrderOfField(pages, limit, descending), next_page_offset: null };
    }
    const all = inOrderOfIds(pages, limit + 1);
    const after = answers.flatMap(({ next_page_offset: next }) =>
      next === null || next === undefined ? [] : [next as PointId],
    );
    const more = all.length > limit ? [all[limit].id as PointId] : [];
    const next = inOrderOfIds([[...after, ...more].map((id) => ({ id }) as Row)], 1)[0]?.id ?? null;
    return { points: all.slice(0, limit), next_page_offset: next };
  }

  async count(name: string, body: schema.CountRequest): Promise<schema.CountResult> {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const answers = await this.#reads(await this.#find(name), key, "count", [rest]);
    return summed(answers.length > 0 ? answers : [{ count: 0 }]) as schema.CountResult;
  }

  async query(name: string, body: schema.QueryRequest): Promise<schema.QueryResponse<schema.RawJson>> {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const request = schema.queryRequest.parse(rest);
    return { points: await answerQuery(await this.#shards(name, key), request) };
  }

  async queryBatch(
    name: string,
    body: schema.QueryRequestBatch,
  ): Promise<schema.QueryResponse<schema.RawJson>[]> {
    if (!Array.isArray(body?.searches)) schema.queryRequestBatch.parse(body);
    return Promise.all(body.searches.map((search) => this.query(name, search)));
  }

  async queryGroups(
    name: string,
    body: schema.QueryGroupsRequest,
  ): Promise<schema.GroupsResult<schema.RawJson>> {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const request = schema.queryGroupsRequest.parse(rest);
    const groups = await answerGroups(await this.#shards(name, key), request);
    return { groups } as schema.GroupsResult<schema.RawJson>;
  }

  async facet(name: string, body: schema.FacetRequest): Promise<schema.FacetResponse> {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const request = schema.facetRequest.parse(rest);
    const answers = (await this.#reads(await this.#find(name), key, "facet", [
      { ...request, limit: FACET_VALUES },
    ])) as schema.FacetResponse[];
    const counts = new Map<schema.FacetResponse["hits"][number]["value"], number>();
    for (const { hits } of answers)
      for (const { value, count } of hits) counts.set(value, (counts.get(value) ?? 0) + Number(count));
    const hits = [...counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
    return { hits: hits.slice(0, request.limit ?? DEFAULT_LIMIT) };
  }

  async searchMatrixPairs(name: string, body: schema.SearchMatrixRequest): Promise<schema.SearchMatrixPairs> {
    return (await this.#matrix(name, body, "searchMatrixPairs")) as schema.SearchMatrixPairs;
  }

  async searchMatrixOffsets(
    name: string,
    body: schema.SearchMatrixRequest,
  ): Promise<schema.SearchMatrixOffsets> {
    return (await this.#matrix(name, body, "searchMatrixOffsets")) as schema.SearchMatrixOffsets;
  }

  /** A sample of all shards, compared in a collection of its own. */
  async #matrix(
    name: string,
    body: schema.SearchMatrixRequest,
    operation: "searchMatrixPairs" | "searchMatrixOffsets",
  ) {
    const { shard_key: key, ...rest } = body as unknown as Body;
    const request = schema.searchMatrixRequest.parse(rest);
    const found = await this.#find(name);
    const using = request.using ?? "";
    const sample = request.sample ?? DEFAULT_LIMIT;
    const has = using === "" ? [] : [{ has_vector: using }];
    const filter = { must: [...(request.filter ? [request.filter] : []), ...has] } as Filter;
    const asked = {
      query: { sample: "random" },
      filter,
      limit: sample,
      with_vector: using === "" ? true : [using],
    };
    const [answers, counts] = await Promise.all([
      this.#reads(found, key, "query", [asked]) as Promise<{ points: Row[] }[]>,
      this.#reads(found, key, "count", [{ filter }]) as Promise<{ count: number }[]>,
    ]);
    const points = sampled(
      answers.map(({ points }) => points),
      counts.map(({ count }) => count),
      sample,
    );
    const config = this.#config(found);
    return amongThese(
      config,
      points,
      async (engine): Promise<unknown> =>
        engine[operation]("c", { using: request.using, sample, limit: request.limit }),
    );
  }

  // ---------------------------------------------------------------------------------------------- what needs one place

  async createSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async listSnapshots(name: string): Promise<schema.SnapshotDescription[]> {
    await this.#find(name);
    return [];
  }
  async deleteSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async downloadSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async recoverSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async uploadSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async getPartialSnapshotManifest(): Promise<PartialSnapshotManifest> {
    throw notHere("Snapshots");
  }
  async createFullSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async listFullSnapshots(): Promise<schema.SnapshotDescription[]> {
    return [];
  }
  async deleteFullSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async downloadFullSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async uploadFullSnapshot(): Promise<never> {
    throw notHere("Snapshots");
  }
  async startAnalysis(): Promise<never> {
    throw notHere("Analyses");
  }
  async getAnalyses(name: string): Promise<{ jobs: schema.AnalysisJob[] }> {
    await this.#find(name);
    return { jobs: [] };
  }
  async getAnalysis(): Promise<never> {
    throw notHere("Analyses");
  }
  async deleteAnalysis(): Promise<never> {
    throw notHere("Analyses");
  }

  // ---------------------------------------------------------------------------------------------- shards

  async #find(given: string): Promise<Found> {
    const { name, collection, routing } = await this.#node.view.find(given);
    return { name, id: collection.record.id, routing: routing.record, version: String(routing.changed) };
  }

  #config({ name }: Found) {
    const known = this.#node.view.collections.get(name);
    if (known) return known.record.config;
    throw new VicinalError("COLLECTION_NOT_FOUND", `Not found: Collection \`${name}\` doesn't exist!`, {
      name,
    });
  }

  async #shards(given: string, key: unknown): Promise<Shards> {
    const found = await this.#find(given);
    return {
      name: found.name,
      config: this.#config(found),
      all: (operation, body, counts) => this.#reads(found, key, operation, [body], counts),
      termCounts: async (using, terms, idf) =>
        summedCounts((await this.#reads(found, key, "termCounts", [using, terms, idf])) as TermCounts[]),
      points: (ids, body) => this.#points(found, ids, body),
      other: async (name) =>
        this.#shards(name, undefined).catch((reason: unknown) => {
          if (!(reason instanceof VicinalError) || reason.code !== "COLLECTION_NOT_FOUND") throw reason;
          throw new VicinalError(reason.code, `Not found: Collection ${name} not found`, { name });
        }),
    };
  }

  /** Of every shard that the key concerns: one answer each. */
  async #reads(
    found: Found,
    key: unknown,
    operation: string,
    args: readonly unknown[],
    counts?: TermCounts,
  ): Promise<unknown[]> {
    const shards = readRings(found.routing, key).flat();
    return Promise.all(shards.map((shard) => this.#read(found, shard, operation, args, counts)));
  }

  async #read(
    found: Found,
    shard: number,
    operation: string,
    args: readonly unknown[],
    termCounts?: TermCounts,
  ): Promise<unknown> {
    const end = performance.now() + WRITE_TIMEOUT_MS;
    const { consistency, signal } = this.#scope;
    const strong = consistency !== undefined && consistency !== 1;
    for (let known = found; ; ) {
      const nodes = known.routing.shards.find(({ id }) => id === shard)?.nodes ?? [];
      try {
        const answer = await this.#caller.read({ collection: found.id, shard }, nodes, operation, args, {
          strong,
          ...(strong ? {} : seenBy(this.#seen, known, shard)),
          signal,
          termCounts,
          routing: known.version,
        });
        return renamed(answer, found.name);
      } catch (reason) {
        // The same shard has the same points unless their number changes: then the request is begun anew by its sender.
        if (!(reason instanceof VicinalError) || reason.code !== "ROUTING_CHANGED" || performance.now() > end)
          throw reason;
        await this.#node.view.refresh();
        const next = await this.#find(found.name);
        if (String(ringsOf(next.routing)) !== String(ringsOf(found.routing))) throw reason;
        known = next;
      }
    }
  }
}

/** Calls between nodes are not streamed. */
async function gathered(bytes: BlobSource["bytes"]): Promise<Uint8Array> {
  if (bytes instanceof Uint8Array) return bytes;
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of bytes) {
    parts.push(part);
    length += part.length;
    if (length > BLOB_BYTES_MAX)
      throw new VicinalError("BODY_TOO_LARGE", `In a cluster a blob has at most ${BLOB_BYTES_MAX} bytes`);
  }
  return Buffer.concat(parts);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** Blobs are described with addresses below the shard's name: users know the collection's. */
function renamed<T>(answer: T, name: string): T {
  const rename = (blob: { url?: string }) => {
    if (typeof blob?.url === "string")
      blob.url = blob.url.replace(/^\/collections\/[^/]+/, `/collections/${encodeURIComponent(name)}`);
  };
  const points = (list: unknown) => {
    if (Array.isArray(list))
      for (const { blobs } of list) for (const blob of Object.values(blobs ?? {})) rename(blob as object);
  };
  const { points: found, groups } = (answer ?? {}) as { points?: unknown; groups?: { hits: unknown }[] };
  points(answer);
  points(found);
  for (const { hits } of groups ?? []) points(hits);
  rename(answer as object);
  return answer;
}

function ringsOf(routing: RoutingRecord): number[][] {
  const keysOf = new Set(routing.shards.map(({ key }) => key));
  return [...keysOf].map((key) => ringOf(routing, key));
}

/** Each list is the shards of one key. Without keys asked for: all. */
function readRings(routing: RoutingRecord, key: unknown): number[][] {
  if (key === undefined || key === null) return ringsOf(routing);
  const asked = selected(key);
  const rings = asked.keys.map((one) => ringOf(routing, one)).filter((ring) => ring.length > 0);
  if (rings.length > 0) return rings;
  const fallback =
    asked.fallback === undefined ? [] : [ringOf(routing, asked.fallback)].filter((ring) => ring.length > 0);
  if (fallback.length > 0) return fallback;
  throw new VicinalError("BAD_REQUEST", `Shard key not found: ${asked.keys.join(", ")}`, {
    shard_key: asked.keys,
  });
}

function writeRing(routing: RoutingRecord, key: unknown): number[] {
  if (!routing.custom) return ringOf(routing);
  if (key === undefined || key === null)
    throw new VicinalError("BAD_REQUEST", "Shard key not specified: the collection has custom sharding", {
      path: "shard_key",
    });
  const [ring] = readRings(routing, key);
  return ring;
}

function selected(key: unknown): { keys: Key[]; fallback?: Key } {
  const plain = (one: unknown): Key => (typeof one === "string" ? one : Number(one));
  if (Array.isArray(key)) return { keys: key.map(plain) };
  if (typeof key === "object" && key !== null) {
    const { target, fallback } = key as { target: unknown; fallback: unknown };
    return { keys: [plain(target)], fallback: plain(fallback) };
  }
  return { keys: [plain(key)] };
}

/** A step of a batch without the shard key of its body. */
function withoutKey(step: Body): Body {
  const [[name, body]] = Object.entries(step) as [string, Body][];
  const { shard_key: _, ...rest } = body;
  return { [name]: rest };
}

/** Operations that are refused where a point does not exist. */
const needsPoints = new Set([
  "setPayload",
  "overwritePayload",
  "deletePayload",
  "clearPayload",
  "updateVectors",
  "deleteVectors",
]);

const forms: Readonly<Record<string, { parse(body: unknown): unknown }>> = {
  upsert: schema.pointInsertOperations,
  delete: schema.pointsSelector,
  updateVectors: schema.updateVectors,
  deleteVectors: schema.deleteVectors,
  setPayload: schema.setPayload,
  overwritePayload: schema.setPayload,
  deletePayload: schema.deletePayload,
  clearPayload: schema.pointsSelector,
  batchUpdate: schema.updateOperations,
};

/** Before anything is split or sent. */
function checkForm(operation: string, body: unknown): void {
  forms[operation].parse(body);
}

function positionOf({ id, routing }: Found, shards: Map<number, number>): Position {
  return { collection: id, division: divisionOf(routing), shards };
}

/** Of the writes that a shard has answered. */
function lastOf(result: unknown): number {
  const results = [result].flat() as schema.UpdateResult[];
  return Math.max(0, ...results.map(({ operation_id }) => operation_id ?? 0));
}

function done(sequence: number): schema.UpdateResult {
  return { operation_id: sequence, status: "completed" };
}

/** A write that some shards have done, and others not. */
function inPart(reason: unknown, shards: readonly number[], count: number): unknown {
  if (!(reason instanceof VicinalError) || shards.length === count) return reason;
  return new VicinalError(
    reason.code,
    `${reason.message} (not done in shards ${shards.join(", ")}; done in ${count - shards.length} others)`,
    { ...reason.details, shards },
    { cause: reason },
  );
}

function notHere(what: string): VicinalError {
  return new VicinalError(
    "UNSUPPORTED",
    `${what} are not taken of clusters: the object store holds every byte; copy its bucket, or ask a database with one node`,
  );
}
