/** Three members of etcd and some nodes, each a process, with a folder for a store; and calls to whoever owns a shard. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ClusterView,
  Etcd,
  HttpTransport,
  hashOf,
  keys,
  LocalEtcd,
  Metadata,
  placeOf,
} from "@vicinal/cluster";

export interface NodeCounts {
  cpuSeconds: number;
  counts: { transactions: number; objects: number; bytes: number; slices: number };
}

export class BenchCluster {
  readonly folder = mkdtempSync(join(tmpdir(), "vicinal-bench-cluster-"));
  readonly #nodes = new Map<string, ChildProcess>();
  #caches = 0;

  private constructor(
    readonly members: LocalEtcd,
    readonly etcd: Etcd,
    readonly view: ClusterView,
    readonly metadata: Metadata,
    readonly transport: HttpTransport,
  ) {}

  static async start(names: readonly string[]): Promise<BenchCluster> {
    const members = await LocalEtcd.start(3);
    const etcd = new Etcd({ hosts: members.hosts });
    const view = new ClusterView(etcd);
    await view.start(() => {});
    const metadata = new Metadata(etcd, view);
    const cluster = new BenchCluster(
      members,
      etcd,
      view,
      metadata,
      new HttpTransport((node) => view.url(node)),
    );
    for (const name of names) await cluster.launch(name);
    await view.refresh();
    return cluster;
  }

  get names(): string[] {
    return [...this.#nodes.keys()];
  }

  /** With an empty cache. */
  async launch(node: string): Promise<void> {
    const options = {
      node,
      etcd: { hosts: this.members.hosts },
      store: `dir:${join(this.folder, "store")}`,
      cache: { folder: join(this.folder, `${node}-${this.#caches++}`) },
      recallCheckShare: 0,
      // Replicas stay where they are put.
      janitor: { rebalance: 0 },
    };
    const child = fork(new URL("./node.js", import.meta.url), [JSON.stringify(options)]);
    this.#nodes.set(node, child);
    await once(child, "message");
  }

  async kill(node: string): Promise<void> {
    const child = this.#nodes.get(node);
    if (!child) return;
    this.#nodes.delete(node);
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async counts(): Promise<NodeCounts[]> {
    return Promise.all(
      [...this.#nodes.values()].map(async (child) => {
        child.send("count");
        const [counts] = await once(child, "message");
        return counts as NodeCounts;
      }),
    );
  }

  /** Made, and each shard with an owner. */
  async create(name: string, body: Record<string, unknown>): Promise<{ id: string; shards: number[] }> {
    await this.metadata.createCollection(name, body);
    const { collection, routing } = await this.view.find(name);
    const { id } = collection.record;
    const shards = routing.record.shards.map((shard) => shard.id);
    for (const shard of shards) await this.owner(id, shard);
    return { id, shards };
  }

  async owner(collection: string, shard: number): Promise<string> {
    for (;;) {
      const owner = await this.etcd.get(keys.owner(`${collection}/${shard}`));
      // It says that it is ready by its replica's key.
      if (owner && (await this.etcd.get(keys.replica(`${collection}/${shard}`, owner.value))))
        return owner.value;
      await sleep(10);
    }
  }

  /** Shards of ids. */
  static place(id: number, shards: readonly number[]): number {
    return shards[placeOf(hashOf(id), shards)];
  }

  async stop(): Promise<void> {
    for (const node of this.names) await this.kill(node);
    this.transport.close();
    this.view.close();
    this.etcd.close();
    await this.members.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
