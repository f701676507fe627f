/** The model that is built in: texts as sparse vectors by their words. */

import { stringifyJson } from "../../payload/json.js";
import { under } from "../../runtime/schema.js";
import { type Bm25, createBm25 } from "../../text/index.js";
import { bm25Config } from "../schema/index.js";
import type { Model, WantedVector } from "./model.js";
import { inputFault } from "./places.js";

/** Qdrant takes both names, in any case. */
export function isBm25(name: string): boolean {
  return /^(qdrant\/)?bm25$/i.test(name);
}

/** Analyzers are remembered by their options: making one reads lists of stop words. */
const REMEMBERED = 64;
const known = new Map<string, Bm25>();

function weigherOf({ input: { options }, path }: WantedVector): Bm25 {
  const issue = bm25Config.check(options);
  if (issue !== undefined) throw inputFault(path, issue.message, issue.code, under("options", issue).path);
  const key = stringifyJson(options);
  let found = known.get(key);
  if (!found) {
    found = createBm25(options);
    if (known.size === REMEMBERED) known.clear();
    known.set(key, found);
  }
  return found;
}

export const bm25Model: Model = (wanted, kind) => {
  const vectors = wanted.map((one) => {
    const { text } = one.input;
    if (text === undefined) throw inputFault(one.path, "the model qdrant/bm25 takes `text` alone");
    return weigherOf(one)[kind](text);
  });
  return { vectors };
};
