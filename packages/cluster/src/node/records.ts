/** What the cluster knows of its collections and nodes: the values in etcd, and how they are read. */
import type { CollectionConfig } from "vicinal/shard";

export interface NodeRecord {
  /** Where the node answers the others: `http://10.0.0.7:6335`. */
  url: string;
  /** A number for those whose nodes have numbers. */
  peer: number;
}

/** A change of a collection's configuration, in the order of all. */
export interface ConfigChange {
  number: number;
  operation: string;
  args: unknown[];
}

export interface CollectionRecord {
  /** Never used again. */
  id: string;
  /** As it is with all changes. */
  config: CollectionConfig;
  /** Number of the last change. */
  changed: number;
  /** Those that some shard may not have made yet. */
  changes: ConfigChange[];
}

export interface ShardRecord {
  id: number;
  key?: string | number;
  /** In order of preference as owner. */
  nodes: string[];
  /** On its way in or out: points are not routed to the one yet, and still to the other. One of a key may wait for its points. */
  change?: "joining" | "leaving";
}

export interface Transfer {
  shard: number;
  from: string;
  to: string;
  /** Whether `from` stays a replica. */
  keep: boolean;
}

export type ReshardingRecord = { id: string; stage: "copy" | "cut" | "clean" } & (
  | {
      direction: "up" | "down";
      /** The one that comes or goes. */
      shard: number;
      key?: string | number;
    }
  | {
      /** What the filter (JSON) finds of the points of one key gets shards of its own, those of `key`. */
      direction: "promote";
      from: string | number;
      key: string | number;
      filter: string;
    }
);

export interface RoutingRecord {
  shards: ShardRecord[];
  /** Replicas that every shard should have. */
  replicationFactor: number;
  /** A write's answer waits for so many of them. */
  writeConsistency: number;
  /** Points are put into shards by the sender's keys. */
  custom: boolean;
  /** Replicas that are being made; `from` is left by its node once they are there. */
  transfers?: Transfer[];
  /** Numbers of shards are never used again. */
  nextShard: number;
  /** See resharding.ts. */
  resharding?: ReshardingRecord;
}

export interface Known<T> {
  record: T;
  /** Revision of the last change. */
  changed: number;
}
