/** What earlier queries found, as that among which a later one chooses. */
import type { SegmentView } from "../payload/filter.js";
import { andBits, clearBit, countBits, fillBits, hasBit, setBit } from "../runtime/bits.js";
import type { CollectionState, Place } from "../segment/state.js";
import type { RowFilter } from "./matching.js";
import type { RankedRow } from "./ranked.js";

/** The rows of all lists, each once. */
export function amongRows(lists: readonly (readonly RankedRow[])[]): RowFilter {
  const rowsOf = new Map<object, number[]>();
  for (const list of lists)
    for (const { segment, row } of list) {
      const rows = rowsOf.get(segment);
      if (rows) rows.push(row);
      else rowsOf.set(segment, [row]);
    }
  return {
    evaluate({ segment, live }: SegmentView, bits) {
      bits.fill(0);
      const rows = (segment && rowsOf.get(segment)) ?? [];
      for (const row of rows) if (!live || hasBit(live, row)) setBit(bits, row);
      return countBits(bits);
    },
  };
}

/**
 * The rows as they lie now, after others may have written: points that have moved are where they went, deleted ones are gone. The
 * segments must still be there in which the rows were found.
 */
export function relocated(state: CollectionState, rows: readonly RankedRow[]): RankedRow[] {
  return rows.flatMap((found) => {
    const { segment, row } = found;
    if (segment.isLive(row)) return [found];
    const place = state.find(segment.ids.get(row));
    return place ? [{ ...found, ...place }] : [];
  });
}

/** What the filter lets pass, absent: all, but for some rows. */
export function withoutRows(filter: RowFilter | undefined, places: readonly Place[]): RowFilter {
  return {
    evaluate(view, bits) {
      if (filter) filter.evaluate(view, bits);
      else {
        fillBits(bits, view.rowCount);
        if (view.live) andBits(bits, view.live);
      }
      for (const { segment, row } of places) if (segment === view.segment) clearBit(bits, row);
      return countBits(bits);
    },
  };
}
