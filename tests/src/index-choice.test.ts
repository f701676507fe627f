/** The index of a vector is chosen, refused where it cannot serve, and changed while queries run. */

import { QdrantClient } from "@qdrant/js-client-rest";
import {
  type CreateCollection,
  type Database,
  open,
  type QueryResponse,
  type UpdateCollection,
  type VectorIndex,
} from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clustered } from "./clustered.js";
import { refusal, type Served, serve, withFolder } from "./homes.js";

const DIMENSIONS = 16;
const COUNT = 5000;
const QUERIES = 40;

describe("refused before anything is done", () => {
  let home: Served;
  beforeAll(async () => {
    home = await serve();
    await home.database.createCollection("there", {
      vectors: { image: { size: 4, distance: "Manhattan" }, text: { size: 4, distance: "Cosine" } },
    });
  });
  afterAll(() => home.close());

  const vector = (index: VectorIndex): CreateCollection => ({
    vectors: { image: { size: 4, distance: "Manhattan", index } },
  });
  const creations: [string, CreateCollection, string][] = [
    ["codes of IVF", vector({ type: "ivf", encoding: "sq8" }), "vectors.image.index.encoding: encoding sq8"],
    ["codes of a graph", vector({ type: "hnsw", encoding: "int8" }), "vectors.image.index.encoding: "],
    ["codes of a tree", vector({ type: "ball-tree", encoding: "int8" }), "vectors.image.index.encoding: "],
    ["hashes by angle", vector({ type: "lsh", hash: "hyperplane" }), "vectors.image.index.hash: "],
    [
      "a parameter of another family",
      vector({ type: "ivf", m: 16 }),
      "vectors.image.index.m: ivf has no parameter m",
    ],
    ["a misspelt parameter", vector({ type: "hnsw", efconstruct: 9 }), "there are: m, efConstruct"],
    [
      "a parameter where there is none",
      vector({ type: "flat", m: 16 }),
      "vectors.image.index.m: flat has no",
    ],
    [
      "a number out of range",
      vector({ type: "hnsw", m: 1000 }),
      "vectors.image.index.m: m must be an integer",
    ],
    [
      "of the unnamed vector",
      {
        vectors: { size: 4, distance: "Manhattan", index: { type: "ivf", encoding: "pq4" } },
      },
      "vectors.index.encoding: encoding pq4 cannot serve Manhattan; float32 can",
    ],
    [
      "a setting of the vector",
      { vectors: { image: { size: 4, distance: "Dot", hnsw_config: { ef_construct: 100_000 } } } },
      "vectors.image.hnsw_config.ef_construct: ",
    ],
    [
      "a setting of the collection",
      { vectors: { size: 4, distance: "Dot" }, hnsw_config: { m: 1000 } },
      "hnsw_config.m: ",
    ],
  ];

  test.each(creations)("at creation: %s", async (_title, body, says) => {
    const embedded = await refusal(home.database.createCollection("new", body));
    expect(embedded.message).toContain(says);
    expect(embedded.code).toMatch(/^(BAD_REQUEST|OUT_OF_RANGE)$/);
    const { status, json } = await home.rest.call("PUT", "/collections/new", body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(json.status.error).toContain(says);
    expect((await home.database.collectionExists("new")).exists).toBe(false);
  });

  const updates: [string, UpdateCollection, string][] = [
    [
      "codes for Manhattan",
      { vectors: { image: { index: { type: "ivf", encoding: "sq8" } } } },
      "vectors.image.index.encoding: ",
    ],
    ["an unknown family", { vectors: { text: { index: { type: "tree" } } } }, "vectors.text.index.type"],
    [
      "a number out of range",
      { vectors: { text: { hnsw_config: { m: 1000 } } } },
      "vectors.text.hnsw_config.m: ",
    ],
  ];
  test.each(updates)("of an update: %s", async (_title, body, says) => {
    const before = await home.database.getCollection("there");
    const { message } = await refusal(home.database.updateCollection("there", body));
    expect(message).toContain(says);
    const { status, json } = await home.rest.call("PATCH", "/collections/there", body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(json.status.error).toContain(says);
    expect((await home.database.getCollection("there")).config).toEqual(before.config);
  });
});

/** A collection of one segment, and queries that are not in it with their true neighbours' scores. */
async function filled(database: Database, index: VectorIndex) {
  const next = clustered(DIMENSIONS, 11);
  await database.createCollection("c", {
    vectors: { size: DIMENSIONS, distance: "Cosine", index },
    optimizers_config: { indexing_threshold: 1 },
  });
  const points = Array.from({ length: COUNT }, (_, id) => ({ id, vector: next() }));
  await database.upsert("c", { points });
  await database.waitForIndex("c", { everything: true });
  return Array.from({ length: QUERIES }, next);
}

async function truths(database: Database, queries: number[][]): Promise<number[]> {
  const worst: number[] = [];
  for (const query of queries) {
    const { points } = await database.query("c", { query, limit: 10, params: { exact: true } });
    worst.push(points[9].score);
  }
  return worst;
}

/** Recall over all queries, and the families that answered. */
async function asked(database: Database, queries: number[][], worst: number[]) {
  const families = new Set<string>();
  let hits = 0;
  for (const [i, query] of queries.entries()) {
    const { points, explain } = await database.query("c", {
      query,
      limit: 10,
      params: { recall: 0.95, explain: true },
    });
    expect(points).toHaveLength(10);
    hits += points.filter(({ score }) => score >= worst[i] - 1e-6).length;
    for (const { family } of explain!.segments) families.add(family);
  }
  return { recall: hits / (10 * queries.length), families: [...families] };
}

const change = (index: VectorIndex): UpdateCollection => ({ vectors: { "": { index } } });

test("changed while queries run, there and back, over restarts", { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    let database = await open(folder);
    const queries = await filled(database, { type: "hnsw" });
    const worst = await truths(database, queries);
    for (const type of ["ivf", "kmeans-tree", "hnsw"]) {
      await database.updateCollection("c", change({ type }));
      let building = true;
      const built = database.waitForIndex("c").finally(() => {
        building = false;
      });
      const seen = new Set<string>();
      while (building) {
        const { recall, families } = await asked(database, queries, worst);
        expect(recall).toBeGreaterThanOrEqual(0.94);
        for (const family of families) seen.add(family);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await built;
      // Never a scan in between: the old index answers until the new one does.
      expect(seen).not.toContain("flat");
      expect((await asked(database, queries, worst)).families).toEqual([type]);
      const described = (await database.getCollection("c")).config.params.vectors;
      expect(described).toMatchObject({ index: { type } });
      await database.close();
      database = await open(folder);
      await database.waitForIndex("c");
      const reopened = await asked(database, queries, worst);
      expect(reopened.families).toEqual([type]);
      expect(reopened.recall).toBeGreaterThanOrEqual(0.94);
    }
    await database.close();
  });
});

test("the last of several changes counts, and none leaves the collection without an index", async () => {
  await withFolder(async (folder) => {
    let database = await open(folder);
    const queries = await filled(database, { type: "hnsw" });
    const worst = await truths(database, queries);
    const changes = [
      { type: "ivf", lists: 20 },
      { type: "kmeans-tree" },
      { type: "ivf", lists: 40, encoding: "sq8" },
    ];
    for (const index of changes) {
      await database.updateCollection("c", change(index));
      await asked(database, queries.slice(0, 3), worst);
    }
    // Closed in the middle of a build: the opening after it goes on.
    await database.close();
    database = await open(folder);
    expect((await asked(database, queries, worst)).recall).toBeGreaterThanOrEqual(0.94);
    await database.waitForIndex("c");
    const { families, recall } = await asked(database, queries, worst);
    expect(families).toEqual(["ivf"]);
    expect(recall).toBeGreaterThanOrEqual(0.94);
    await database.updateCollection("c", change({ type: "flat" }));
    await database.waitForIndex("c");
    expect(await asked(database, queries, worst)).toEqual({ families: ["flat"], recall: 1 });
    expect((await database.getCollection("c")).indexed_vectors_count).toBe(0);
    await database.close();
  });
});

test("by the official client, in the body of Qdrant's PATCH with the one added field", async () => {
  const home = await serve();
  const queries = await filled(home.database, { type: "hnsw" });
  const body = {
    vectors: { "": { hnsw_config: { m: 24 }, index: { type: "ivf", lists: 30 } } },
    optimizers_config: { deleted_threshold: 0.4 },
  };
  const client = new QdrantClient({ url: home.url, checkCompatibility: false });
  expect(await client.updateCollection("c", { ...body, timeout: 5 })).toBe(true);
  await home.database.waitForIndex("c");
  const info = await home.rest.result("GET", "/collections/c");
  expect(info.config.params.vectors.index).toEqual({ type: "ivf", lists: 30 });
  expect(info.config.params.vectors.hnsw_config).toEqual({ m: 24 });
  expect(info.config.optimizer_config.deleted_threshold).toBe(0.4);
  const params = { explain: true } as Record<string, unknown>;
  const answer = await client.query("c", { query: queries[0], params });
  const { explain } = answer as QueryResponse;
  expect(explain?.segments[0]).toMatchObject({ family: "ivf", path: "index" });
  await home.close();
});
