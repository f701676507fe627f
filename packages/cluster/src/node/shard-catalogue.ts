/** The shards that a node holds, as its engine sees them: collections named `<collection's id>/<number>`. */
import {
  type Collection,
  type Collections,
  collectionNotFound,
  type Directory,
  Quotas,
  VicinalError,
} from "vicinal/shard";
import type { HeldShard } from "./held-shard.js";

export class ShardCatalogue implements Collections {
  readonly quotas: Quotas;
  readonly shards = new Map<string, HeldShard>();

  /** @param folder Where the node caches files, for its quotas. */
  constructor(folder: string | undefined) {
    this.quotas = new Quotas(folder);
  }

  /** Undefined: nothing lies in files of the node's own. */
  get home(): Directory | undefined {
    return undefined;
  }

  names(): string[] {
    return [...this.shards.keys()];
  }

  has(name: string): boolean {
    return this.shards.has(name);
  }

  resolve(name: string): string {
    return name;
  }

  nameOf(name: string): string {
    this.get(name);
    return name;
  }

  get(name: string): Collection {
    const shard = this.shards.get(name);
    if (!shard) throw collectionNotFound(name);
    const { collection } = shard;
    collection.expire();
    return collection;
  }

  find(name: string): Collection | undefined {
    const shard = this.shards.get(name);
    return shard?.isReadable ? this.get(name) : undefined;
  }

  setAside(): { name: string; folder: number; reason: unknown }[] {
    return [...this.shards].flatMap(([name, { failure }]) =>
      failure === undefined ? [] : [{ name, folder: 0, reason: failure }],
    );
  }

  aliases(): [string, string][] {
    return [];
  }

  async refresh(): Promise<void> {}

  async changeAliases(): Promise<void> {
    throw ofTheCluster();
  }

  async changeQuotas(config: Quotas["config"]): Promise<void> {
    this.quotas.config = config;
  }

  async create(): Promise<Collection> {
    throw ofTheCluster();
  }

  async delete(): Promise<boolean> {
    throw ofTheCluster();
  }

  async stage(): Promise<never> {
    throw ofTheCluster();
  }

  async unstage(): Promise<void> {}

  async openFolder(): Promise<Collection> {
    throw ofTheCluster();
  }

  async replace(): Promise<void> {
    throw ofTheCluster();
  }

  async close(): Promise<void> {
    await Promise.all([...this.shards.values()].map((shard) => shard.close()));
    this.shards.clear();
  }
}

function ofTheCluster(): VicinalError {
  return new VicinalError("UNSUPPORTED", "A node does not change what shards there are: the cluster does");
}
