/** `{formula, defaults}`: scores by an expression. What it comes to is in query/formula. */
import { conditionSchema, key } from "../../payload/filter-schema.js";
import { geoPoint } from "../../payload/geo-schema.js";
import { anyNumber, datetime } from "../../payload/number-schema.js";
import {
  type Decay,
  type DecayKind,
  decayFault,
  type Expression,
  operationNames,
  tryVariable,
} from "../../query/formula/index.js";
import {
  anyJson,
  array,
  createIssue,
  type Infer,
  type Issue,
  lazy,
  named,
  type OpenApiComponents,
  type OpenApiSchema,
  object,
  optional,
  record,
  refined,
  Schema,
  show,
  string,
  under,
} from "../../runtime/schema.js";

/** Checking and evaluating recurse. */
const DEPTH_MAX = 64;

const variable = refined(string(), (text) =>
  tryVariable(text)
    ? undefined
    : `expected \`$score\`, \`$score[1]\` or a path into payloads, got ${show(text)}`,
);

/** An operation is told by its member; an object without one is a condition. */
class ExpressionSchema extends Schema<Expression> {
  readonly expected = "a number, a variable, a condition or an operation";
  readonly #operations = operations();
  /** Expressions around the one that is being checked. */
  #depth = 0;

  looksLike(value: unknown): boolean {
    return value !== undefined && value !== null && !Array.isArray(value);
  }

  check(value: unknown): Issue | undefined {
    if (isNumber(value)) return anyNumber.check(value);
    if (typeof value === "string") return variable.check(value);
    if (this.#depth === DEPTH_MAX) return createIssue(`nested deeper than ${DEPTH_MAX} levels`);
    this.#depth++;
    try {
      return this.#checkObject(value);
    } finally {
      this.#depth--;
    }
  }

  #checkObject(value: unknown): Issue | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return createIssue(`expected ${this.expected}, got ${show(value)}`);
    const name = operationNames.find((one) => Object.hasOwn(value, one));
    return (name === undefined ? conditionSchema : this.#operations[name]).check(value);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    const forms = [anyNumber, variable, conditionSchema, ...Object.values(this.#operations)];
    return { anyOf: forms.map((form) => form.toOpenApi(components)) };
  }
}

/** By the names of their members. */
function operations(): Record<string, Schema<unknown>> {
  const expression = lazy(() => expressionSchema, "an expression");
  const fields = { base: expression, exponent: expression };
  const geoDistance = object({
    origin: geoPoint,
    to: key.describe("Path of a geo point in the payload."),
  });
  const division = object({
    left: expression,
    right: expression,
    by_zero_default: optional(anyNumber).describe(
      "The quotient where `right` is 0. Default: that is refused.",
    ),
  });
  return {
    geo_distance: named("GeoDistance", object({ geo_distance: named("GeoDistanceParams", geoDistance) })),
    datetime: named("DatetimeExpression", object({ datetime })),
    datetime_key: named("DatetimeKeyExpression", object({ datetime_key: key })),
    mult: named("MultExpression", object({ mult: array(expression) })),
    sum: named("SumExpression", object({ sum: array(expression) })),
    neg: named("NegExpression", object({ neg: expression })),
    abs: named("AbsExpression", object({ abs: expression })),
    div: named("DivExpression", object({ div: named("DivParams", division) })),
    sqrt: named("SqrtExpression", object({ sqrt: expression })),
    pow: named("PowExpression", object({ pow: named("PowParams", object(fields)) })),
    exp: named("ExpExpression", object({ exp: expression })),
    log10: named("Log10Expression", object({ log10: expression })),
    ln: named("LnExpression", object({ ln: expression })),
    lin_decay: named("LinDecayExpression", object({ lin_decay: decay("lin_decay", expression) })),
    exp_decay: named("ExpDecayExpression", object({ exp_decay: decay("exp_decay", expression) })),
    gauss_decay: named("GaussDecayExpression", object({ gauss_decay: decay("gauss_decay", expression) })),
  };
}

function decay(kind: DecayKind, expression: Schema<Expression>): Schema<Decay> {
  const fields = object({
    x: expression,
    target: optional(expression).describe("Where the decay is 1. Default 0."),
    scale: optional(anyNumber).describe("How far from there it is the midpoint, above 0. Default 1."),
    midpoint: optional(anyNumber).describe("From 0 to 1. Default 0.5."),
  });
  return named(
    "DecayParamsExpression",
    refined(fields, (given) => decayFault(kind, given)),
  );
}

const expressionSchema: Schema<Expression> = named("Expression", new ExpressionSchema());

const isNumber = (value: unknown): boolean => typeof value === "number" || typeof value === "bigint";

/** By the names of variables. */
const defaults = refined(record(anyJson()), (given): Issue | undefined => {
  for (const [name, value] of Object.entries(given)) {
    const meant = tryVariable(name);
    if (!meant) return under(name, createIssue("is no variable of a formula", "OUT_OF_RANGE"));
    if ("ranking" in meant && !isNumber(value))
      return under(name, createIssue(`expected a number, got ${show(value)}`, "OUT_OF_RANGE"));
  }
  return undefined;
});

export const formulaQuery = named(
  "FormulaQuery",
  object({
    formula: expressionSchema.describe(
      "The score of each point that the prefetches found; the largest come first.",
    ),
    defaults: optional(defaults).describe("What variables are where a point has no value for them."),
  }),
);
export type FormulaQuery = Infer<typeof formulaQuery>;
