/**
 * Where in a request vectors stand, and with them texts, images and objects whose vectors are meant. A form says of a value which
 * members to follow; an array's elements have the form of the array, so that one place or many, a point or a list, a column or
 * its cells are the same.
 */
import type { ErrorCode, VicinalError } from "../../runtime/errors.js";
import { issueError } from "../../runtime/schema.js";
import type { Inference } from "../schema/index.js";

/** Which members of an object to follow: some, or all (vectors by their names). An empty form is a place of a vector. */
type Form = { [member: string]: Form } | typeof named;
const named = Symbol("vectors by their names");

const place: Form = {};
/** Inputs stand among ids here. */
const examples: Form = {};
const points: Form = { points: { vector: named }, batch: { vectors: named } };
/** Points in list and column form, new vectors of points, and lists of such operations. */
export const writtenForm: Form = { ...points, operations: { upsert: points, update_vectors: points } };

const pair: Form = { positive: examples, negative: examples };
const query: Form = {
  nearest: place,
  recommend: pair,
  discover: { target: place, context: pair },
  context: pair,
  relevance_feedback: { target: place, feedback: { example: place } },
};
const prefetch: Form = { query };
prefetch.prefetch = prefetch;
/** Queries, those of their stages, and lists of them. */
export const askedForm: Form = { query, prefetch, searches: { query, prefetch } };

export type Path = readonly (string | number)[];
/** Gives what takes the input's place. */
export type Visit = (input: Inference, path: Path) => unknown;

/** The value with what `visit` gives in the place of each input; the value itself, uncopied, when there are none. */
export function withInputs<T>(value: T, form: Form, visit: Visit): T {
  return replaced(value, form, visit, []) as T;
}

function replaced(value: unknown, form: Form, visit: Visit, path: (string | number)[]): unknown {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return replacedElements(value, form, visit, path);
  if (isInput(value)) return visit(value, path);
  const members = form === named ? Object.keys(value) : Object.keys(form);
  let copy: Record<string, unknown> | undefined;
  for (const member of members) {
    const old = (value as Record<string, unknown>)[member];
    if (typeof old !== "object") continue;
    path.push(member);
    const next = replaced(old, form === named ? place : form[member], visit, path);
    path.pop();
    if (next !== old) {
      copy ??= { ...value };
      copy[member] = next;
    }
  }
  return copy ?? value;
}

function replacedElements(value: unknown[], form: Form, visit: Visit, path: (string | number)[]): unknown[] {
  if (typeof value[0] === "number" && form !== examples) return value;
  let copy: unknown[] | undefined;
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== "object") continue;
    path.push(i);
    const next = replaced(value[i], form, visit, path);
    path.pop();
    if (next !== value[i]) {
      copy ??= value.slice();
      copy[i] = next;
    }
  }
  return copy ?? value;
}

/** No place of a vector holds anything else that has a model. */
function isInput(value: object): value is Inference {
  return "model" in value && typeof value.model === "string";
}

/** A fault of an input, by its place in the request. @param within Further into it, reversed as issues have it. */
export function inputFault(
  path: Path,
  message: string,
  code: ErrorCode = "BAD_REQUEST",
  within: readonly (string | number)[] = [],
): VicinalError {
  return issueError({ message, code, path: [...within, ...[...path].reverse()] });
}
