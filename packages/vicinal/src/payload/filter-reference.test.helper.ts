/** A reference for filters that is plain rather than fast: single points, no columns, nothing compiled. */

import type { Condition, Filter } from "./filter.js";
import { datetimes } from "./fixtures.test.helper.js";
import type { PointId } from "./id.js";
import type { JsonObject, JsonValue } from "./json.js";
import { parsePath, valuesAt } from "./path.js";

/** A point as the reference sees it. */
export interface Seen {
  payload: JsonObject;
  id?: PointId;
  /** Names of its vectors; those of `hasVector` where absent. */
  vectors?: readonly string[];
  /** Paths with a text index. */
  texts: ReadonlySet<string>;
  /** What stands before paths, inside a nested filter. */
  prefix?: string;
}

export function naive(filter: Filter, point: Seen): boolean {
  const list = (part: Condition | Condition[] | null | undefined): Condition[] =>
    part === undefined || part === null ? [] : Array.isArray(part) ? part : [part];
  const holds = (condition: Condition): boolean => naiveCondition(condition, point);
  const should = list(filter.should);
  const least = filter.min_should;
  return (
    list(filter.must).every(holds) &&
    !list(filter.must_not).some(holds) &&
    (should.length === 0 || should.some(holds)) &&
    (!least || least.conditions.filter(holds).length >= least.min_count)
  );
}

function naiveCondition(condition: Condition, point: Seen): boolean {
  const { payload, id, texts, vectors, prefix = "" } = point;
  if ("has_vector" in condition)
    return vectors
      ? vectors.includes(condition.has_vector)
      : id !== undefined && hasVector(id, condition.has_vector);
  if ("slice" in condition)
    return id !== undefined && sipHash(id) % BigInt(condition.slice.total) === BigInt(condition.slice.index);
  if ("has_id" in condition) return id !== undefined && condition.has_id.includes(id);
  if ("nested" in condition) {
    const { key, filter } = condition.nested;
    const items = key.endsWith("[]") ? key : `${key}[]`;
    return valuesAt(payload, parsePath(items)).some(
      (v) =>
        typeof v === "object" &&
        v !== null &&
        !Array.isArray(v) &&
        naive(filter, { payload: v, texts, prefix: `${prefix}${items}.` }),
    );
  }
  if (!("key" in condition)) {
    if ("is_empty" in condition) {
      return valuesAt(payload, parsePath(condition.is_empty.key)).every(
        (v) => v === null || (Array.isArray(v) && v.length === 0),
      );
    }
    if ("is_null" in condition) {
      return valuesAt(payload, parsePath(condition.is_null.key)).some((v) => v === null);
    }
    return naive(condition, point);
  }
  const values = valuesAt(payload, parsePath(condition.key));
  const { match, range, values_count: count, geo_bounding_box: box, geo_radius: circle } = condition;
  if (count) {
    const sizes = values.map((v) => (v === null ? 0 : Array.isArray(v) ? v.length : 1));
    return (sizes.length ? sizes : [0]).some((n) => inRange(n, count));
  }
  const items = values.flatMap((v) => (Array.isArray(v) ? v : [v]));
  if (typeof condition.is_empty === "boolean") {
    const empty = values.map((v) => v === null || (Array.isArray(v) && v.length === 0));
    return (empty.length ? empty : [true]).includes(condition.is_empty);
  }
  if (typeof condition.is_null === "boolean") {
    const nulls = values.map((v) => v === null || (Array.isArray(v) && v.some((x) => x === null)));
    return (nulls.length ? nulls : [false]).includes(condition.is_null);
  }
  const isText = texts.has(prefix + condition.key);
  if (isText && match && ("text" in match || "text_any" in match || "phrase" in match)) {
    const stored = items.filter((item) => typeof item === "string").map(words);
    if (naiveText(match, stored)) return true;
  }
  return items.some((item) => {
    if (range && isNumber(item) && inRange(item, range as NumberRange)) return true;
    if (range && typeof item === "string" && datetimes.has(item)) {
      const bounds = Object.entries(range).map(([end, bound]) => [end, datetimes.get(bound as string)]);
      if (bounds.every(([, bound]) => bound !== undefined) && bounds.length > 0)
        if (inRange(datetimes.get(item)!, Object.fromEntries(bounds))) return true;
    }
    if (box && isPlace(item) && within(item, box.top_left, box.bottom_right)) return true;
    if (circle && isPlace(item) && chordMetres(item, circle.center) < circle.radius) return true;
    if (!match) return false;
    if ("value" in match) return same(item, match.value);
    if ("any" in match) return match.any.some((value) => same(item, value));
    if ("except" in match) return item !== null && !match.except.some((value) => same(item, value));
    if (typeof item !== "string") return false;
    if ("text" in match) return !isText && item.includes(match.text);
    if ("phrase" in match) return !isText && item.includes(match.phrase);
    if ("text_any" in match)
      return !isText && match.text_any.split(/\s+/).some((word) => word !== "" && item.includes(word));
    if ("prefix" in match) return item.startsWith(match.prefix);
    return false;
  });
}

function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

function naiveText(
  match: { text: string } | { text_any: string } | { phrase: string },
  stored: string[][],
): boolean {
  const all = stored.flat();
  if ("phrase" in match) {
    const phrase = words(match.phrase);
    return (
      phrase.length > 0 && stored.some((text) => `/${text.join("/")}/`.includes(`/${phrase.join("/")}/`))
    );
  }
  if ("text_any" in match) return words(match.text_any).some((word) => all.includes(word));
  return words(match.text).length > 0 && words(match.text).every((word) => all.includes(word));
}

export interface Place {
  lon: number;
  lat: number;
}
function isPlace(value: JsonValue): value is Place & JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && "lon" in value && "lat" in value
  );
}

function within({ lon, lat }: Place, northWest: Place, southEast: Place): boolean {
  const past = [lon > northWest.lon, lon < southEast.lon];
  const around = southEast.lon < northWest.lon ? past.includes(true) : !past.includes(false);
  return around && lat < northWest.lat && lat > southEast.lat;
}

/** By the straight line through the globe. */
function chordMetres(a: Place, b: Place): number {
  const at = ({ lon, lat }: Place): number[] => {
    const [x, y] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
    return [Math.cos(y) * Math.cos(x), Math.cos(y) * Math.sin(x), Math.sin(y)];
  };
  const [p, q] = [at(a), at(b)];
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) / 2));
}

export function hasVector(id: PointId, name: string): boolean {
  return name === "image" && typeof id === "number" && id % 3 === 0;
}

const mask = 2n ** 64n - 1n;
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & mask;

/** SipHash-2-4 with a zero key, word for word as published. */
function sipHash(id: PointId): bigint {
  const bytes =
    typeof id === "string"
      ? [...id.replaceAll("-", "").matchAll(/../g)].map(([pair]) => Number.parseInt(pair, 16))
      : Array.from({ length: 8 }, (_, i) => Number((BigInt(id) >> BigInt(8 * i)) & 255n));
  let [a, b, c, d] = [0x736f6d6570736575n, 0x646f72616e646f6dn, 0x6c7967656e657261n, 0x7465646279746573n];
  const round = (): void => {
    a = (a + b) & mask;
    b = rotate(b, 13n) ^ a;
    a = rotate(a, 32n);
    c = (c + d) & mask;
    d = rotate(d, 16n) ^ c;
    a = (a + d) & mask;
    d = rotate(d, 21n) ^ a;
    c = (c + b) & mask;
    b = rotate(b, 17n) ^ c;
    c = rotate(c, 32n);
  };
  const blocks = [...bytes, ...Array(7).fill(0), bytes.length];
  for (let i = 0; i < blocks.length; i += 8) {
    const block = blocks.slice(i, i + 8).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    d ^= block;
    round();
    round();
    a ^= block;
  }
  c ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return a ^ b ^ c ^ d;
}

export function isNumber(value: JsonValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function same(a: JsonValue, b: JsonValue): boolean {
  // Neither less nor greater: exact between number and bigint.
  return isNumber(a) && isNumber(b) ? !(a < b) && !(a > b) : a === b;
}

type Bound = number | bigint | null;
interface NumberRange {
  gt?: Bound;
  gte?: Bound;
  lt?: Bound;
  lte?: Bound;
}
function inRange(n: number | bigint, range: NumberRange): boolean {
  if (range.gt !== undefined && range.gt !== null && !(n > range.gt)) return false;
  if (range.gte !== undefined && range.gte !== null && !(n >= range.gte)) return false;
  if (range.lt !== undefined && range.lt !== null && !(n < range.lt)) return false;
  return !(range.lte !== undefined && range.lte !== null && !(n <= range.lte));
}
