/** BoolColumn: true, false or both; the flags hold all there is, so it has no sections of its own. */
import { hasBit } from "../runtime/bits.js";
import { FALSE, FieldColumn, TRUE } from "./column.js";
import type { JsonValue } from "./json.js";
import type { SavedSections } from "./sections.js";

export class BoolColumn extends FieldColumn<boolean> {
  readonly kind = "bool";

  /** Adds the rows that hold the value to the set. */
  mark(value: boolean, bits: Uint32Array): void {
    this.markFlag(value ? TRUE : FALSE, bits);
  }

  /** How many rows hold the value. */
  countOf(value: boolean): number {
    return this.countFlag(value ? TRUE : FALSE);
  }

  override valueCounts(rows?: Uint32Array): { value: boolean; count: number }[] {
    const counts = [0, 0];
    for (let row = 0; row < this.rowCount; row++) {
      if (rows && (row >= rows.length * 32 || !hasBit(rows, row))) continue;
      if (this.flags[row] & FALSE) counts[0]++;
      if (this.flags[row] & TRUE) counts[1]++;
    }
    return [false, true]
      .map((value) => ({ value, count: counts[Number(value)] }))
      .filter(({ count }) => count > 0);
  }

  override eachValue(row: number, visit: (value: boolean) => void): void {
    if (this.flags[row] & TRUE) visit(true);
    if (this.flags[row] & FALSE) visit(false);
  }

  protected override read(value: JsonValue): boolean | undefined {
    return typeof value === "boolean" ? value : undefined;
  }

  protected override store(_row: number, values: readonly boolean[]): number {
    let flags = 0;
    for (const value of values) flags |= value ? TRUE : FALSE;
    return flags;
  }

  protected override forget(): void {}

  protected override reserve(): void {}

  protected override valueBytes(): number {
    return 0;
  }

  protected override saveValues(): SavedSections {
    return { meta: {}, sections: [] };
  }

  protected override async loadValues(): Promise<void> {}
}
