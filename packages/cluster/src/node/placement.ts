/** Placement: which nodes hold which shards. Even in numbers; the same for whoever works it out. */
import { createHash } from "node:crypto";
import { VicinalError } from "vicinal/shard";
import type { ShardRecord } from "./records.js";

/**
 * @param factor Replicas of each shard, as far as there are nodes.
 * @param load Replicas that each node has already; changed to what it has then.
 */
export function placed(
  collection: string,
  count: number,
  factor: number,
  nodes: readonly string[],
  load: Map<string, number>,
  first = 0,
): ShardRecord[] {
  if (nodes.length === 0) throw new VicinalError("CLUSTER_UNAVAILABLE", "There is no node in the cluster");
  return Array.from({ length: count }, (_, i) => {
    const id = first + i;
    return { id, nodes: chosen(`${collection}/${id}`, Math.min(factor, nodes.length), nodes, load) };
  });
}

/** The least loaded nodes; among equals by a hash of shard and node, so that owners are spread, too. */
export function chosen(
  shard: string,
  count: number,
  nodes: readonly string[],
  load: Map<string, number>,
): string[] {
  const order = [...nodes].sort(
    (a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || (weight(shard, a) < weight(shard, b) ? -1 : 1),
  );
  const taken = order.slice(0, count);
  for (const node of taken) load.set(node, (load.get(node) ?? 0) + 1);
  return taken;
}

function weight(shard: string, node: string): string {
  return createHash("sha256").update(`${shard} ${node}`).digest("hex");
}
