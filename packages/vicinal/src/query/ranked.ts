/** What every way of asking for points comes to: rows in the order of the answer. */
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";
import { matchingRows, type RowFilter } from "./matching.js";

export interface RankedRow {
  segment: Segment;
  row: number;
  /** As the user sees it. */
  score: number;
  /** The value of the field that the rows are ordered by; microseconds since 1970 of a point in time. */
  orderValue?: number | bigint;
}

/** The score of points that are found without being compared. */
export const UNCOMPARED_SCORE = 1;

/** Bits of the live rows that match, without a filter of all of them; not to be written. */
export function candidateRows(
  state: CollectionState,
  segment: Segment,
  filter: RowFilter | undefined,
): Uint32Array {
  return filter ? matchingRows(state, segment, filter) : segment.live;
}
