/** How long points live: as each says when it is written, else as its collection says, else for ever. */
import type { CollectionConfig } from "../segment/config.js";
import type { StoredPoint } from "../segment/effects.js";
import type { WriteView } from "../segment/write-view.js";
import type { PointInsertOperations } from "./schema/index.js";

/** Seconds; undefined for ever. */
function defaultLife({ other }: CollectionConfig): number | undefined {
  return (other.ttl as { seconds?: number } | undefined)?.seconds || undefined;
}

/** Sets when the points of an upsert expire, counted from the time of the write. */
export function expiring(request: PointInsertOperations): (view: WriteView, points: StoredPoint[]) => void {
  const given =
    "points" in request ? request.points.map((point) => point.ttl_seconds) : request.batch.ttl_seconds;
  const someGiven = given?.some((seconds) => typeof seconds === "number");
  return ({ state, now }, points) => {
    const life = defaultLife(state.config);
    if (!someGiven && life === undefined) return;
    points.forEach((point, i) => {
      const seconds = given?.[i] ?? life;
      if (seconds !== undefined) point.expires = now + seconds * 1000;
    });
  };
}
