/** Requests of clusters: where shards lie, and how many there are. */
import {
  array,
  boolean,
  choice,
  type Infer,
  named,
  object,
  optional,
  string,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { shardKey } from "./common.js";
import { filter } from "./filter.js";

const transfer = {
  shard_id: unsigned(),
  from_peer_id: unsigned(),
  to_peer_id: unsigned(),
  method: optional(string()),
};

const placement = optional(array(unsigned()));

export const createShardingKey = named(
  "CreateShardingKey",
  object({
    shard_key: shardKey,
    shards_number: optional(unsigned({ min: 1 })),
    replication_factor: optional(unsigned({ min: 1 })),
    placement,
    initial_state: optional(string()),
  }),
);
export type CreateShardingKey = Infer<typeof createShardingKey>;

export const dropShardingKey = named("DropShardingKey", object({ shard_key: shardKey }));
export type DropShardingKey = Infer<typeof dropShardingKey>;

export const clusterOperation = named(
  "ClusterOperations",
  union(
    object({ move_shard: named("MoveShard", object(transfer)) }),
    object({ replicate_shard: named("ReplicateShard", object(transfer)) }),
    object({ abort_transfer: named("AbortShardTransfer", object(transfer)) }),
    object({ drop_replica: named("Replica", object({ shard_id: unsigned(), peer_id: unsigned() })) }),
    object({ create_sharding_key: createShardingKey }),
    object({ drop_sharding_key: dropShardingKey }),
    object({
      start_resharding: named(
        "StartResharding",
        object({
          direction: choice("up", "down"),
          peer_id: optional(unsigned()),
          shard_key: optional(shardKey),
          uuid: optional(string()),
        }),
      ),
    }),
    object({ abort_resharding: object({}) }),
    object({
      replicate_points: named(
        "ReplicatePoints",
        object({ from_shard_key: shardKey, to_shard_key: shardKey, filter: optional(filter) }),
      ),
    }),
  ),
);
export type ClusterOperation = Infer<typeof clusterOperation>;

export const removePeerParameters = object({ force: optional(boolean()), timeout: optional(unsigned()) });
