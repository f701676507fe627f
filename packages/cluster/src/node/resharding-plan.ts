/**
 * Where points go when their shards change, as changes of a routing: pure functions, which operators and the janitor put in order by
 * `Metadata.reroute`. Who does the steps is in resharding.ts.
 */
import { randomBytes } from "node:crypto";
import { VicinalError } from "vicinal/shard";
import { ringOf } from "../routing/ring.js";
import { placed } from "./placement.js";
import type { ReshardingRecord, RoutingRecord, ShardRecord } from "./records.js";

type Key = string | number;

export type Resharding =
  | { start: "up" | "down"; key?: Key }
  /** What of the one key's points the filter (JSON) finds goes to the shards of the other, which wait for it. */
  | { promote: { from: Key; to: Key; filter: string } }
  | { abort: true };

/** BAD_REQUEST where it cannot begin, or there is none to abort. */
export function resharded(
  routing: RoutingRecord,
  operation: Resharding,
  home: { collection: string; nodes: readonly string[]; load: Map<string, number> },
): RoutingRecord {
  if ("abort" in operation) return aborted(routing);
  if (routing.resharding) throw wrong("Resharding is under way already");
  const id = randomBytes(4).toString("hex");
  if ("promote" in operation) return promoting(routing, id, operation.promote);
  const { start: direction, key } = operation;
  const ring = ringOf(routing, key);
  if (ring.length === 0)
    throw wrong(
      key === undefined ? "The collection has shard keys: say which" : `There is no shard key ${key}`,
    );
  if (direction === "up") {
    const { collection, nodes, load } = home;
    const [made] = placed(collection, 1, routing.replicationFactor, nodes, load, routing.nextShard);
    return {
      ...routing,
      shards: [...routing.shards, { ...made, ...(key === undefined ? {} : { key }), change: "joining" }],
      nextShard: routing.nextShard + 1,
      resharding: { id, direction, shard: made.id, key, stage: "copy" },
    };
  }
  if (ring.length === 1) throw wrong("The last shard cannot go");
  const shard = ring[ring.length - 1];
  return {
    ...routing,
    shards: routing.shards.map((one) => (one.id === shard ? { ...one, change: "leaving" } : one)),
    resharding: { id, direction, shard, key, stage: "copy" },
  };
}

function promoting(
  routing: RoutingRecord,
  id: string,
  { from, to, filter }: { from: Key; to: Key; filter: string },
): RoutingRecord {
  if (!routing.custom) throw wrong("Points are promoted where the sharding_method is custom");
  if (ringOf(routing, from).length === 0) throw wrong(`There is no shard key ${from}`, "from_shard_key");
  const shards = routing.shards.filter(({ key }) => key === to);
  if (shards.length === 0 || shards.some(({ change }) => change !== "joining"))
    throw wrong(
      `The shard key ${to} ${shards.length === 0 ? "does not exist" : "is in use"}: create it with the initial_state Partial, so that points go to the fallback until theirs are there`,
      "to_shard_key",
    );
  return { ...routing, resharding: { id, direction: "promote", from, key: to, filter, stage: "copy" } };
}

function aborted(routing: RoutingRecord): RoutingRecord {
  const { resharding, ...rest } = routing;
  if (!resharding) throw wrong("There is no resharding under way");
  if (resharding.stage !== "copy") throw wrong("The resharding is nearly done");
  // The shards of a key wait for another promotion; what they have taken, its beginning deletes.
  if (resharding.direction === "promote") return rest;
  const { shard, direction } = resharding;
  return {
    ...rest,
    shards:
      direction === "up"
        ? rest.shards.filter(({ id }) => id !== shard)
        : rest.shards.map((one) => (one.id === shard ? settled(one) : one)),
  };
}

function settled({ change: _, ...shard }: ShardRecord): ShardRecord {
  return shard;
}

function wrong(message: string, field?: string): VicinalError {
  return new VicinalError("BAD_REQUEST", message, field === undefined ? {} : { field });
}

/** Which shards give points, and which take them; the others of the collection have no part in it. */
export function partsOf(
  { shards }: Pick<RoutingRecord, "shards">,
  resharding: ReshardingRecord,
): { givers: number[]; takers: number[] } {
  const numbers = (key: Key | undefined) => shards.filter((one) => one.key === key).map(({ id }) => id);
  const { direction, key } = resharding;
  if (direction === "promote") return { givers: numbers(resharding.from), takers: numbers(key) };
  const { shard } = resharding;
  const others = numbers(key).filter((id) => id !== shard);
  return direction === "up" ? { givers: others, takers: [shard] } : { givers: [shard], takers: others };
}

/** The steps of a stage, and what follows when all are done. */
export function stepsOf(routing: RoutingRecord): { step: string; shards: number[] }[] {
  const { resharding } = routing;
  if (!resharding) return [];
  const { givers, takers } = partsOf(routing, resharding);
  const isDown = resharding.direction === "down";
  if (resharding.stage === "copy") return isDown ? [] : [{ step: "copied", shards: takers }];
  if (resharding.stage === "cut")
    return [
      { step: "frozen", shards: givers },
      { step: "taken", shards: takers },
    ];
  return isDown ? [] : [{ step: "cleaned", shards: givers }];
}

export function nextStage(routing: RoutingRecord): RoutingRecord {
  const { resharding, ...rest } = routing;
  if (!resharding) return routing;
  if (resharding.stage === "copy") return { ...routing, resharding: { ...resharding, stage: "cut" } };
  if (resharding.stage === "cut") return { ...routing, resharding: { ...resharding, stage: "clean" } };
  const { takers } = partsOf(routing, resharding);
  return {
    ...rest,
    shards: routing.shards
      .filter(({ change }) => change !== "leaving")
      .map((shard) => (takers.includes(shard.id) ? settled(shard) : shard)),
  };
}

/** Whether every operation has to wait. */
export function isPaused({ resharding }: RoutingRecord): boolean {
  return resharding !== undefined && resharding.stage !== "copy";
}
