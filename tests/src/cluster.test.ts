/** A cluster as its users see it: Qdrant's cluster operations by the official client, shard keys, consistency, changes everywhere. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QdrantClient } from "@qdrant/js-client-rest";
import { open } from "vicinal";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasEtcd, type LocalCluster, startCluster } from "./cluster-home.js";

describe.skipIf(!hasEtcd)("a cluster", () => {
  let folder: string;
  let cluster: LocalCluster;
  let clients: QdrantClient[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "vicinal-"));
    cluster = await startCluster(folder);
    clients = cluster.urls.map((url) => new QdrantClient({ url }));
  });
  afterEach(() => cluster.clear());
  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true });
  });

  const vectors = { size: 2, distance: "Euclid" as const };
  const points = (count: number) =>
    Array.from({ length: count }, (_, id) => ({
      id,
      vector: [id, 1],
      payload: { n: id, even: id % 2 === 0 },
    }));
  const peers = async () => {
    const answer = await fetch(`${cluster.urls[0]}/cluster`);
    const { result } = (await answer.json()) as { result: { peers: Record<string, { node: string }> } };
    return Object.entries(result.peers).map(([peer, { node }]) => ({ peer: Number(peer), node }));
  };

  test("tells of its peers, and of where shards lie", async () => {
    await clients[0].createCollection("c", { vectors, shard_number: 2, replication_factor: 2 });
    expect((await peers()).map(({ node }) => node).sort()).toEqual(["a", "b", "c"]);
    const info = await clients[1].collectionClusterInfo("c");
    expect(info.shard_count).toBe(2);
    expect(info.local_shards.length + info.remote_shards.length).toBe(4);
    const metrics = await (await fetch(`${cluster.urls[0]}/metrics`)).text();
    expect(metrics).toContain("cluster_enabled 1");
    expect(metrics).toMatch(/cluster_shard_lag\{collection="c",shard="\d"\} 0/);
    expect((await clients[2].getCollection("c")).config.params).toMatchObject({
      shard_number: 2,
      replication_factor: 2,
    });
  });

  test("a replica is moved, replicated and dropped by the client's operations", async () => {
    const [client] = clients;
    await client.createCollection("c", { vectors, shard_number: 1 });
    await client.upsert("c", { points: points(50), wait: true });
    const holders = async () => {
      const { peer_id, local_shards, remote_shards } = await client.collectionClusterInfo("c");
      return [...local_shards.map(() => peer_id), ...remote_shards.map((shard) => shard.peer_id)].sort();
    };
    const all = (await peers()).map(({ peer }) => peer);
    const [from] = await holders();
    const to = all.find((peer) => peer !== from) as number;
    const other = all.find((peer) => peer !== from && peer !== to) as number;
    const change = (operation: Parameters<QdrantClient["updateCollectionCluster"]>[1]) =>
      client.updateCollectionCluster("c", operation);
    await change({ move_shard: { shard_id: 0, from_peer_id: from, to_peer_id: to } });
    await expect.poll(holders, { timeout: 10_000 }).toEqual([to]);
    await change({ replicate_shard: { shard_id: 0, from_peer_id: to, to_peer_id: other } });
    await expect.poll(holders, { timeout: 10_000 }).toEqual([to, other].sort());
    await change({ drop_replica: { shard_id: 0, peer_id: to } });
    await expect.poll(holders, { timeout: 10_000 }).toEqual([other]);
    await expect(change({ drop_replica: { shard_id: 0, peer_id: other } })).rejects.toThrow();
    expect((await client.count("c")).count).toBe(50);
    await client.upsert("c", { points: [{ id: 77, vector: [0, 0] }], wait: true });
    expect((await clients[1].count("c")).count).toBe(51);
  });

  test("points go where their shard key says", async () => {
    const [client] = clients;
    await client.createCollection("c", { vectors, sharding_method: "custom" });
    await expect(client.upsert("c", { points: points(1), wait: true })).rejects.toThrow();
    await client.createShardKey("c", { shard_key: "eu", shards_number: 2 });
    await client.createShardKey("c", { shard_key: 7 });
    await expect(client.createShardKey("c", { shard_key: "eu" })).rejects.toThrow();
    await client.upsert("c", { points: points(20), shard_key: "eu", wait: true });
    await client.upsert("c", { points: points(5), shard_key: 7, wait: true });
    const count = (shard_key?: string | number | (string | number)[]) =>
      client.count("c", { shard_key } as never).then((answer) => answer.count);
    expect(await count("eu")).toBe(20);
    expect(await count(7)).toBe(5);
    expect(await count(["eu", 7])).toBe(25);
    expect(await count()).toBe(25);
    const near = await client.query("c", { query: [19, 1], shard_key: 7, limit: 1 } as never);
    expect(near.points[0].id).toBe(4);
    // A tenant without a shard of its own lies in the fallback until it has one.
    const tenant = { target: "jp", fallback: "eu" };
    await client.upsert("c", {
      points: [{ id: 100, vector: [0, 0] }],
      shard_key: tenant,
      wait: true,
    } as never);
    expect(await count("eu")).toBe(21);
    await client.deleteShardKey("c", { shard_key: 7 });
    expect(await count()).toBe(21);
  });

  test("one more shard and one less hold the same points", async () => {
    const [client] = clients;
    await client.createCollection("c", { vectors, shard_number: 2 });
    await client.upsert("c", { points: points(300), wait: true });
    const counted = async () => (await client.getCollection("c")).config.params.shard_number;
    // Versions are the numbers of writes in a shard: a point that moves gets another.
    const near = async () =>
      (await client.query("c", { query: [150.2, 1], limit: 5, with_payload: true })).points.map(
        ({ id, score, payload }) => ({ id, score, payload }),
      );
    const before = await near();
    for (const [direction, count] of [
      ["up", 3],
      ["down", 2],
    ] as const) {
      await client.updateCollectionCluster("c", { start_resharding: { direction } } as never);
      await expect.poll(counted, { timeout: 15_000 }).toBe(count);
      await expect
        .poll(async () => (await client.scroll("c", { limit: 1000 })).points.map(({ id }) => id), {
          timeout: 10_000,
        })
        .toEqual(points(300).map(({ id }) => id));
      expect(await near()).toEqual(before);
    }
  });

  test("what every node answers is the same, and with consistency nothing is old", async () => {
    await clients[0].createCollection("c", { vectors, shard_number: 2, replication_factor: 3 });
    await clients[1].createPayloadIndex("c", { field_name: "n", field_schema: "integer", wait: true });
    await clients[2].updateCollection("c", { optimizers_config: { indexing_threshold: 5000 } });
    for (const client of clients) {
      const info = await client.getCollection("c");
      expect(Object.keys(info.payload_schema)).toEqual(["n"]);
      expect(info.config.optimizer_config.indexing_threshold).toBe(5000);
    }
    for (let round = 0; round < 20; round++) {
      await clients[round % 3].upsert("c", { points: [{ id: round, vector: [round, 1] }], wait: true });
      const reader = clients[(round + 1) % 3];
      const found = await reader.retrieve("c", { ids: [round], consistency: "majority" });
      expect(found.map(({ id }) => id)).toEqual([round]);
    }
    const order = { key: "n", direction: "desc" as const };
    await clients[0].upsert("c", { points: points(30), wait: true });
    for (const client of clients) {
      const { points: sorted } = await client.scroll("c", {
        order_by: order,
        limit: 3,
        consistency: "all",
      } as never);
      expect(sorted.map(({ id }) => id)).toEqual([29, 28, 27]);
      const { hits } = await client.facet("c", { key: "n", limit: 2, consistency: "all" } as never);
      expect(hits).toEqual([
        { value: 0, count: 1 },
        { value: 1, count: 1 },
      ]);
    }
  });

  test("the terms of sparse queries weigh what they weigh in one collection", async () => {
    const config = { vectors: {}, sparse_vectors: { text: { modifier: "idf" as const } } };
    const some = Array.from({ length: 90 }, (_, id) => ({
      id,
      vector: { text: { indices: [id % 2, 10 + (id % 7), 20 + (id % 31)], values: [1, 2, 0.5 + (id % 3)] } },
      payload: { third: id % 3 === 0, side: id % 2 ? "odd" : "even" },
    }));
    await clients[0].createCollection("c", { ...config, shard_number: 3 });
    await clients[0].upsert("c", { points: some, wait: true });
    const one = await open(":memory:");
    await one.createCollection("c", config);
    await one.upsert("c", { points: some });
    const third = { must: [{ key: "third", match: { value: true } }] };
    for (const [query, more] of [
      [{ indices: [25, 0, 13, 999], values: [1, 1, 1, 1] }, {}],
      [{ nearest: { indices: [25, 13], values: [2, 1] } }, { filter: third }],
      [{ indices: [25, 1], values: [1, 3] }, { params: { idf: { corpus: third } } }],
    ]) {
      const asked = { query, using: "text", limit: 7, ...more } as never;
      const inOne = (await one.query("c", asked)).points;
      const inMany = (await clients[1].query("c", asked)).points;
      expect(inMany.map(({ id }) => id)).toEqual(inOne.map(({ id }) => id));
      for (const [i, { score }] of inMany.entries()) expect(score).toBeCloseTo(inOne[i].score, 4);
      const grouped = { ...(asked as object), group_by: "side" } as never;
      const best = (groups: { hits: { score: number }[] }[]) =>
        groups.map(({ hits }) => hits[0].score.toFixed(4));
      const { groups } = await clients[2].queryGroups("c", grouped);
      expect(best(groups)).toEqual(best((await one.queryGroups("c", grouped)).groups));
    }
    await one.close();
  });

  test("groups of points in the order of a field are in its order over all shards", async () => {
    const [client] = clients;
    await client.createCollection("c", { vectors, shard_number: 3 });
    await client.createPayloadIndex("c", { field_name: "n", field_schema: "integer", wait: true });
    const sided = points(60).map((point) => ({
      ...point,
      payload: { n: point.id, side: point.id % 2 ? "odd" : "even" },
    }));
    await client.upsert("c", { points: sided, wait: true });
    for (const direction of ["asc", "desc"] as const) {
      const { groups } = await clients[1].queryGroups("c", {
        query: { order_by: { key: "n", direction } },
        group_by: "side",
        group_size: 5,
      });
      const from = direction === "asc" ? [0, 2, 4, 6, 8] : [59, 57, 55, 53, 51];
      const then = direction === "asc" ? [1, 3, 5, 7, 9] : [58, 56, 54, 52, 50];
      expect(groups.map(({ hits }) => hits.map(({ id }) => id))).toEqual([from, then]);
    }
  });

  test("originals come and go through any node", async () => {
    await clients[0].createCollection("c", { vectors, shard_number: 3, replication_factor: 2 });
    await clients[0].upsert("c", {
      points: [
        { id: 1, vector: [1, 1], blobs: { note: { type: "text/plain", base64: btoa("first") } } },
        ...[2, 3, 4].map((id) => ({ id, vector: [id, 1] })),
      ],
      wait: true,
    } as never);
    const at = (node: number, path: string, init?: RequestInit) =>
      fetch(`${cluster.urls[node]}${path}`, init);
    const path = (id: number, name: string) => `/collections/c/points/${id}/blobs/${name}`;
    for (const id of [2, 3, 4]) {
      const put = { method: "PUT", headers: { "content-type": "image/png" }, body: `photo ${id}` };
      expect((await at(id % 3, path(id, "photo"), put)).status).toBe(200);
    }
    expect(await (await at(1, path(1, "note"))).text()).toBe("first");
    // The official client does not know of them.
    const asked = await at(1, "/collections/c/points/query?consistency=all", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: [3, 1], limit: 1, with_blobs: true }),
    });
    const { result } = (await asked.json()) as {
      result: { points: { blobs: { photo: { url: string } } }[] };
    };
    const { points: found } = result;
    expect(found[0].blobs.photo.url).toBe(path(3, "photo"));
    const read = await at(2, found[0].blobs.photo.url);
    expect([read.headers.get("content-type"), await read.text()]).toEqual(["image/png", "photo 3"]);
    const part = await at(0, path(4, "photo"), { headers: { range: "bytes=6-6" } });
    expect([part.status, await part.text()]).toEqual([206, "4"]);
    await at(0, path(3, "photo"), { method: "DELETE" });
    await expect.poll(async () => (await at(1, path(3, "photo"))).status).toBe(404);
  });
});
