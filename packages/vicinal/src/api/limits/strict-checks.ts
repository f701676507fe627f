/** The limits of strict mode, one by one; each refuses with STRICT_MODE and says what would be allowed. */
import { parsePath } from "../../payload/path.js";
import { VicinalError } from "../../runtime/errors.js";
import { type CollectionConfig, choiceOf } from "../../segment/config.js";
import type { CollectionState } from "../../segment/state.js";
import type { Filter, SearchParams, StrictModeConfig } from "../schema/index.js";
import { conditionCount, conditionSize, type Need, needsOf, readsTenant, unserved } from "./strict-filter.js";

export function refusal(why: string, help?: string): VicinalError {
  return new VicinalError("STRICT_MODE", help === undefined ? why : `${why}. Help: ${help}`);
}

export function checkLimit(
  value: number | bigint | null | undefined,
  limit: number | null | undefined,
  name: string,
): void {
  if (typeof limit !== "number" || value === null || value === undefined || value <= limit) return;
  throw refusal(
    `Limit exceeded ${value} > ${limit} for "${name}"`,
    `Reduce the "${name}" parameter to or below ${limit}.`,
  );
}

export function checkExact(exact: boolean | null | undefined, limits: StrictModeConfig): void {
  if (exact && limits.search_allow_exact === false)
    throw refusal("Exact search disabled!", "Set exact=false.");
}

export function checkParams(params: SearchParams | null | undefined, limits: StrictModeConfig): void {
  checkLimit(params?.quantization?.oversampling, limits.search_max_oversampling, "oversampling");
  checkLimit(params?.hnsw_ef, limits.search_max_hnsw_ef, "hnsw_ef");
  checkExact(params?.exact, limits);
}

/** @param allowed Whether fields without an index may be read. */
export function checkFilter(
  filter: Filter | null | undefined,
  { config }: CollectionState,
  limits: StrictModeConfig,
  allowed: boolean | null | undefined,
): void {
  if (!filter) return;
  if (allowed === false) checkServed(needsOf(filter), config, "filter");
  const { filter_max_conditions: countMax, condition_max_size: sizeMax } = limits;
  const count = conditionCount(filter);
  if (typeof countMax === "number" && count > countMax)
    throw refusal(
      `Filter condition limit reached (${count} > ${countMax})`,
      "Reduce the amount of conditions of your filter.",
    );
  const size = conditionSize(filter);
  if (typeof sizeMax === "number" && size > sizeMax)
    throw refusal(
      `Condition size limit reached (${size} > ${sizeMax})`,
      "Reduce the size of your condition.",
    );
}

export function checkServed(needs: Iterable<Need>, { fields }: CollectionConfig, where: string): void {
  const need = unserved(needs, fields);
  if (!need) return;
  const types = [...new Set(need.anyOf.map(typeText))].join(", ");
  throw refusal(
    `Index required but not found for "${need.path.text}" of one of the following types: [${types}]`,
    `Create an index for this key or use a different ${where}.`,
  );
}

/** The option is named where it is not on by itself. */
function typeText(wanted: string): string {
  const [type, option] = wanted.split(":");
  return option === undefined || type === "integer" ? type : `${type} with ${option}`;
}

/** Types of indexes by whose values points can be grouped. */
const groupable = ["keyword", "integer", "uuid", "bool"];

export function checkGrouping(by: string, { fields }: CollectionConfig, limits: StrictModeConfig): void {
  if (limits.unindexed_filtering_retrieve !== false) return;
  const key = parsePath(by, "group_by").text;
  const help = "Create an index supporting `match` for this key.";
  if (!Object.hasOwn(fields, key)) throw refusal(`Index required but not found for "${key}"`, help);
  const { type, lookup } = fields[key];
  if (groupable.includes(type) && lookup !== false) return;
  throw refusal(`Index of type "${type[0].toUpperCase()}${type.slice(1)}" found for "${key}"`, help);
}

/** Refuses a search that would compare every point, since the vector was given no index. */
export function checkFullScan(
  using: string,
  filter: Filter | null | undefined,
  { config }: CollectionState,
  limits: StrictModeConfig,
): void {
  if (limits.search_allow_exact !== false || !Object.hasOwn(config.vectors, using)) return;
  const graph = { ...config.hnsw, ...config.vectors[using].hnsw };
  if (graph.m !== 0 || choiceOf(config, using).family !== "flat") return;
  const on = using === "" ? "" : ` on '${using}'`;
  if (!readsTenant(filter, config.fields))
    throw refusal(
      `Request is forbidden${on} because global vector indexing is disabled (hnsw_config.m = 0)`,
      "Use tenant-specific filter, enable global vector indexing or enable strict mode `search_allow_exact` option",
    );
  if ((graph.payload_m ?? 0) === 0)
    throw refusal(
      `Request is forbidden${on} because vector indexing is disabled (hnsw_config.m = 0 and hnsw_config.payload_m = 0)`,
      "Enable vector indexing, use a prefetch query with indexed vectors or enable strict mode `search_allow_exact` option",
    );
}

export function checkFieldIndexCount({ fields }: CollectionConfig, limits: StrictModeConfig): void {
  const { max_payload_index_count: most } = limits;
  if (typeof most === "number" && Object.keys(fields).length >= most)
    throw refusal(
      `Collection already has the maximum number of payload indices (${most})`,
      "Please delete an existing index before creating a new one.",
    );
}

/** @param used Share of the machine's memory, where it can be told. */
export function checkMemory(used: number | undefined, limits: StrictModeConfig): void {
  const { max_resident_memory_percent: most } = limits;
  if (typeof most === "number" && used !== undefined && used >= most)
    throw refusal(
      `Resident memory usage is at ${used}% of total memory, exceeding the configured limit of ${most}%`,
      "Delete points or collections, or raise `max_resident_memory_percent`.",
    );
}

/** Refuses to write more points into a collection that is as large as it may be. */
export function checkSize(state: CollectionState, limits: StrictModeConfig): void {
  const {
    max_collection_vector_size_bytes: vectorBytes,
    max_collection_payload_size_bytes: payloadBytes,
    max_points_count: points,
  } = limits;
  if (typeof vectorBytes === "number" && liveVectorBytes(state) >= vectorBytes)
    throw refusal(`Max vector storage size limit of ${megabytes(vectorBytes)}MB reached!`);
  checkPayloadSize(state, payloadBytes);
  if (typeof points === "number" && state.pointCount >= points)
    throw refusal(`Max points count limit of ${points} reached!`);
}

export function checkPayloadSize(state: CollectionState, most: number | null | undefined): void {
  if (typeof most === "number" && livePayloadBytes(state) >= most)
    throw refusal(`Max payload storage size limit of ${megabytes(most)}MB reached!`);
}

function megabytes(bytes: number): number {
  return Math.fround(bytes / 2 ** 20);
}

/** Deleted and replaced rows go with time: of each segment the share that lives counts. */
function liveBytes(state: CollectionState, bytesOf: (segment: Segment) => number): number {
  let bytes = 0;
  for (const segment of state.segments())
    if (segment.rowCount > 0) bytes += bytesOf(segment) * (segment.liveCount / segment.rowCount);
  return Math.round(bytes);
}

type Segment = ReturnType<CollectionState["segments"]>[number];

export function liveVectorBytes(state: CollectionState): number {
  return liveBytes(state, (segment) => segment.vectorBytes());
}

export function livePayloadBytes(state: CollectionState): number {
  return liveBytes(state, (segment) => segment.payloads.heapBytes);
}
