/** Points: writing, deleting, changing payloads, fetching, scrolling and counting. */
import {
  array,
  boolean,
  choice,
  createIssue,
  type Infer,
  type Issue,
  named,
  nullable,
  number,
  object,
  optional,
  refined,
  string,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { pointBlobs, withBlobsField } from "./blobs.js";
import { extendedPointId, payload, shardKeyField, withPayload, withVector } from "./common.js";
import { filter } from "./filter.js";
import { orderByInterface } from "./order-by.js";
import { batchVectorStruct, vectorStruct } from "./vectors.js";

/** Not after the year 5000: sums with the time of a write stay dates. */
const TTL_SECONDS_MAX = 1e11;

const ttlSeconds = refined(number({ min: 0, max: TTL_SECONDS_MAX }), (seconds): Issue | undefined =>
  seconds > 0 ? undefined : createIssue("must be more than 0", "OUT_OF_RANGE"),
);

export const pointStruct = named(
  "PointStruct",
  object({
    id: extendedPointId,
    vector: vectorStruct,
    payload: optional(payload),
    ttl_seconds: optional(ttlSeconds).describe(
      "Seconds until the point expires, more than 0; Vicinal's own field. Default: the collection's `ttl`.",
    ),
    blobs: optional(pointBlobs).describe("By name, what the point stands for; Vicinal's own field."),
  }),
);
/** A point to be written, in place of the one with the same id if there is one. */
export type PointStruct = Infer<typeof pointStruct>;

export const updateMode = named("UpdateMode", choice("upsert", "insert_only", "update_only"));
export type UpdateMode = Infer<typeof updateMode>;

const ifVersion = optional(unsigned()).describe(
  "All points must have this version, 0 for points that do not exist yet, or nothing is written; Vicinal's own field.",
);

/** Conditions of an upsert. */
const upsertConditions = {
  if_version: ifVersion,
  shard_key: shardKeyField,
  update_filter: optional(filter).describe(
    "Of points that exist only those that match are written. New points are written in any case.",
  ),
  update_mode: optional(updateMode).describe(
    "insert_only leaves points that exist as they are, update_only writes no new ones. Default upsert.",
  ),
};

function notEmpty<T>(values: readonly T[]): string | undefined {
  return values.length === 0 ? "Empty update request, expected at least one point" : undefined;
}

export const pointsList = named(
  "PointsList",
  object({ points: refined(array(pointStruct), notEmpty), ...upsertConditions }),
);
export type PointsList = Infer<typeof pointsList>;

const batchColumns = object({
  ids: refined(array(extendedPointId), notEmpty),
  vectors: batchVectorStruct,
  payloads: optional(array(nullable(payload))),
  ttl_seconds: optional(array(nullable(ttlSeconds))).describe("As of single points; Vicinal's own field."),
  blobs: optional(array(nullable(pointBlobs))).describe("As of single points; Vicinal's own field."),
});

function columnsAgree({
  ids,
  vectors,
  payloads,
  ttl_seconds: lives,
  blobs,
}: Infer<typeof batchColumns>): Issue | undefined {
  const columns: [string, readonly unknown[]][] = Array.isArray(vectors)
    ? [["vectors", vectors]]
    : Object.entries(vectors);
  if (payloads) columns.push(["payloads", payloads]);
  if (lives) columns.push(["ttl_seconds", lives]);
  if (blobs) columns.push(["blobs", blobs]);
  for (const [name, { length }] of columns) {
    if (length === ids.length) continue;
    const message = `number of ids and ${name} must be equal (${ids.length} != ${length})`;
    return createIssue(message, "OUT_OF_RANGE");
  }
  return undefined;
}

export const pointsBatch = named(
  "PointsBatch",
  object({ batch: named("Batch", refined(batchColumns, columnsAgree)), ...upsertConditions }),
);
/** Points column by column; the columns' lengths agree. */
export type PointsBatch = Infer<typeof pointsBatch>;

export const pointInsertOperations = named("PointInsertOperations", union(pointsList, pointsBatch));
export type PointInsertOperations = Infer<typeof pointInsertOperations>;

export const pointIdsList = named(
  "PointIdsList",
  object({ points: array(extendedPointId), shard_key: shardKeyField, if_version: ifVersion }),
);
export const filterSelector = named(
  "FilterSelector",
  object({ filter, shard_key: shardKeyField, if_version: ifVersion }),
);
export const pointsSelector = named("PointsSelector", union(pointIdsList, filterSelector));
/** Points by their ids or by a filter. */
export type PointsSelector = Infer<typeof pointsSelector>;

/** Which points a payload operation changes: one of the two is needed. */
const changedPoints = {
  points: optional(array(extendedPointId)),
  filter: optional(filter),
  shard_key: shardKeyField,
  if_version: ifVersion,
};

function needsSelector(value: { points?: unknown; filter?: unknown }): string | undefined {
  const given = (value.points ?? value.filter) !== undefined;
  return given ? undefined : "either `points` or `filter` must be given";
}

export const setPayload = named(
  "SetPayload",
  refined(object({ payload, ...changedPoints, key: optional(string()) }), needsSelector),
);
/** Fields to merge into the payload, at its top or under `key`. */
export type SetPayload = Infer<typeof setPayload>;

export const deletePayload = named(
  "DeletePayload",
  refined(object({ keys: array(string()), ...changedPoints }), needsSelector),
);
export type DeletePayload = Infer<typeof deletePayload>;

const someVectors = refined(vectorStruct, (given): Issue | undefined =>
  typeof given === "object" && Object.keys(given).length === 0
    ? { code: "OUT_OF_RANGE", path: [], message: "must specify vectors to update for point" }
    : undefined,
);
export const pointVectors = named("PointVectors", object({ id: extendedPointId, vector: someVectors }));
export const updateVectors = named(
  "UpdateVectors",
  object({
    points: refined(array(pointVectors), notEmpty),
    shard_key: shardKeyField,
    update_filter: optional(filter).describe("Only points that match are changed."),
    if_version: ifVersion,
  }),
);
/** Vectors to be put in the place of a point's own, by name; its other vectors and its payload stay. */
export type UpdateVectors = Infer<typeof updateVectors>;

function namesGiven(names: readonly string[]): string | undefined {
  return names.length === 0 ? "expected at least one name of a vector" : undefined;
}

export const deleteVectors = named(
  "DeleteVectors",
  refined(object({ vector: refined(array(string()), namesGiven), ...changedPoints }), needsSelector),
);
/** Names of vectors (empty for the one without a name) that points are to lose. */
export type DeleteVectors = Infer<typeof deleteVectors>;

export const updateOperation = named(
  "UpdateOperation",
  union(
    named("UpsertOperation", object({ upsert: pointInsertOperations })),
    named("DeleteOperation", object({ delete: pointsSelector })),
    named("SetPayloadOperation", object({ set_payload: setPayload })),
    named("OverwritePayloadOperation", object({ overwrite_payload: setPayload })),
    named("DeletePayloadOperation", object({ delete_payload: deletePayload })),
    named("ClearPayloadOperation", object({ clear_payload: pointsSelector })),
    named("UpdateVectorsOperation", object({ update_vectors: updateVectors })),
    named("DeleteVectorsOperation", object({ delete_vectors: deleteVectors })),
  ),
);
export type UpdateOperation = Infer<typeof updateOperation>;

/** Each comes to one effect at most, which a record of the log counts in 16 bits. */
const OPERATIONS_MAX = 65_535;

function countInLimits({ length }: readonly unknown[]): string | undefined {
  return length > OPERATIONS_MAX ? `at most ${OPERATIONS_MAX} operations can be written together` : undefined;
}

export const updateOperations = named(
  "UpdateOperations",
  object({ operations: refined(array(updateOperation), countInLimits) }),
);
/** Writes that happen in their order, all of them or none. */
export type UpdateOperations = Infer<typeof updateOperations>;

const withVersion = optional(boolean()).describe(
  "Whether to show the points' versions, as `if_version` of writes wants them; Vicinal's own field. Default false.",
);

export const pointRequest = named(
  "PointRequest",
  object({
    ids: array(extendedPointId),
    with_payload: optional(withPayload).describe("Default true."),
    with_vector: optional(withVector).describe("Default false."),
    with_version: withVersion,
    with_blobs: withBlobsField,
    shard_key: shardKeyField,
  }),
);
export type PointRequest = Infer<typeof pointRequest>;

export const scrollRequest = named(
  "ScrollRequest",
  object({
    offset: optional(extendedPointId).describe("The first id to return."),
    limit: optional(unsigned({ min: 1 })).describe("Default 10."),
    filter: optional(filter),
    with_payload: optional(withPayload).describe("Default true."),
    with_vector: optional(withVector).describe("Default false."),
    with_version: withVersion,
    with_blobs: withBlobsField,
    order_by: optional(orderByInterface).describe(
      "An indexed field to order by in place of the id; excludes `offset`.",
    ),
    shard_key: shardKeyField,
  }),
);
export type ScrollRequest = Infer<typeof scrollRequest>;

export const countRequest = named(
  "CountRequest",
  object({
    filter: optional(filter),
    exact: optional(boolean()).describe("Count rather than estimate by the indexes of fields. Default true."),
    shard_key: shardKeyField,
  }),
);
export type CountRequest = Infer<typeof countRequest>;
