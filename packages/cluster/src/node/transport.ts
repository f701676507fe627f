/** Transport: how an operation gets to a shard of another node. */
import type { TermCounts } from "vicinal/shard";

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
  /** See RequestScope. */
  termCounts?: TermCounts;
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
