/**
 * NumericColumn: numbers of 64 bits, exactly; how (double, rest) pairs work is told in exact-numbers.ts. The array of
 * rests exists only in columns that hold an integer beyond 2^53: scans of all others touch one array of doubles.
 *
 *   values, extra.values  float64  NaN for none
 *   rests, extra.rests    int16    only when meta.wide
 */
import { hasBit } from "../runtime/bits.js";
import { grown, HAS, scanEnd } from "./column.js";
import {
  type Bounds,
  boundsOf,
  exactNumber,
  isWithin,
  type NumberRange,
  nextUp,
  restOf,
} from "./exact-numbers.js";
import { countIntegers } from "./number-counts.js";
import { NumberSample } from "./number-sample.js";
import type { JsonPath } from "./path.js";
import { bytesOf, malformed, readNumbers, type SavedSections, type SectionSource } from "./sections.js";
import { ValueColumn } from "./value-column.js";

/** Lists up to this length are scanned once for each value, longer ones once through a set. */
const SCANNED_VALUES_MAX = 4;

export abstract class NumericColumn extends ValueColumn<number | bigint> {
  readonly #integers: boolean;
  #values = new Float64Array(0);
  #extraValues = new Float64Array(0);
  /** Present once a value has needed one. */
  #rests: Int16Array | undefined;
  #extraRests: Int16Array | undefined;
  #rowCapacity = 0;
  #extraCapacity = 0;
  #sample: NumberSample | undefined;

  /** @param integers Whether all values are integers, so that those beyond 2^53 are `bigint`. */
  constructor(path: JsonPath, integers: boolean) {
    super(path);
    this.#integers = integers;
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

  /** About how many rows hold a value in the range. */
  estimateRange(range: NumberRange): number {
    const { low, high } = boundsOf(range);
    return this.#sampled().countBetween(low, high);
  }

  /** About how many rows hold the value. */
  estimateValue(value: number | bigint): number {
    return this.#sampled().countOf(Number(value));
  }

  override valueCounts(rows?: Uint32Array): { value: number | bigint; count: number }[] {
    if (this.#integers && !this.#rests) {
      const close = countIntegers(
        {
          values: this.#values,
          rowCount: this.rowCount,
          extraValues: this.#extraValues,
          extraRows: this.extraRows,
          extraCount: this.extraCount,
        },
        rows,
      );
      if (close) return close;
    }
    const counts = new Map<number | bigint, number>();
    for (let row = 0; row < this.rowCount; row++) {
      if (rows && (row >= rows.length * 32 || !hasBit(rows, row))) continue;
      this.eachValue(row, (value) => counts.set(value, (counts.get(value) ?? 0) + 1));
    }
    return [...counts].map(([value, count]) => ({ value, count }));
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

  #sampled(): NumberSample {
    if (!this.#sample?.stillServes(this.rowCount))
      this.#sample = new NumberSample(this.#values, this.rowCount, this.countFlag(HAS));
    return this.#sample;
  }
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
