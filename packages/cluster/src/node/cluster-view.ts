/** ClusterView: what a node knows of the cluster, refreshed when etcd tells of a change, and by itself. */
import { collectionNotFound, VicinalError } from "vicinal/shard";
import type { Etcd } from "../etcd/etcd.js";
import { keys } from "../log/keys.js";
import type { CollectionRecord, Known, NodeRecord, RoutingRecord } from "./records.js";

/** A change may be told of late or not at all. */
const LOOK_MS = 2000;

export class ClusterView {
  readonly #etcd: Etcd;
  nodes: ReadonlyMap<string, NodeRecord> = new Map();
  collections: ReadonlyMap<string, Known<CollectionRecord>> = new Map();
  /** By the collection's id. */
  routings: ReadonlyMap<string, Known<RoutingRecord>> = new Map();
  /** By alias: the collection's name. */
  aliases: Known<Record<string, string>> = { record: {}, changed: 0 };
  #onChange: () => void = () => {};
  #stops: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #isAgain = false;
  #closed = false;

  constructor(etcd: Etcd) {
    this.#etcd = etcd;
  }

  async start(onChange: () => void): Promise<void> {
    this.#onChange = onChange;
    for (const prefix of [keys.nodes, keys.collections, keys.routings, keys.aliases])
      this.#stops.push(this.#etcd.watch(prefix, () => void this.refresh().catch(() => {})));
    await this.refresh();
    this.#await();
  }

  #await(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.refresh()
        .catch(() => {})
        .then(() => this.#await());
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** Resolves when all is known that was there at the call. */
  async refresh(): Promise<void> {
    if (this.#running) {
      this.#isAgain = true;
      return this.#running;
    }
    this.#running = (async () => {
      do {
        this.#isAgain = false;
        await this.#load();
      } while (this.#isAgain && !this.#closed);
    })().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #load(): Promise<void> {
    // A collection is made with its routing in one transaction: read later, the routing is there.
    const [nodes, collections, aliases] = await Promise.all([
      this.#etcd.list(keys.nodes),
      this.#etcd.list(keys.collections),
      this.#etcd.get(keys.aliases),
    ]);
    const routings = await this.#etcd.list(keys.routings);
    const before = this.#summary();
    this.nodes = new Map(nodes.map(({ key, value }) => [key.slice(keys.nodes.length), JSON.parse(value)]));
    this.collections = new Map(
      collections.map(({ key, value, changed }) => [
        key.slice(keys.collections.length),
        { record: JSON.parse(value), changed },
      ]),
    );
    this.routings = new Map(
      routings.map(({ key, value, changed }) => [
        key.slice(keys.routings.length),
        { record: JSON.parse(value), changed },
      ]),
    );
    this.aliases = aliases
      ? { record: JSON.parse(aliases.value), changed: aliases.changed }
      : { record: {}, changed: 0 };
    if (this.#summary() !== before && !this.#closed) this.#onChange();
  }

  #summary(): string {
    const changes = (known: ReadonlyMap<string, { changed: number }>) =>
      [...known].map(([name, { changed }]) => `${name}:${changed}`).join();
    return [
      [...this.nodes.keys()].join(),
      changes(this.collections),
      changes(this.routings),
      this.aliases.changed,
    ].join(";");
  }

  /** A collection's own name, where an alias is given. */
  resolve(name: string): string {
    return Object.hasOwn(this.aliases.record, name) ? this.aliases.record[name] : name;
  }

  /** By its name or an alias; looks again before it says COLLECTION_NOT_FOUND. */
  async find(
    name: string,
  ): Promise<{ name: string; collection: Known<CollectionRecord>; routing: Known<RoutingRecord> }> {
    const found = this.#find(name);
    if (found) return found;
    await this.refresh();
    const again = this.#find(name);
    if (again) return again;
    throw collectionNotFound(name);
  }

  #find(given: string) {
    const name = this.resolve(given);
    const collection = this.collections.get(name);
    const routing = collection && this.routings.get(collection.record.id);
    return collection && routing ? { name, collection, routing } : undefined;
  }

  byId(id: string): Known<CollectionRecord> | undefined {
    return [...this.collections.values()].find(({ record }) => record.id === id);
  }

  url(node: string): string {
    const record = this.nodes.get(node);
    if (record) return record.url;
    throw new VicinalError("SHARD_UNAVAILABLE", `Node ${node} is not in the cluster now`, { node });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }
}
