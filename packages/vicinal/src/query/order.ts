/**
 * Points in the order of a numeric field. A point with several values comes once for each of them, one without a
 * value not at all. Equal values come in the order of ids, whatever the direction.
 *
 * The best are kept while the values are walked through once: about n + k log k steps for n values, in room for 2 k.
 */
import type { FieldSchema } from "../payload/columns.js";
import type { CompiledFilter } from "../payload/filter.js";
import { comparePointIds } from "../payload/id.js";
import { forEachBit } from "../runtime/bits.js";
import type { CollectionState } from "../segment/state.js";
import { FieldValues } from "./field-values.js";
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

/** Kept beside the k best before they are sorted out. */
const SLACK = 1024;

export function orderedByField(
  state: CollectionState,
  { path, schema, descending, startFrom }: FieldOrder,
  { limit, filter }: { limit: number; filter: CompiledFilter | undefined },
): RankedRow[] {
  const comesFirst = descending
    ? (a: OrderValue, b: OrderValue) => a > b
    : (a: OrderValue, b: OrderValue) => a < b;
  const best = new Best(limit, comesFirst);
  for (const segment of state.segments()) {
    const values = new FieldValues<OrderValue>(segment, path, schema);
    forEachBit(candidateRows(state, segment, filter), (row) =>
      values.each(row, (orderValue) => {
        if (startFrom !== undefined && comesFirst(orderValue, startFrom)) return;
        if (best.takes(orderValue)) best.add({ segment, row, score: UNCOMPARED_SCORE, orderValue });
      }),
    );
  }
  return best.sorted();
}

class Best {
  readonly #limit: number;
  readonly #comesFirst: (a: OrderValue, b: OrderValue) => boolean;
  readonly #rows: OrderedRow[] = [];
  /** What comes after this value is not among the best. */
  #last: OrderValue | undefined;

  constructor(limit: number, comesFirst: (a: OrderValue, b: OrderValue) => boolean) {
    this.#limit = limit;
    this.#comesFirst = comesFirst;
  }

  takes(value: OrderValue): boolean {
    return this.#last === undefined || !this.#comesFirst(this.#last, value);
  }

  add(row: OrderedRow): void {
    if (this.#rows.push(row) >= 2 * this.#limit + SLACK) this.#trim();
  }

  sorted(): OrderedRow[] {
    this.#trim();
    return this.#rows;
  }

  #trim(): void {
    const before = this.#comesFirst;
    this.#rows.sort((a, b) => {
      if (before(a.orderValue, b.orderValue)) return -1;
      if (before(b.orderValue, a.orderValue)) return 1;
      return comparePointIds(a.segment.ids.get(a.row), b.segment.ids.get(b.row));
    });
    if (this.#rows.length <= this.#limit) return;
    this.#rows.length = this.#limit;
    this.#last = this.#rows.at(-1)?.orderValue;
  }
}
