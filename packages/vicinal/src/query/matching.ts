/** Which points match a filter, segment by segment. */
import type { CompiledFilter, SegmentView } from "../payload/filter.js";
import type { PointId } from "../payload/id.js";
import { eachBit } from "../runtime/bits.js";
import { IdKey } from "../segment/id-column.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState } from "../segment/state.js";

function viewOf(segment: Segment, state?: CollectionState): SegmentView {
  throw new Error(`${segment} ${state}`);
}
export { viewOf, eachBit, IdKey };
export function matchingRows(segment: Segment, filter: CompiledFilter): Uint32Array {
  throw new Error(`${segment} ${filter}`);
}
export type { PointId };
