/** Nodes whose disks have no room left go on: sealing, uploading, following and taking over; the status says what is wrong. */
import { MemoryDirectory } from "vicinal/shard";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterEngine } from "../engine/cluster-engine.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { FullDisk } from "../store/full-directory.test.helper.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode } from "./cluster-node.js";

const COUNT = 600;

describe.skipIf(!hasEtcd)("nodes whose disks are full", () => {
  let processes: LocalEtcd;
  const store = new MemoryStore();
  const disks = new Map<string, FullDisk>();
  const nodes = new Map<string, ClusterNode>();
  beforeAll(async () => {
    processes = await LocalEtcd.start();
    for (const name of ["a", "b"]) {
      const disk = new FullDisk();
      disk.isFull = true;
      disks.set(name, disk);
      const node = await ClusterNode.start({
        node: name,
        url: `http://${name}`,
        etcd: { hosts: processes.hosts },
        janitor: { rebalance: 0 },
        recallCheckShare: 0,
        cache: await ObjectCache.open(store, disk.over(MemoryDirectory.empty()), 2 ** 30),
      });
      node.transport = { call: async (to, ...call) => (nodes.get(to) as ClusterNode).run(...call) };
      nodes.set(name, node);
    }
  });
  afterAll(async () => {
    await Promise.all([...nodes.values()].map((node) => node.close()));
    await processes.stop();
  });

  test("lose nothing, and say so", { timeout: 30_000 }, async () => {
    const [a, b] = nodes.values();
    const engine = new ClusterEngine(a);
    await engine.createCollection("c", {
      vectors: { size: 4, distance: "Euclid" },
      optimizers_config: { indexing_threshold: 1 },
      shard_number: 1,
      replication_factor: 2,
    });
    const write = (from: number) =>
      engine.upsert("c", {
        points: Array.from({ length: 100 }, (_, i) => ({ id: from + i, vector: [from + i, 0, 0, 1] })),
      });
    for (let from = 0; from < COUNT; from += 100) await write(from);
    const held = (node: ClusterNode) => [...node.shards.values()][0];
    const [owner, other] = held(a).role === "owner" ? [a, b] : [b, a];
    await held(owner).collection.optimizer.settle({ everything: true });
    expect(disks.get(owner.name)?.refused).toBeGreaterThan(0);
    const objects = async () => {
      let count = 0;
      for await (const _ of store.list("shards/")) count++;
      return count;
    };
    expect(await objects(), "objects that the owner has uploaded").toBeGreaterThan(2);
    // Opened from those objects, range by range.
    await expect.poll(() => disks.get(other.name)?.refused, { timeout: 10_000 }).toBeGreaterThan(0);
    const { problems } = await engine.cluster.status();
    expect(problems).toEqual(
      expect.arrayContaining(
        [owner, other].map(({ name }) =>
          expect.stringMatching(`disk of node ${name} is full .*No room left`),
        ),
      ),
    );

    nodes.delete(owner.name);
    await owner.close();
    const rest = new ClusterEngine(other);
    await rest.upsert("c", { points: [{ id: 9999, vector: [9999, 0, 0, 1] }] });
    const { points } = await rest.scroll("c", { limit: 10_000 });
    const ids = points.map(({ id }) => Number(id));
    expect(ids.slice(0, COUNT)).toEqual(Array.from({ length: COUNT }, (_, id) => id));
    const near = await rest.query("c", { query: [42, 0, 0, 1], limit: 1 });
    expect(near.points[0].id).toBe(42);

    (disks.get(other.name) as FullDisk).isFull = false;
    await expect
      .poll(async () => (await rest.cluster.status()).problems.filter((one) => one.includes("disk")), {
        timeout: 10_000,
      })
      .toEqual([]);
  });
});
