/**
 * What can be done to a payload, as pure functions: each returns a new object and shares with the old one what it did
 * not touch. Qdrant's rules: a `null` that is set removes the key; setting below a place of another type replaces it;
 * items of arrays are never deleted one by one (that would not be idempotent), `a[]` empties the array.
 */
import { isJsonObject, type JsonObject, type JsonValue, memberOf, setMember } from "./json.js";
import { everyItem, type JsonPath, type PathStep } from "./path.js";

/** Merges the members of `values` into the payload, or into the objects at `path` (made where absent). */
export function setPayload(payload: JsonObject, values: JsonObject, path?: JsonPath): JsonObject {
  return path === undefined ? merged(payload, values) : (setAt(payload, path.steps, 0, values) as JsonObject);
}

/** The payload without what the paths lead to. */
export function deletePayload(payload: JsonObject, paths: readonly JsonPath[]): JsonObject {
  let result = payload;
  for (const path of paths) result = deleteAt(result, path.steps, 0) as JsonObject;
  return result;
}

function merged(target: JsonObject, values: JsonObject): JsonObject {
  const result = { ...target };
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (value === null) delete result[key];
    else setMember(result, key, value);
  }
  return result;
}

function setAt(
  target: JsonValue | undefined,
  steps: readonly PathStep[],
  at: number,
  values: JsonObject,
): JsonValue {
  if (at === steps.length) return merged(isJsonObject(target) ? target : {}, values);
  const step = steps[at];
  if (typeof step === "string") {
    const result = isJsonObject(target) ? { ...target } : {};
    setMember(result, step, setAt(memberOf(result, step), steps, at + 1, values));
    return result;
  }
  if (!Array.isArray(target)) return [];
  return target.map((item, i) =>
    step === everyItem || step === i ? setAt(item, steps, at + 1, values) : item,
  );
}

function deleteAt(target: JsonValue, steps: readonly PathStep[], at: number): JsonValue {
  const step = steps[at];
  const last = at === steps.length - 1;
  if (typeof step === "string") {
    if (!isJsonObject(target) || !Object.hasOwn(target, step)) return target;
    const result = { ...target };
    if (last) delete result[step];
    else setMember(result, step, deleteAt(target[step], steps, at + 1));
    return result;
  }
  if (!Array.isArray(target)) return target;
  if (last) return step === everyItem ? [] : target;
  return target.map((item, i) => (step === everyItem || step === i ? deleteAt(item, steps, at + 1) : item));
}
