/** Parts of a payload, as `with_payload: {include}` asks for them; `{exclude}` is `deletePayload`. */
import { type JsonObject, type JsonValue, setMember } from "./json.js";
import { everyItem, type JsonPath, type PathStep } from "./path.js";

/**
 * Only what lies at, below or on the way to the paths, in the places where it was. As in Qdrant, the items of an array
 * are reached by `[]` alone: a path that goes on with a key or an index leaves the array empty.
 */
export function includePaths(payload: JsonObject, paths: readonly JsonPath[]): JsonObject {
  const patterns = paths.map((path) => path.steps);
  return pick(payload, patterns, 0) as JsonObject;
}

/** `patterns`: those that agree with the first `at` steps to this value. */
function pick(value: JsonValue, patterns: readonly (readonly PathStep[])[], at: number): JsonValue {
  if (patterns.some((steps) => steps.length === at)) return value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const further = patterns.filter((steps) => steps[at] === everyItem);
    return further.length === 0 ? [] : value.map((item) => pick(item, further, at + 1));
  }
  const picked: JsonObject = {};
  for (const key of Object.keys(value)) {
    const further = patterns.filter((steps) => steps[at] === key);
    if (further.length > 0) setMember(picked, key, pick(value[key], further, at + 1));
  }
  return picked;
}
