/** Which fields a formula reads, for strict mode. */
import type { Condition } from "../../payload/filter-schema.js";
import { parsePath } from "../../payload/path.js";
import { type Expression, operationNames, tryVariable } from "../../query/formula/index.js";
import { type Need, needsOfCondition } from "./strict-filter.js";

/** What a variable is read from. */
const numericTypes = ["integer", "float"];

export function* needsOfFormula(expression: Expression): Iterable<Need> {
  if (typeof expression === "number" || typeof expression === "bigint") return;
  if (typeof expression === "string") {
    const variable = tryVariable(expression);
    if (variable && !("ranking" in variable)) yield { path: parsePath(expression), anyOf: numericTypes };
    return;
  }
  if (!operationNames.some((name) => name in expression)) {
    yield* needsOfCondition(expression as Condition);
    return;
  }
  if ("geo_distance" in expression) yield { path: parsePath(expression.geo_distance.to), anyOf: ["geo"] };
  else if ("datetime_key" in expression)
    yield { path: parsePath(expression.datetime_key), anyOf: ["datetime"] };
  else if (!("datetime" in expression))
    for (const part of operandsOf(expression)) yield* needsOfFormula(part);
}

/** The expressions that an operation computes with: its operand, its list of them, or those among its members. */
function operandsOf(operation: object): Expression[] {
  const [value] = Object.values(operation) as unknown[];
  if (Array.isArray(value)) return value as Expression[];
  if (typeof value !== "object" || value === null) return [value as Expression];
  const { left, right, base, exponent, x, target } = value as Record<string, Expression | null | undefined>;
  const members = [left, right, base, exponent, x, target].filter((one) => one !== undefined && one !== null);
  return members.length > 0 ? members : [value as Expression];
}
