/** Points as a write would store them, read from a state: to put them into another collection exactly as they are. */
import type { PointId } from "../payload/id.js";
import type { StoredPoint } from "./effects.js";
import type { CollectionState } from "./state.js";
import { WriteView } from "./write-view.js";

/** Ids of all points of the state, as it is now. */
export function liveIds(state: CollectionState): PointId[] {
  const ids: PointId[] = [];
  for (const segment of state.segments())
    for (let row = 0; row < segment.rowCount; row++) if (segment.isLive(row)) ids.push(segment.ids.get(row));
  return ids;
}

/** Those of the ids that there are. */
export async function readStored(state: CollectionState, ids: readonly PointId[]): Promise<StoredPoint[]> {
  const view = new WriteView(state, 0, state.sequence + 1);
  const there = ids.filter((id) => view.exists(id));
  const rest = there.map((id) => ({ id, payload: view.payload(id).slice(), expires: view.expires(id) }));
  const vectors = await view.vectors(there);
  return rest.map((point, i) => ({ ...point, vectors: vectors[i] }));
}
