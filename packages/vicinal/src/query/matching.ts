/** Which rows of a segment match a filter. */
import { analyzerOf } from "../payload/columns.js";
import { type CompiledFilter, type RowView, SegmentRow, type SegmentView } from "../payload/filter.js";
import type { PointId } from "../payload/id.js";
import { bitWords, countBits, forEachBit, hasBit } from "../runtime/bits.js";
import { compareKeys, IdKey } from "../segment/id-column.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";
import type { WriteView } from "../segment/write-view.js";

/** What decides which rows a query chooses among: a filter of payloads, or what was found before. */
export type RowFilter = Pick<CompiledFilter, "evaluate">;

/** Bits of the live rows that match; the caller owns them. */
export function matchingRows(state: CollectionState, segment: Segment, filter: RowFilter): Uint32Array {
  const bits = new Uint32Array(bitWords(segment.rowCount));
  filter.evaluate(viewOf(state, segment), bits);
  return bits;
}

function viewOf(state: CollectionState, segment: Segment): SegmentView {
  return {
    segment,
    sequence: state.sequence,
    rowCount: segment.rowCount,
    live: segment.live,
    columns: segment.fields,
    payload: (row) => segment.payloads.bytes(row),
    idOfRow: (row) => segment.ids.get(row),
    hasVector: (name, row) => segment.column(name)?.has(row) ?? false,
    analyzer: (path) => analyzerAt(state, path),
    rowOfId: (id) => {
      const place = state.find(id);
      return place?.segment === segment ? place.row : -1;
    },
  };
}

function analyzerAt({ config }: CollectionState, path: string) {
  return Object.hasOwn(config.fields, path) ? analyzerOf(config.fields[path]) : undefined;
}

/** A single row as filters see it. */
export function rowView(state: CollectionState, segment: Segment, row: number): RowView {
  return new SegmentRow(viewOf(state, segment), row);
}

/** The ids of all live points that match, segment by segment. */
export function matchingIds(state: CollectionState, filter: RowFilter): PointId[] {
  const ids: PointId[] = [];
  for (const segment of state.segments())
    forEachBit(matchingRows(state, segment, filter), (row) => ids.push(segment.ids.get(row)));
  return ids;
}

/** As `matchingIds`, of the points as a write sees them: those that wait to be published are looked at as they will be. */
export function matchingInView(view: WriteView, filter: RowFilter): PointId[] {
  const waiting = view.waiting();
  const published = matchingIds(view.state, filter);
  if (waiting.size === 0) return published;
  const existing = [...waiting].filter(([, point]) => point !== undefined).map(([id]) => id);
  return [...published.filter((id) => !waiting.has(id)), ...matchingAmong(view, existing, filter)];
}

/** Which of these points match. They exist in the view, and are listed once each. */
export function matchingAmong(view: WriteView, ids: readonly PointId[], filter: RowFilter): PointId[] {
  const rows = new Map(ids.map((id, row) => [id, row]));
  const bits = new Uint32Array(bitWords(ids.length));
  const points: SegmentView = {
    rowCount: ids.length,
    columns: new Map(),
    payload: (row) => view.payload(ids[row]),
    idOfRow: (row) => ids[row],
    hasVector: (name, row) => view.hasVector(ids[row], name),
    analyzer: (path) => analyzerAt(view.state, path),
    rowOfId: (id) => rows.get(id) ?? -1,
  };
  filter.evaluate(points, bits);
  return ids.filter((_, row) => hasBit(bits, row));
}

export function countMatching(state: CollectionState, filter: RowFilter | undefined): number {
  if (!filter) return state.pointCount;
  let count = 0;
  for (const segment of state.segments()) count += countBits(matchingRows(state, segment, filter));
  return count;
}

/** A live point in the order of ids. */
export interface OrderedPoint {
  segment: Segment;
  row: number;
}

/**
 * Up to `limit` points in the order of their ids, beginning at `offset` (included): a merge of the segments' own
 * orders.
 */
export function pointsInOrder(
  state: CollectionState,
  options: { offset?: PointId; limit: number; filter?: RowFilter },
): OrderedPoint[] {
  const from = options.offset === undefined ? undefined : new IdKey().set(options.offset);
  const cursors = state.segments().map((segment) => {
    const bits = options.filter ? matchingRows(state, segment, options.filter) : segment.live;
    return new Cursor(segment, bits, from);
  });
  const found: OrderedPoint[] = [];
  while (found.length < options.limit) {
    let first: Cursor | undefined;
    for (const cursor of cursors)
      if (cursor.row >= 0 && (!first || compareKeys(cursor.key, first.key) < 0)) first = cursor;
    if (!first) break;
    found.push({ segment: first.segment, row: first.row });
    first.next();
  }
  return found;
}

class Cursor {
  readonly segment: Segment;
  readonly key = new IdKey();
  /** -1 at the end. */
  row = -1;
  readonly #order: Uint32Array;
  readonly #bits: Uint32Array;
  #at: number;

  constructor(segment: Segment, bits: Uint32Array, from: IdKey | undefined) {
    this.segment = segment;
    this.#order = segment.order();
    this.#bits = bits;
    this.#at = from ? this.#lowerBound(from) : 0;
    this.next();
  }

  #lowerBound(from: IdKey): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.segment.ids.read(this.#order[middle], this.key), from) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  next(): void {
    while (this.#at < this.#order.length) {
      const row = this.#order[this.#at++];
      if (!hasBit(this.#bits, row)) continue;
      this.row = row;
      this.segment.ids.read(row, this.key);
      return;
    }
    this.row = -1;
  }
}
