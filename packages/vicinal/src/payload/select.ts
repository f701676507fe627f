/** Parts of a payload, by key paths. */
import { isJsonObject, type JsonObject, type JsonValue, memberOf, setMember } from "./json.js";
import { everyItem, type JsonPath, type PathStep } from "./path.js";

/** Only what the paths lead to, in the places where it was; arrays keep their objects, without what was not asked for. */
export function includePaths(payload: JsonObject, paths: readonly JsonPath[]): JsonObject {
  let result: JsonValue | undefined = {};
  for (const path of paths) result = merge(result, pick(payload, path.steps, 0));
  return isJsonObject(result) ? result : {};
}

function pick(value: JsonValue, steps: readonly PathStep[], at: number): JsonValue | undefined {
  if (at === steps.length) return value;
  const step = steps[at];
  if (typeof step === "string") {
    // A path that names no index goes through the items of an array.
    if (Array.isArray(value)) return pickItems(value, steps, at);
    if (!isJsonObject(value)) return undefined;
    const member = memberOf(value, step);
    const picked = member === undefined ? undefined : pick(member, steps, at + 1);
    if (picked === undefined) return undefined;
    const result: JsonObject = {};
    setMember(result, step, picked);
    return result;
  }
  if (!Array.isArray(value)) return undefined;
  if (step === everyItem) return pickItems(value, steps, at + 1);
  return step < value.length ? pickItems([value[step]], steps, at + 1) : undefined;
}

function pickItems(items: JsonValue[], steps: readonly PathStep[], at: number): JsonValue[] {
  return items.map((item) => pick(item, steps, at)).filter((item) => item !== undefined);
}

function merge(a: JsonValue | undefined, b: JsonValue | undefined): JsonValue | undefined {
  if (b === undefined) return a;
  if (isJsonObject(a) && isJsonObject(b)) {
    const result = { ...a };
    for (const key of Object.keys(b)) setMember(result, key, merge(memberOf(a, key), b[key]) as JsonValue);
    return result;
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
    return a.map((item, i) => merge(item, b[i]) as JsonValue);
  return b;
}
