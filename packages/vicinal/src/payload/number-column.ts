/**
 * NumberColumn: integers of 64 bits, or any numbers, exactly.
 *
 * A value is the double nearest to it, and what is missing to the value: rounding keeps order, so pairs of (double,
 * rest) compare as the values do. The rest is 0 but for integers beyond 2^53, where it fits 16 bits up to 2^64; its
 * array exists only in columns that hold such an integer. Scans of all others touch one array of doubles.
 *
 *   values, extra.values  float64  NaN for none
 *   rests, extra.rests    int16    only when meta.wide
 */
import { hasBit } from "../runtime/bits.js";
import { type ColumnKind, grown, HAS, scanEnd } from "./column.js";
import type { JsonValue } from "./json.js";
import type { JsonPath } from "./path.js";
import { bytesOf, malformed, readNumbers, type SavedSections, type SectionSource } from "./sections.js";
import { ValueColumn } from "./value-column.js";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const EXACT_MAX = 2n ** 64n - 1n;

/** Values looked at to estimate how many a range holds: the error of the share is about 1.5 % of the rows. */
const SAMPLE_SIZE = 1024;
/** Lists up to this length are scanned once for each value, longer ones once through a set. */
const SCANNED_VALUES_MAX = 4;

export interface NumberRange {
  gt?: number | bigint | null;
  gte?: number | bigint | null;
  lt?: number | bigint | null;
  lte?: number | bigint | null;
}

/** First values of evenly spread rows; taken anew when the column has grown by a quarter. */
interface Sample {
  sorted: Float64Array;
  /** About how many distinct values the column has. */
  distinct: number;
  ofRows: number;
}

/** Both ends inclusive, as pairs of double and rest. */
interface Bounds {
  low: number;
  lowRest: number;
  high: number;
  highRest: number;
}

export class NumberColumn extends ValueColumn<number | bigint> {
  readonly kind: ColumnKind;
  readonly #integers: boolean;
  #values = new Float64Array(0);
  #extraValues = new Float64Array(0);
  /** Present once a value has needed one. */
  #rests: Int16Array | undefined;
  #extraRests: Int16Array | undefined;
  #rowCapacity = 0;
  #extraCapacity = 0;
  #sample: Sample | undefined;

  constructor(kind: "integer" | "float", path: JsonPath) {
    super(path);
    this.kind = kind;
    this.#integers = kind === "integer";
  }

  /** Adds the rows with a value in the range to the set. */
  markRange(range: NumberRange, bits: Uint32Array): void {
    this.#mark(boundsOf(range), bits);
  }

  /** Adds the rows that hold any of the values to the set. */
  markAnyOf(values: readonly (number | bigint)[], bits: Uint32Array): void {
    if (values.length <= SCANNED_VALUES_MAX) {
      for (const value of values) this.#mark(boundsOf({ gte: value, lte: value }), bits);
      return;
    }
    const wanted = new Set(values.map(exactNumber));
    if (this.#rests) {
      this.#markTested((value) => wanted.has(exactNumber(value)), bits);
      return;
    }
    // Integers without a double of their own are in no row.
    const doubles = new Set(values.filter((value) => restOf(value) === 0).map(Number));
    markMembers(this.#values, scanEnd(bits, this.rowCount), doubles, bits);
    for (let at = 0; at < this.extraCount; at++) {
      if (doubles.has(this.#extraValues[at])) this.markExtra(at, bits);
    }
  }

  /** Adds the rows with a value that is none of these to the set. */
  markOtherThan(values: readonly (number | bigint)[], bits: Uint32Array): void {
    const unwanted = new Set(values.map(exactNumber));
    this.#markTested((value) => !unwanted.has(exactNumber(value)), bits);
  }

  /** Whether no row can hold one of the values without the column knowing it. */
  holdsAll(values: readonly (number | bigint)[]): boolean {
    // An integer column leaves doubles beyond 2^53 to the payload, and both kinds integers beyond their range.
    if (this.#integers) return values.every((value) => Number.isSafeInteger(Number(value)));
    return values.every((value) => value >= -EXACT_MAX && value <= EXACT_MAX);
  }

  /** About how many rows hold a value in the range. */
  estimateRange(range: NumberRange): number {
    const { sorted } = this.#sampled();
    const { low, high } = boundsOf(range);
    return this.#scaled(Math.max(0, firstAbove(sorted, high) - firstNotBelow(sorted, low)));
  }

  /** About how many rows hold the value. */
  estimateValue(value: number | bigint): number {
    const { sorted, distinct } = this.#sampled();
    const double = Number(value);
    const met = firstAbove(sorted, double) - firstNotBelow(sorted, double);
    // Met once or never, it is taken for a value like most others.
    return met > 1 ? this.#scaled(met) : Math.round(this.countFlag(HAS) / Math.max(1, distinct));
  }

  override valueCounts(rows?: Uint32Array): { value: number | bigint; count: number }[] {
    const counts = new Map<number | bigint, number>();
    for (let row = 0; row < this.rowCount; row++) {
      if (rows && (row >= rows.length * 32 || !hasBit(rows, row))) continue;
      this.eachValue(row, (value) => counts.set(value, (counts.get(value) ?? 0) + 1));
    }
    const found = [...counts].map(([value, count]) => ({ value, count }));
    return found.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  }

  protected override accepts(value: JsonValue): value is number | bigint {
    if (typeof value === "number") return !this.#integers || Number.isSafeInteger(value);
    if (typeof value !== "bigint") return false;
    if (this.#integers) return value >= INT64_MIN && value <= INT64_MAX;
    return value >= -EXACT_MAX && value <= EXACT_MAX;
  }

  protected override reserveValues(capacity: number): void {
    this.#values = grown(this.#values, capacity);
    if (this.#rests) this.#rests = grown(this.#rests, capacity);
    this.#rowCapacity = capacity;
  }

  protected override reserveExtras(capacity: number): void {
    this.#extraValues = grown(this.#extraValues, capacity);
    if (this.#extraRests) this.#extraRests = grown(this.#extraRests, capacity);
    this.#extraCapacity = capacity;
  }

  protected override writeValue(row: number, value: number | bigint | undefined): void {
    if (typeof value === "bigint") this.#widen();
    this.#values[row] = value === undefined ? Number.NaN : Number(value);
    if (this.#rests) this.#rests[row] = value === undefined ? 0 : restOf(value);
  }

  protected override writeExtra(at: number, value: number | bigint): void {
    if (typeof value === "bigint") this.#widen();
    this.#extraValues[at] = Number(value);
    if (this.#extraRests) this.#extraRests[at] = restOf(value);
  }

  protected override valueAt(row: number): number | bigint {
    return this.#exact(this.#values[row], this.#rests?.[row]);
  }

  protected override extraAt(at: number): number | bigint {
    return this.#exact(this.#extraValues[at], this.#extraRests?.[at]);
  }

  protected override forgetValue(row: number): void {
    this.#values[row] = Number.NaN;
  }

  protected override forgetExtra(at: number): void {
    this.#extraValues[at] = Number.NaN;
  }

  protected override valueBytes(): number {
    const arrays = [this.#values, this.#extraValues, this.#rests, this.#extraRests];
    return arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), super.valueBytes());
  }

  protected override saveArrays(extras: Uint32Array): SavedSections {
    const extraValues = Float64Array.from(extras, (at) => this.#extraValues[at]);
    const sections: SavedSections["sections"] = [
      { name: "values", bytes: bytesOf(this.#values, this.rowCount) },
      { name: "extra.values", bytes: bytesOf(extraValues, extraValues.length) },
    ];
    if (this.#rests) {
      const extraRests = Int16Array.from(extras, (at) => this.#extraRests?.[at] ?? 0);
      sections.push({ name: "rests", bytes: bytesOf(this.#rests, this.rowCount) });
      sections.push({ name: "extra.rests", bytes: bytesOf(extraRests, extraRests.length) });
    }
    return { meta: { wide: this.#rests !== undefined }, sections };
  }

  protected override async loadArrays(source: SectionSource, rows: number, extras: number): Promise<void> {
    this.#values = await readNumbers(source, "values", Float64Array, rows);
    this.#extraValues = await readNumbers(source, "extra.values", Float64Array, extras);
    this.#rowCapacity = rows;
    this.#extraCapacity = extras;
    if (source.meta.wide === true) {
      this.#rests = await readNumbers(source, "rests", Int16Array, rows);
      this.#extraRests = await readNumbers(source, "extra.rests", Int16Array, extras);
    }
    for (let row = 0; row < rows; row++) {
      if (Number.isNaN(this.#values[row]) === (this.flags[row] & HAS) > 0) {
        throw malformed("values", `row ${row} does not agree with its flags`);
      }
    }
  }

  #widen(): void {
    this.#rests ??= new Int16Array(this.#rowCapacity);
    this.#extraRests ??= new Int16Array(this.#extraCapacity);
  }

  /** Beyond 2^53 an integer column's values are bigints; a float column's are the double unless a rest says more. */
  #exact(value: number, rest: number | undefined): number | bigint {
    if (!Number.isInteger(value) || Number.isSafeInteger(value + (rest ?? 0))) return value + (rest ?? 0);
    return rest !== undefined && (rest !== 0 || this.#integers) ? BigInt(value) + BigInt(rest) : value;
  }

  #mark(bounds: Bounds, bits: Uint32Array): void {
    const end = scanEnd(bits, this.rowCount);
    if (this.#rests && this.#extraRests) {
      markWide(this.#values, this.#rests, end, bounds, bits);
      for (let at = 0; at < this.extraCount; at++) {
        if (isWithin(this.#extraValues[at], this.#extraRests[at], bounds)) this.markExtra(at, bits);
      }
    } else {
      // Without rests in the column, a rest in a bound only says whether the double itself is within.
      const low = bounds.lowRest > 0 ? nextUp(bounds.low) : bounds.low;
      const high = bounds.highRest < 0 ? -nextUp(-bounds.high) : bounds.high;
      markWithin(this.#values, end, low, high, bits);
      for (let at = 0; at < this.extraCount; at++) {
        const value = this.#extraValues[at];
        if (value >= low && value <= high) this.markExtra(at, bits);
      }
    }
  }

  #markTested(test: (value: number | bigint) => boolean, bits: Uint32Array): void {
    const end = scanEnd(bits, this.rowCount);
    for (let row = 0; row < end; row++) {
      if (this.flags[row] & HAS && test(this.valueAt(row))) bits[row >>> 5] |= 1 << (row & 31);
    }
    for (let at = 0; at < this.extraCount; at++) {
      if (!Number.isNaN(this.#extraValues[at]) && test(this.extraAt(at))) this.markExtra(at, bits);
    }
  }

  #scaled(met: number): number {
    const { sorted } = this.#sampled();
    return sorted.length === 0 ? 0 : Math.round((met / sorted.length) * this.countFlag(HAS));
  }

  #sampled(): Sample {
    const rows = this.rowCount;
    if (this.#sample && rows <= this.#sample.ofRows * 1.25) return this.#sample;
    const step = Math.max(1, rows / SAMPLE_SIZE);
    const found: number[] = [];
    for (let at = 0; at < rows; at += step) {
      const value = this.#values[Math.floor(at)];
      if (!Number.isNaN(value)) found.push(value);
    }
    const sorted = Float64Array.from(found).sort();
    this.#sample = { sorted, distinct: estimateDistinct(sorted, this.countFlag(HAS)), ofRows: rows };
    return this.#sample;
  }
}

/**
 * How many distinct values a column has, from a sorted sample of it: Charikar et al., Towards Estimation Error
 * Guarantees for Distinct Values (PODS 2000), the estimator GEE. Values met once stand for sqrt(rows / sample) others.
 */
function estimateDistinct(sorted: Float64Array, rows: number): number {
  let once = 0;
  let often = 0;
  for (let start = 0; start < sorted.length; ) {
    const end = firstAbove(sorted, sorted[start]);
    if (end - start === 1) once++;
    else often++;
    start = end;
  }
  return sorted.length === 0 ? 0 : Math.sqrt(rows / sorted.length) * once + often;
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
function restOf(value: number | bigint): number {
  if (typeof value === "number") return 0;
  const double = Number(value);
  if (!Number.isFinite(double)) return 0;
  const rest = value - BigInt(double);
  return Number(rest < -32768n ? -32768n : rest > 32767n ? 32767n : rest);
}

function boundsOf({ gt, gte, lt, lte }: NumberRange): Bounds {
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

function isWithin(value: number, rest: number, { low, lowRest, high, highRest }: Bounds): boolean {
  return (
    (value > low || (value === low && rest >= lowRest)) &&
    (value < high || (value === high && rest <= highRest))
  );
}

/** The least double above. */
function nextUp(value: number): number {
  if (value === Infinity) return Infinity;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigInt64(0);
  view.setBigInt64(0, value >= 0 ? bits + 1n : bits - 1n);
  return view.getFloat64(0);
}

function firstNotBelow(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function markWithin(values: Float64Array, end: number, low: number, high: number, bits: Uint32Array): void {
  for (let row = 0, word = 0; row < end; word++) {
    const stop = Math.min(row + 32, end);
    let found = 0;
    for (let bit = 0; row < stop; row++, bit++) {
      const value = values[row];
      // Without a branch: one that goes either way would cost eight times as much.
      found |= (Number(value >= low) & Number(value <= high)) << bit;
    }
    bits[word] |= found;
  }
}

function markMembers(
  values: Float64Array,
  end: number,
  wanted: ReadonlySet<number>,
  bits: Uint32Array,
): void {
  let low = Infinity;
  let high = -Infinity;
  for (const value of wanted) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  for (let row = 0; row < end; row++) {
    const value = values[row];
    if (value >= low && value <= high && wanted.has(value)) bits[row >>> 5] |= 1 << (row & 31);
  }
}

function markWide(
  values: Float64Array,
  rests: Int16Array,
  end: number,
  bounds: Bounds,
  bits: Uint32Array,
): void {
  for (let row = 0, word = 0; row < end; word++) {
    const stop = Math.min(row + 32, end);
    let found = 0;
    for (let bit = 0; row < stop; row++, bit++) {
      found |= (isWithin(values[row], rests[row], bounds) ? 1 : 0) << bit;
    }
    bits[word] |= found;
  }
}
