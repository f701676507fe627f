/**
 * Points in the order of a numeric field. A point with several values comes once for each of them, one without a
 * value not at all. Equal values come in the order of ids, whatever the direction.
 * One walk over the values keeps the first.
 */
import type { FieldSchema } from "../payload/columns.js";
import { comparePointIds } from "../payload/id.js";
import { forEachBit } from "../runtime/bits.js";
import type { CollectionState } from "../segment/state.js";
import { Best } from "./best.js";
import { FieldValues } from "./field-values.js";
import type { RowFilter } from "./matching.js";
import { candidateRows, type RankedRow, UNCOMPARED_SCORE } from "./ranked.js";

export type OrderValue = number | bigint;

export interface FieldOrder {
  /** Canonical text of the path. */
  path: string;
  /** Of type integer, float or datetime. */
  schema: FieldSchema;
  descending: boolean;
  /** The first value to be answered, in the direction of the order. */
  startFrom?: OrderValue;
}

interface OrderedRow extends RankedRow {
  orderValue: OrderValue;
}

export function orderedByField(
  state: CollectionState,
  { path, schema, descending, startFrom }: FieldOrder,
  { limit, filter }: { limit: number; filter: RowFilter | undefined },
): RankedRow[] {
  const comesFirst = descending
    ? (a: OrderValue, b: OrderValue) => a > b
    : (a: OrderValue, b: OrderValue) => a < b;
  const best = new Best<OrderedRow>(limit, (a, b) => {
    if (comesFirst(a.orderValue, b.orderValue)) return -1;
    if (comesFirst(b.orderValue, a.orderValue)) return 1;
    return comparePointIds(a.segment.ids.get(a.row), b.segment.ids.get(b.row));
  });
  for (const segment of state.segments()) {
    const values = new FieldValues<OrderValue>(segment, path, schema);
    forEachBit(candidateRows(state, segment, filter), (row) =>
      values.each(row, (orderValue) => {
        if (startFrom !== undefined && comesFirst(orderValue, startFrom)) return;
        if (best.last && comesFirst(best.last.orderValue, orderValue)) return;
        best.add({ segment, row, score: UNCOMPARED_SCORE, orderValue });
      }),
    );
  }
  return best.sorted();
}
