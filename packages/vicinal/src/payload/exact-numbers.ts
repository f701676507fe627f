/**
 * Numbers compared exactly, integers of 64 bits among them: a value is the double nearest to it, and what is missing to
 * the value. Rounding keeps order, so pairs of (double, rest) compare as the values do. The rest is 0 but for integers
 * beyond 2^53, where it fits 16 bits up to 2^64.
 */
export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;
export const EXACT_MAX = 2n ** 64n - 1n;

export interface NumberRange {
  gt?: number | bigint | null;
  gte?: number | bigint | null;
  lt?: number | bigint | null;
  lte?: number | bigint | null;
}

/** Both ends inclusive, as pairs of double and rest. */
export interface Bounds {
  low: number;
  lowRest: number;
  high: number;
  highRest: number;
}

/** One form for equal numbers: integers beyond 2^53 as `bigint`, all others as `number`. */
export function exactNumber(value: number | bigint): number | bigint {
  if (typeof value === "bigint") {
    const double = Number(value);
    return Number.isSafeInteger(double) ? double : value;
  }
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** What the nearest double lacks to the value; clamped, since beyond 2^64 only its sign is needed. */
export function restOf(value: number | bigint): number {
  if (typeof value === "number") return 0;
  const double = Number(value);
  if (!Number.isFinite(double)) return 0;
  const rest = value - BigInt(double);
  return Number(rest < -32768n ? -32768n : rest > 32767n ? 32767n : rest);
}

export function boundsOf({ gt, gte, lt, lte }: NumberRange): Bounds {
  const bounds: Bounds = { low: -Infinity, lowRest: 0, high: Infinity, highRest: 0 };
  const raise = (low: number, lowRest: number): void => {
    if (low > bounds.low || (low === bounds.low && lowRest > bounds.lowRest))
      Object.assign(bounds, { low, lowRest });
  };
  const lower = (high: number, highRest: number): void => {
    if (high < bounds.high || (high === bounds.high && highRest < bounds.highRest)) {
      Object.assign(bounds, { high, highRest });
    }
  };
  // Of what a rest can say, half a step is not: an open end is the closed one a rest further. Among doubles without
  // rest that excludes exactly the double itself; among integers, where rests are whole, exactly the integer itself.
  if (gte !== undefined && gte !== null) raise(Number(gte), restOf(gte));
  if (gt !== undefined && gt !== null) raise(Number(gt), restOf(gt) + 1);
  if (lte !== undefined && lte !== null) lower(Number(lte), restOf(lte));
  if (lt !== undefined && lt !== null) lower(Number(lt), restOf(lt) - 1);
  return bounds;
}

export function isWithin(value: number, rest: number, { low, lowRest, high, highRest }: Bounds): boolean {
  return (
    (value > low || (value === low && rest >= lowRest)) &&
    (value < high || (value === high && rest <= highRest))
  );
}

/** The least double above. */
export function nextUp(value: number): number {
  if (value === Infinity) return Infinity;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigInt64(0);
  view.setBigInt64(0, value >= 0 ? bits + 1n : bits - 1n);
  return view.getFloat64(0);
}
