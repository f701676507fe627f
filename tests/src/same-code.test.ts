/**
 * One test body for all homes: the embedded database, and the server through its REST API and its gRPC API, the latter in two
 * languages.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QdrantClient } from "@qdrant/js-client-rest";
import { createServer } from "@vicinal/server";
import { open } from "vicinal";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasEtcd, startCluster } from "./cluster-home.js";
import { type Carrier, javascriptCarrier, pythonCarrier, pythonWithGrpc } from "./grpc-carriers.js";
import { clientOver } from "./rest-as-grpc.js";

/** What the body uses of the client; the embedded database has the same methods. */
type Client = QdrantClient;

interface Home {
  client: Client;
  close(): Promise<void>;
}

/** A server whose gRPC API is called by what `carrier` makes. */
async function overGrpc(carrier: (port: number) => Carrier): Promise<Home> {
  const database = await open(":memory:");
  const server = createServer({ database });
  const { grpcPort } = await server.listen({ port: 0 });
  const { carry, close } = carrier(grpcPort as number);
  return {
    client: clientOver(carry) as unknown as Client,
    async close() {
      await close();
      await server.close();
      await database.close();
    },
  };
}

const python = pythonWithGrpc();

let cluster: ReturnType<typeof startCluster> | undefined;
let asked = 0;
afterAll(async () => (await cluster)?.stop());

const homes: Record<string, () => Promise<Home>> = {
  "embedded in memory": async () => {
    const database = await open(":memory:");
    return { client: database as unknown as Client, close: () => database.close() };
  },
  "embedded in a folder": async () => {
    const folder = await mkdtemp(join(tmpdir(), "vicinal-"));
    const database = await open(folder);
    return {
      client: database as unknown as Client,
      async close() {
        await database.close();
        await rm(folder, { recursive: true });
      },
    };
  },
  "official client over REST": async () => {
    const database = await open(":memory:");
    const server = createServer({ database });
    const { url } = await server.listen({ port: 0 });
    const client = new QdrantClient({ url });
    return {
      client,
      async close() {
        await server.close();
        await database.close();
      },
    };
  },
  "official client over gRPC": () => overGrpc(javascriptCarrier),
  "official client over REST, to a cluster": async () => {
    cluster ??= startCluster(await mkdtemp(join(tmpdir(), "vicinal-")));
    const { urls, clear } = await cluster;
    // By turns: every node answers anything.
    const url = urls[asked++ % urls.length];
    return { client: new QdrantClient({ url }), close: clear };
  },
  "Python over gRPC": () => {
    if (!python) throw new Error("Python's gRPC packages are missing: apt-get install python3-grpcio");
    return overGrpc((port) => pythonCarrier(python, port));
  },
};

// Where no Python has gRPC its home is left out, and said to be; CI has one.
if (!python && !process.env.CI) {
  delete homes["Python over gRPC"];
  console.warn("No Python with gRPC packages: its home is left out");
}

if (!hasEtcd) {
  delete homes["official client over REST, to a cluster"];
  console.warn("No etcd: the cluster is left out");
}

const uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";

describe.each(Object.keys(homes))("%s", (name) => {
  let home: Home;
  let client: Client;

  beforeEach(async () => {
    home = await homes[name]();
    client = home.client;
    await client.createCollection("cities", { vectors: { size: 4, distance: "Dot" } });
    await client.upsert("cities", {
      wait: true,
      points: [
        {
          id: 1,
          vector: [0.05, 0.61, 0.76, 0.74],
          payload: { city: "Berlin", rank: 1, tags: ["a", "b"], capital: true },
        },
        {
          id: 2,
          vector: [0.19, 0.81, 0.75, 0.11],
          payload: { city: ["Berlin", "London"], rank: 2, nested: { deep: 5 } },
        },
        {
          id: 3,
          vector: [0.36, 0.55, 0.47, 0.94],
          payload: { city: ["Berlin", "Moscow"], rank: 0, capital: false },
        },
        {
          id: 4,
          vector: [0.18, 0.01, 0.85, 0.8],
          payload: { city: ["London", "Moscow"], rank: 2.5, note: "" },
        },
        { id: uuid, vector: [0.24, 0.18, 0.22, 0.44], payload: { count: [0] } },
        { id: 6, vector: [0.35, 0.08, 0.11, 0.44] },
      ],
    });
  });

  afterEach(() => home.close());

  test("makes, lists, describes, updates and deletes collections", async () => {
    expect((await client.collectionExists("cities")).exists).toBe(true);
    expect((await client.getCollections()).collections).toEqual([{ name: "cities" }]);
    await client.createCollection("named", {
      vectors: { image: { size: 3, distance: "Cosine" }, text: { size: 2, distance: "Euclid" } },
    });
    const info = await client.getCollection("named");
    expect(info.status).toBe("green");
    expect(info.points_count).toBe(0);
    expect(info.config.params.vectors).toMatchObject({ image: { size: 3, distance: "Cosine" } });
    expect(await client.updateCollection("named", { optimizers_config: { indexing_threshold: 10 } })).toBe(
      true,
    );
    expect((await client.getCollection("named")).config.optimizer_config.indexing_threshold).toBe(10);
    expect(await client.deleteCollection("named")).toBe(true);
    expect((await client.collectionExists("named")).exists).toBe(false);
    await expect(client.getCollection("named")).rejects.toThrow();
    await expect(
      client.createCollection("cities", { vectors: { size: 4, distance: "Dot" } }),
    ).rejects.toThrow();
  });

  test("finds the nearest", async () => {
    const { points } = await client.query("cities", { query: [0.2, 0.1, 0.9, 0.7], limit: 3 });
    expect(points.map(({ id }) => id)).toEqual([4, 1, 3]);
    expect(points[0].score).toBeCloseTo(0.2 * 0.18 + 0.1 * 0.01 + 0.9 * 0.85 + 0.7 * 0.8, 5);
    expect(points[0].payload ?? null).toBeNull();
    const rest = await client.query("cities", {
      query: [0.2, 0.1, 0.9, 0.7],
      limit: 2,
      offset: 1,
      with_payload: true,
    });
    expect(rest.points.map(({ id }) => id)).toEqual([1, 3]);
    expect(rest.points[0].payload).toEqual({ city: "Berlin", rank: 1, tags: ["a", "b"], capital: true });
    const some = await client.query("cities", {
      query: [0.2, 0.1, 0.9, 0.7],
      limit: 1,
      with_payload: ["rank"],
      with_vector: true,
    });
    expect(some.points[0].payload).toEqual({ rank: 2.5 });
    expect(Array.from(some.points[0].vector as number[])[2]).toBeCloseTo(0.85, 6);
    const close = await client.query("cities", {
      query: [0.2, 0.1, 0.9, 0.7],
      limit: 10,
      score_threshold: 1,
    });
    expect(close.points.map(({ id }) => id)).toEqual([4, 1, 3]);
  });

  test("finds what is near a stored point, without that point", async () => {
    const { points } = await client.query("cities", { query: 1, limit: 10 });
    expect(points).toHaveLength(5);
    expect(points.map(({ id }) => id)).not.toContain(1);
    await expect(client.query("cities", { query: 99, limit: 1 })).rejects.toThrow();
  });

  test.each([
    ["match keyword", { must: [{ key: "city", match: { value: "London" } }] }, [2, 4]],
    ["match any", { must: [{ key: "city", match: { any: ["Moscow"] } }] }, [3, 4]],
    ["match except", { must: [{ key: "rank", match: { except: [1, 2] } }] }, [3, 4]],
    ["match bool", { must: [{ key: "capital", match: { value: false } }] }, [3]],
    ["match integer", { must: [{ key: "rank", match: { value: 2 } }] }, [2]],
    ["range", { must: [{ key: "rank", range: { gte: 1, lt: 2.5 } }] }, [1, 2]],
    ["should", { should: [{ key: "rank", match: { value: 0 } }, { has_id: [6] }] }, [3, 6]],
    ["must not", { must_not: [{ key: "city", match: { value: "Berlin" } }] }, [4, 6, uuid]],
    ["is empty", { must: [{ is_empty: { key: "rank" } }] }, [6, uuid]],
    ["has id", { must: [{ has_id: [1, uuid, 77] }] }, [1, uuid]],
    ["nested key", { must: [{ key: "nested.deep", range: { gt: 4 } }] }, [2]],
    ["array key", { must: [{ key: "tags[]", match: { value: "b" } }] }, [1]],
    ["empty text", { must: [{ key: "note", match: { value: "" } }] }, [4]],
    [
      "nested filter",
      { must: [{ should: [{ has_id: [1] }, { has_id: [2] }] }, { key: "rank", range: { gt: 1 } }] },
      [2],
    ],
  ])("filters: %s", async (_name, filter, expected) => {
    for (const indexed of [false, true]) {
      if (indexed) {
        await client.createPayloadIndex("cities", {
          field_name: "city",
          field_schema: "keyword",
          wait: true,
        });
        await client.createPayloadIndex("cities", { field_name: "rank", field_schema: "float", wait: true });
        await client.createPayloadIndex("cities", {
          field_name: "capital",
          field_schema: "bool",
          wait: true,
        });
        await client.createPayloadIndex("cities", {
          field_name: "nested.deep",
          field_schema: "integer",
          wait: true,
        });
      }
      const { points } = await client.scroll("cities", { filter, limit: 10 });
      expect(points.map(({ id }) => id)).toEqual(expected);
      expect((await client.count("cities", { filter })).count).toBe(expected.length);
      const found = await client.query("cities", { query: [1, 1, 1, 1], filter, limit: 10 });
      expect(found.points.map(({ id }) => id).sort()).toEqual([...expected].sort());
    }
  });

  test("scrolls in the order of ids", async () => {
    const first = await client.scroll("cities", { limit: 4 });
    expect(first.points.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(first.next_page_offset).toBe(6);
    const last = await client.scroll("cities", { limit: 4, offset: first.next_page_offset as number });
    expect(last.points.map(({ id }) => id)).toEqual([6, uuid]);
    expect(last.next_page_offset).toBeNull();
  });

  test("retrieves, with falsy values kept", async () => {
    await client.upsert("cities", {
      wait: true,
      points: [
        { id: 9, vector: [0, 0, 0, 0], payload: { zero: 0, no: false, empty: "", none: null, list: [] } },
      ],
    });
    const [point] = await client.retrieve("cities", { ids: [9, 1234], with_vector: true });
    expect(point.payload).toEqual({ zero: 0, no: false, empty: "", none: null, list: [] });
    expect(Array.from(point.vector as number[])).toEqual([0, 0, 0, 0]);
  });

  test("changes payloads", async () => {
    await client.setPayload("cities", { payload: { rank: 7, fresh: true }, points: [1], wait: true });
    await client.setPayload("cities", { payload: { inner: 1 }, key: "nested", points: [2], wait: true });
    await client.overwritePayload("cities", { payload: { only: 1 }, points: [3], wait: true });
    await client.deletePayload("cities", { keys: ["city"], filter: { must: [{ has_id: [4] }] }, wait: true });
    await client.clearPayload("cities", { points: [uuid], wait: true });
    const points = await client.retrieve("cities", { ids: [1, 2, 3, 4, uuid] });
    const payloads = Object.fromEntries(points.map(({ id, payload }) => [id, payload]));
    expect(payloads[1]).toEqual({ city: "Berlin", rank: 7, tags: ["a", "b"], capital: true, fresh: true });
    expect(payloads[2]).toEqual({ city: ["Berlin", "London"], rank: 2, nested: { deep: 5, inner: 1 } });
    expect(payloads[3]).toEqual({ only: 1 });
    expect(payloads[4]).toEqual({ rank: 2.5, note: "" });
    expect(payloads[uuid]).toEqual({});
    await expect(
      client.setPayload("cities", { payload: { a: 1 }, points: [1, 55], wait: true }),
    ).rejects.toThrow();
    expect((await client.retrieve("cities", { ids: [1] }))[0].payload).not.toHaveProperty("a");
  });

  test("deletes by ids and by filter", async () => {
    await client.delete("cities", { points: [1, 77], wait: true });
    await client.delete("cities", {
      filter: { must: [{ key: "city", match: { value: "Moscow" } }] },
      wait: true,
    });
    const { points } = await client.scroll("cities", { limit: 10 });
    expect(points.map(({ id }) => id)).toEqual([2, 6, uuid]);
    expect((await client.getCollection("cities")).points_count).toBe(3);
  });

  test("replaces points, in list and in column form", async () => {
    await client.upsert("cities", {
      wait: true,
      batch: {
        ids: [1, 10],
        vectors: [
          [9, 9, 9, 9],
          [8, 8, 8, 8],
        ],
        payloads: [{ new: 1 }, null],
      },
    });
    expect((await client.count("cities", {})).count).toBe(7);
    const { points } = await client.query("cities", { query: [1, 1, 1, 1], limit: 2, with_payload: true });
    expect(points.map(({ id, payload }) => [id, payload])).toEqual([
      [1, { new: 1 }],
      [10, {}],
    ]);
  });

  test("answers batches of queries in order", async () => {
    const answers = await client.queryBatch("cities", {
      searches: [
        { query: [1, 0, 0, 0], limit: 1 },
        { query: [0, 1, 0, 0], limit: 1 },
      ],
    });
    expect(answers.map(({ points }) => points[0].id)).toEqual([3, 2]);
  });

  test("keeps several vectors a point", async () => {
    await client.createCollection("multi", {
      vectors: {
        a: { size: 2, distance: "Euclid" },
        b: { size: 3, distance: "Cosine" },
        c: { size: 1, distance: "Manhattan" },
      },
    });
    await client.upsert("multi", {
      wait: true,
      points: [
        { id: 1, vector: { a: [0, 0], b: [1, 2, 2] } },
        { id: 2, vector: { a: [3, 4], c: [5] } },
        { id: 3, vector: { b: [0, 0, 5], c: [-1] } },
      ],
    });
    const a = await client.query("multi", { query: [0, 0], using: "a", limit: 5 });
    expect(a.points.map(({ id, score }) => [id, score])).toEqual([
      [1, 0],
      [2, 5],
    ]);
    const b = await client.query("multi", { query: [0, 0, 1], using: "b", limit: 5, with_vector: ["b"] });
    expect(b.points.map(({ id }) => id)).toEqual([3, 1]);
    expect(Array.from((b.points[1].vector as Record<string, number[]>).b)[0]).toBeCloseTo(1 / 3, 6);
    const c = await client.query("multi", { query: [4], using: "c", limit: 5 });
    expect(c.points.map(({ id, score }) => [id, score])).toEqual([
      [2, 1],
      [3, 5],
    ]);
    await expect(client.query("multi", { query: [0], using: "d", limit: 1 })).rejects.toThrow();
    await expect(client.query("multi", { query: [0, 0], limit: 1 })).rejects.toThrow();
  });

  test("keeps sparse vectors and several vectors under one name, and fuses what both find", async () => {
    await client.createCollection("kinds", {
      vectors: { passages: { size: 2, distance: "Dot", multivector_config: { comparator: "max_sim" } } },
      sparse_vectors: { words: {} },
    });
    const stored = {
      passages: [
        [1, 0],
        [0, 2],
      ],
      words: { indices: [3, 4_294_967_295], values: [0.5, -1] },
    };
    await client.upsert("kinds", {
      wait: true,
      points: [
        { id: 1, vector: stored },
        { id: 2, vector: { passages: [[3, 0]] } },
        { id: 3, vector: { words: { indices: [3], values: [2] } } },
      ],
    });
    const { points } = await client.query("kinds", {
      query: [
        [1, 1],
        [0, 1],
      ],
      using: "passages",
      limit: 3,
    });
    // The best passage for each of the query's vectors, summed: 2 + 2 and 3 + 0.
    expect(points.map(({ id, score }) => [id, score])).toEqual([
      [1, 4],
      [2, 3],
    ]);
    const sparse = { indices: [3], values: [1] };
    const words = await client.query("kinds", { query: sparse, using: "words", limit: 3 });
    expect(words.points.map(({ id, score }) => [id, score])).toEqual([
      [3, 2],
      [1, 0.5],
    ]);
    const [found] = await client.retrieve("kinds", { ids: [1], with_vector: true });
    const { passages, words: kept } = found.vector as unknown as typeof stored;
    expect(passages.map((vector) => Array.from(vector))).toEqual(stored.passages);
    expect([Array.from(kept.indices), Array.from(kept.values)]).toEqual([
      [3, 4_294_967_295],
      [0.5, -1],
    ]);
    const fused = await client.query("kinds", {
      prefetch: [
        { query: [[0, 1]], using: "passages", limit: 1 },
        { query: sparse, using: "words", limit: 2 },
      ],
      query: { fusion: "rrf" },
      limit: 3,
    });
    expect(fused.points.map(({ id }) => id)).toEqual([1, 3]);
  });
});
