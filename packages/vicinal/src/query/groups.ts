/**
 * Groups: ranked rows gathered by the value of a payload field. A point with several values is in several groups; one whose value
 * is no string and no integer, or has such a one among several, is in none.
 */
import type { JsonValue } from "../payload/json.js";
import { elementsOf, type JsonPath, valuesAt } from "../payload/path.js";
import type { Segment } from "../segment/segment.js";
import type { RankedRow } from "./ranked.js";

export type GroupKey = string | number | bigint;

export interface Group {
  key: GroupKey;
  /** Best first; each point once. */
  rows: RankedRow[];
}

export interface GroupLimits {
  path: JsonPath;
  /** Groups at most. */
  limit: number;
  /** Rows of a group at most. */
  size: number;
}

/**
 * The first `limit` groups in the order of their best rows, `ranked` coming best first.
 * @param only Groups to be filled, in this order; other ones are passed over.
 */
export function groupRows(
  ranked: readonly RankedRow[],
  { path, limit, size }: GroupLimits,
  only: readonly GroupKey[] | undefined,
): Group[] {
  const groups = new Map<GroupKey, Group>((only ?? []).map((key) => [key, { key, rows: [] }]));
  const most = only ? only.length : limit;
  for (const row of ranked) {
    for (const key of groupKeys(row.segment, row.row, path)) {
      let group = groups.get(key);
      if (!group) {
        if (groups.size >= most) continue;
        group = { key, rows: [] };
        groups.set(key, group);
      }
      if (group.rows.length < size && !holds(group, row)) group.rows.push(row);
    }
  }
  return [...groups.values()];
}

/** An order by a field can name a point several times. */
function holds({ rows }: Group, { segment, row, orderValue }: RankedRow): boolean {
  return orderValue !== undefined && rows.some((other) => other.segment === segment && other.row === row);
}

function groupKeys(segment: Segment, row: number, path: JsonPath): GroupKey[] {
  const values = elementsOf(valuesAt(segment.payload(row), path));
  return values.every(isGroupKey) ? [...new Set(values)] : [];
}

function isGroupKey(value: JsonValue): value is GroupKey {
  return typeof value === "string" || typeof value === "bigint" || Number.isSafeInteger(value);
}
