/**
 * FieldValues: the values that an indexed field has in a segment's rows. They come from the segment's column; rows that the
 * column has not got yet (it is built behind the writes) are read from their payloads by the same rules.
 */
import type { FieldColumn } from "../payload/column.js";
import { createColumn, type FieldSchema } from "../payload/columns.js";
import { parsePath } from "../payload/path.js";
import type { Segment } from "../segment/segment.js";

export class FieldValues<T> {
  /** Absent until the optimizer has built it. */
  readonly column: FieldColumn<T> | undefined;
  readonly #segment: Segment;
  readonly #fresh: () => FieldColumn<T>;
  /** A column of one row, to be given one payload after the other. */
  #reader: FieldColumn<T> | undefined;

  constructor(segment: Segment, path: string, schema: FieldSchema) {
    this.#segment = segment;
    this.column = segment.fields.get(path) as FieldColumn<T> | undefined;
    this.#fresh = () => createColumn(schema, parsePath(path)) as FieldColumn<T>;
  }

  /** Rows below this one are in the column. */
  get inColumn(): number {
    return Math.min(this.column?.rowCount ?? 0, this.#segment.rowCount);
  }

  /** Calls `visit` with each value of the row; equal ones come once. */
  each(row: number, visit: (value: T) => void): void {
    if (this.column && row < this.column.rowCount) {
      this.column.eachValue(row, visit);
      return;
    }
    if (!this.#reader) {
      this.#reader = this.#fresh();
      this.#reader.append({});
    }
    this.#reader.update(0, this.#segment.payload(row));
    this.#reader.eachValue(0, visit);
  }
}
