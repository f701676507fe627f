/** What a collection is: its vectors with their metrics, its field indexes, and the settings it was given. */
import type { Metric } from "../index/contract.js";
import { GROWING_BYTES, GROWING_ROWS } from "./defaults.js";

export interface VectorConfig {
  /** Dimensions. */
  size: number;
  distance: Metric;
  /** Index parameters of this vector; those of the collection where absent. */
  index?: Record<string, unknown>;
  /** As given at creation, echoed by the collection's info. */
  given: Record<string, unknown>;
}

/** Schema of a field index: `keyword`, `integer`, `float` or `bool`, with what else the caller said. */
export interface FieldSchema {
  type: string;
  [option: string]: unknown;
}

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
