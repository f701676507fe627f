/** What strict mode asks of filters: how many conditions, how large, and whether indexes serve them. */
import type { FieldSchema } from "../../payload/columns.js";
import type { Condition, FieldCondition, Filter, Match } from "../../payload/filter-schema.js";
import { tryPointId } from "../../payload/id.js";
import { itemsOf, type JsonPath, parsePath, pathOf } from "../../payload/path.js";

export type Fields = Readonly<Record<string, FieldSchema>>;

/** A field that a request reads, and what any of which would serve it. */
export interface Need {
  path: JsonPath;
  /** Types of indexes, with the option that they need. */
  anyOf: readonly string[];
}

const allTypes = ["bool", "datetime", "float", "geo", "integer", "keyword", "text", "uuid"];

function listed<T>(one: T | readonly T[] | null | undefined): readonly T[] {
  if (one === null || one === undefined) return [];
  return Array.isArray(one) ? (one as readonly T[]) : [one as T];
}

/** The conditions of all parts of a filter. */
export function conditionsOf({ must, should, must_not, min_should }: Filter): Condition[] {
  return [...listed(must), ...listed(should), ...listed(must_not), ...listed(min_should?.conditions)];
}

function innerFilter(condition: Condition): Filter | undefined {
  if ("nested" in condition) return condition.nested.filter;
  const isLeaf = ["key", "is_empty", "is_null", "has_id", "has_vector", "slice"].some(
    (member) => member in condition,
  );
  return isLeaf ? undefined : (condition as Filter);
}

/** Conditions in the filter and in all filters within it. */
export function conditionCount(filter: Filter | null | undefined): number {
  if (!filter) return 0;
  let count = 0;
  for (const condition of conditionsOf(filter)) {
    const inner = innerFilter(condition);
    count += inner ? conditionCount(inner) : 1;
  }
  return count;
}

/** The largest number of values in one condition. */
export function conditionSize(filter: Filter): number {
  let largest = 0;
  for (const condition of conditionsOf(filter)) {
    const inner = innerFilter(condition);
    largest = Math.max(largest, inner ? conditionSize(inner) : valueCount(condition));
  }
  return largest;
}

function valueCount(condition: Condition): number {
  if ("has_id" in condition) return condition.has_id.length;
  const match = "key" in condition ? condition.match : undefined;
  if (!match) return 0;
  if ("any" in match) return match.any.length;
  return "except" in match ? match.except.length : 0;
}

/** What a filter reads, in its order. */
export function* needsOf(filter: Filter, prefix?: JsonPath): Iterable<Need> {
  for (const condition of conditionsOf(filter)) yield* needsOfCondition(condition, prefix);
}

export function* needsOfCondition(condition: Condition, prefix?: JsonPath): Iterable<Need> {
  const at = (key: string): JsonPath => {
    const path = parsePath(key);
    return prefix ? pathOf([...prefix.steps, ...path.steps]) : path;
  };
  if ("nested" in condition) yield* needsOf(condition.nested.filter, itemsOf(at(condition.nested.key)));
  else if ("is_empty" in condition && !("key" in condition))
    yield { path: at(condition.is_empty.key), anyOf: allTypes };
  else if ("is_null" in condition && !("key" in condition))
    yield { path: at(condition.is_null.key), anyOf: allTypes };
  else if ("key" in condition) {
    const anyOf = typesFor(condition);
    if (anyOf.length > 0) yield { path: at(condition.key), anyOf };
  } else {
    const inner = innerFilter(condition);
    if (inner) yield* needsOf(inner, prefix);
  }
}

function typesFor(condition: FieldCondition): string[] {
  const { match, range, values_count, is_empty, is_null } = condition;
  const types: string[] = match ? typesForMatch(match) : [];
  if (range) {
    const isTime = Object.values(range).some((bound) => typeof bound === "string");
    types.push(...(isTime ? ["datetime"] : ["float", "integer:range"]));
  }
  if (condition.geo_bounding_box || condition.geo_radius || condition.geo_polygon) types.push("geo");
  if (values_count || typeof (is_empty ?? is_null) === "boolean") types.push(...allTypes);
  return types;
}

function typesForMatch(match: Match): string[] {
  if ("text" in match || "text_any" in match) return ["text"];
  if ("phrase" in match) return ["text:phrase_matching"];
  if ("prefix" in match) return ["keyword:prefix"];
  const values: readonly unknown[] =
    "value" in match ? [match.value] : "any" in match ? match.any : match.except;
  // No value can be looked up, so that no index is needed.
  if (values.length === 0) return [];
  if (typeof values[0] === "boolean") return ["bool"];
  if (typeof values[0] !== "string") return ["integer:lookup"];
  return values.every((value) => tryPointId(value) !== undefined) ? ["keyword", "uuid"] : ["keyword"];
}

/** Options that are on unless they are said to be off; others are off unless they are on. */
const onByDefault = new Set(["lookup", "range"]);

function serves(schema: FieldSchema, wanted: string): boolean {
  const [type, option] = wanted.split(":");
  if (schema.type !== type) return false;
  return option === undefined || ((schema[option] as boolean | undefined) ?? onByDefault.has(option));
}

/** The first field that no index serves. */
export function unserved(needs: Iterable<Need>, fields: Fields): Need | undefined {
  for (const need of needs) {
    const { text } = need.path;
    const schema = Object.hasOwn(fields, text) ? fields[text] : undefined;
    if (!schema || !need.anyOf.some((wanted) => serves(schema, wanted))) return need;
  }
  return undefined;
}

/** Whether a field that parts the points among tenants is among those that the filter reads. */
export function readsTenant(filter: Filter | null | undefined, fields: Fields): boolean {
  if (!filter) return false;
  for (const { path } of needsOf(filter))
    if (Object.hasOwn(fields, path.text) && fields[path.text].is_tenant === true) return true;
  return false;
}
