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
  lazy,
  named,
  nullable,
  number,
  type ObjectOf,
  object,
  optional,
  record,
  type Schema,
  string,
  uint64,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { type BlobDescription, blobDescription } from "./blobs.js";
import { type ExtendedPointId, extendedPointId, type Payload, payload, shardKey } from "./common.js";
import { optionalVectorStructOutput, type VectorStructOutput } from "./vectors.js";

/** A JSON value as its UTF-8 bytes, never parsed. */
export class RawJson {
  constructor(readonly bytes: Uint8Array) {}
}

const recordFields = {
  id: extendedPointId,
  payload: optional(payload),
  blobs: optional(record(blobDescription)).describe("With `with_blobs`."),
  vector: optionalVectorStructOutput,
  shard_key: optional(shardKey),
  order_value: optional(union(number(), uint64())),
};

/** A stored point. */
export const pointRecord = named("Record", object({ ...recordFields, version: optional(uint64()) }));
export interface PointRecord<P = Payload> {
  id: ExtendedPointId;
  payload?: P | null;
  vector?: VectorStructOutput | null;
  /** By name, where `with_blobs` asked for them. */
  blobs?: Record<string, BlobDescription> | null;
  /** Value of the field that points are ordered by, where they are; a point in time as microseconds since 1970. */
  order_value?: number | bigint | null;
  /** Sequence number of the write that made this version of the point, where it was asked for. */
  version?: number | null;
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

/** How a query was answered in one segment. */
export const segmentExplanation = named(
  "SegmentExplanation",
  object({
    segment: unsigned(),
    vectors: unsigned().describe("Vectors in the segment, those of deleted points included."),
    matching: unsigned().describe("Vectors that may be answered: alive, and passing the filter."),
    family: string().describe("Of the segment's index; flat where it has none."),
    path: choice("scan", "index", "none").describe("`none` where nothing matches."),
    effort: optional(unsigned().describe("Dial of the index's last search.")),
    dial: optional(string().describe("What the effort is: ef, probes, checks, ...")),
    effort_from: optional(choice("params", "recall").describe("Given, or read from the measured curve.")),
    raise: optional(number().describe("Factor in it, from checks of live queries; absent for none.")),
    recall: optional(number({ min: 0, max: 1 }).describe("Measured at that effort; 1 for a scan.")),
    scored: unsigned().describe("Distances computed, on codes or on floats."),
    visited: unsigned().describe("Graph nodes expanded, lists or leaves read."),
    read_bytes: optional(unsigned().describe("Read from files; absent where the segment lies in memory.")),
    filter_us: number().describe("Microseconds that the filter took."),
    search_us: number().describe("Microseconds that the search took."),
  }),
);
export type SegmentExplanation = Infer<typeof segmentExplanation>;

/** How a query of a tree was answered. Times are microseconds on the clock. */
const stageFields = {
  query: string().describe(
    "nearest, mmr, recommend, discover, context, order_by, sample, rrf, dbsf, ids, ...",
  ),
  found: unsigned().describe("Points that it found."),
  segments: array(segmentExplanation),
  scored: unsigned(),
  visited: unsigned(),
  filter_us: number(),
  search_us: number(),
  merge_us: number().describe("Putting the segments' hits in one order."),
  total_us: number().describe("From its beginning to its end, its prefetches included."),
};

/** The same of the queries that went before. */
export interface StageExplanation extends ObjectOf<typeof stageFields> {
  prefetch?: StageExplanation[] | null;
}
const stageExplanation: Schema<StageExplanation> = named(
  "StageExplanation",
  lazy(() => object({ ...stageFields, prefetch: stages }), "an explanation"),
);
const stages = optional(array(stageExplanation)).describe("One for each prefetch.");

/** How a query was answered. */
export const queryExplanation = named(
  "QueryExplanation",
  object({
    ...stageFields,
    prefetch: stages,
    payload_us: number().describe("Reading payloads and vectors of the answer."),
  }),
);
export type QueryExplanation = Infer<typeof queryExplanation>;

export const queryResponse = named(
  "QueryResponse",
  object({
    points: array(scoredPoint),
    explain: optional(queryExplanation.describe("With `params.explain` alone.")),
  }),
);
export interface QueryResponse<P = Payload> {
  points: ScoredPoint<P>[];
  /** With `params.explain` alone. */
  explain?: QueryExplanation | null;
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
