/**
 * ValueColumn: what the columns share that keep values in arrays.
 *
 * The first value of a row lies at the row's place in a dense array. Further values of rows that have several lie in
 * one list of extras, those of a row side by side:
 *
 *   values        <kind>[rows]    a filler where there is none
 *   extra.rows    uint32[extras]  the row that the extra value belongs to
 *   extra.values  <kind>[extras]
 */
import { FieldColumn, grown, HAS, MANY } from "./column.js";
import {
  bytesOf,
  malformed,
  metaNumber,
  readNumbers,
  type SavedSections,
  type SectionSource,
} from "./sections.js";

/** Row number of an extra whose row has been given other values; no set has a place for it. */
const GONE = 0xffff_ffff;

export abstract class ValueColumn<T> extends FieldColumn<T> {
  protected extraRows = new Uint32Array(0);
  protected extraCount = 0;
  /** Where a row's extras begin; only rows with MANY are meant. Absent while no row has several values. */
  #extraStarts: Uint32Array | undefined;

  override eachValue(row: number, visit: (value: T) => void): void {
    if (this.flags[row] & HAS) visit(this.valueAt(row));
    this.eachExtra(row, (at) => visit(this.extraAt(at)));
  }

  /** Adds the row of an extra to the set. */
  protected markExtra(at: number, bits: Uint32Array): void {
    const row = this.extraRows[at];
    if (row < bits.length * 32) bits[row >>> 5] |= 1 << (row & 31);
  }

  /** Writes the row's first value, or the filler. */
  protected abstract writeValue(row: number, value: T | undefined): void;
  protected abstract writeExtra(at: number, value: T): void;
  protected abstract valueAt(row: number): T;
  protected abstract extraAt(at: number): T;
  protected abstract forgetValue(row: number): void;
  protected abstract forgetExtra(at: number): void;
  protected abstract reserveValues(capacity: number): void;
  protected abstract reserveExtras(capacity: number): void;
  /** Sections `values` and `extra.values` (the extras at these places), and what else the kind needs. */
  protected abstract saveArrays(extras: Uint32Array): SavedSections;
  protected abstract loadArrays(source: SectionSource, rows: number, extras: number): Promise<void>;

  protected override store(row: number, values: readonly T[]): number {
    this.writeValue(row, values[0]);
    if (values.length < 2) return 0;
    const end = this.extraCount + values.length - 1;
    if (end > this.extraRows.length) {
      const capacity = Math.max(64, end, this.extraRows.length * 2);
      this.extraRows = grown(this.extraRows, capacity);
      this.reserveExtras(capacity);
    }
    this.#extraStarts ??= new Uint32Array(this.flags.length);
    this.#extraStarts[row] = this.extraCount;
    for (let i = 1; i < values.length; i++) {
      this.extraRows[this.extraCount] = row;
      this.writeExtra(this.extraCount++, values[i]);
    }
    return MANY;
  }

  protected override forget(row: number): void {
    if (this.flags[row] & HAS) this.forgetValue(row);
    this.eachExtra(row, (at) => {
      this.forgetExtra(at);
      this.extraRows[at] = GONE;
    });
  }

  protected override reserve(capacity: number): void {
    if (this.#extraStarts) this.#extraStarts = grown(this.#extraStarts, capacity);
    this.reserveValues(capacity);
  }

  protected override valueBytes(): number {
    return this.extraRows.byteLength + (this.#extraStarts?.byteLength ?? 0);
  }

  protected override saveValues(): SavedSections {
    const places: number[] = [];
    for (let at = 0; at < this.extraCount; at++) if (this.extraRows[at] !== GONE) places.push(at);
    const extras = Uint32Array.from(places);
    const rows = extras.map((at) => this.extraRows[at]);
    const { meta, sections } = this.saveArrays(extras);
    return {
      meta: { extras: extras.length, ...meta },
      sections: [{ name: "extra.rows", bytes: bytesOf(rows, rows.length) }, ...sections],
    };
  }

  protected override async loadValues(source: SectionSource, rows: number): Promise<void> {
    const extras = metaNumber(source, "extras");
    this.extraRows = await readNumbers(source, "extra.rows", Uint32Array, extras);
    this.extraCount = extras;
    const starts = extras > 0 ? new Uint32Array(rows) : undefined;
    this.#extraStarts = starts;
    for (let at = extras - 1; at >= 0; at--) {
      const row = this.extraRows[at];
      if (starts === undefined || row >= rows || (this.flags[row] & MANY) === 0) {
        throw malformed("extra.rows", `entry ${at} is row ${row}, which has no extras`);
      }
      starts[row] = at;
    }
    for (let row = 0; row < rows; row++) {
      if (this.flags[row] & MANY && (starts === undefined || this.extraRows[starts[row]] !== row)) {
        throw malformed("extra.rows", `row ${row} lacks its extras`);
      }
    }
    await this.loadArrays(source, rows, extras);
  }

  /** Calls `visit` with the place of each extra of the row. */
  protected eachExtra(row: number, visit: (at: number) => void): void {
    if ((this.flags[row] & MANY) === 0) return;
    for (let at = this.#extraStarts![row]; at < this.extraCount && this.extraRows[at] === row; at++)
      visit(at);
  }
}
