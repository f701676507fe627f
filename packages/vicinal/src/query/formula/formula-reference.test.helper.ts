/** A reference for formulas that is plain rather than fast: an evaluator of expressions over plain payloads. */
import { parseDatetime } from "../../payload/datetime.js";
import { naive } from "../../payload/filter-reference.test.helper.js";
import { datetimes } from "../../payload/fixtures.test.helper.js";
import type { PointId } from "../../payload/id.js";
import type { JsonObject, JsonValue } from "../../payload/json.js";
import { parsePath, valuesAt } from "../../payload/path.js";
import type { Decay, Expression } from "./expression.js";

/** A point as the reference sees it. */
export interface Plain {
  payload: JsonObject;
  id: PointId;
  /** Names of its vectors. */
  vectors: readonly string[];
  /** By the numbers of the prefetches. */
  scores: readonly (number | undefined)[];
  /** By the names of variables, those of paths without quotes. */
  defaults: Readonly<Record<string, unknown>>;
}

/** A formula has no score for the point. */
export class Refusal extends Error {}

export function plain(expression: Expression, point: Plain): number {
  const value = plainNode(expression, point);
  if (!Number.isFinite(Math.fround(value))) throw new Refusal();
  return value;
}

function plainNode(e: Expression, point: Plain): number {
  const of = (one: Expression): number => plainNode(one, point);
  const finite = (value: number): number => {
    if (Number.isFinite(value)) return value;
    throw new Refusal();
  };
  if (typeof e === "number" || typeof e === "bigint") return Number(e);
  if (e === "$score") return point.scores[0] ?? Number(point.defaults.$score ?? 0);
  for (let i = 0; i < 3; i++) {
    const name = `$score[${i}]`;
    if (e === name) return point.scores[i] ?? Number(point.defaults[name] ?? 0);
  }
  if (typeof e === "string") return Number(plainField(e, point, numberOf));
  if ("geo_distance" in e) {
    const { origin, to } = e.geo_distance;
    const [lon, lat] = JSON.parse(String(plainField(to, point, placeOf))) as [number, number];
    return greatCircle(origin, { lon, lat });
  }
  if ("datetime" in e) return Number(parseDatetime(e.datetime)) / 1e6;
  if ("datetime_key" in e) return Number(plainField(e.datetime_key, point, secondsOf));
  if ("mult" in e) {
    for (let i = 0, product = 1; ; i++) {
      if (i === e.mult.length) return product;
      const factor = of(e.mult[i]);
      if (factor === 0) return 0;
      product *= factor;
    }
  }
  if ("sum" in e) return e.sum.map(of).reduce((a, b) => a + b, 0);
  if ("neg" in e) return -of(e.neg);
  if ("abs" in e) return Math.abs(of(e.abs));
  if ("div" in e) {
    const left = of(e.div.left);
    if (left === 0) return 0;
    const right = of(e.div.right);
    return right === 0 ? Number(e.div.by_zero_default ?? finite(left / right)) : finite(left / right);
  }
  if ("sqrt" in e) return finite(Math.sqrt(of(e.sqrt)));
  if ("pow" in e) return finite(of(e.pow.base) ** of(e.pow.exponent));
  if ("exp" in e) return finite(Math.exp(of(e.exp)));
  if ("log10" in e) return finite(Math.log10(of(e.log10)));
  if ("ln" in e) return finite(Math.log(of(e.ln)));
  if ("lin_decay" in e) {
    const { away, midpoint } = decayed(e.lin_decay, of);
    return Math.max(0, 1 - Math.abs(away) * (1 - midpoint));
  }
  if ("exp_decay" in e) {
    const { away, midpoint } = decayed(e.exp_decay, of);
    return midpoint ** Math.abs(away);
  }
  if ("gauss_decay" in e) {
    const { away, midpoint } = decayed(e.gauss_decay, of);
    return midpoint ** (away ** 2);
  }
  const { payload, id, vectors } = point;
  return naive({ must: e }, { payload, id, vectors, texts: new Set() }) ? 1 : 0;
}

/** How many scales away from the target it is. */
function decayed({ x, target, scale, midpoint }: Decay, of: (one: Expression) => number) {
  return { away: (of(x) - of(target ?? 0)) / Number(scale ?? 1), midpoint: Number(midpoint ?? 0.5) };
}

/** The one value at a path, as `read` gives it; values of other kinds are undefined. */
function plainField<T>(path: string, point: Plain, read: (value: JsonValue) => T | undefined): T {
  const values = valuesAt(point.payload, parsePath(path)).flatMap((value) => value as JsonValue[]);
  const distinct = new Set(values.filter((value) => value !== null).map(read));
  if (distinct.has(undefined) || distinct.size > 1) throw new Refusal();
  if (distinct.size === 1) return [...distinct][0] as T;
  const name = path.replaceAll('"', "");
  if (!Object.hasOwn(point.defaults, name)) throw new Refusal();
  return read(point.defaults[name] as JsonValue) as T;
}

const numberOf = (value: JsonValue) =>
  typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;

function secondsOf(value: JsonValue): number | undefined {
  const micros = typeof value === "string" ? datetimes.get(value) : undefined;
  return micros === undefined ? undefined : Number(micros) / 1e6;
}

function placeOf(value: JsonValue): string | undefined {
  const { lon, lat } = (value ?? {}) as { lon?: JsonValue; lat?: JsonValue };
  if (typeof lon !== "number" || typeof lat !== "number") return undefined;
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 90 ? JSON.stringify([lon, lat]) : undefined;
}

interface Place {
  lon: number;
  lat: number;
}

/** By the angle between the two as vectors of the unit sphere, another way than haversine. */
function greatCircle(a: Place, b: Place): number {
  const vector = ({ lon, lat }: Place) => {
    const [l, p] = [lon, lat].map((degrees) => (degrees * Math.PI) / 180);
    return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
  };
  const [u, v] = [vector(a), vector(b)];
  const cross = Math.hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]);
  return 6_371_008.8 * Math.atan2(cross, u[0] * v[0] + u[1] * v[1] + u[2] * v[2]);
}
