/**
 * What a formula takes a payload's field for: the one value that stands there. Nulls stand for nothing, the items of an array
 * count one by one, and equal ones once: so a column of the right kind says the same as the payload, and is read in its place.
 */
import type { ColumnKind } from "../../payload/column.js";
import { parseDatetime } from "../../payload/datetime.js";
import { type GeoPoint, geoPointOf, isOnGlobe } from "../../payload/geo.js";
import type { JsonObject, JsonValue } from "../../payload/json.js";
import { elementsOf, type JsonPath, valuesAt } from "../../payload/path.js";
import { VicinalError } from "../../runtime/errors.js";
import type { Segment } from "../../segment/segment.js";

/** A kind of value that formulas compute with. */
export interface ValueKind<T> {
  /** For messages: `a number`. */
  readonly name: string;
  /** Columns that hold such values. */
  readonly columns: readonly ColumnKind[];
  /** Undefined for a value of another kind. */
  fromPayload(value: JsonValue): T | undefined;
  fromColumn(value: unknown): T;
  equal(a: T, b: T): boolean;
}

const MICROS = 1_000_000;
const equal = (a: number, b: number): boolean => a === b;

export const numberKind: ValueKind<number> = {
  name: "a number",
  columns: ["integer", "float"],
  fromPayload: (value) =>
    typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined,
  fromColumn: Number,
  equal,
};

/** Seconds since 1970. */
export const timeKind: ValueKind<number> = {
  name: "a point in time",
  columns: ["datetime"],
  fromPayload(value) {
    const micros = typeof value === "string" ? parseDatetime(value) : undefined;
    return micros === undefined ? undefined : Number(micros) / MICROS;
  },
  fromColumn: (micros) => Number(micros) / MICROS,
  equal,
};

export const placeKind: ValueKind<GeoPoint> = {
  name: "a geo point",
  columns: ["geo"],
  fromPayload(value) {
    const place = geoPointOf(value);
    return place && isOnGlobe(place) ? place : undefined;
  },
  fromColumn: (place) => place as GeoPoint,
  equal: (a, b) => a.lon === b.lon && a.lat === b.lat,
};

/** A field that a formula reads. */
export interface Field<T> {
  readonly path: JsonPath;
  readonly kind: ValueKind<T>;
  /** Where the payload has no value. */
  readonly byDefault: T | undefined;
}

/** @throws BAD_REQUEST where there is no value and no default, one of another kind, or several. */
export function fieldValue<T>(field: Field<T>, segment: Segment, row: number, payload: () => JsonObject): T {
  const { path, kind, byDefault } = field;
  const column = segment.fields.get(path.text);
  let found: T | undefined;
  const take = (value: T): void => {
    if (found !== undefined && !kind.equal(found, value)) throw refused(field, "there are several");
    found = value;
  };
  if (column && kind.columns.includes(column.kind) && column.holdsAllOf(row)) {
    column.eachValue(row, (value) => take(kind.fromColumn(value)));
  } else {
    for (const element of elementsOf(valuesAt(payload(), path))) {
      if (element === null) continue;
      const value = kind.fromPayload(element);
      if (value === undefined) throw refused(field, "there is something else");
      take(value);
    }
  }
  const value = found ?? byDefault;
  if (value === undefined) throw refused(field, "there is none, and no default");
  return value;
}

function refused({ path, kind }: Field<unknown>, why: string): VicinalError {
  return new VicinalError(
    "BAD_REQUEST",
    `Wrong input: the formula needs ${kind.name} at ${path.text} of each payload, or a default: ${why}`,
    { variable: path.text },
  );
}
