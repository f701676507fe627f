/** Groups: points gathered by the value of a field. */
import {
  array,
  type Infer,
  named,
  object,
  optional,
  string,
  uint64,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { type Payload, withPayload, withVector } from "./common.js";
import { queryFields, searchFields } from "./query.js";
import { type PointRecord, pointRecord, type ScoredPoint, scoredPoint } from "./results.js";

const withLookup = named(
  "WithLookup",
  object({
    collection: string(),
    with_payload: optional(withPayload).describe("Default true."),
    with_vectors: optional(withVector).describe("Default false."),
    with_vector: optional(withVector).describe("The same, by the name that queries have for it."),
  }),
);
export type WithLookup = Infer<typeof withLookup>;

export const groupFields = {
  group_by: string().describe(
    "A field with strings or integers. A point with several values is in several groups, one without in none.",
  ),
  with_lookup: optional(named("WithLookupInterface", union(string(), withLookup))).describe(
    "A collection whose points have the groups' values as ids.",
  ),
};

export const queryGroupsRequest = named(
  "QueryGroupsRequest",
  object({
    ...queryFields,
    ...groupFields,
    group_size: optional(unsigned({ min: 1 })).describe("Points of a group, at most. Default 3."),
    limit: optional(unsigned({ min: 1 })).describe("Groups, at most. Default 10."),
  }),
);
export type QueryGroupsRequest = Infer<typeof queryGroupsRequest>;

export const searchGroupsRequest = named(
  "SearchGroupsRequest",
  object({
    ...searchFields,
    ...groupFields,
    group_size: unsigned({ min: 1 }),
    limit: unsigned({ min: 1 }),
  }),
);
export type SearchGroupsRequest = Infer<typeof searchGroupsRequest>;

export const pointGroup = named(
  "PointGroup",
  object({
    id: named("GroupId", union(string(), uint64())),
    hits: array(scoredPoint),
    lookup: optional(pointRecord),
  }),
);
export interface PointGroup<P = Payload> {
  /** The value that the points share. */
  id: string | number | bigint;
  /** Best first. */
  hits: ScoredPoint<P>[];
  lookup?: PointRecord<P> | null;
}

export const groupsResult = named("GroupsResult", object({ groups: array(pointGroup) }));
export interface GroupsResult<P = Payload> {
  /** In the order of their best points. */
  groups: PointGroup<P>[];
}
