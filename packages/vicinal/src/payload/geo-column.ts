/**
 * GeoColumn: objects with `lon` and `lat` on the globe.
 *
 *   values, extra.values  float64  longitude in degrees, NaN for none
 *   lats, extra.lats      float64  latitude in degrees
 *
 * Areas are searched through an order of cells (cell-order.ts), made from the values when first needed, so it lies in no
 * file.
 */
import { CellOrder } from "./cell-order.js";
import { grown, HAS } from "./column.js";
import { type GeoArea, type GeoPoint, geoPointOf, isOnGlobe } from "./geo.js";
import type { JsonValue } from "./json.js";
import { LateRows } from "./late-rows.js";
import { bytesOf, malformed, readNumbers, type SavedSections, type SectionSource } from "./sections.js";
import { ValueColumn } from "./value-column.js";

export class GeoColumn extends ValueColumn<GeoPoint> {
  readonly kind = "geo";
  #lons = new Float64Array(0);
  #lats = new Float64Array(0);
  #extraLons = new Float64Array(0);
  #extraLats = new Float64Array(0);
  #order: CellOrder | undefined;
  /** Rows whose first value the order knows; its further places are extras. */
  #orderedRows = 0;
  readonly #late = new LateRows();

  /** Adds the rows with a place in the area to the set. */
  markArea(area: GeoArea, bits: Uint32Array): void {
    const end = Math.min(this.rowCount, bits.length * 32);
    const markRow = (row: number): void => {
      if (row < end && area.contains(this.#lons[row], this.#lats[row])) bits[row >>> 5] |= 1 << (row & 31);
    };
    const markExtra = (at: number): void => {
      if (area.contains(this.#extraLons[at], this.#extraLats[at])) this.markExtra(at, bits);
    };
    this.#ordered().search(area.bounds, (order, start, stop) => {
      for (let i = start; i < stop; i++) {
        const place = order[i];
        if (place < this.#orderedRows) markRow(place);
        else markExtra(place - this.#orderedRows);
      }
    });
    this.#late.forEach(this.rowCount, (row) => {
      markRow(row);
      this.eachExtra(row, markExtra);
    });
  }

  override prepare(): void {
    this.#ordered();
  }

  /** About how many rows have a place in the area. */
  estimateArea({ bounds }: GeoArea): number {
    let count = 0;
    this.#ordered().search(bounds, (_, start, end) => {
      count += end - start;
    });
    return count;
  }

  /** Places are not counted: facets are for values that recur. */
  override valueCounts(): never[] {
    return [];
  }

  #ordered(): CellOrder {
    if (this.#order && !this.#late.isWorthBuilding(this.rowCount)) return this.#order;
    const rows = this.rowCount;
    this.#orderedRows = rows;
    this.#order = new CellOrder(
      rows + this.extraCount,
      (place) => (place < rows ? this.#lons[place] : this.#extraLons[place - rows]),
      (place) => (place < rows ? this.#lats[place] : this.#extraLats[place - rows]),
    );
    this.#late.built(rows);
    return this.#order;
  }

  protected override read(value: JsonValue): GeoPoint | undefined {
    const point = geoPointOf(value);
    return point && isOnGlobe(point) ? point : undefined;
  }

  protected override forget(row: number): void {
    this.#late.change(row);
    super.forget(row);
  }

  protected override store(row: number, values: readonly GeoPoint[]): number {
    this.#late.change(row);
    return super.store(row, values);
  }

  protected override reserveValues(capacity: number): void {
    this.#lons = grown(this.#lons, capacity);
    this.#lats = grown(this.#lats, capacity);
  }

  protected override reserveExtras(capacity: number): void {
    this.#extraLons = grown(this.#extraLons, capacity);
    this.#extraLats = grown(this.#extraLats, capacity);
  }

  protected override writeValue(row: number, value: GeoPoint | undefined): void {
    this.#lons[row] = value?.lon ?? Number.NaN;
    this.#lats[row] = value?.lat ?? Number.NaN;
  }

  protected override writeExtra(at: number, { lon, lat }: GeoPoint): void {
    this.#extraLons[at] = lon;
    this.#extraLats[at] = lat;
  }

  protected override valueAt(row: number): GeoPoint {
    return { lon: this.#lons[row], lat: this.#lats[row] };
  }

  protected override extraAt(at: number): GeoPoint {
    return { lon: this.#extraLons[at], lat: this.#extraLats[at] };
  }

  protected override forgetValue(row: number): void {
    this.writeValue(row, undefined);
  }

  protected override forgetExtra(at: number): void {
    this.writeExtra(at, { lon: Number.NaN, lat: Number.NaN });
  }

  protected override valueBytes(): number {
    const arrays = [this.#lons, this.#lats, this.#extraLons, this.#extraLats];
    const values = arrays.reduce((sum, array) => sum + array.byteLength, super.valueBytes());
    return values + (this.#order?.memoryBytes() ?? 0);
  }

  protected override saveArrays(extras: Uint32Array): SavedSections {
    const pick = (numbers: Float64Array): Uint8Array =>
      bytesOf(
        Float64Array.from(extras, (at) => numbers[at]),
        extras.length,
      );
    return {
      meta: {},
      sections: [
        { name: "values", bytes: bytesOf(this.#lons, this.rowCount) },
        { name: "lats", bytes: bytesOf(this.#lats, this.rowCount) },
        { name: "extra.values", bytes: pick(this.#extraLons) },
        { name: "extra.lats", bytes: pick(this.#extraLats) },
      ],
    };
  }

  protected override async loadArrays(source: SectionSource, rows: number, extras: number): Promise<void> {
    this.#lons = await readNumbers(source, "values", Float64Array, rows);
    this.#lats = await readNumbers(source, "lats", Float64Array, rows);
    this.#extraLons = await readNumbers(source, "extra.values", Float64Array, extras);
    this.#extraLats = await readNumbers(source, "extra.lats", Float64Array, extras);
    for (let row = 0; row < rows; row++) {
      if (isOnGlobe(this.valueAt(row)) !== (this.flags[row] & HAS) > 0) {
        throw malformed("values", `row ${row} does not agree with its flags`);
      }
    }
  }
}
