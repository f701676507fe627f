/**
 * The answers about points.
 *
 * The engine hands payloads out as the bytes that it stores (`RawJson`), so that a server can splice them into
 * its answer unparsed; the embedded client decodes them. Hence the result types have the payload's type as a
 * parameter.
 */
import {
  array,
  choice,
  type Infer,
  named,
  nullable,
  number,
  object,
  optional,
  uint64,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { type ExtendedPointId, extendedPointId, type Payload, payload, shardKey } from "./common.js";
import { optionalVectorStructOutput, type VectorStructOutput } from "./vectors.js";

/** A JSON value as its UTF-8 bytes, never parsed. */
export class RawJson {
  constructor(readonly bytes: Uint8Array) {}
}

const recordFields = {
  id: extendedPointId,
  payload: optional(payload),
  vector: optionalVectorStructOutput,
  shard_key: optional(shardKey),
  order_value: optional(union(number(), uint64())),
};

/** A stored point. */
export const pointRecord = named("Record", object(recordFields));
export interface PointRecord<P = Payload> {
  id: ExtendedPointId;
  payload?: P | null;
  vector?: VectorStructOutput | null;
}

/** A found point. */
export const scoredPoint = named(
  "ScoredPoint",
  object({ ...recordFields, version: uint64(), score: number() }),
);
export interface ScoredPoint<P = Payload> extends PointRecord<P> {
  /** Sequence number of the write that made this version of the point. */
  version: number;
  /** Similarity for Cosine and Dot, distance for Euclid and Manhattan. */
  score: number;
}

export const queryResponse = named("QueryResponse", object({ points: array(scoredPoint) }));
export interface QueryResponse<P = Payload> {
  points: ScoredPoint<P>[];
}

export const scrollResult = named(
  "ScrollResult",
  object({ points: array(pointRecord), next_page_offset: optional(nullable(extendedPointId)) }),
);
export interface ScrollResult<P = Payload> {
  points: PointRecord<P>[];
  /** Id to pass as `offset` for the next page, `null` after the last. */
  next_page_offset?: ExtendedPointId | null;
}

export const countResult = named("CountResult", object({ count: unsigned() }));
export type CountResult = Infer<typeof countResult>;

export const updateResult = named(
  "UpdateResult",
  object({
    operation_id: optional(unsigned()),
    status: named("UpdateStatus", choice("acknowledged", "completed", "wait_timeout")),
  }),
);
export type UpdateResult = Infer<typeof updateResult>;
