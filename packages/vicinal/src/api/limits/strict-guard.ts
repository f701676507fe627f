/** Guard: what strict mode asks of one request to one collection, and what the request is charged. */
import { compileCheckedFilter } from "../../payload/filter.js";
import type { PointId } from "../../payload/id.js";
import { countMatching } from "../../query/matching.js";
import type { CollectionState } from "../../segment/state.js";
import type * as schema from "../schema/index.js";
import type { Filter, StrictModeConfig } from "../schema/index.js";
import { queryCost, vectorCost } from "./query-cost.js";
import { TokenBucket } from "./rate-limit.js";
import {
  checkFilter,
  checkFullScan,
  checkGrouping,
  checkLimit,
  checkParams,
  checkPayloadSize,
  checkServed,
  checkSize,
  refusal,
} from "./strict-checks.js";
import { conditionCount, needsOf, unserved } from "./strict-filter.js";
import { needsOfFormula } from "./strict-formula.js";

interface Buckets {
  read: TokenBucket | undefined;
  write: TokenBucket | undefined;
}

/** A configuration never changes; a changed one begins with full buckets. */
const bucketsOf = new WeakMap<StrictModeConfig, Buckets>();

function bucket(kind: "Read" | "Write", perMinute: number | null | undefined): TokenBucket | undefined {
  return typeof perMinute === "number" ? new TokenBucket(kind, perMinute) : undefined;
}

/** A query or a prefetch, as far as they are limited. */
type Stage = Pick<schema.Prefetch, "query" | "using" | "filter" | "params" | "limit" | "prefetch">;

function prefetchesOf({ prefetch }: Stage): Stage[] {
  if (prefetch === null || prefetch === undefined) return [];
  return Array.isArray(prefetch) ? prefetch : [prefetch];
}

export const DEFAULT_LIMIT = 10;
const DEFAULT_GROUP_SIZE = 3;
const DEFAULT_MATRIX_LIMIT = 3;

/** Members of queries that compare nothing by themselves. */
const withoutSearch = ["fusion", "rrf", "order_by", "formula", "rerank", "sample"];

function searches(query: unknown): boolean {
  if (query === null || query === undefined) return false;
  return typeof query !== "object" || !withoutSearch.some((member) => member in query);
}

/** Holds requests against the limits of one collection. */
export class Guard {
  readonly #buckets: Buckets;

  constructor(
    readonly state: CollectionState,
    readonly limits: StrictModeConfig,
  ) {
    const { read_rate_limit, write_rate_limit } = limits;
    this.#buckets = bucketsOf.get(limits) ?? {
      read: bucket("Read", read_rate_limit),
      write: bucket("Write", write_rate_limit),
    };
    bucketsOf.set(limits, this.#buckets);
  }

  // ---------------------------------------------------------------------------------------------- reads

  readFilter(filter: Filter | null | undefined): void {
    checkFilter(filter, this.state, this.limits, this.limits.unindexed_filtering_retrieve);
  }

  /** A read by a filter alone. */
  scan(filter: Filter | null | undefined, limit?: number | null): void {
    checkLimit(limit, this.limits.max_query_limit, "limit");
    this.readFilter(filter);
  }

  query(stage: Stage, hits = Number(stage.limit ?? DEFAULT_LIMIT)): void {
    const prefetches = prefetchesOf(stage);
    for (const prefetch of prefetches) this.query(prefetch);
    if (prefetches.length === 0 && searches(stage.query))
      checkFullScan(stage.using ?? "", stage.filter, this.state, this.limits);
    checkLimit(hits, this.limits.max_query_limit, "limit");
    this.readFilter(stage.filter);
    this.#formula(stage.query);
    const idf = stage.params?.idf;
    if (typeof idf === "object") this.readFilter(idf?.corpus);
    checkParams(stage.params, this.limits);
  }

  #formula(query: Stage["query"]): void {
    if (this.limits.unindexed_filtering_retrieve !== false || typeof query !== "object" || query === null)
      return;
    if ("formula" in query)
      checkServed(needsOfFormula(query.formula), this.state.config, "formula expression");
  }

  batch(stages: readonly Stage[]): void {
    checkLimit(stages.length, this.limits.search_max_batchsize, "search batch size");
    for (const stage of stages) this.query(stage);
    this.chargeRead(() => stages.reduce((sum, stage) => sum + this.queryTokens(stage), 0));
  }

  groups({ limit, group_size, group_by, ...stage }: schema.QueryGroupsRequest): void {
    checkGrouping(group_by, this.state.config, this.limits);
    this.query(stage, Number(limit ?? DEFAULT_LIMIT) * Number(group_size ?? DEFAULT_GROUP_SIZE));
    this.chargeRead(() => this.queryTokens(stage));
  }

  matrix({ filter, sample, limit }: schema.SearchMatrixRequest): void {
    const sampled = sample ?? DEFAULT_LIMIT;
    this.scan(filter, sampled * (limit ?? DEFAULT_MATRIX_LIMIT));
    this.chargeRead(() => (1 + sampled) * (1 + conditionCount(filter)));
  }

  chargeRead(tokens: () => number): void {
    this.#buckets.read?.take(tokens());
  }

  /** Comparisons with each point, points to look up, and conditions: those that leave out the looked up ones, too. */
  queryTokens(stage: Stage): number {
    const prefetches = prefetchesOf(stage);
    if (prefetches.length > 0) return prefetches.reduce((sum, inner) => sum + this.queryTokens(inner), 0);
    const { comparisons, lookups } = queryCost(stage.query, (id) => this.#storedCost(stage.using ?? "", id));
    return comparisons + lookups + conditionCount(stage.filter) + (lookups > 0 ? 1 : 0);
  }

  /** Comparisons with the vector of a stored point; 1 where it is not here. */
  #storedCost(using: string, id: unknown): number {
    const place = this.state.find(id as PointId);
    const vector = place?.segment.column(using)?.get(place.row);
    // Vectors on disk are read later.
    if (!vector) return 1;
    if ("terms" in vector) return vector.terms.length;
    return "count" in vector ? vector.count : 1;
  }

  // ---------------------------------------------------------------------------------------------- writes

  upsert(body: schema.PointInsertOperations): number {
    const { upsert_max_batchsize } = this.limits;
    const count = "batch" in body ? body.batch.ids.length : body.points.length;
    checkLimit(count, upsert_max_batchsize, "upsert limit");
    checkSize(this.state, this.limits);
    if ("batch" in body) this.#columns(body.batch.vectors);
    else for (const { vector } of body.points) this.#vectors(vector);
    return count;
  }

  updateVectors({ points }: schema.UpdateVectors): number {
    checkLimit(points.length, this.limits.upsert_max_batchsize, "update limit");
    checkSize(this.state, this.limits);
    for (const { vector } of points) this.#vectors(vector);
    return points.length;
  }

  #vectors(vectors: unknown): void {
    if (Array.isArray(vectors) || ArrayBuffer.isView(vectors)) this.#vector("", vectors);
    else for (const [name, vector] of Object.entries(vectors ?? {})) this.#vector(name, vector);
  }

  #columns(columns: object): void {
    const named = Array.isArray(columns) ? { "": columns } : (columns as Record<string, unknown[]>);
    for (const [name, column] of Object.entries(named))
      for (const vector of column) this.#vector(name, vector);
  }

  #vector(name: string, vector: unknown): void {
    const { multivector_config, sparse_config } = this.limits;
    const length = vectorCost(vector);
    const rows = limitOf(multivector_config, name)?.max_vectors;
    if (Array.isArray(vector) && typeof rows === "number" && length > rows)
      throw refusal(`Multivector '${name}' has a limit of ${rows} vectors, but ${length} were provided!`);
    const elements = limitOf(sparse_config, name)?.max_length;
    if (!Array.isArray(vector) && typeof elements === "number" && length > elements)
      throw refusal(
        `Sparse vector '${name}' has a limit of ${elements} indices, but ${length} were provided!`,
      );
  }

  /** A write to points that are there: by ids, or by a filter. Gives what it is charged. */
  change({ points, filter }: { points?: readonly unknown[] | null; filter?: Filter | null }): number {
    checkFilter(filter, this.state, this.limits, this.limits.unindexed_filtering_update);
    if (points) return points.length;
    return filter ? Math.max(1, this.#estimate(filter)) : 1;
  }

  setPayload(body: schema.SetPayload): number {
    checkPayloadSize(this.state, this.limits.max_collection_payload_size_bytes);
    return this.change(body);
  }

  /** One of a batch. */
  operation(operation: schema.UpdateOperation): number {
    if ("upsert" in operation) return this.upsert(operation.upsert);
    if ("update_vectors" in operation) return this.updateVectors(operation.update_vectors);
    if ("set_payload" in operation) return this.setPayload(operation.set_payload);
    if ("overwrite_payload" in operation) return this.setPayload(operation.overwrite_payload);
    if ("delete_payload" in operation) return this.change(operation.delete_payload);
    if ("clear_payload" in operation) return this.change(operation.clear_payload);
    return this.change("delete" in operation ? operation.delete : operation.delete_vectors);
  }

  /** Of what no index counts, half is taken to match. */
  #estimate(filter: Filter): number {
    if (!this.#buckets.write) return 1;
    if (unserved(needsOf(filter), this.state.config.fields)) return Math.ceil(this.state.pointCount / 2);
    return countMatching(this.state, compileCheckedFilter(filter));
  }

  chargeWrite(tokens: number): void {
    this.#buckets.write?.take(tokens);
  }
}

/** A vector may bear the name of a member that every object has. */
function limitOf<T>(limits: Record<string, T> | null | undefined, name: string): T | undefined {
  return limits && Object.hasOwn(limits, name) ? limits[name] : undefined;
}
