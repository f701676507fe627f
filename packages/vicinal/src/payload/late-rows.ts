/**
 * LateRows: the rows of a column that an order built over it (postings, cells) does not know yet: those that were
 * appended, and those that were given other values, since it was built. They are looked at one by one, until there are
 * so many that building anew is cheaper.
 */
export class LateRows {
  #builtRows = 0;
  readonly #changed = new Set<number>();

  /** Whether an order over so many rows should be built now. */
  isWorthBuilding(rowCount: number): boolean {
    const late = rowCount - this.#builtRows + this.#changed.size;
    return late > Math.max(LATE_MIN, this.#builtRows * LATE_SHARE);
  }

  /** The order has been built over so many rows. */
  built(rowCount: number): void {
    this.#builtRows = rowCount;
    this.#changed.clear();
  }

  /** A row is given other values. */
  change(row: number): void {
    if (row < this.#builtRows) this.#changed.add(row);
  }

  /** Whether the order does not know the row, or knows it by what it held before. */
  isLate(row: number): boolean {
    return row >= this.#builtRows || (this.#changed.size > 0 && this.#changed.has(row));
  }

  forEach(rowCount: number, visit: (row: number) => void): void {
    for (const row of this.#changed) visit(row);
    for (let row = this.#builtRows; row < rowCount; row++) visit(row);
  }
}

/** Looking at so many rows takes less than a tenth of a millisecond. */
const LATE_MIN = 1024;
/** Building again each time a column has grown by an eighth costs eight times its last size in all. */
const LATE_SHARE = 1 / 8;
