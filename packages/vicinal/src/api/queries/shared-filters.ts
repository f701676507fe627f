/** The filters of one request or batch, each compiled once and evaluated once in a segment, however many queries have it. */
import { type CompiledFilter, compileCheckedFilter } from "../../payload/filter.js";
import { remembered } from "../../query/remembered.js";
import type { Filter } from "../schema/index.js";

type Given = Filter | null | undefined;

/** Undefined where every point passes. The argument has passed its schema. */
export function compiled(filter: Given): CompiledFilter | undefined {
  const checked = filter ? compileCheckedFilter(filter) : undefined;
  return checked?.isEmpty ? undefined : checked;
}

export class SharedFilters {
  readonly #byText = new Map<string, CompiledFilter>();
  readonly #byObject = new WeakMap<object, CompiledFilter>();

  compiled(filter: Given): CompiledFilter | undefined {
    if (!filter) return undefined;
    let shared = this.#byObject.get(filter);
    if (!shared) {
      const text = textOf(filter);
      shared = this.#byText.get(text) ?? remembered(compileCheckedFilter(filter));
      this.#byText.set(text, shared);
      this.#byObject.set(filter, shared);
    }
    return shared.isEmpty ? undefined : shared;
  }
}

/** The filter of points that pass both. */
export function bothFilters(one: Given, other: Given): Given {
  return one && other ? { must: [one, other] } : (one ?? other);
}

/** Filters with the same text are the same; a bigint is written as no other value of a filter can be. */
function textOf(filter: Filter): string {
  return JSON.stringify(filter, (_, value) => (typeof value === "bigint" ? { integer: `${value}` } : value));
}
