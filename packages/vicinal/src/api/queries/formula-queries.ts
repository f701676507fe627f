/** `{formula}`: the points of all prefetches by an expression. */
import { compileFormula, rankByFormula } from "../../query/formula/index.js";
import type { FormulaQuery } from "../schema/index.js";
import { type Asked, type MergeQuery, mergedRanking, type QueryScope } from "./ranking.js";

/** BAD_REQUEST where a default is no value for its variable. */
export function formulaRanking(
  { state }: QueryScope,
  asked: Asked,
  { formula, defaults }: FormulaQuery,
  at: string,
): MergeQuery {
  const compiled = compileFormula(formula, defaults ?? {}, `${at}.defaults`);
  return {
    kind: "formula",
    name: "Formula",
    merge: (rankings, window, read) =>
      read(mergedRanking(rankByFormula(state, compiled, rankings), asked, window)),
  };
}
