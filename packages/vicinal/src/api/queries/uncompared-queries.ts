/** Queries that find points without comparing them with anything: in an order, or by chance. */

import { withoutRows } from "../../query/candidates.js";
import { pointsInOrder, type RowFilter } from "../../query/matching.js";
import type { FieldOrder } from "../../query/order.js";
import { orderedByField } from "../../query/order.js";
import { type RankedRow, UNCOMPARED_SCORE } from "../../query/ranked.js";
import { sampledRows } from "../../query/sample.js";
import type { CollectionState } from "../../segment/state.js";
import { placesOf } from "./query-vectors.js";
import { type Choice, NOTHING_SEARCHED, type SearchQuery } from "./ranking.js";

interface Wanted {
  filter: RowFilter | undefined;
  limit: number;
}

export function inOrderOfIds(state: CollectionState): SearchQuery {
  return uncompared(state, "ids", (wanted) =>
    pointsInOrder(state, wanted).map(({ segment, row }) => ({ segment, row, score: UNCOMPARED_SCORE })),
  );
}

export function inOrderOfField(state: CollectionState, order: FieldOrder): SearchQuery {
  return uncompared(state, "order_by", (wanted) => orderedByField(state, order, wanted));
}

/** Whatever is left out of a sample of all points, the rest is a sample again: there the offset says nothing. */
export function sampled(state: CollectionState): SearchQuery {
  const sample = uncompared(state, "sample", (wanted) => sampledRows(state, wanted));
  return {
    ...sample,
    search: (choice, read) => sample.search(choice.prefetched ? choice : { ...choice, offset: 0 }, read),
  };
}

function uncompared(
  state: CollectionState,
  kind: string,
  find: (wanted: Wanted) => readonly RankedRow[],
): SearchQuery {
  return {
    kind,
    named: [],
    search({ filter, limit, offset, except }: Choice, read) {
      const places = placesOf(state, except);
      const among = places.length === 0 ? filter : withoutRows(filter, places);
      const rows = find({ filter: among, limit: offset + limit }).slice(offset);
      return read({ rows, found: NOTHING_SEARCHED });
    },
  };
}
