/**
 * Janitor: one node tidies up for all. It ends transfers whose replica is there, replaces replicas of nodes that stay away,
 * evens out what nodes hold, and deletes what belongs to nobody any more.
 *
 * What it deletes, it decides by linearizable reads after it has seen the object, never by a clock: an object of a life in the
 * cluster that has ended cannot be committed any more, since what the node owned has gone with its lease.
 */
import type { Etcd } from "../etcd/etcd.js";
import { batchPrefix, keys } from "../log/keys.js";
import { type LogEntry, readIndex } from "../log/slices.js";
import type { ObjectStore } from "../store/object-store.js";
import type { ClusterView } from "./cluster-view.js";
import type { Metadata } from "./metadata.js";
import { chosen } from "./placement.js";
import type { RoutingRecord, Transfer } from "./records.js";
import { nextStage, stepsOf } from "./resharding-plan.js";
import { withoutReplica, withoutTransfer, withTransfer } from "./transfers.js";

/** Between two rounds while operations may wait for the next stage. */
const RESHARDING_MS = 50;

export interface JanitorOptions {
  /** Between two rounds. Default 1000. */
  roundMs?: number;
  /** A node that was away for so long is replaced. Default 300,000. */
  replaceAfterMs?: number;
  /** Replicas that are moved at a time, to even out what nodes hold; 0 for never. Default 1. */
  rebalance?: number;
  /** Between two searches for objects that belong to nobody. Default 600,000. */
  sweepMs?: number;
}

interface Home {
  node: string;
  etcd: Etcd;
  store: ObjectStore;
  view: ClusterView;
  metadata: Metadata;
  lease: () => string | undefined;
  log(message: string, details?: object): void;
}

export class Janitor {
  readonly #home: Home;
  readonly #options: Required<JanitorOptions>;
  readonly #goneSince = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #sweptMs = performance.now();
  #closed = false;

  constructor(home: Home, options: JanitorOptions = {}) {
    this.#home = home;
    const { roundMs = 1000, replaceAfterMs = 300_000, rebalance = 1, sweepMs = 600_000 } = options;
    this.#options = { roundMs, replaceAfterMs, rebalance, sweepMs };
    this.#await();
  }

  #await(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#round = this.#work()
          .catch((reason) => this.#home.log("could not tidy up", { reason }))
          .then(() => this.#await());
      },
      this.#isResharding() ? RESHARDING_MS : this.#options.roundMs,
    );
    this.#timer.unref();
  }

  #isResharding(): boolean {
    return [...this.#home.view.routings.values()].some(({ record }) => record.resharding);
  }

  async #work(): Promise<void> {
    if (!(await this.#isMine())) return;
    const { view } = this.#home;
    await view.refresh();
    this.#noteGone();
    for (const [name, { record }] of view.collections) {
      const routing = view.routings.get(record.id)?.record;
      if (!routing) continue;
      for (const transfer of routing.transfers ?? []) await this.#finish(name, record.id, transfer);
      await this.#replace(name, routing);
      await this.#reshard(name, record.id, routing);
    }
    await this.#rebalance();
    await this.#purgeDropped();
    if (performance.now() - this.#sweptMs < this.#options.sweepMs) return;
    this.#sweptMs = performance.now();
    await this.sweep();
  }

  async #isMine(): Promise<boolean> {
    const { etcd, node, lease } = this.#home;
    const id = lease();
    if (this.#closed || id === undefined) return false;
    const found = await etcd.get(keys.janitor);
    if (found) return found.value === node;
    return (
      await etcd.settle(
        [{ key: keys.janitor, absent: true }],
        [{ put: keys.janitor, value: node, lease: id }],
      )
    ).done;
  }

  async #finish(name: string, id: string, transfer: Transfer): Promise<void> {
    const { etcd, metadata, log } = this.#home;
    if (!(await etcd.get(keys.replica(`${id}/${transfer.shard}`, transfer.to)))) return;
    await metadata.reroute(name, (routing) => withoutTransfer(routing, transfer));
    log(`shard ${transfer.shard} of ${name} is on ${transfer.to}`, { from: transfer.from });
  }

  /** From stage to stage, each as soon as all have done their steps. */
  async #reshard(name: string, id: string, routing: RoutingRecord): Promise<void> {
    const { etcd, metadata, log } = this.#home;
    const { resharding } = routing;
    if (!resharding) return;
    for (const { step, shards } of stepsOf(routing))
      for (const shard of shards) {
        const said = await etcd.get(keys.resharding(`${id}/${shard}`, step));
        if (said?.value !== resharding.id) return;
      }
    await metadata.reroute(name, (now) => {
      const isSame = now.resharding?.id === resharding.id && now.resharding.stage === resharding.stage;
      return isSame ? nextStage(now) : now;
    });
    log(`resharding ${name}: ${resharding.stage} is done`);
  }

  #noteGone(): void {
    const { nodes, routings } = this.#home.view;
    const named = new Set(
      [...routings.values()].flatMap(({ record }) => record.shards.flatMap(({ nodes }) => nodes)),
    );
    for (const node of named)
      if (!nodes.has(node) && !this.#goneSince.has(node)) this.#goneSince.set(node, performance.now());
    for (const node of this.#goneSince.keys())
      if (nodes.has(node) || !named.has(node)) this.#goneSince.delete(node);
  }

  /** Placement alone goes by a clock: a node that comes back too late finds its replicas elsewhere. */
  async #replace(name: string, routing: RoutingRecord): Promise<void> {
    const { view, metadata, log } = this.#home;
    const isLost = (node: string) =>
      performance.now() - (this.#goneSince.get(node) ?? Number.POSITIVE_INFINITY) >
      this.#options.replaceAfterMs;
    for (const { id, nodes } of routing.shards)
      for (const lost of nodes.filter(isLost)) {
        const free = [...view.nodes.keys()].filter((node) => !nodes.includes(node));
        const [to] = chosen(`${name}/${id}`, 1, free, loadOf(view));
        if (to !== undefined) {
          await metadata.reroute(name, (routing) => {
            const moved = withTransfer(routing, { shard: id, from: lost, to, keep: true });
            return withoutReplica(moved, id, lost);
          });
          log(`shard ${id} of ${name} gets a replica on ${to}: ${lost} is gone`);
        } else if (nodes.length > 1 && nodes.length > routing.replicationFactor)
          await metadata.reroute(name, (routing) => withoutReplica(routing, id, lost));
      }
  }

  /** One replica from a node with many to one with few, while they differ by two or more. */
  async #rebalance(): Promise<void> {
    const { view, metadata, log } = this.#home;
    const running = [...view.routings.values()].reduce(
      (sum, { record }) => sum + (record.transfers?.length ?? 0),
      0,
    );
    if (running >= this.#options.rebalance) return;
    const load = loadOf(view);
    const counts = [...view.nodes.keys()].map((node) => ({ node, count: load.get(node) ?? 0 }));
    counts.sort((a, b) => a.count - b.count);
    const [least, most] = [counts[0], counts.at(-1)];
    if (!least || !most || most.count - least.count < 2) return;
    for (const [name, { record }] of view.collections) {
      const routing = view.routings.get(record.id)?.record;
      const shard = routing?.shards.find(
        ({ nodes }) => nodes.includes(most.node) && !nodes.includes(least.node),
      );
      if (!shard) continue;
      const transfer = { shard: shard.id, from: most.node, to: least.node, keep: false };
      await metadata.reroute(name, (routing) => withTransfer(routing, transfer));
      log(`moves shard ${shard.id} of ${name} from ${most.node} to ${least.node}`);
      return;
    }
  }

  /** What etcd and the store hold of shards that are no more. */
  async #purgeDropped(): Promise<void> {
    const { etcd, store, view, log } = this.#home;
    const shards: string[] = [];
    // One key of each tells of it; those of thousands of entries need not be read.
    for (let from: string = keys.shards; ; ) {
      const [first] = await etcd.list(keys.shards, { from, limit: 1 });
      if (!first) break;
      const shard = first.key.slice(keys.shards.length).split("/").slice(0, 2).join("/");
      shards.push(shard);
      from = `${keys.shards}${shard}0`;
    }
    await view.refresh();
    for (const shard of shards.filter((shard) => !this.#isKnown(shard))) {
      await etcd.settle([], [{ delete: `${keys.shards}${shard}/`, to: `${keys.shards}${shard}0` }]);
      for await (const { key } of store.list(`shards/${shard}/`)) await store.delete(key);
      log(`deleted what was left of shard ${shard}`);
    }
  }

  /** Whether the shard, by its collection's id and its number, is one as of the last look. */
  #isKnown(shard: string): boolean {
    const [collection, number] = shard.split("/");
    const { view } = this.#home;
    const routing = view.byId(collection) && view.routings.get(collection)?.record;
    return routing?.shards.some(({ id }) => id === Number(number)) ?? false;
  }

  /** Objects that belong to nobody: of collections that are no more, and batches of lives that have ended. */
  async sweep(): Promise<{ deleted: number }> {
    const { etcd, store, view } = this.#home;
    let deleted = 0;
    const seen = new Map<string, string[]>();
    for await (const { key } of store.list("shards/")) {
      const shard = key.split("/").slice(1, 3).join("/");
      seen.set(shard, [...(seen.get(shard) ?? []), key]);
    }
    const batches: string[] = [];
    for await (const { key } of store.list("batches/")) batches.push(key);
    // Looked at after the objects were seen: what is not known now has ended, for it was known before its first object.
    await view.refresh();
    for (const [shard, objects] of seen)
      if (!this.#isKnown(shard))
        for (const key of objects) {
          await store.delete(key);
          deleted++;
        }
    const living = (await etcd.list(keys.nodes)).map(({ created }) => batchPrefix(created));
    for (const key of batches) {
      if (living.some((prefix) => key.startsWith(prefix)) || (await this.#isNeeded(key))) continue;
      await store.delete(key);
      deleted++;
    }
    return { deleted };
  }

  /** Whether a shard's log still has a slice in the object. */
  async #isNeeded(key: string): Promise<boolean> {
    const { etcd, store } = this.#home;
    const object = await store.get(key).catch(() => undefined);
    if (!object) return true;
    for (const { shard, first } of readIndex(object, key)) {
      const entry = await etcd.get(keys.entry(shard, first));
      if (entry && (JSON.parse(entry.value) as LogEntry).object === key) return true;
    }
    return false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#round;
  }
}

/** Replicas by node. */
export function loadOf(view: ClusterView): Map<string, number> {
  const load = new Map<string, number>();
  for (const { record } of view.routings.values())
    for (const { nodes } of record.shards)
      for (const node of nodes) load.set(node, (load.get(node) ?? 0) + 1);
  return load;
}
