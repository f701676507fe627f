/** Tenants get shards of their own while everybody writes: nothing is lost, nothing is there twice. */
import { MemoryDirectory } from "vicinal/shard";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ClusterEngine } from "../engine/cluster-engine.js";
import { pause } from "../etcd/etcd.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode } from "./cluster-node.js";

describe.skipIf(!hasEtcd)("shard keys", () => {
  let processes: LocalEtcd;
  let nodes: Map<string, ClusterNode>;
  let engine: ClusterEngine;
  beforeEach(async () => {
    processes = await LocalEtcd.start();
    nodes = new Map();
    const store = new MemoryStore();
    for (const name of ["a", "b"]) {
      const node = await ClusterNode.start({
        node: name,
        url: `http://${name}`,
        etcd: { hosts: processes.hosts },
        janitor: { roundMs: 50, rebalance: 0 },
        recallCheckShare: 0,
        log: process.env.VICINAL_LOG ? console.log : undefined,
        cache: await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 30),
      });
      node.transport = { call: async (to, ...call) => (nodes.get(to) as ClusterNode).run(...call) };
      nodes.set(name, node);
    }
    engine = new ClusterEngine(nodes.get("a") as ClusterNode);
    await engine.createCollection("c", {
      vectors: { size: 2, distance: "Euclid" },
      sharding_method: "custom",
    });
  });
  afterEach(async () => {
    await Promise.all([...nodes.values()].map((node) => node.close()));
    await processes.stop();
  });

  const routing = async () => {
    const { view } = nodes.get("a") as ClusterNode;
    await view.refresh();
    return (await view.find("c")).routing.record;
  };
  const done = () =>
    expect.poll(async () => (await routing()).resharding, { timeout: 15_000, interval: 50 }).toBeUndefined();
  const ids = async (shard_key?: unknown) => {
    const strong = engine.forRequest({ consistency: "all" });
    const { points } = await strong.scroll("c", { limit: 10_000, shard_key } as never);
    return points.map(({ id, payload }) => ({
      id: Number(id),
      ...JSON.parse(new TextDecoder().decode((payload as unknown as { bytes: Uint8Array }).bytes)),
    })) as { id: number; tenant: string; n: number }[];
  };
  const upsert = (key: unknown, ...points: { id: number; tenant: string; n: number }[]) =>
    engine.upsert("c", {
      points: points.map(({ id, ...payload }) => ({ id, vector: [id, 1], payload })),
      shard_key: key,
    } as never);
  const range = (from: number, count: number, tenant: string) =>
    Array.from({ length: count }, (_, i) => ({ id: from + i, tenant, n: 0 }));

  test("a shard more for one key leaves the points of the others alone", { timeout: 30_000 }, async () => {
    await engine.cluster.createShardKey("c", { shard_key: "one" });
    await engine.cluster.createShardKey("c", { shard_key: "two" });
    await upsert("one", ...range(0, 40, "one"));
    await upsert("two", ...range(100, 40, "two"));
    for (const direction of ["up", "down"] as const) {
      await engine.cluster.updateCollection("c", { start_resharding: { direction, shard_key: "one" } });
      await done();
      expect((await ids("one")).length, direction).toBe(40);
      expect((await ids("two")).length, direction).toBe(40);
    }
  });

  test("a tenant's points move to a key of its own", { timeout: 40_000 }, async () => {
    const { cluster } = engine;
    await cluster.createShardKey("c", { shard_key: "shared", shards_number: 2 });
    await cluster.createShardKey("c", { shard_key: "other" });
    await upsert("other", ...range(5000, 30, "big"));
    const keyOf = (tenant: string) => ({ target: tenant, fallback: "shared" });
    const model = new Map<number, { tenant: string; n: number }>();
    const put = async (point: { id: number; tenant: string; n: number }) => {
      await upsert(keyOf(point.tenant), point);
      const { id, ...payload } = point;
      model.set(id, payload);
    };
    for (const point of [...range(0, 300, "big"), ...range(1000, 200, "small")]) await put(point);
    await cluster.createShardKey("c", {
      shard_key: "big",
      shards_number: 2,
      replication_factor: 2,
      initial_state: "Partial",
    });
    // It waits for its points: they still are in the fallback.
    expect(await ids(keyOf("big"))).toHaveLength(500);

    let going = true;
    let round = 0;
    const writing = (async () => {
      for (; going; round++) {
        const id = (round * 7) % 320;
        const kind = round % 5;
        if (kind === 3 && model.has(id)) {
          await engine.delete("c", { points: [id], shard_key: keyOf("big") } as never);
          model.delete(id);
        } else if (kind === 4 && model.has(1000 + (id % 40))) {
          // Until it has gone there, a point may become one of the tenant's, or be one no more.
          if ((await routing()).resharding?.stage !== "copy") continue;
          const point = model.get(1000 + (id % 40)) as { tenant: string; n: number };
          const tenant = point.tenant === "big" ? "small" : "big";
          const body = { payload: { tenant }, points: [1000 + (id % 40)], shard_key: "shared" };
          const set = await engine.setPayload("c", body as never).catch((reason) => reason);
          // It had gone there meanwhile.
          if (set.code === "POINT_NOT_FOUND") continue;
          expect(set.status).toBe("completed");
          point.tenant = tenant;
        } else await put({ id, tenant: "big", n: round });
      }
    })();
    const reached = async (count: number) =>
      expect.poll(() => round, { timeout: 15_000 }).toBeGreaterThan(count);
    await reached(20);
    const filter = { must: [{ key: "tenant", match: { value: "big" } }] };
    const promote = { replicate_points: { from_shard_key: "shared", to_shard_key: "big", filter } };
    await cluster.updateCollection("c", promote as never);
    await expect(cluster.updateCollection("c", promote as never)).rejects.toThrow("under way");
    await done();
    await reached(round + 50);
    going = false;
    await writing;

    const own = await ids("big");
    const [shared, other] = [await ids("shared"), await ids("other")];
    expect(shared.filter(({ id }) => id < 1000)).toEqual([]);
    expect(own.filter(({ id }) => id < 1000).length).toBeGreaterThan(200);
    expect(other).toHaveLength(30);
    const all = [...own, ...shared].sort((a, b) => a.id - b.id);
    const expected = [...model].map(([id, payload]) => ({ id, ...payload })).sort((a, b) => a.id - b.id);
    expect(all).toEqual(expected);
    expect(await ids(keyOf("big"))).toHaveLength(own.length);
    await expect(cluster.updateCollection("c", promote as never)).rejects.toThrow(/big is in use/);
  });

  test("says what is not there, and can be aborted", { timeout: 30_000 }, async () => {
    const { cluster } = engine;
    await cluster.createShardKey("c", { shard_key: "shared" });
    await upsert("shared", ...range(0, 10, "big"));
    const promote = (from: string, to: string, more = {}) =>
      cluster.updateCollection("c", {
        replicate_points: { from_shard_key: from, to_shard_key: to, ...more },
      } as never);
    await expect(promote("shared", "big")).rejects.toMatchObject({ details: { field: "to_shard_key" } });
    await cluster.createShardKey("c", { shard_key: "big", initial_state: "Partial" });
    await expect(promote("absent", "big")).rejects.toMatchObject({ details: { field: "from_shard_key" } });
    // Without who moves on from stage to stage, it stays in the first one.
    await promote("shared", "big");
    await cluster.updateCollection("c", { abort_resharding: {} } as never).catch(() => {});
    await done();
    await pause(200);
    const there = [...(await ids("shared")), ...(await ids("big").catch(() => []))];
    expect(there.map(({ id }) => id).sort((a, b) => a - b)).toEqual(range(0, 10, "").map(({ id }) => id));
  });
});
