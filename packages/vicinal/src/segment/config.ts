/** What a collection is: its vectors with their metrics, its field indexes, and the settings it was given. */
import type { Metric } from "../index/contract.js";
import type { FieldSchema } from "../payload/columns.js";
import { GROWING_BYTES, GROWING_ROWS } from "./defaults.js";

export interface VectorConfig {
  /** Dimensions. */
  size: number;
  distance: Metric;
  /** Index family; `hnsw` where absent. */
  family?: string;
  /** Index parameters of this vector; those of the collection where absent. */
  index?: Record<string, unknown>;
  /** As given at creation, echoed by the collection's info. */
  given: Record<string, unknown>;
}

export type { FieldSchema } from "../payload/columns.js";

/** JSON-able: it stands in the manifest. */
export interface CollectionConfig {
  /** By name; the unnamed vector is `""`. */
  vectors: Record<string, VectorConfig>;
  /** Index parameters (`m`, `ef_construct`, ...) for all vectors that have none of their own. */
  hnsw: Record<string, unknown>;
  optimizers: Record<string, unknown>;
  /** Everything else of the creation request that is only kept and shown. */
  other: Record<string, unknown>;
  fields: Record<string, FieldSchema>;
}

/** Rows that fit a growing segment of this collection. */
export function growingCapacity(config: CollectionConfig): number {
  let rowBytes = 0;
  for (const vector of Object.values(config.vectors)) rowBytes += vector.size * 4;
  const rows = rowBytes === 0 ? GROWING_ROWS.max : Math.floor(GROWING_BYTES / rowBytes);
  return Math.min(GROWING_ROWS.max, Math.max(GROWING_ROWS.min, rows));
}

/** Parameters of the index over a vector: the vector's own, for HNSW over those of the collection. */
export function indexParameters(config: CollectionConfig, name: string): Record<string, unknown> {
  const { family = "hnsw", index } = config.vectors[name];
  return family === "hnsw" ? { ...config.hnsw, ...index } : { ...index };
}

/** The family that serves a vector where its segment is large enough; `m: 0` asks for none, as in Qdrant. */
export function familyOf(config: CollectionConfig, name: string): string {
  const family = config.vectors[name].family ?? "hnsw";
  return family === "hnsw" && indexParameters(config, name).m === 0 ? "flat" : family;
}

/** The configuration after a change that names only what it changes; vectors that do not exist are passed over. */
export function changedConfig(config: CollectionConfig, change: Record<string, unknown>): CollectionConfig {
  const { vectors, hnsw, optimizers, other } = change as Partial<CollectionConfig>;
  const changed = {
    ...config,
    hnsw: { ...config.hnsw, ...hnsw },
    optimizers: { ...config.optimizers, ...optimizers },
    other: { ...config.other, ...other },
    vectors: { ...config.vectors },
  };
  for (const [name, { index, given }] of Object.entries(vectors ?? {})) {
    if (!Object.hasOwn(config.vectors, name)) continue;
    const old = config.vectors[name];
    const vector = { ...old, index: { ...old.index, ...index }, given: { ...old.given, ...given } };
    // Not by assignment: a vector may be called `__proto__`.
    changed.vectors = { ...changed.vectors, [name]: vector };
  }
  return changed;
}
