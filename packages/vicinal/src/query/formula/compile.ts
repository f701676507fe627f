/**
 * Formulas, compiled once for each query into closures: what a point is worth by the scores that earlier queries gave it, its
 * payload and conditions. Larger is better.
 *
 * The operations and their edges are Qdrant's (Hybrid queries, score boosting; 1.14): a product ends at its first 0 and a division
 * with a numerator of 0 is 0, whatever comes after; a quotient, root, power or logarithm that is not finite is refused, and so is a
 * score beyond 32-bit floats. Deviation: all numbers are 64-bit floats. Cost: a call for each node and point.
 */
import { parseDatetime } from "../../payload/datetime.js";
import { type CompiledFilter, type Condition, compileCheckedFilter } from "../../payload/filter.js";
import { haversine } from "../../payload/geo.js";
import type { JsonValue } from "../../payload/json.js";
import { type JsonPath, parsePath } from "../../payload/path.js";
import { VicinalError } from "../../runtime/errors.js";
import { decayOf } from "./decay.js";
import type { Decay, DecayKind, Division, Expression } from "./expression.js";
import { tryVariable } from "./expression.js";
import { type Field, numberKind, placeKind, timeKind, type ValueKind } from "./field-value.js";

/** A point as a formula sees it. */
export interface FormulaPoint {
  /** What the prefetch of that number gave it; undefined where it did not find it. */
  scoreBy(ranking: number): number | undefined;
  /** BAD_REQUEST where it has no value for the field. */
  value<T>(field: Field<T>): T;
  matches(condition: CompiledFilter): boolean;
}

/** The score of a point. BAD_REQUEST where the formula has none for it. */
export type Formula = (point: FormulaPoint) => number;

export type Defaults = Readonly<Record<string, unknown>>;

/**
 * @param expression Has passed the schema.
 * @param defaults By the names of variables, for points where they have no value.
 * @param at Where the defaults stand in the request, for messages.
 * @throws BAD_REQUEST where a default is no value for its variable.
 */
export function compileFormula(
  expression: Expression,
  defaults: Defaults = {},
  at = "query.defaults",
): Formula {
  const evaluate = nodeOf(expression, new KnownDefaults(defaults, at));
  return (point) => {
    const score = evaluate(point);
    if (!Number.isFinite(Math.fround(score))) throw notFinite("the formula", score);
    return score;
  };
}

/** The defaults by what they are for: names that are written differently may mean the same. */
class KnownDefaults {
  readonly #scores = new Map<number, number>();
  readonly #fields = new Map<string, JsonValue>();

  readonly #at: string;

  constructor(defaults: Defaults, at: string) {
    this.#at = at;
    for (const [name, value] of Object.entries(defaults)) {
      const variable = tryVariable(name);
      if (variable && "ranking" in variable) this.#scores.set(variable.ranking, Number(value));
      else if (variable) this.#fields.set(variable.path.text, value as JsonValue);
    }
  }

  score(ranking: number): number {
    return this.#scores.get(ranking) ?? 0;
  }

  field<T>(path: JsonPath, kind: ValueKind<T>): Field<T> {
    const given = this.#fields.get(path.text);
    const byDefault = given === undefined ? undefined : kind.fromPayload(given);
    if (given !== undefined && byDefault === undefined)
      throw new VicinalError("BAD_REQUEST", `${this.#at}: expected ${kind.name} for ${path.text}`, {
        field: this.#at,
      });
    return { path, kind, byDefault };
  }
}

/** What the operation of a name makes of its operand. */
type Operations = { [name: string]: (operand: never, defaults: KnownDefaults) => Formula };

const operations: Operations = {
  geo_distance({ origin, to }: { origin: { lon: number; lat: number }; to: string }, defaults) {
    const field = defaults.field(parsePath(to), placeKind);
    return (point) => {
      const { lon, lat } = point.value(field);
      return haversine(origin.lon, origin.lat, lon, lat);
    };
  },
  datetime(text: string) {
    const seconds = Number(parseDatetime(text)) / 1_000_000;
    return () => seconds;
  },
  datetime_key(path: string, defaults) {
    const field = defaults.field(parsePath(path), timeKind);
    return (point) => point.value(field);
  },
  mult(factors: Expression[], defaults) {
    const nodes = factors.map((factor) => nodeOf(factor, defaults));
    return (point) => {
      let product = 1;
      for (const node of nodes) {
        const factor = node(point);
        if (factor === 0) return 0;
        product *= factor;
      }
      return product;
    };
  },
  sum(terms: Expression[], defaults) {
    const nodes = terms.map((term) => nodeOf(term, defaults));
    return (point) => {
      let sum = 0;
      for (const node of nodes) sum += node(point);
      return sum;
    };
  },
  div({ left, right, by_zero_default }: Division, defaults) {
    const byZero = by_zero_default === null ? undefined : by_zero_default;
    const numerator = nodeOf(left, defaults);
    const denominator = nodeOf(right, defaults);
    return (point) => {
      const above = numerator(point);
      if (above === 0) return 0;
      const below = denominator(point);
      if (below === 0 && byZero !== undefined) return Number(byZero);
      return finite(`${above} / ${below}`, above / below);
    };
  },
  pow({ base, exponent }: { base: Expression; exponent: Expression }, defaults) {
    const bases = nodeOf(base, defaults);
    const exponents = nodeOf(exponent, defaults);
    return (point) => {
      const below = bases(point);
      const above = exponents(point);
      return finite(`${below} ^ ${above}`, below ** above);
    };
  },
  neg: (operand: Expression, defaults) => applied(operand, defaults, (value) => -value),
  abs: (operand: Expression, defaults) => applied(operand, defaults, Math.abs),
  sqrt: finitely("sqrt", Math.sqrt),
  exp: finitely("exp", Math.exp),
  log10: finitely("log10", Math.log10),
  ln: finitely("ln", Math.log),
  lin_decay: decaying("lin_decay"),
  exp_decay: decaying("exp_decay"),
  gauss_decay: decaying("gauss_decay"),
};

/** Names of the operations, each the one member of its object. */
export const operationNames: readonly string[] = Object.keys(operations);

function nodeOf(expression: Expression, defaults: KnownDefaults): Formula {
  if (typeof expression === "number" || typeof expression === "bigint") {
    const value = Number(expression);
    return () => value;
  }
  if (typeof expression === "string") return variableNode(expression, defaults);
  const name = operationNames.find((one) => Object.hasOwn(expression, one));
  if (name === undefined) {
    const condition = compileCheckedFilter({ must: expression as Condition });
    return (point) => (point.matches(condition) ? 1 : 0);
  }
  return operations[name]((expression as Record<string, never>)[name], defaults);
}

function variableNode(name: string, defaults: KnownDefaults): Formula {
  const variable = tryVariable(name) ?? { path: parsePath(name) };
  if ("ranking" in variable) {
    const { ranking } = variable;
    const byDefault = defaults.score(ranking);
    return (point) => point.scoreBy(ranking) ?? byDefault;
  }
  const field = defaults.field(variable.path, numberKind);
  return (point) => point.value(field);
}

function applied(operand: Expression, defaults: KnownDefaults, apply: (value: number) => number): Formula {
  const node = nodeOf(operand, defaults);
  return (point) => apply(node(point));
}

function finitely(name: string, apply: (value: number) => number) {
  return (operand: Expression, defaults: KnownDefaults) =>
    applied(operand, defaults, (value) => finite(`${name}(${value})`, apply(value)));
}

function decaying(kind: DecayKind) {
  return (decay: Decay, defaults: KnownDefaults): Formula => {
    const x = nodeOf(decay.x, defaults);
    const target = nodeOf(decay.target ?? 0, defaults);
    const worth = decayOf(kind, decay);
    return (point) => worth(x(point) - target(point));
  };
}

function finite(what: string, value: number): number {
  if (!Number.isFinite(value)) throw notFinite(what, value);
  return value;
}

function notFinite(what: string, value: number): VicinalError {
  return new VicinalError(
    "BAD_REQUEST",
    `Wrong input: ${what} is ${value}, which is no finite 32-bit float: a formula must give one for each point`,
    { expression: what },
  );
}
