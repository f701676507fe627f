/**
 * Paths into payloads, in Qdrant's notation: `a.b`, `a[].b` (every item), `a[0].b` (one item), `"a.b".c` (quoted key).
 * Bare keys hold letters, digits, `_` and `-` of any script; quoted keys anything but `"` and `\`.
 */
import { type ErrorCode, VicinalError } from "../runtime/errors.js";
import { isJsonObject, type JsonObject, type JsonValue, memberOf } from "./json.js";

/** The step `[]`: every item of an array. */
export const everyItem: unique symbol = Symbol("[]");

/** A key of an object, an index into an array, or every item of one. */
export type PathStep = string | number | typeof everyItem;

export interface JsonPath {
  /** The path in its only canonical notation (keys quoted where needed): equal paths have equal texts. */
  readonly text: string;
  /** At least one; the first is a key. */
  readonly steps: readonly PathStep[];
}

const bareKey = /[\p{Alphabetic}\p{N}_-]+/uy;
const quotedKey = /"([^"\\]*)"/uy;
const itemStep = /\[(\d*)\]/uy;
const wholeBareKey = /^[\p{Alphabetic}\p{N}_-]+$/u;

/**
 * @param at Where the path stands in the request, for the message.
 * @throws `code` (BAD_REQUEST) naming the path and the place.
 */
export function parsePath(text: string, at = "key", code: ErrorCode = "BAD_REQUEST"): JsonPath {
  const path = tryPath(text);
  if (path === undefined) {
    throw new VicinalError(code, `${at}: Invalid json path: '${text}'`, { field: at, path: text });
  }
  return path;
}

export function tryPath(text: string): JsonPath | undefined {
  const steps: PathStep[] = [];
  let offset = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = offset;
    const found = pattern.exec(text);
    if (found) offset = pattern.lastIndex;
    return found;
  };
  const takeKey = (): boolean => {
    const bare = take(bareKey);
    const key = bare ? bare[0] : take(quotedKey)?.[1];
    if (key === undefined) return false;
    steps.push(key);
    return true;
  };
  if (!takeKey()) return undefined;
  while (offset < text.length) {
    if (text[offset] === ".") {
      offset++;
      if (!takeKey()) return undefined;
      continue;
    }
    const item = take(itemStep);
    if (!item) return undefined;
    steps.push(item[1] === "" ? everyItem : Number(item[1]));
  }
  return pathOf(steps);
}

/** The path of these steps. */
export function pathOf(steps: readonly PathStep[]): JsonPath {
  let text = "";
  for (const step of steps) {
    if (step === everyItem) text += "[]";
    else if (typeof step === "number") text += `[${step}]`;
    else text += (text === "" ? "" : ".") + (wholeBareKey.test(step) ? step : `"${step}"`);
  }
  return { text, steps };
}

/** True when the path can lead to several places of one payload. */
export function hasWildcard(path: JsonPath): boolean {
  return path.steps.includes(everyItem);
}

/** `a.b` -> `a.b[]`; a path that ends in `[]` stays. */
export function itemsOf(path: JsonPath): JsonPath {
  return path.steps.at(-1) === everyItem ? path : pathOf([...path.steps, everyItem]);
}

/**
 * The values at a path, in order: none when it leads nowhere. An array at the end is one value; filters look into it
 * by themselves (`elementsOf`).
 */
export function valuesAt(payload: JsonObject, path: JsonPath): JsonValue[] {
  const found: JsonValue[] = [];
  collect(payload, path.steps, 0, found);
  return found;
}

/** What a filter or a field index looks at: the values, and the items of those that are arrays (one level). */
export function elementsOf(values: readonly JsonValue[]): JsonValue[] {
  return values.flat(1) as JsonValue[];
}

function collect(value: JsonValue, steps: readonly PathStep[], from: number, found: JsonValue[]): void {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i];
    let next: JsonValue | undefined;
    if (typeof step === "string") {
      next = isJsonObject(value) ? memberOf(value, step) : undefined;
    } else if (!Array.isArray(value)) {
      return;
    } else if (step === everyItem) {
      for (const item of value) collect(item, steps, i + 1, found);
      return;
    } else {
      next = value[step as number];
    }
    if (next === undefined) return;
    value = next;
  }
  found.push(value);
}
