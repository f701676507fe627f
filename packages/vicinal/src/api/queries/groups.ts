/**
 * Answering a query by groups. The best rows are asked for, four times as many each time, until there are as many groups as wanted;
 * groups that are not full by then are filled by the same query among their own points alone.
 *
 * Where prefetches bound what can be found, their limits count for each point of a group, and grow in the same way, a few times. No
 * group is filled alone then: a fusion among its own points would come to other scores.
 */
import { tryPointId } from "../../payload/id.js";
import { parsePath } from "../../payload/path.js";
import { type Group, type GroupKey, type GroupLimits, groupRows } from "../../query/groups.js";
import { PointReader } from "../points.js";
import type {
  Filter,
  GroupsResult,
  PointGroup,
  PointRecord,
  Prefetch,
  QueryGroupsRequest,
  RawJson,
  WithLookup,
} from "../schema/index.js";
import { DEFAULT_LIMIT, type QueryScope, queryReader, rank } from "./queries.js";

const DEFAULT_GROUP_SIZE = 3;
/** Fewest rows that are asked for at first. */
const FIRST_ROWS_MIN = 32;
const GROWTH = 4;
/** How often the limits of prefetches grow: 64-fold in the end. */
const PREFETCH_ROUNDS = 3;

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
  const reader = queryReader(scope, request);
  const prefetches = [request.prefetch ?? []].flat();
  let only: GroupKey[] | undefined;
  let filter = request.filter;
  let most = 0;
  for (let round = 0; ; round++) {
    const times = GROWTH ** round;
    const limit = Math.max(FIRST_ROWS_MIN, limits.limit * limits.size) * times;
    const asked = { ...request, prefetch: enlarged(prefetches, limits.size * times) };
    const found = await rank(scope, asked, { filter, limit, offset: 0 }, ({ rows }): Groups | undefined => {
      const groups = groupRows(rows, limits, only);
      const mayGrow = prefetches.length > 0 && round < PREFETCH_ROUNDS && rows.length > most;
      most = rows.length;
      if ((rows.length >= limit || mayGrow) && !isComplete(groups, limits, only)) {
        if (groups.length === limits.limit && prefetches.length === 0) only ??= groups.map(({ key }) => key);
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

/** All of them may find so many times as many points. */
function enlarged(prefetches: readonly Prefetch[], times: number): Prefetch[] {
  return prefetches.map((one) => ({
    ...one,
    limit: Number(one.limit ?? DEFAULT_LIMIT) * times,
    prefetch: enlarged([one.prefetch ?? []].flat(), times),
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
  const reader = new PointReader(
    state.config,
    lookup.with_payload,
    lookup.with_vectors ?? lookup.with_vector,
    true,
  );
  for (const group of groups) {
    const id = tryPointId(group.id);
    const place = id === undefined ? undefined : state.find(id);
    if (!place) continue;
    const record: PointRecord<RawJson> = reader.read(place.segment, place.row);
    group.lookup = record;
  }
  await reader.complete();
}
