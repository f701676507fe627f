/** A client reads its own writes from any replica by the token of the write's answer. */
import { MemoryDirectory } from "vicinal/shard";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterEngine } from "../engine/cluster-engine.js";
import { Link } from "../faults/link.test.helper.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode } from "./cluster-node.js";

describe.skipIf(!hasEtcd)("a replica that lags", () => {
  let processes: LocalEtcd;
  const store = new MemoryStore();
  const links = new Map<string, Link>();
  const nodes = new Map<string, ClusterNode>();
  beforeAll(async () => {
    processes = await LocalEtcd.start();
    for (const name of ["a", "b"]) {
      const link = await Link.open(Number(processes.hosts[0].split(":")[1]));
      links.set(name, link);
      const node = await ClusterNode.start({
        node: name,
        url: `http://${name}`,
        etcd: { hosts: [`127.0.0.1:${link.port}`] },
        // It stays in the cluster while it is cut off.
        lease: { ttlSeconds: 60 },
        janitor: { rebalance: 0 },
        recallCheckShare: 0,
        cache: await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 30),
      });
      node.transport = {
        call: async (to, ...call) => (nodes.get(to) as ClusterNode).run(...call),
      };
      nodes.set(name, node);
    }
  });
  afterAll(async () => {
    for (const link of links.values()) link.cut = "none";
    await Promise.all([...nodes.values()].map((node) => node.close()));
    for (const link of links.values()) link.close();
    await processes.stop();
  });

  test("answers what it has, and by a token what was written", { timeout: 30_000 }, async () => {
    const [a] = nodes.values();
    const vectors = { size: 2, distance: "Dot" } as const;
    await new ClusterEngine(a).createCollection("c", { vectors, shard_number: 1, replication_factor: 2 });
    const held = (node: ClusterNode) => [...node.shards.values()][0];
    await expect
      .poll(() => [...nodes.values()].map((node) => held(node)?.role).sort(), { timeout: 10_000 })
      .toEqual(["owner", "replica"]);
    const [owner, replica] = [...nodes.values()].sort((one) => (held(one).role === "owner" ? -1 : 1));

    let token = "";
    const onSequence = (given: string) => {
      token = given;
    };
    const writer = new ClusterEngine(owner);
    const upsert = (id: number, minSequence?: string) =>
      writer.forRequest({ onSequence, minSequence }).upsert("c", { points: [{ id, vector: [id, 1] }] });
    const reader = new ClusterEngine(replica);
    const count = async (minSequence?: string) =>
      (await reader.forRequest({ minSequence }).count("c", {})).count;
    await upsert(1);
    expect(await count(token)).toBe(1);

    (links.get(replica.name) as Link).cut = "both";
    const earlier = token;
    await upsert(2, token);
    await upsert(3, token);
    expect(await count()).toBe(1);
    expect(await count(earlier)).toBe(1);
    // The other replica has it, and is asked when this one does not answer soon.
    expect(await count(token)).toBe(3);
    const { collection } = await replica.view.find("c");
    const target = { collection: collection.record.id, shard: 0 };
    const minSequence = held(owner).sequence;
    const alone = replica.run(target, "count", [{}], { minSequence, timeoutMs: 200 });
    await expect(alone).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });

    // Where the replica alone is there, it answers when it has caught up.
    const waiting = replica.run(target, "count", [{}], { minSequence });
    (links.get(replica.name) as Link).cut = "none";
    expect(await waiting).toEqual({ count: 3 });
  });

  test("every write of points tells where it was put; what is no token is refused", async () => {
    const [node] = nodes.values();
    const engine = new ClusterEngine(node);
    const vectors = { size: 2, distance: "Dot" } as const;
    await engine.createCollection("d", { vectors, shard_number: 3 });
    const tokens: string[] = [];
    const told = engine.forRequest({ onSequence: (token) => tokens.push(token) });
    const points = Array.from({ length: 30 }, (_, id) => ({ id, vector: [id, 1] }));
    await told.upsert("d", { points });
    await told.setPayload("d", { payload: { a: 1 }, points: [0, 1, 2] });
    await told.batchUpdate("d", { operations: [{ delete: { points: [5] } }] } as never);
    await told.putBlob("d", 1, "note", { type: "text/plain", bytes: Buffer.from("x") });
    await told.delete("d", { points: [3] });
    expect(tokens).toHaveLength(5);
    expect(tokens[0]).toMatch(/^\w+~\w+:\d=1\.\d=1\.\d=1$/);
    for (const token of tokens) {
      const { count } = await engine.forRequest({ minSequence: token }).count("d", {});
      expect(count).toBeGreaterThanOrEqual(28);
    }
    const { collection } = await node.view.find("d");
    const bad = () => engine.forRequest({ minSequence: `${collection.record.id}:7` });
    expect(bad).toThrow(expect.objectContaining({ code: "BAD_REQUEST" }));
  });
});
