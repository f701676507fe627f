/** What an engine of several nodes does beside the operations of every engine. */
import type { ClusterOperation, CreateShardingKey, DropShardingKey } from "./schema/index.js";

/** A node as the others see it, and what it holds. */
export interface ClusterShardStatus {
  collection: string;
  shard_id: number;
  shard_key?: string | number | bigint;
  /** Node that takes the writes; absent while there is none. */
  owner?: string;
  /** Number of the owner's ownership: greater than that of every owner before. */
  epoch?: number;
  /** Last write that was acknowledged. */
  sequence: number;
  replicas: {
    node: string;
    state: "opening" | "replica" | "owner" | "stopped" | "unreachable";
    /** Writes that it has yet to see; absent where it does not answer. */
    lag?: number;
    failure?: string;
    /** Why the node's cache cannot take anything: it reads from the object store. */
    disk_full?: string;
  }[];
}

/** A member of the etcd that orders the cluster's writes. */
export interface EtcdMemberStatus {
  host: string;
  /** Why it does not answer; leader and bytes are absent then. */
  failure?: string;
  leader?: boolean;
  /** Of its database file, and what of them is in use. */
  bytes?: number;
  bytes_in_use?: number;
  alarms: ("NOSPACE" | "CORRUPT")[];
}

export interface ClusterStatus {
  /** The node that answers. */
  node: string;
  peer_id: number;
  peers: { node: string; peer_id: number; uri: string }[];
  shards: ClusterShardStatus[];
  etcd: EtcdMemberStatus[];
  /** What is wrong, in plain words, and what to do. Empty where all is well. */
  problems: string[];
}

/** A shard that the node itself holds. */
export interface HeldShardStatus {
  collection: string;
  shard_id: number;
  role: "opening" | "replica" | "owner" | "stopped";
  /** Where the node owns it. */
  epoch?: number;
  /** Last write that reads here see. */
  sequence: number;
  /** Acknowledged writes that they do not see yet. */
  lag: number;
}

export interface ClusterApi {
  status(): Promise<ClusterStatus>;
  /** What this node holds, without asking the others. */
  held(): Promise<HeldShardStatus[]>;
  /** The members of etcd, each asked by itself. */
  etcd(): Promise<EtcdMemberStatus[]>;
  /** BAD_REQUEST where the cluster is not so that it can be done. Answers when it is under way, or done where it is quick. */
  updateCollection(name: string, body: ClusterOperation): Promise<boolean>;
  createShardKey(name: string, body: CreateShardingKey): Promise<boolean>;
  deleteShardKey(name: string, body: DropShardingKey): Promise<boolean>;
  /** Takes a node's replicas away from it. BAD_REQUEST where it holds the only ones, unless `force`. */
  removePeer(peer: number, force: boolean): Promise<boolean>;
}
