/** Nodes in one process, over an etcd, with a memory for a store: owners, replicas, and what happens when one goes. */

import { MemoryDirectory } from "vicinal/shard";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pause } from "../etcd/etcd.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { ringOf, shardOfPoint } from "../routing/ring.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode, peerOf } from "./cluster-node.js";
import type { JanitorOptions } from "./janitor.js";
import { ClusterOperations } from "./operations.js";

describe.skipIf(!hasEtcd)("nodes", () => {
  let processes: LocalEtcd;
  let store: MemoryStore;
  let nodes: ClusterNode[];
  let cluster = 0;
  beforeAll(async () => {
    processes = await LocalEtcd.start();
  });
  afterAll(() => processes.stop());
  beforeEach(() => {
    store = new MemoryStore();
    nodes = [];
    cluster++;
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
  });

  async function join(name: string, janitor: JanitorOptions = {}): Promise<ClusterNode> {
    const node = await ClusterNode.start({
      janitor: { roundMs: 100, rebalance: 0, ...janitor },
      node: name,
      url: `http://${name}`,
      etcd: { hosts: processes.hosts, name: `c${cluster}` },
      recallCheckShare: 0,
      log: process.env.VICINAL_LOG ? console.log : undefined,
      cache: await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 30),
    });
    node.transport = {
      call: async (to, target, operation, args, options) =>
        (nodes.find(({ name }) => name === to) as ClusterNode).run(target, operation, args, options),
    };
    nodes.push(node);
    return node;
  }

  /** Until it holds, or fails with what it says last. */
  async function eventually<T>(look: () => Promise<T> | T, wait = 10_000): Promise<T> {
    for (const end = Date.now() + wait; ; await pause(20))
      try {
        return await look();
      } catch (reason) {
        if (Date.now() > end) throw reason;
      }
  }

  const target = async (name = "c", shard = 0) => {
    const { collection } = await nodes[0].view.find(name);
    return { collection: collection.record.id, shard };
  };

  const ownerOf = (shard = 0) =>
    eventually(() => {
      const owner = nodes.find((node) =>
        [...node.shards].some(([name, held]) => name.endsWith(`/${shard}`) && held.role === "owner"),
      );
      if (!owner) throw new Error(`shard ${shard} has no owner`);
      return owner;
    });

  const points = (...ids: number[]) => ({
    points: ids.map((id) => ({ id, vector: [id, 1], payload: { n: id } })),
  });
  const counted = async (node: ClusterNode, options = {}) =>
    ((await node.run(await target(), "count", [{}], options)) as { count: number }).count;

  test("a shard gets an owner; replicas see what it writes", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.metadata.createCollection("c", {
      vectors: { size: 2, distance: "Dot" },
      shard_number: 1,
      replication_factor: 2,
    });
    const owner = await ownerOf();
    const replica = owner === a ? b : a;
    const result = (await owner.run(await target(), "upsert", [points(1, 2, 3)])) as { operation_id: number };
    expect(await counted(owner)).toBe(3);
    expect(await eventually(() => counted(replica, { minSequence: result.operation_id }))).toBe(3);
    await expect(replica.run(await target(), "upsert", [points(4)])).rejects.toMatchObject({
      code: "NOT_OWNER",
    });
    for (let n = 4; n < 30; n++) await owner.run(await target(), "upsert", [points(n)]);
    expect(await counted(replica, { strong: true })).toBe(29);
  });

  test("when the owner leaves, a replica takes over with all that was acknowledged, and goes on", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.metadata.createCollection("c", {
      vectors: { size: 2, distance: "Dot" },
      shard_number: 1,
      replication_factor: 2,
    });
    const owner = await ownerOf();
    const replica = owner === a ? b : a;
    for (let n = 0; n < 20; n++) await owner.run(await target(), "upsert", [points(n)]);
    await replica.run(await target(), "count", [{}], { strong: true });
    nodes = nodes.filter((node) => node !== owner);
    await owner.close();
    await ownerOf();
    expect(await counted(replica)).toBe(20);
    await replica.run(await target(), "upsert", [points(77)]);
    const late = await join(owner.name);
    expect(await eventually(() => counted(late, { strong: true }))).toBe(21);
  });

  test("an owner that lost its lease cannot write, whatever it believes, and comes back as a replica", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.metadata.createCollection("c", {
      vectors: { size: 2, distance: "Dot" },
      shard_number: 1,
      replication_factor: 2,
    });
    const owner = await ownerOf();
    const replica = owner === a ? b : a;
    await owner.run(await target(), "upsert", [points(1)]);
    await replica.run(await target(), "count", [{}], { strong: true });
    // Somebody takes the key away: the owner has not looked yet.
    const { etcd } = replica;
    const shard = (await target()).collection;
    await etcd.settle([], [{ delete: `shards/${shard}/0/owner` }]);
    const write = owner.run(await target(), "upsert", [points(2)]);
    await expect(write).rejects.toMatchObject({ code: expect.stringMatching(/FENCED|NOT_OWNER/) });
    const next = await ownerOf();
    await eventually(async () => {
      await (await ownerOf()).run(await target(), "upsert", [points(3)]);
    });
    expect(next).toBeDefined();
    for (const node of nodes) expect(await eventually(() => counted(node, { strong: true }))).toBe(2);
  });

  test("a write waits for as many replicas as it should, and says which lag", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.metadata.createCollection("c", {
      vectors: { size: 2, distance: "Dot" },
      shard_number: 1,
      replication_factor: 2,
      write_consistency_factor: 2,
    });
    const owner = await ownerOf();
    const replica = owner === a ? b : a;
    await owner.run(await target(), "upsert", [points(1)]);
    expect(await counted(replica)).toBe(1);
    nodes = nodes.filter((node) => node !== replica);
    await replica.close();
    const late = owner.run(await target(), "upsert", [points(2)], { timeoutMs: 300 });
    await expect(late).rejects.toMatchObject({ details: { committed: true, lagging: [replica.name] } });
    expect(await counted(owner)).toBe(2);
  });

  test("changes of the configuration reach every shard once, also one whose owner was away", async () => {
    const a = await join("a");
    await a.metadata.createCollection("c", { vectors: { size: 2, distance: "Dot" }, shard_number: 3 });
    for (const shard of [0, 1, 2]) await ownerOf(shard);
    const body = { field_name: "n", field_schema: "integer" };
    const number = await a.metadata.change("c", "createPayloadIndex", [body]);
    for (const shard of [0, 1, 2]) await a.run(await target("c", shard), "change", [number]);
    await a.metadata.forget("c", number);
    await expect(
      a.metadata.change("c", "createVectorName", ["", { dense: { size: 2, distance: "Dot" } }]),
    ).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
    for (const shard of [0, 1, 2]) {
      const info = (await a.run(await target("c", shard), "getCollection", [])) as { payload_schema: object };
      expect(Object.keys(info.payload_schema)).toEqual(["n"]);
    }
    expect(a.view.collections.get("c")?.record.changes).toHaveLength(0);
  });

  const nodesOf = async (shard = 0) => {
    const { view } = nodes[0];
    await view.refresh();
    const id = view.collections.get("c")?.record.id as string;
    return view.routings.get(id)?.record.shards.find(({ id }) => id === shard)?.nodes;
  };

  test("a shard is moved while it is written to, and nothing is lost", async () => {
    const [a, b] = [await join("a"), await join("b")];
    await a.metadata.createCollection("c", { vectors: { size: 2, distance: "Dot" }, shard_number: 1 });
    const from = await ownerOf();
    const to = from === a ? b : a;
    let written = 0;
    let moving = true;
    const writer = (async () => {
      while (moving || written < 30) {
        await eventually(async () => (await ownerOf()).run(await target(), "upsert", [points(written)]));
        written++;
      }
    })();
    const move = { shard_id: 0, from_peer_id: peerOf(from.name), to_peer_id: peerOf(to.name) };
    const operations = new ClusterOperations(a);
    await expect(operations.updateCollection("c", { move_shard: { ...move, shard_id: 7 } })).rejects.toThrow(
      "no shard 7",
    );
    await expect(
      operations.updateCollection("c", { move_shard: { ...move, to_peer_id: 1 } }),
    ).rejects.toThrow("no peer 1");
    await operations.updateCollection("c", { move_shard: move });
    await eventually(async () => expect(await nodesOf()).toEqual([to.name]));
    await eventually(async () => expect(await ownerOf()).toBe(to));
    moving = false;
    await writer;
    expect(await eventually(() => counted(to))).toBe(written);
    expect(from.shards.size).toBe(0);
    const { problems, shards } = await operations.status();
    expect(problems).toEqual([]);
    expect(shards).toMatchObject([
      { collection: "c", shard_id: 0, owner: to.name, replicas: [{ node: to.name, state: "owner", lag: 0 }] },
    ]);
  });

  test("replicas of a node that stays away are made elsewhere; who joins gets its share", async () => {
    const a = await join("a", { replaceAfterMs: 500 });
    const b = await join("b");
    await a.metadata.createCollection("c", {
      vectors: { size: 2, distance: "Dot" },
      shard_number: 2,
      replication_factor: 2,
    });
    for (const shard of [0, 1])
      await (await ownerOf(shard)).run(await target("c", shard), "upsert", [points(1, 2)]);
    await join("d");
    nodes = nodes.filter((node) => node !== b);
    await b.close();
    await eventually(async () => {
      expect((await nodesOf(0))?.toSorted()).toEqual(["a", "d"]);
      expect((await nodesOf(1))?.toSorted()).toEqual(["a", "d"]);
    });
    for (const node of nodes)
      for (const shard of [0, 1]) {
        const count = await eventually(async () =>
          node.run(await target("c", shard), "count", [{}], { strong: true }),
        );
        expect(count).toEqual({ count: 2 });
      }
  });

  test("evens out what nodes hold", async () => {
    const a = await join("a", { rebalance: 2 });
    await a.metadata.createCollection("c", { vectors: { size: 2, distance: "Dot" }, shard_number: 4 });
    await (await ownerOf(3)).run(await target("c", 3), "upsert", [points(1)]);
    await join("b");
    await eventually(() => {
      expect(
        nodes.map(({ shards }) => [...shards.values()].filter(({ role }) => role === "owner").length),
      ).toEqual([2, 2]);
    });
    expect(await (await ownerOf(3)).run(await target("c", 3), "count", [{}])).toEqual({ count: 1 });
  });

  test("what is left of a deleted collection goes, in etcd and in the store", async () => {
    const a = await join("a");
    await a.metadata.createCollection("c", { vectors: { size: 2, distance: "Dot" }, shard_number: 2 });
    await (await ownerOf(1)).run(await target("c", 1), "upsert", [points(1)]);
    const { collection } = await target();
    expect(await a.metadata.deleteCollection("c")).toBe(true);
    expect(await a.metadata.deleteCollection("c")).toBe(false);
    await eventually(async () => {
      expect(a.shards.size).toBe(0);
      expect(await a.etcd.list(`shards/${collection}/`)).toEqual([]);
    });
  });

  test("a shard more and a shard less, while it is written to: every point is where it belongs, once", async () => {
    const a = await join("a");
    await join("b");
    await a.metadata.createCollection("c", {
      vectors: { size: 2, distance: "Dot" },
      shard_number: 2,
      replication_factor: 2,
    });
    const operations = new ClusterOperations(a);
    const expected = new Map<number, number>();
    let going = true;
    let round = 0;
    /** By the routing of the moment, which the node is told. */
    const write = async (id: number, operation: string, body: object) =>
      eventually(async () => {
        const { collection, routing } = await a.view.find("c");
        const shard = shardOfPoint(id, ringOf(routing.record));
        const node = await ownerOf(shard);
        const options = { routing: String(routing.changed), operationId: `w${round}` };
        await node.run({ collection: collection.record.id, shard }, operation, [body], options);
      });
    const writer = (async () => {
      for (; going || round < 100; round++) {
        const id = (round * 7) % 200;
        if (round % 5 === 4) {
          await write(id, "delete", { points: [id] });
          expected.delete(id);
        } else {
          await write(id, "upsert", { points: [{ id, vector: [id, 1], payload: { n: round } }] });
          expected.set(id, round);
        }
      }
    })();
    const done = () =>
      eventually(async () => {
        const { routing } = await a.view.find("c");
        if (routing.record.resharding)
          throw new Error(`still in the stage ${routing.record.resharding.stage}`);
        return routing.record.shards.map(({ id }) => id);
      }, 20_000);
    await expect.poll(() => expected.size).toBeGreaterThan(20);
    await operations.updateCollection("c", { start_resharding: { direction: "up" } });
    await expect(operations.updateCollection("c", { start_resharding: { direction: "up" } })).rejects.toThrow(
      "under way",
    );
    expect(await done()).toEqual([0, 1, 2]);
    const soFar = round;
    await expect.poll(() => round).toBeGreaterThan(soFar + 20);
    await operations.updateCollection("c", { start_resharding: { direction: "down" } });
    expect(await done()).toEqual([0, 1]);
    await operations.updateCollection("c", { start_resharding: { direction: "up" } });
    expect(await done()).toEqual([0, 1, 3]);
    going = false;
    await writer;
    const { collection, routing } = await a.view.find("c");
    const ring = ringOf(routing.record);
    const found = new Map<number, number>();
    for (const shard of ring)
      for (const node of nodes) {
        const target = { collection: collection.record.id, shard };
        const { points } = (await eventually(() =>
          node.run(target, "scroll", [{ limit: 1000 }], { strong: true }),
        )) as { points: { id: number; payload: { bytes: Uint8Array } }[] };
        for (const { id, payload } of points) {
          expect(shardOfPoint(id, ring)).toBe(shard);
          found.set(id, JSON.parse(new TextDecoder().decode(payload.bytes)).n);
        }
      }
    expect([...found].sort(([a], [b]) => a - b)).toEqual([...expected].sort(([a], [b]) => a - b));
  });
});
