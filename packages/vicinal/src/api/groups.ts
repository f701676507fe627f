/**
 * Answering a query by groups. The best rows are asked for, four times as many each time, until there are as many groups as wanted;
 * groups that are not full by then are filled by the same query among their own points alone.
 */
import { tryPointId } from "../payload/id.js";
import { parsePath } from "../payload/path.js";
import { type Group, type GroupKey, type GroupLimits, groupRows } from "../query/groups.js";
import { PointReader } from "./points.js";
import { DEFAULT_LIMIT, type QueryScope, rank } from "./queries.js";
import type {
  Filter,
  GroupsResult,
  PointGroup,
  PointRecord,
  Prefetch,
  QueryGroupsRequest,
  RawJson,
  WithLookup,
} from "./schema/index.js";

const DEFAULT_GROUP_SIZE = 3;
/** Fewest rows that are asked for at first. */
const FIRST_ROWS_MIN = 32;
const GROWTH = 4;

type Groups = PointGroup<RawJson>[];

export async function answerGroups(
  scope: QueryScope,
  request: QueryGroupsRequest,
): Promise<GroupsResult<RawJson>> {
  const limits = {
    path: parsePath(request.group_by, "group_by"),
    limit: request.limit ?? DEFAULT_LIMIT,
    size: request.group_size ?? DEFAULT_GROUP_SIZE,
  };
  const lookup =
    typeof request.with_lookup === "string" ? { collection: request.with_lookup } : request.with_lookup;
  // Refused before anything is searched.
  if (lookup) scope.stateOf(lookup.collection);
  const groups = await foundGroups(scope, request, limits);
  if (lookup) await addRecords(scope, groups, lookup);
  return { groups };
}

async function foundGroups(
  scope: QueryScope,
  request: QueryGroupsRequest,
  limits: GroupLimits,
): Promise<Groups> {
  const reader = new PointReader(request.with_payload, request.with_vector, false);
  let only: GroupKey[] | undefined;
  let filter = request.filter;
  const asked = { ...request, prefetch: enlarged(request.prefetch, limits.size) };
  for (let limit = Math.max(FIRST_ROWS_MIN, limits.limit * limits.size); ; limit *= GROWTH) {
    const found = await rank(scope, asked, { filter, limit, offset: 0 }, ({ rows }): Groups | undefined => {
      const groups = groupRows(rows, limits, only);
      if (rows.length >= limit && !isComplete(groups, limits, only)) {
        if (groups.length === limits.limit) only ??= groups.map(({ key }) => key);
        return undefined;
      }
      // The points are read here, while the segments of the rows are there.
      return groups
        .filter((group) => group.rows.length > 0)
        .map(({ key, rows }) => ({ id: key, hits: rows.map((row) => reader.readRanked(row)) }));
    });
    if (found) {
      await reader.complete();
      return found;
    }
    if (only) filter = amongGroups(request, only);
  }
}

function isComplete(groups: readonly Group[], { limit, size }: GroupLimits, only: unknown): boolean {
  return (only !== undefined || groups.length === limit) && groups.every(({ rows }) => rows.length === size);
}

/** What goes before finds enough for groups of that size: so many times as many points. */
function enlarged(given: QueryGroupsRequest["prefetch"], size: number): Prefetch[] {
  return [given ?? []].flat().map((one) => ({
    ...one,
    limit: (one.limit ?? DEFAULT_LIMIT) * size,
    prefetch: enlarged(one.prefetch, size),
  }));
}

/** The points that match and are in one of the groups. */
function amongGroups({ filter, group_by: key }: QueryGroupsRequest, keys: readonly GroupKey[]): Filter {
  const words = keys.filter((value) => typeof value === "string");
  const integers = keys.filter((value) => typeof value !== "string");
  const should = [
    { key, match: { any: words } },
    { key, match: { any: integers } },
  ];
  const inGroups = { should } as Filter;
  return filter ? { must: [filter, inGroups] } : inGroups;
}

/** Gives each group the point of another collection whose id is the group's. */
async function addRecords(scope: QueryScope, groups: Groups, lookup: WithLookup): Promise<void> {
  const state = scope.stateOf(lookup.collection);
  const reader = new PointReader(lookup.with_payload, lookup.with_vectors, true);
  for (const group of groups) {
    const id = tryPointId(group.id);
    const place = id === undefined ? undefined : state.find(id);
    if (!place) continue;
    const record: PointRecord<RawJson> = reader.read(place.segment, place.row);
    group.lookup = record;
  }
  await reader.complete();
}
