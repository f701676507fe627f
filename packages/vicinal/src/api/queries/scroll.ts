/** Paging through points: in the order of their ids, or of a field. */
import { parsePointId } from "../../payload/id.js";
import { pointsInOrder } from "../../query/matching.js";
import { orderedByField } from "../../query/order.js";
import { VicinalError } from "../../runtime/errors.js";
import type { Collection } from "../../segment/collection.js";
import type { CollectionState } from "../../segment/state.js";
import { BlobView } from "../blobs.js";
import { PointReader } from "../points.js";
import type { RawJson, ScrollRequest, ScrollResult } from "../schema/index.js";
import { fieldOrder } from "./field-order.js";
import { compiled, DEFAULT_LIMIT } from "./queries.js";

export async function answerScroll(
  name: string,
  collection: Collection,
  request: ScrollRequest,
): Promise<ScrollResult<RawJson>> {
  const { state } = collection;
  const { with_payload: withPayload, with_vector: withVector, with_version: withVersion } = request;
  const blobs = BlobView.of(name, collection, request.with_blobs);
  const reader = new PointReader(state.config, withPayload, withVector, true, withVersion, blobs);
  const answer = request.order_by ? byField(state, request, reader) : byId(state, request, reader);
  await reader.complete();
  return answer;
}

function byId(state: CollectionState, request: ScrollRequest, reader: PointReader): ScrollResult<RawJson> {
  const limit = request.limit ?? DEFAULT_LIMIT;
  const { offset } = request;
  const rows = pointsInOrder(state, {
    offset: offset === undefined || offset === null ? undefined : parsePointId(offset, "offset"),
    limit: limit + 1,
    filter: compiled(request.filter),
  });
  const next = rows.length > limit ? rows.pop() : undefined;
  return {
    points: rows.map(({ segment, row }) => reader.read(segment, row)),
    next_page_offset: next ? next.segment.ids.get(next.row) : null,
  };
}

/** The next page is asked for by the last value: `start_from`, and a filter without the ids that had it. */
function byField(state: CollectionState, request: ScrollRequest, reader: PointReader): ScrollResult<RawJson> {
  if (request.offset !== undefined && request.offset !== null)
    throw new VicinalError(
      "BAD_REQUEST",
      "offset: an `offset` cannot be used with `order_by`; use `order_by.start_from` and a filter without the ids that were seen",
      { field: "offset" },
    );
  const order = fieldOrder(state, request.order_by ?? "", "order_by");
  const rows = orderedByField(state, order, {
    limit: request.limit ?? DEFAULT_LIMIT,
    filter: compiled(request.filter),
  });
  return { points: rows.map((row) => reader.readOrdered(row)), next_page_offset: null };
}
