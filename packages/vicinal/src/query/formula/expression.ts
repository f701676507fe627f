/**
 * Expressions: formulas as requests write them, in the shape of Qdrant's REST API 1.19. What they come to is in compile.ts.
 *
 * A number is itself; a text names a variable: `$score` or `$score[0]` the first prefetch's score, `$score[1]` the second's,
 * any other the payload's value at that path. A filter condition is 1 where it holds and else 0.
 */
import type { Condition } from "../../payload/filter.js";
import type { GeoPoint } from "../../payload/geo.js";
import { type JsonPath, tryPath } from "../../payload/path.js";

/** Integers of JSON beyond 2^53 are `bigint`. */
export type Expression = number | bigint | string | Condition | Operation;

export type Operation =
  /** Metres between a place and the one in the payload at the path `to`. */
  | { geo_distance: { origin: GeoPoint; to: string } }
  /** Seconds since 1970 of a point in time. */
  | { datetime: string }
  /** Seconds since 1970 of the point in time in the payload at the path. */
  | { datetime_key: string }
  | { mult: Expression[] }
  | { sum: Expression[] }
  | { neg: Expression }
  | { abs: Expression }
  | { div: Division }
  | { sqrt: Expression }
  | { pow: { base: Expression; exponent: Expression } }
  | { exp: Expression }
  | { log10: Expression }
  | { ln: Expression }
  | { lin_decay: Decay }
  | { exp_decay: Decay }
  | { gauss_decay: Decay };

export interface Division {
  left: Expression;
  right: Expression;
  /** The quotient where `right` is 0 and `left` is not. Absent: such a division is refused. */
  by_zero_default?: number | bigint | null;
}

/** 1 at the target and less the farther `x` is from it: the midpoint at a distance of the scale. */
export interface Decay {
  x: Expression;
  /** Default 0. */
  target?: Expression | null;
  /** In the unit of `x`, above 0. Default 1. */
  scale?: number | bigint | null;
  /** From 0 to 1, for the curves that never end (`exp_decay`, `gauss_decay`) without both. Default 0.5. */
  midpoint?: number | bigint | null;
}

export type DecayKind = "lin_decay" | "exp_decay" | "gauss_decay";

/** What a text in an expression names. */
export type Variable = { ranking: number } | { path: JsonPath };

const scoreVariable = /^\$score(?:\[(\d{1,9})\])?$/;

/** Undefined for a text that names nothing: no path of a payload, or a word after `$` that is not `score`. */
export function tryVariable(text: string): Variable | undefined {
  const score = scoreVariable.exec(text);
  if (score) return { ranking: Number(score[1] ?? 0) };
  const path = text.startsWith("$") ? undefined : tryPath(text);
  return path && { path };
}
