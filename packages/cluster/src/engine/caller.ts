/**
 * Caller: how an operation gets to a shard. A write goes to the shard's owner, under a name, until it is answered: whoever owned the
 * shard may have gone, and what came of it is found by asking again. A read goes to one replica, and to another one where the first
 * takes longer than nearly all did lately (Dean and Barroso, The tail at scale, 2013), or does not answer.
 */
import { throwIfCancelled, VicinalError } from "vicinal/shard";
import { pause } from "../etcd/etcd.js";
import { keys } from "../log/keys.js";
import type { ClusterNode } from "../node/cluster-node.js";
import type { CallOptions } from "../node/transport.js";

export interface Target {
  /** The collection's id. */
  collection: string;
  shard: number;
}

export interface ReadOptions extends Omit<CallOptions, "operationId"> {}

/** After these another node, or the same a moment later, may do it. */
const passing = new Set([
  "NOT_OWNER",
  "SHARD_UNAVAILABLE",
  "FENCED",
  "UNKNOWN_OUTCOME",
  "CLUSTER_UNAVAILABLE",
  "CLOSED",
  "WRITES_REFUSED",
]);

export const WRITE_TIMEOUT_MS = 30_000;
/** Calls whose times are remembered. */
const REMEMBERED = 256;
const HEDGE_MS_MIN = 5;
const HEDGE_SHARE = 0.95;

export class Caller {
  readonly #node: ClusterNode;
  /** By shard: as of the last answer. */
  readonly #owners = new Map<string, string>();
  readonly #times: number[] = [];
  #hedgeMs = 50;
  #next = 0;
  /** Second replicas that were asked. */
  hedges = 0;

  constructor(node: ClusterNode) {
    this.#node = node;
  }

  /** ROUTING_CHANGED: nothing was done. SHARD_UNAVAILABLE: not in time. */
  async write(
    target: Target,
    operation: string,
    args: readonly unknown[],
    options: CallOptions,
  ): Promise<unknown> {
    const { timeoutMs = WRITE_TIMEOUT_MS } = options;
    const end = performance.now() + timeoutMs;
    const shard = `${target.collection}/${target.shard}`;
    for (let attempt = 1; ; attempt++) {
      try {
        const owner = this.#owners.get(shard) ?? (await this.#owner(shard));
        return await this.#node.ask(owner, target, operation, args, {
          ...options,
          timeoutMs: Math.ceil(Math.max(100, end - performance.now())),
        });
      } catch (reason) {
        this.#owners.delete(shard);
        const passes =
          reason instanceof VicinalError && passing.has(reason.code) && !reason.details.committed;
        if (!passes || performance.now() > end || options.signal?.aborted) throw reason;
        await pause(Math.min(attempt * 25, 250));
      }
    }
  }

  async #owner(shard: string): Promise<string> {
    const owner = await this.#node.etcd.get(keys.owner(shard));
    if (!owner)
      throw new VicinalError("SHARD_UNAVAILABLE", `Nobody takes the writes of shard ${shard} now`, { shard });
    this.#owners.set(shard, owner.value);
    return owner.value;
  }

  /** SHARD_UNAVAILABLE where none of the replicas answers in time; CANCELLED. */
  async read(
    target: Target,
    nodes: readonly string[],
    operation: string,
    args: readonly unknown[],
    options: ReadOptions = {},
  ): Promise<unknown> {
    const candidates = this.#inOrder(nodes);
    const { timeoutMs = 30_000 } = options;
    const end = performance.now() + timeoutMs;
    let failure: unknown = new VicinalError(
      "SHARD_UNAVAILABLE",
      `No node of shard ${target.collection}/${target.shard} is in the cluster`,
    );
    for (let round = 0; ; round++) {
      for (let i = 0; i < candidates.length; i++) {
        try {
          const others = [candidates[i], ...candidates.slice(i + 1, i + 2)];
          return await this.#hedged(target, others, operation, args, options);
        } catch (reason) {
          if (!(reason instanceof VicinalError) || !passing.has(reason.code)) throw reason;
          throwIfCancelled(options.signal);
          failure = reason;
          if (performance.now() > end) throw reason;
        }
      }
      // A shard is between two owners for a moment.
      if (performance.now() > end || round > 100) throw failure;
      await pause(Math.min(25 * (round + 1), 250));
    }
  }

  /** This node first, then by turns those that are alive, then the others. */
  #inOrder(nodes: readonly string[]): string[] {
    const turn = this.#next++;
    const turned = nodes.map((_, i) => nodes[(i + turn) % nodes.length]);
    const rank = (node: string) => (node === this.#node.name ? 0 : this.#node.view.nodes.has(node) ? 1 : 2);
    return turned.sort((a, b) => rank(a) - rank(b));
  }

  /** The first good answer; the other call is ended. */
  async #hedged(
    target: Target,
    [first, second]: readonly string[],
    operation: string,
    args: readonly unknown[],
    options: ReadOptions,
  ): Promise<unknown> {
    const ended = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;
    const ask = async (node: string) => {
      const began = performance.now();
      const answer = await this.#node.ask(node, target, operation, args, { ...options, signal });
      this.#remember(performance.now() - began);
      return answer;
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const asked = ask(first);
      if (second === undefined) return await asked;
      const later = new Promise<unknown>((resolve, reject) => {
        timer = setTimeout(() => {
          this.hedges++;
          ask(second).then(resolve, reject);
        }, this.#hedgeMs);
      });
      later.catch(() => {});
      // One that fails before the other was asked is the caller's to replace.
      return await Promise.race([asked, later.catch(() => asked)]);
    } finally {
      clearTimeout(timer);
      ended.abort();
    }
  }

  #remember(ms: number): void {
    this.#times.push(ms);
    if (this.#times.length < REMEMBERED) return;
    const sorted = this.#times.splice(0).sort((a, b) => a - b);
    this.#hedgeMs = Math.max(HEDGE_MS_MIN, sorted[Math.floor(REMEMBERED * HEDGE_SHARE)]);
  }
}
