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
  object,
  optional,
  refined,
  string,
  union,
  unsigned,
  unsupported,
} from "../../runtime/schema.js";
import { extendedPointId, payload, shardKeyField, withPayload, withVector } from "./common.js";
import { filter } from "./filter.js";
import { orderByInterface } from "./order-by.js";
import { batchVectorStruct, vectorStruct } from "./vectors.js";

export const pointStruct = named(
  "PointStruct",
  object({ id: extendedPointId, vector: vectorStruct, payload: optional(payload) }),
);
/** A point to be written, in place of the one with the same id if there is one. */
export type PointStruct = Infer<typeof pointStruct>;

/** Conditions of an upsert. */
const upsertConditions = {
  shard_key: shardKeyField,
  update_filter: optional(unsupported(filter)),
  update_mode: optional(
    named(
      "UpdateMode",
      union(choice("upsert"), unsupported(choice("insert_only", "update_only"), "this mode is")),
    ),
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
});

function columnsAgree({ ids, vectors, payloads }: Infer<typeof batchColumns>): Issue | undefined {
  const columns: [string, readonly unknown[]][] = Array.isArray(vectors)
    ? [["vectors", vectors]]
    : Object.entries(vectors);
  if (payloads) columns.push(["payloads", payloads]);
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
  object({ points: array(extendedPointId), shard_key: shardKeyField }),
);
export const filterSelector = named("FilterSelector", object({ filter, shard_key: shardKeyField }));
export const pointsSelector = named("PointsSelector", union(pointIdsList, filterSelector));
/** Points by their ids or by a filter. */
export type PointsSelector = Infer<typeof pointsSelector>;

/** Which points a payload operation changes: one of the two is needed. */
const changedPoints = {
  points: optional(array(extendedPointId)),
  filter: optional(filter),
  shard_key: shardKeyField,
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

export const pointRequest = named(
  "PointRequest",
  object({
    ids: array(extendedPointId),
    with_payload: optional(withPayload).describe("Default true."),
    with_vector: optional(withVector).describe("Default false."),
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
    exact: optional(boolean()).describe("Count rather than estimate. Default true."),
    shard_key: shardKeyField,
  }),
);
export type CountRequest = Infer<typeof countRequest>;
