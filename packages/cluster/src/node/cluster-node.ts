/**
 * ClusterNode: one process of the cluster. It is known by a leased key, holds the shards that the routing gives it, and runs
 * operations on them for whoever asks, here or over the network.
 */

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineApi, ScopedEngine } from "vicinal/protocol";
import {
  type BlobRange,
  type CollectionConfig,
  Engine,
  type OptimizerOptions,
  type ReadyHooks,
  RecallWatch,
  Resources,
  termCounts,
  throwIfCancelled,
  underStrictMode,
  VicinalError,
} from "vicinal/shard";
import { Etcd, type EtcdOptions } from "../etcd/etcd.js";
import { Lease, type LeaseOptions } from "../etcd/lease.js";
import { type EtcdMember, EtcdMembers } from "../etcd/members.js";
import { Committer } from "../log/committer.js";
import { keys } from "../log/keys.js";
import type { ObjectCache } from "../store/object-cache.js";
import { ClusterView } from "./cluster-view.js";
import { EtcdKeeper, type EtcdKeeperOptions, problemsOfEtcd } from "./etcd-keeper.js";
import { HeldShard, type ShardHost } from "./held-shard.js";
import { Janitor, type JanitorOptions } from "./janitor.js";
import { Metadata } from "./metadata.js";
import type { ConfigChange, NodeRecord, RoutingRecord } from "./records.js";
import { ReshardingTask } from "./resharding.js";
import { isPaused } from "./resharding-plan.js";
import { ShardCatalogue } from "./shard-catalogue.js";
import type { CallOptions, Transport } from "./transport.js";

export interface ClusterNodeOptions {
  /** A name that no other node has; letters, digits, `.`, `_` and `-`. It stays with the node's cache. */
  node: string;
  /** Where the others reach it. */
  url: string;
  etcd: EtcdOptions;
  /** Over the store that all nodes share. */
  cache: ObjectCache;
  lease?: LeaseOptions;
  janitor?: JanitorOptions;
  etcdKeeper?: EtcdKeeperOptions;
  optimizer?: OptimizerOptions;
  /** As of `open`. */
  recallCheckShare?: number;
  hooks?: ReadyHooks;
  /** Folder of the cache, for the quotas. */
  folder?: string;
  log?: (message: string, details?: object) => void;
}

/** Operations that only the owner of a shard does. */
const writes: ReadonlySet<string> = new Set([
  "upsert",
  "delete",
  "updateVectors",
  "deleteVectors",
  "setPayload",
  "overwritePayload",
  "deletePayload",
  "clearPayload",
  "batchUpdate",
  "putBlob",
  "deleteBlob",
]);

const LOST_RETRY_MS = 500;
const DEFAULT_TIMEOUT_MS = 60_000;

/** What a shard on this node is asked beside the engine's operations. */
type ShardOperation = (shard: HeldShard, args: readonly unknown[], signal: AbortSignal) => Promise<unknown>;

export class ClusterNode {
  readonly name: string;
  readonly etcd: Etcd;
  /** Each by itself. */
  readonly members: EtcdMembers;
  readonly view: ClusterView;
  readonly metadata: Metadata;
  readonly #options: ClusterNodeOptions;
  readonly #catalogue: ShardCatalogue;
  readonly #engine: ScopedEngine & { close(): Promise<void> };
  readonly #resources: Resources;
  #lease: Lease | undefined;
  #committer: Committer | undefined;
  #epoch = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #janitor: Janitor | undefined;
  #keeper: EtcdKeeper | undefined;
  /** By shard: its part in a resharding. */
  readonly #tasks = new Map<string, { id: string; epoch: number; task: ReshardingTask }>();
  #closed = false;
  /** Asks other nodes; set by whoever connects them. */
  transport: Transport | undefined;

  private constructor(options: ClusterNodeOptions) {
    this.#options = options;
    this.name = options.node;
    this.etcd = new Etcd(options.etcd);
    this.members = new EtcdMembers(options.etcd);
    this.view = new ClusterView(this.etcd);
    this.metadata = new Metadata(this.etcd, this.view);
    this.#catalogue = new ShardCatalogue(options.folder);
    this.#resources = new Resources(options.optimizer);
    const share = options.recallCheckShare ?? 0.01;
    const watch = share > 0 ? new RecallWatch(share) : undefined;
    this.#engine = underStrictMode(new Engine(this.#catalogue, watch, options.hooks), this.#catalogue);
  }

  /** Joins the cluster. CLUSTER_UNAVAILABLE; NODE_EXISTS where another node of that name is in it. */
  static async start(options: ClusterNodeOptions): Promise<ClusterNode> {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(options.node))
      throw new VicinalError(
        "BAD_REQUEST",
        `A node's name has 1 to 64 letters, digits, ., _ and -, got ${options.node}`,
        {
          field: "node",
        },
      );
    const node = new ClusterNode(options);
    try {
      await node.#join();
      await node.view.start(() => node.#reconcile());
      node.#reconcile();
      const { name, etcd, view, metadata } = node;
      const lease = () => node.#lease?.id;
      const log = (message: string, details?: object) => node.#log(message, details);
      node.#janitor = new Janitor(
        { node: name, etcd, store: options.cache.store, view, metadata, lease, log },
        options.janitor,
      );
      node.#keeper = new EtcdKeeper({ node: name, members: node.members, view, log }, options.etcdKeeper);
      return node;
    } catch (reason) {
      await node.close().catch(() => {});
      throw reason;
    }
  }

  /** Of this life in the cluster: greater than that of every life before. */
  get epoch(): number {
    return this.#epoch;
  }

  get shards(): ReadonlyMap<string, HeldShard> {
    return this.#catalogue.shards;
  }

  get counts(): Committer["counts"] {
    return (this.#committer as Committer).counts;
  }

  async #join(): Promise<void> {
    const { etcd: options, lease: leaseOptions, node, url } = this.#options;
    const lease = await Lease.grant(options, leaseOptions);
    this.#lease = lease;
    const value: NodeRecord = { url, peer: peerOf(node) };
    const key = keys.node(node);
    // The key of an earlier life stays until its lease ends.
    const patienceMs = ((leaseOptions?.ttlSeconds ?? 2) + 3) * 1000;
    for (const end = performance.now() + patienceMs; ; await sleep(200)) {
      const put = { put: key, value: JSON.stringify(value), lease: lease.id };
      const answer = await this.etcd.settle([{ key, absent: true }], [put], [key]);
      if (answer.done) {
        this.#epoch = answer.revision;
        break;
      }
      if (performance.now() > end)
        throw new VicinalError(
          "ADDRESS_UNAVAILABLE",
          `Another node called ${node} is in the cluster (${answer.found[0]?.value})`,
          {
            node,
          },
        );
    }
    this.#committer = new Committer({
      etcd: this.etcd,
      store: this.#options.cache.store,
      epoch: this.#epoch,
    });
    lease.onLost = (reason) => {
      lease.onLost = () => {};
      void this.#rejoin(reason);
    };
  }

  /** The lease has gone, and with it all that this node owned. */
  async #rejoin(reason: string): Promise<void> {
    this.#log("was taken for dead and joins anew", { reason });
    await this.#inTurn(async () => {
      await this.#leaveAll();
      while (!this.#closed)
        try {
          await this.#lease?.close();
          await this.#join();
          break;
        } catch (failure) {
          this.#log("cannot join", { reason: failure });
          await sleep(LOST_RETRY_MS);
        }
    });
    this.#reconcile();
  }

  async #leaveAll(): Promise<void> {
    await this.#catalogue.close();
    await this.#committer?.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Begins to hold what the routing gives this node, and leaves what it takes. */
  #reconcile(): void {
    void this.#inTurn(async () => {
      if (this.#closed) return;
      const mine = new Set<string>();
      for (const { record } of this.view.collections.values())
        for (const { id, nodes } of this.view.routings.get(record.id)?.record.shards ?? [])
          if (nodes.includes(this.name)) mine.add(`${record.id}/${id}`);
      const { shards } = this.#catalogue;
      for (const [name, shard] of [...shards]) {
        if (mine.has(name)) continue;
        // First its files are saved for who comes next; nobody is told of it meanwhile.
        shards.delete(name);
        await shard.close();
      }
      for (const name of mine) {
        const shard = shards.get(name);
        if (shard) {
          shard.poke();
          continue;
        }
        const held = new HeldShard(name, this.#host());
        shards.set(name, held);
        held.start();
      }
      for (const shard of shards.values())
        if (shard.role === "owner") {
          await this.#applyChanges(shard).catch(() => {});
          this.#reshard(shard);
        }
    }).catch((reason) => this.#log("cannot follow the routing", { reason }));
  }

  #host(): ShardHost {
    const { cache } = this.#options;
    const { name, etcd, view } = this;
    return {
      node: name,
      etcd,
      cache,
      committer: this.#committer as Committer,
      resources: this.#resources,
      lease: (this.#lease as Lease).id,
      routing: (collection) => {
        const routing = view.routings.get(collection);
        return routing && { changed: routing.changed, nodes: (shard) => nodesOf(routing.record, shard) };
      },
      config: (collection): CollectionConfig | undefined => view.byId(collection)?.record.config,
      isAlive: (node) => view.nodes.has(node),
      isResharding: (collection) => view.routings.get(collection)?.record.resharding !== undefined,
      onOwner: async (shard) => {
        await this.#applyChanges(shard);
        this.#reshard(shard);
      },
      log: (message, details) => this.#log(message, details),
    };
  }

  /** What was changed of the collection goes through the shard's log, each change once. */
  async #applyChanges(shard: HeldShard): Promise<void> {
    const changes: readonly ConfigChange[] = this.view.byId(shard.collectionId)?.record.changes ?? [];
    for (const { number, operation, args } of changes) {
      const engine = this.#engine.forRequest({ operationId: `change-${number}` });
      try {
        await method(engine, operation)(shard.shard, ...args);
      } catch (reason) {
        // It was tried before it was put in order: a shard that was made since has it.
        if (!(reason instanceof VicinalError) || reason.status >= 500) throw reason;
      }
    }
  }

  /** Begins the shard's part in a resharding, unless that is under way. */
  #reshard(shard: HeldShard): void {
    const { view, etcd } = this;
    const routing = (collection: string) => view.routings.get(collection)?.record;
    const resharding = routing(shard.collectionId)?.resharding;
    const running = this.#tasks.get(shard.shard);
    const { epoch } = shard;
    if (running && (running.id !== resharding?.id || running.epoch !== epoch)) {
      running.task.end();
      this.#tasks.delete(shard.shard);
    }
    if (!resharding || epoch === undefined || this.#tasks.has(shard.shard)) return;
    const log = (message: string, details?: object) => this.#log(message, details);
    const home = { etcd, store: this.#options.cache.store, routing, log };
    const task = new ReshardingTask(shard, home, resharding.id);
    const entry = { id: resharding.id, epoch, task };
    this.#tasks.set(shard.shard, entry);
    task.run().catch((reason) => {
      // Whoever owns the shard then begins anew.
      this.#log(`has stopped resharding ${shard.shard}`, { reason });
      if (this.#tasks.get(shard.shard) === entry) this.#tasks.delete(shard.shard);
      if (!this.#closed) setTimeout(() => this.#reconcile(), LOST_RETRY_MS).unref();
    });
  }

  readonly #shardOperations: Readonly<Record<string, ShardOperation>> = {
    /** Answers when the shard has seen the write of that number. */
    reach: async (shard, [sequence], signal) => {
      await shard.reach(sequence as number, signal);
      return shard.sequence;
    },
    /** Answers when the owner has made all changes up to that number. */
    change: async (shard, [number]) => {
      if ((this.view.byId(shard.collectionId)?.record.changed ?? 0) < (number as number))
        await this.view.refresh();
      shard.checkOwner();
      await this.#applyChanges(shard);
      return true;
    },
    status: async (shard) => ({
      role: shard.role,
      sequence: shard.sequence,
      hash: shard.hash,
      failure: shard.failure instanceof Error ? shard.failure.message : undefined,
      full: (await this.#options.cache.whyFull())?.message,
      points: shard.isReadable ? shard.collection.state.pointCount : undefined,
    }),
  };

  /**
   * Runs an operation on a shard that this node holds. NOT_OWNER, ROUTING_CHANGED, SHARD_UNAVAILABLE: the sender looks again
   * and sends it once more.
   */
  async run(
    { collection, shard: number }: { collection: string; shard: number },
    operation: string,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<unknown> {
    const name = `${collection}/${number}`;
    const shard = this.#catalogue.shards.get(name);
    if (!shard)
      throw new VicinalError("SHARD_UNAVAILABLE", `${this.name} does not hold shard ${name}`, {
        shard: name,
      });
    const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const own = Object.hasOwn(this.#shardOperations, operation)
      ? this.#shardOperations[operation]
      : undefined;
    if (own) return own(shard, args, signal);
    const isWrite = writes.has(operation);
    if (!isWrite) await shard.reach(options.strong ? await shard.head() : (options.minSequence ?? 0), signal);
    const { operationId, termCounts: counts } = options;
    // Once a write is begun, it is done.
    const engine = this.#engine.forRequest(isWrite ? { operationId } : { signal, termCounts: counts });
    const result = await this.#using(shard, signal, async () => {
      if (!isWrite) throwIfCancelled(options.signal);
      await this.#checkRouting(collection, options.routing);
      if (isWrite) shard.checkOwner();
      if (operation === "blob") return this.#blob(name, args);
      if (operation === "termCounts") {
        const [using, terms, idf] = args as [string, number[], Parameters<typeof termCounts>[3]];
        return termCounts(shard.collection.state, using, terms, idf);
      }
      return method(engine, operation)(name, ...args);
    }).catch((reason) => {
      const isCancelled = reason instanceof VicinalError && reason.code === "CANCELLED";
      if (!isCancelled || !timeout.aborted || options.signal?.aborted) throw reason;
      throw new VicinalError("SHARD_UNAVAILABLE", `Shard ${name} took too long to answer`, { shard: name });
    });
    if (isWrite) await this.#replicated(shard, result, signal);
    return result;
  }

  /** Whole, since calls do not stream. */
  async #blob(name: string, [id, blob, range]: readonly unknown[]): Promise<object> {
    const { bytes, ...rest } = await this.#engine.getBlob(
      name,
      id,
      blob as string,
      range as BlobRange | undefined,
    );
    const parts: Uint8Array[] = [];
    for await (const part of bytes) parts.push(part);
    return { ...rest, bytes: new Uint8Array(Buffer.concat(parts)) };
  }

  /** Waits while points are on their way from one shard to another: a moment. */
  async #enter(shard: HeldShard, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      // First it enters, then it looks: whoever waits for all to leave has changed the routing before.
      const leave = shard.users.enter();
      const routing = this.view.routings.get(shard.collectionId)?.record;
      if (!routing || !isPaused(routing)) return leave;
      leave();
      if (signal.aborted)
        throw new VicinalError("SHARD_UNAVAILABLE", `Points of shard ${shard.shard} are being moved`, {
          shard: shard.shard,
        });
      await sleep(20);
    }
  }

  /** A replica may begin anew meanwhile; what an operation needs then of files that have gone, the next attempt finds. */
  async #using(shard: HeldShard, signal: AbortSignal, run: () => Promise<unknown>): Promise<unknown> {
    const leave = await this.#enter(shard, signal);
    try {
      return await run();
    } catch (reason) {
      const gone = reason instanceof VicinalError && reason.code === "FILE_NOT_FOUND";
      if (!gone || shard.role !== "replica") throw reason;
      await shard.reach(shard.sequence + 1, AbortSignal.timeout(200)).catch(() => {});
      return run();
    } finally {
      leave();
    }
  }

  async #checkRouting(collection: string, expected: string | undefined): Promise<void> {
    const known = () => String(this.view.routings.get(collection)?.changed);
    if (expected === undefined || known() === expected) return;
    await this.view.refresh();
    if (known() === expected) return;
    throw new VicinalError("ROUTING_CHANGED", `The shards of ${collection} have changed`, { collection });
  }

  /** The answer waits until so many replicas have it as the collection asks for. */
  async #replicated(shard: HeldShard, result: unknown, signal: AbortSignal): Promise<void> {
    const routing = this.view.routings.get(shard.collectionId)?.record;
    const wanted = (routing?.writeConsistency ?? 1) - 1;
    if (wanted <= 0 || !routing || !this.transport) return;
    const results = [result].flat() as { operation_id?: number }[];
    const sequence = Math.max(0, ...results.map(({ operation_id }) => operation_id ?? 0));
    const others = nodesOf(routing, shard.shard).filter((node) => node !== this.name);
    const number = Number(shard.shard.slice(shard.shard.indexOf("/") + 1));
    const target = { collection: shard.collectionId, shard: number };
    const ended = new AbortController();
    const asked = AbortSignal.any([signal, ended.signal]);
    const reached: string[] = [];
    await new Promise<void>((resolve) => {
      let open = others.length;
      for (const node of others)
        this.transport?.call(node, target, "reach", [sequence], { signal: asked }).then(
          () => {
            reached.push(node);
            if (reached.length >= wanted || --open === 0) resolve();
          },
          () => {
            if (--open === 0) resolve();
          },
        );
      if (open === 0) resolve();
    });
    ended.abort();
    if (reached.length >= wanted) return;
    const lagging = others.filter((node) => !reached.includes(node));
    throw new VicinalError(
      "SHARD_UNAVAILABLE",
      `The write ${sequence} to shard ${shard.shard} is committed, but only ${reached.length + 1} of ${wanted + 1} replicas have it; behind: ${lagging.join(", ")}`,
      { shard: shard.shard, sequence, committed: true, lagging },
    );
  }

  /** The same here or on another node. */
  async ask(
    node: string,
    target: { collection: string; shard: number },
    operation: string,
    args: readonly unknown[],
    options?: CallOptions,
  ): Promise<unknown> {
    if (node === this.name) return this.run(target, operation, args, options);
    if (!this.transport)
      throw new VicinalError("SHARD_UNAVAILABLE", `Nobody connects ${this.name} to ${node}`, { node });
    return this.transport.call(node, target, operation, args, options);
  }

  /** etcd's members, and what is wrong with them. */
  async lookAtEtcd(): Promise<{ members: EtcdMember[]; problems: string[] }> {
    const members = await this.members.look();
    return { members, problems: problemsOfEtcd(members, this.#options.etcd.quotaBytes) };
  }

  /** What quotas and telemetry of this node say. */
  get local(): EngineApi {
    return this.#engine;
  }

  #log(message: string, details: object = {}): void {
    this.#options.log?.(`${this.name} ${message}`, details);
  }

  /** Saves what the shards hold, hands them over, and leaves the cluster. The store stays open. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#janitor?.close(), this.#keeper?.close()]);
    this.view.close();
    await this.#turn;
    await this.#engine.close();
    await this.#committer?.close();
    await this.#lease?.close();
    this.members.close();
    this.etcd.close();
  }
}

function nodesOf({ shards }: RoutingRecord, shard: string): readonly string[] {
  const number = Number(shard.slice(shard.indexOf("/") + 1));
  return shards.find(({ id }) => id === number)?.nodes ?? [];
}

function method(engine: EngineApi, operation: string): (...args: unknown[]) => Promise<unknown> {
  const found = (engine as unknown as Record<string, unknown>)[operation];
  if (typeof found !== "function")
    throw new VicinalError("BAD_REQUEST", `There is no operation ${operation}`, { operation });
  return (found as (...args: unknown[]) => Promise<unknown>).bind(engine);
}

/** A number of 53 bits. */
export function peerOf(node: string): number {
  return Number.parseInt(createHash("sha256").update(node).digest("hex").slice(0, 13), 16);
}
