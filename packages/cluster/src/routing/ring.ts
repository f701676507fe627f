/** The shards among which points are spread: all of a collection, or those of a key. */
import type { PointId } from "vicinal/shard";
import type { RoutingRecord, ShardRecord } from "../node/records.js";
import { hashOf, placeOf } from "./points.js";

/** Numbers, ascending. @param target As they are once the resharding that is under way is done. */
export function ringOf(
  { shards }: Pick<RoutingRecord, "shards">,
  key?: string | number,
  target = false,
): number[] {
  const gone: ShardRecord["change"] = target ? "leaving" : "joining";
  return shards
    .filter((shard) => shard.key === key && shard.change !== gone)
    .map(({ id }) => id)
    .sort((a, b) => a - b);
}

export function shardOfPoint(id: PointId, ring: readonly number[]): number {
  return ring[placeOf(hashOf(id), ring)];
}
