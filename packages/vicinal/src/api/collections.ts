/** Between the API's view of a collection's settings and the engine's. */
import { HNSW_DEFAULTS } from "../index/hnsw/index.js";
import { HAS } from "../payload/column.js";
import { VicinalError } from "../runtime/errors.js";
import type { Collection } from "../segment/collection.js";
import {
  type CollectionConfig,
  changedConfig,
  choiceOf,
  type NewVector,
  type SparseConfig,
  sparseConfig,
  type VectorConfig,
  vectorNames,
  withVector,
} from "../segment/config.js";
import type { Datatype } from "../segment/datatype.js";
import { DELETED_THRESHOLD, INDEXING_BYTES, VACUUM_MIN_ROWS } from "../segment/defaults.js";
import { healthOf, indexedCount } from "./operator-views.js";
import { sparseVectorConfig, vectorConfig } from "./prepare.js";
import type {
  CollectionInfo,
  CreateCollection,
  UpdateCollection,
  VectorNameConfig,
  VectorParams,
} from "./schema/index.js";

type Settings = Record<string, unknown>;

/** What is only kept and shown, beside `quantization_config`; other members that a request may have are passed over. */
const keptSettings = [
  "shard_number",
  "sharding_method",
  "replication_factor",
  "write_consistency_factor",
  "read_fan_out_factor",
  "read_fan_out_delay_ms",
  "on_disk_payload",
  "payload",
  "wal_config",
  "quantization_config",
  "metadata",
  "ttl",
];

function kept(settings: object | null | undefined): Settings {
  return Object.fromEntries(Object.entries(given(settings)).filter(([name]) => keptSettings.includes(name)));
}

/** The members that are given, `null` meaning absent. */
function given(settings: object | null | undefined): Settings {
  return Object.fromEntries(
    Object.entries(settings ?? {}).filter(([, value]) => value !== null && value !== undefined),
  );
}

function isSingle(vectors: object): vectors is VectorParams {
  return typeof (vectors as Settings).size === "number";
}

function vectorOf(params: VectorParams): VectorConfig {
  return {
    size: params.size,
    distance: params.distance,
    // The schema lets no other pass.
    datatype: (params.datatype ?? undefined) as Datatype | undefined,
    ...(params.multivector_config ? { multi: true } : {}),
    ...indexOf(params),
    hnsw: given(params.hnsw_config),
    quantization: params.quantization_config ?? undefined,
    given: given(params),
  };
}

/** The family with its parameters, where one is named. */
function indexOf({ index }: Pick<VectorParams, "index">): Pick<VectorConfig, "family" | "index"> {
  if (!index) return {};
  const { type: family, ...parameters } = given(index) as { type: string };
  return { family, index: parameters };
}

export function collectionConfig(request: CreateCollection): CollectionConfig {
  const {
    vectors = {},
    sparse_vectors: sparse,
    hnsw_config,
    optimizers_config,
    strict_mode_config,
    quantization,
    ...other
  } = request;
  const named = isSingle(vectors ?? {}) ? { "": vectors } : (vectors ?? {});
  const config: CollectionConfig = {
    vectors: Object.fromEntries(
      Object.entries(named as Record<string, VectorParams>).map(([name, params]) => [name, vectorOf(params)]),
    ),
    ...(sparse ? { sparse: sparseConfigs(sparse) } : {}),
    hnsw: given(hnsw_config),
    optimizers: given(optimizers_config),
    other: {
      ...(quantization ? { quantization_config: quantization } : {}),
      ...kept(other),
      ...(strict_mode_config ? { strict_mode_config: given(strict_mode_config) } : {}),
    },
    fields: {},
  };
  for (const name of Object.keys(config.sparse ?? {})) checkSparseName(config, name);
  checkIndexes(config);
  return config;
}

/** Texts as in Qdrant, whose clients know them. */
function checkSparseName({ vectors }: CollectionConfig, name: string): void {
  let why: string | undefined;
  if (Object.hasOwn(vectors, name))
    why = `Dense and sparse vector names must be unique - duplicate found with '${name}'`;
  if (name === "") why = "Sparse vector name cannot be empty";
  if (why === undefined) return;
  throw new VicinalError("BAD_REQUEST", `Wrong input: ${why}`, { path: "sparse_vectors", name });
}

/** A vector that is to be added. BAD_REQUEST where the name is taken. */
export function newVector(config: CollectionConfig, name: string, request: VectorNameConfig): NewVector {
  if (vectorNames(config).includes(name))
    throw new VicinalError("BAD_REQUEST", `Wrong input: Vector \`${name}\` already exists`, { name });
  const added: NewVector =
    "dense" in request
      ? { name, dense: vectorOf(request.dense) }
      : { name, sparse: sparseConfig(given(request.sparse)) };
  checkIndexes(withVector(config, added, 0));
  return added;
}

function sparseConfigs(
  given_: NonNullable<CreateCollection["sparse_vectors"]>,
): Record<string, SparseConfig> {
  return Object.fromEntries(
    Object.entries(given_).map(([name, params]) => [name, sparseConfig(given(params))]),
  );
}

/** Lets each vector's family refuse what it cannot take, and names the place in the request. */
function checkIndexes(config: CollectionConfig): void {
  for (const [name, vector] of Object.entries(config.vectors)) {
    try {
      choiceOf(config, name);
    } catch (error) {
      throw error instanceof VicinalError ? placed(error, name, vector) : error;
    }
  }
}

function placed(error: VicinalError, name: string, { index, hnsw }: VectorConfig): VicinalError {
  const { field } = error.details;
  const own = name === "" ? "vectors" : `vectors.${name}`;
  let path = `${own}.index`;
  if (typeof field === "string") {
    const isSetting = index?.[field] === undefined;
    if (isSetting) path = hnsw?.[field] === undefined ? "hnsw_config" : `${own}.hnsw_config`;
    path += `.${field}`;
  }
  return new VicinalError(error.code, `${path}: ${error.message}`, { ...error.details, path });
}

/** What of the configuration an update changes. */
export function configChange(config: CollectionConfig, request: UpdateCollection): Settings {
  const { vectors, sparse_vectors: sparse, hnsw_config, optimizers_config, params, ...other } = request;
  const change: Settings = {};
  if (hnsw_config) change.hnsw = given(hnsw_config);
  if (optimizers_config) change.optimizers = given(optimizers_config);
  const rest: Settings = { ...kept(params), ...kept(other) };
  // A metadata update merges, as payloads do; `null` removes.
  if (request.metadata)
    rest.metadata = given({ ...(config.other.metadata as Settings), ...request.metadata });
  // Limits change one by one; `null` leaves one as it is.
  if (request.strict_mode_config)
    rest.strict_mode_config = {
      ...(config.other.strict_mode_config as Settings),
      ...given(request.strict_mode_config),
    };
  if (Object.keys(rest).length > 0) change.other = rest;
  if (vectors)
    change.vectors = Object.fromEntries(
      Object.entries(vectors).map(([name, diff]) => {
        vectorConfig(config, name);
        const { quantization_config: quantization } = diff;
        const hnsw = given(diff.hnsw_config);
        return [name, given({ ...indexOf(diff), hnsw, quantization, given: given(diff) })];
      }),
    );
  if (sparse) {
    for (const name of Object.keys(sparse))
      if (!sparseVectorConfig(config, name))
        throw new VicinalError("UNKNOWN_VECTOR", `Wrong input: Not existing vector name error: ${name}`, {
          name,
        });
    change.sparse = sparseConfigs(sparse);
  }
  checkIndexes(changedConfig(config, change));
  return change;
}

export function describeCollection(collection: Collection): CollectionInfo {
  const { state } = collection;
  const { config } = state;
  const segments = state.segments();
  const { status, failure } = healthOf(collection);
  const { shard_number, replication_factor, write_consistency_factor, on_disk_payload, ...other } =
    config.other;
  const { wal_config, quantization_config, strict_mode_config, metadata, ...params } = other;
  return {
    status,
    optimizer_status: failure === undefined ? "ok" : { error: failure },
    warnings: warningsOf(collection),
    indexed_vectors_count: indexedCount(segments),
    points_count: state.pointCount,
    segments_count: segments.length,
    config: {
      params: {
        ...params,
        vectors: describeVectors(config),
        ...(config.sparse
          ? {
              sparse_vectors: Object.fromEntries(
                Object.entries(config.sparse).map(([name, { given }]) => [name, given]),
              ),
            }
          : {}),
        shard_number: shard_number ?? 1,
        replication_factor: replication_factor ?? 1,
        write_consistency_factor: write_consistency_factor ?? 1,
        on_disk_payload: on_disk_payload ?? false,
      },
      hnsw_config: {
        m: HNSW_DEFAULTS.m,
        ef_construct: HNSW_DEFAULTS.efConstruct,
        full_scan_threshold: INDEXING_BYTES / 1024,
        max_indexing_threads: 0,
        on_disk: false,
        ...config.hnsw,
      },
      optimizer_config: {
        deleted_threshold: DELETED_THRESHOLD,
        vacuum_min_vector_number: VACUUM_MIN_ROWS,
        default_segment_number: 0,
        indexing_threshold: INDEXING_BYTES / 1024,
        flush_interval_sec: 0,
        ...config.optimizers,
      },
      wal_config: { wal_capacity_mb: 32, wal_segments_ahead: 0, ...(wal_config as Settings) },
      quantization_config: quantization_config ?? null,
      ...(strict_mode_config ? { strict_mode_config } : {}),
      ...(metadata ? { metadata } : {}),
    },
    payload_schema: Object.fromEntries(
      Object.entries(config.fields).map(([path, schema]) => {
        let points = 0;
        for (const segment of segments) points += segment.fields.get(path)?.countFlag(HAS) ?? 0;
        const described = Object.keys(schema).length > 1 ? { params: schema } : {};
        return [path, { data_type: schema.type, ...described, points }];
      }),
    ),
    update_queue: { length: collection.waitingWrites },
  } as CollectionInfo;
}

/** Undefined where there is nothing to warn of. */
function warningsOf({ state: { config }, optimizer }: Collection): { message: string }[] | undefined {
  const messages = [optimizer.slowness, optimizer.waiting].filter((message) => message !== undefined);
  for (const [name, { hnsw, multi, quantization }] of Object.entries(config.vectors)) {
    if ({ ...config.hnsw, ...hnsw }.inline_storage !== true) continue;
    const coded = quantization ?? config.other.quantization_config;
    const reason = multi ? "multi-vectors have no inline storage" : coded ? "" : "it needs quantization";
    if (reason !== "")
      messages.push(`hnsw_config.inline_storage of vector '${name}' is without effect: ${reason}`);
  }
  return messages.length > 0 ? messages.map((message) => ({ message })) : undefined;
}

function describeVectors(config: CollectionConfig): unknown {
  const described = Object.entries(config.vectors).map(([name, { size, distance, given }]) => [
    name,
    { ...given, size, distance },
  ]);
  if (described.length === 1 && described[0][0] === "") return described[0][1];
  return Object.fromEntries(described);
}
