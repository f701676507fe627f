/** A replica that becomes the owner goes on with what it has in memory, and what it writes then is what everybody reads. */
import { MemoryDirectory } from "vicinal/shard";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterEngine } from "../engine/cluster-engine.js";
import { Link } from "../faults/link.test.helper.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode } from "./cluster-node.js";

describe.skipIf(!hasEtcd)("a replica that becomes the owner", () => {
  let processes: LocalEtcd;
  const store = new MemoryStore();
  const links = new Map<string, Link>();
  const nodes = new Map<string, ClusterNode>();
  /** What nodes say of owning. */
  const owned: { node: string; from: string }[] = [];
  beforeAll(async () => {
    processes = await LocalEtcd.start();
    for (const name of ["a", "b"]) await join(name);
  });
  afterAll(async () => {
    for (const link of links.values()) link.cut = "none";
    await Promise.all([...nodes.values()].map((node) => node.close()));
    for (const link of links.values()) link.close();
    await processes.stop();
  });

  async function join(name: string): Promise<void> {
    const link = await Link.open(Number(processes.hosts[0].split(":")[1]));
    links.set(name, link);
    const node = await ClusterNode.start({
      node: name,
      url: `http://${name}`,
      etcd: { hosts: [`127.0.0.1:${link.port}`], timeoutMs: 500 },
      janitor: { rebalance: 0 },
      recallCheckShare: 0,
      log: (message, details = {}) => {
        if (process.env.VICINAL_LOG) console.log(message, details);
        if (message.includes("owns shard")) owned.push({ node: name, ...(details as { from: string }) });
      },
      cache: await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 30),
    });
    node.transport = { call: async (to, ...call) => (nodes.get(to) as ClusterNode).run(...call) };
    nodes.set(name, node);
  }

  test("keeps its memory, and loses nothing of it", { timeout: 60_000 }, async () => {
    const held = (node: ClusterNode) => [...node.shards.values()][0];
    const [first] = nodes.values();
    await new ClusterEngine(first).createCollection("c", {
      vectors: { size: 4, distance: "Euclid" },
      optimizers_config: { indexing_threshold: 1 },
      shard_number: 1,
      replication_factor: 2,
    });
    const model = new Map<number, number>();
    const change = async (node: ClusterNode, round: number) => {
      const engine = new ClusterEngine(node);
      const points = Array.from({ length: 100 }, (_, i) => ({
        id: (round * 37 + i) % 500,
        vector: [round, i, 0, 1],
        payload: { n: round },
      }));
      await engine.upsert("c", { points });
      for (const { id } of points) model.set(id, round);
      const gone = [round * 3, round * 5 + 100];
      await engine.delete("c", { points: gone });
      for (const id of gone) model.delete(id);
    };
    const check = async (node: ClusterNode) => {
      const strong = new ClusterEngine(node).forRequest({ consistency: "all" });
      const { points } = await strong.scroll("c", { limit: 10_000, with_payload: true });
      const text = (bytes: unknown) => new TextDecoder().decode((bytes as { bytes: Uint8Array }).bytes);
      const found = points.map(({ id, payload }) => [Number(id), JSON.parse(text(payload)).n]);
      expect(found).toEqual([...model].sort(([a], [b]) => a - b));
    };
    const both = () => [...nodes.values()].map((node) => held(node)?.role).sort();
    await expect.poll(both, { timeout: 10_000 }).toEqual(["owner", "replica"]);
    const [owner, replica] = [...nodes.values()].sort((one) => (held(one).role === "owner" ? -1 : 1));
    for (let round = 0; round < 5; round++) await change(owner, round);
    await held(owner).collection.optimizer.settle({ everything: true });
    // Behind the files: what the log alone holds.
    for (let round = 5; round < 8; round++) await change(owner, round);
    await check(replica);
    // Its own word: the other may have answered in its place.
    await held(replica).reach(held(owner).sequence);

    const { state } = held(replica).collection;
    const batches: string[] = [];
    const get = store.get.bind(store);
    store.get = async (key, range) => {
      if (key.startsWith("batches/")) batches.push(key);
      return get(key, range);
    };
    owned.length = 0;
    (links.get(owner.name) as Link).cut = "both";
    await expect.poll(() => held(replica).role, { timeout: 15_000 }).toBe("owner");
    expect(held(replica).collection.state).toBe(state);
    await expect.poll(() => owned).toMatchObject([{ node: replica.name, from: "memory" }]);
    expect(batches, "slices of the log that were read again").toEqual([]);
    for (let round = 8; round < 12; round++) await change(replica, round);
    await held(replica).collection.optimizer.settle({ everything: true });
    for (let round = 12; round < 14; round++) await change(replica, round);
    await check(replica);

    // Who was cut off follows, and takes over when the other leaves in good order.
    (links.get(owner.name) as Link).cut = "none";
    await expect.poll(both, { timeout: 15_000 }).toEqual(["owner", "replica"]);
    await check(owner);
    nodes.delete(replica.name);
    await replica.close();
    await expect.poll(() => held(owner).role, { timeout: 15_000 }).toBe("owner");
    await change(owner, 14);
    await held(owner).collection.optimizer.settle({ everything: true });
    await check(owner);
    // All of it lies in the store.
    nodes.delete(owner.name);
    await owner.close();
    await join("d");
    const third = nodes.get("d") as ClusterNode;
    await third.metadata.reroute("c", (routing) => ({
      ...routing,
      shards: routing.shards.map((shard) => ({ ...shard, nodes: ["d"] })),
    }));
    await expect.poll(() => held(third)?.role, { timeout: 15_000 }).toBe("owner");
    await expect.poll(() => owned.at(-1)).toMatchObject({ node: "d", from: "files" });
    await check(third);
  });
});
