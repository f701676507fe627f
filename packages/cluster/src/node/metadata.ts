/**
 * Metadata: changes of what collections there are and how they are set up. All go through etcd, each on the condition that
 * nothing has changed since it was decided, so that every node agrees on their order.
 *
 * A change of a collection's configuration is first tried on an empty collection of that configuration, which says what is wrong
 * with it; then it is put in order; then the owner of each shard makes it, through the shard's own log.
 */
import { randomBytes } from "node:crypto";
import * as schema from "vicinal/protocol";
import {
  Aliases,
  Collection,
  type CollectionConfig,
  collectionConfig,
  collectionExists,
  Engine,
  VicinalError,
} from "vicinal/shard";
import type { Condition, Etcd } from "../etcd/etcd.js";
import { keys } from "../log/keys.js";
import type { ClusterView } from "./cluster-view.js";
import { loadOf } from "./janitor.js";
import { placed } from "./placement.js";
import type { CollectionRecord, RoutingRecord } from "./records.js";
import { SingleCatalogue } from "./single-catalogue.js";

/** Somebody else was faster so often. */
const ATTEMPTS = 20;

export class Metadata {
  readonly #etcd: Etcd;
  readonly #view: ClusterView;

  constructor(etcd: Etcd, view: ClusterView) {
    this.#etcd = etcd;
    this.#view = view;
  }

  async createCollection(name: string, body: unknown): Promise<boolean> {
    schema.parseCollectionName(name);
    const request = schema.createCollection.parse(body);
    const config = collectionConfig(request);
    await this.#view.refresh();
    if (this.#view.collections.has(name)) throw collectionExists(name);
    if (this.#view.resolve(name) !== name) throw nameIsAlias(name);
    const nodes = [...this.#view.nodes.keys()].sort();
    const factor = request.replication_factor ?? 1;
    const consistency = request.write_consistency_factor ?? 1;
    if (consistency > factor)
      throw new VicinalError(
        "BAD_REQUEST",
        `write_consistency_factor: ${consistency} replicas are more than the replication_factor of ${factor}`,
        { path: "write_consistency_factor" },
      );
    const custom = request.sharding_method === "custom";
    const count = custom ? 0 : (request.shard_number ?? Math.max(1, nodes.length));
    const id = randomBytes(8).toString("hex");
    const routing: RoutingRecord = {
      shards: placed(id, count, factor, nodes, loadOf(this.#view)),
      replicationFactor: factor,
      writeConsistency: consistency,
      custom,
      nextShard: count,
    };
    const record: CollectionRecord = {
      id,
      config: { ...config, other: { ...config.other, ...(custom ? {} : { shard_number: count }) } },
      changed: 0,
      changes: [],
    };
    const answer = await this.#etcd.settle(
      [{ key: keys.collection(name), absent: true }],
      [
        { put: keys.collection(name), value: JSON.stringify(record) },
        { put: keys.routing(id), value: JSON.stringify(routing) },
      ],
      [keys.collection(name)],
    );
    const mine = answer.done || (JSON.parse(answer.found[0]?.value ?? "{}") as CollectionRecord).id === id;
    if (!mine) throw collectionExists(name);
    await this.#view.refresh();
    return true;
  }

  /** The log, the files and the aliases of the collection go with it. */
  async deleteCollection(name: string): Promise<boolean> {
    await this.#view.refresh();
    const known = this.#view.collections.get(name);
    if (!known) return false;
    const { id } = known.record;
    const { record, changed } = this.#view.aliases;
    const left = Object.fromEntries(Object.entries(record).filter(([, target]) => target !== name));
    const conditions: Condition[] = [{ key: keys.collection(name), changed: known.changed }];
    const isNamed = Object.keys(left).length < Object.keys(record).length;
    if (isNamed) conditions.push({ key: keys.aliases, changed });
    const answer = await this.#etcd.settle(conditions, [
      { delete: keys.collection(name) },
      { delete: keys.routing(id) },
      ...(isNamed ? [{ put: keys.aliases, value: JSON.stringify(left) }] : []),
    ]);
    // Changed meanwhile: once more, or gone by a first try whose answer was lost.
    if (!answer.done) return (await this.deleteCollection(name)) || true;
    await this.#view.refresh();
    return true;
  }

  async changeAliases(body: unknown): Promise<boolean> {
    const { actions } = schema.changeAliases.parse(body);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      await this.#view.refresh();
      const { record, changed } = this.#view.aliases;
      const aliases = new Aliases(Object.entries(record));
      const made = aliases.changed(actions, (name) => this.#view.collections.has(name));
      const condition: Condition =
        changed === 0 ? { key: keys.aliases, absent: true } : { key: keys.aliases, changed };
      const value = JSON.stringify(Object.fromEntries(made.list()));
      const answer = await this.#etcd.settle([condition], [{ put: keys.aliases, value }], [keys.aliases]);
      if (answer.done || answer.found[0]?.value === value) {
        await this.#view.refresh();
        return true;
      }
    }
    throw busy("aliases");
  }

  /** Puts a change of the configuration in order; returns its number. Its errors are those of the operation. */
  async change(given: string, operation: string, args: readonly unknown[]): Promise<number> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { name, collection } = await this.#view.find(given);
      const { record, changed } = collection;
      const config = await tried(record.config, operation, args);
      const number = record.changed + 1;
      const next: CollectionRecord = {
        ...record,
        config,
        changed: number,
        changes: [...record.changes, { number, operation, args: [...args] }],
      };
      const key = keys.collection(name);
      const value = JSON.stringify(next);
      const answer = await this.#etcd.settle([{ key, changed }], [{ put: key, value }], [key]);
      await this.#view.refresh();
      if (answer.done || answer.found[0]?.value === value) return number;
    }
    throw busy(given);
  }

  /** All shards have made the changes up to that number: nobody needs them any more. Best effort. */
  async forget(given: string, upTo: number): Promise<void> {
    const { name, collection } = await this.#view.find(given);
    const { record, changed } = collection;
    const changes = record.changes.filter(({ number }) => number > upTo);
    if (changes.length === record.changes.length) return;
    const key = keys.collection(name);
    await this.#etcd.settle(
      [{ key, changed }],
      [{ put: key, value: JSON.stringify({ ...record, changes }) }],
    );
    await this.#view.refresh();
  }

  /** Changes how points are routed; `make` is asked again where somebody else was faster, and throws where it cannot be. */
  async reroute(given: string, make: (routing: RoutingRecord) => RoutingRecord): Promise<number> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      await this.#view.refresh();
      const { routing, collection } = await this.#view.find(given);
      const key = keys.routing(collection.record.id);
      const value = JSON.stringify(make(structuredClone(routing.record)));
      const answer = await this.#etcd.settle(
        [{ key, changed: routing.changed }],
        [{ put: key, value }],
        [key],
      );
      await this.#view.refresh();
      if (answer.done) return answer.revision;
      if (answer.found[0]?.value === value) return answer.found[0].changed;
    }
    throw busy(given);
  }
}

/** The configuration as the operation makes it, on an empty collection. */
async function tried(
  config: CollectionConfig,
  operation: string,
  args: readonly unknown[],
): Promise<CollectionConfig> {
  const collection = await Collection.create(undefined, structuredClone(config), { epoch: 1 });
  try {
    const engine = new Engine(new SingleCatalogue(collection));
    await (engine as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[operation](
      "c",
      ...args,
    );
    return collection.state.config;
  } finally {
    await collection.close();
  }
}

function busy(what: string): VicinalError {
  return new VicinalError("BUSY", `Others change ${what} all the time; try again`, { name: what });
}

function nameIsAlias(name: string): VicinalError {
  return new VicinalError(
    "BAD_REQUEST",
    `Can't create collection with name ${name}. Alias with the same name already exists`,
    { name },
  );
}
