/** Topology: which collections there are, how their points are spread over shards, and which nodes hold those. */

export interface Shard {
  readonly id: number;
  /** Of custom sharding: points of this key lie in the shards that have it. */
  readonly key?: string | number;
  /** Who hold it and can be read. */
  readonly nodes: readonly string[];
  /** Who takes its writes; undefined while nobody does. */
  readonly owner: string | undefined;
}

export interface Routing {
  readonly collection: string;
  /** Changes whenever points may lie elsewhere than before. */
  readonly version: string;
  readonly shards: readonly Shard[];
}

export interface Topology {
  /** This node's own name. */
  readonly node: string;
  /** By its name or an alias. COLLECTION_NOT_FOUND */
  routing(collection: string): Promise<Routing>;
}

export interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  /** The answer has seen at least this write of the shard. */
  minSequence?: number;
  /** The answer has seen every write that was acknowledged before the call. */
  strong?: boolean;
  /** The routing's version by which the shard was chosen: ROUTING_CHANGED where it is another. */
  routing?: string;
  /** What a write is called; see RequestScope. */
  operationId?: string;
}

/** Runs an operation of the engine on one shard, here or on another node. */
export interface Transport {
  call(
    node: string,
    target: { collection: string; shard: number },
    operation: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): Promise<unknown>;
}
