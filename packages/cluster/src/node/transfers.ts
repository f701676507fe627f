/** Changes of a routing: pure functions, which the janitor and operators put in order by `Metadata.reroute`. */
import { VicinalError } from "vicinal/shard";
import type { RoutingRecord, ShardRecord, Transfer } from "./records.js";

export function shardOf({ shards }: RoutingRecord, id: number): ShardRecord {
  const shard = shards.find((one) => one.id === id);
  if (shard) return shard;
  throw new VicinalError("BAD_REQUEST", `There is no shard ${id}`, { shard_id: id });
}

/** A replica is to be made on another node. */
export function withTransfer(routing: RoutingRecord, transfer: Transfer): RoutingRecord {
  const { nodes } = shardOf(routing, transfer.shard);
  const { shard, from, to } = transfer;
  if (!nodes.includes(from)) throw wrong(`Node ${from} has no replica of shard ${shard}`, transfer);
  if (nodes.includes(to)) throw wrong(`Node ${to} has a replica of shard ${shard} already`, transfer);
  return {
    ...routing,
    shards: routing.shards.map((one) => (one.id === shard ? { ...one, nodes: [...one.nodes, to] } : one)),
    transfers: [...(routing.transfers ?? []), transfer],
  };
}

/** The new replica has caught up: the old one goes, unless it is to stay. */
export function withoutTransfer(routing: RoutingRecord, { shard, from, to, keep }: Transfer): RoutingRecord {
  const place = (nodes: string[]) =>
    keep
      ? nodes
      : // In its place, so that the preferred owner stays where it was meant to be.
        nodes.filter((node) => node !== to).map((node) => (node === from ? to : node));
  return {
    ...routing,
    shards: routing.shards.map((one) => (one.id === shard ? { ...one, nodes: place(one.nodes) } : one)),
    transfers: routing.transfers?.filter((one) => one.shard !== shard || one.to !== to),
  };
}

export function aborted(routing: RoutingRecord, shard: number, to: string): RoutingRecord {
  if (!routing.transfers?.some((one) => one.shard === shard && one.to === to))
    throw wrong(`Shard ${shard} is not being moved to ${to}`, { shard, to });
  const left = routing.transfers.filter((one) => one.shard !== shard || one.to !== to);
  return {
    ...routing,
    shards: routing.shards.map((one) =>
      one.id === shard ? { ...one, nodes: one.nodes.filter((node) => node !== to) } : one,
    ),
    transfers: left,
  };
}

export function withoutReplica(routing: RoutingRecord, shard: number, node: string): RoutingRecord {
  const { nodes } = shardOf(routing, shard);
  if (!nodes.includes(node)) throw wrong(`Node ${node} has no replica of shard ${shard}`, { shard, node });
  if (nodes.length === 1) throw wrong(`Node ${node} has the only replica of shard ${shard}`, { shard, node });
  return {
    ...routing,
    shards: routing.shards.map((one) =>
      one.id === shard ? { ...one, nodes: nodes.filter((other) => other !== node) } : one,
    ),
    transfers: routing.transfers?.filter(
      (one) => one.shard !== shard || (one.to !== node && one.from !== node),
    ),
  };
}

function wrong(message: string, details: object): VicinalError {
  return new VicinalError("BAD_REQUEST", message, { ...details });
}
