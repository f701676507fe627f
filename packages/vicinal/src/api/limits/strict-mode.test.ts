import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../database.js";
import { open } from "../open.js";
import type { Filter, StrictModeConfig } from "../schema/index.js";
import { TokenBucket } from "./rate-limit.js";

const name = "points";
const cities = ["Bern", "Rome", "Bern", "Oslo"];
let database: Database;

beforeEach(async () => {
  database = await open(":memory:");
  await database.createCollection(name, { vectors: { size: 2, distance: "Dot" } });
  await database.upsert(name, { points: points(1, 2, 3, 4) });
});
afterEach(() => database.close());

function points(...ids: number[]) {
  return ids.map((id) => ({ id, vector: [id, 1], payload: { city: cities[id % 4], count: id } }));
}

const limit = (config: StrictModeConfig) =>
  database.updateCollection(name, { strict_mode_config: { enabled: true, ...config } });
const index = (field_name: string, field_schema: object | string) =>
  database.createPayloadIndex(name, { field_name, field_schema: field_schema as "keyword" });
const inBern: Filter = { must: { key: "city", match: { value: "Bern" } } };
const is = (filter: Filter) => ({ query: [1, 0], filter });

async function refused(work: Promise<unknown>, says: string): Promise<void> {
  await expect(work).rejects.toMatchObject({
    code: "STRICT_MODE",
    message: expect.stringContaining(says),
  });
}

describe("the configuration", () => {
  const shown = async () => (await database.getCollection(name)).config.strict_mode_config;

  test("changes limit by limit; null leaves one as it is", async () => {
    expect(await shown()).toBeUndefined();
    await limit({ max_query_limit: 3, read_rate_limit: 100 });
    await database.updateCollection(name, { strict_mode_config: { max_query_limit: null, max_timeout: 2 } });
    expect(await shown()).toEqual({
      enabled: true,
      max_query_limit: 3,
      read_rate_limit: 100,
      max_timeout: 2,
    });
  });

  test("holds from the creation on, and not while it is not enabled", async () => {
    const strict_mode_config = { enabled: true, max_query_limit: 1 };
    await database.createCollection("new", { vectors: { size: 2, distance: "Dot" }, strict_mode_config });
    await refused(database.query("new", { query: [1, 0], limit: 2 }), "limit");
    await database.updateCollection("new", { strict_mode_config: { enabled: false } });
    await database.query("new", { query: [1, 0], limit: 2 });
  });

  test.each([
    [{ max_query_limit: 0 }, "strict_mode_config.max_query_limit"],
    [{ max_resident_memory_percent: 101 }, "strict_mode_config.max_resident_memory_percent"],
    [
      { multivector_config: { a: { max_vectors: 0 } } },
      "strict_mode_config.multivector_config.a.max_vectors",
    ],
  ])("is checked: %j", async (config, says) => {
    await expect(limit(config)).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
      message: expect.stringContaining(says),
    });
  });
});

describe("reads", () => {
  test("ask for so many hits, the default included", async () => {
    await limit({ max_query_limit: 5 });
    await database.query(name, { query: [1, 0], limit: 5 });
    await refused(database.query(name, { query: [1, 0], limit: 6 }), 'Limit exceeded 6 > 5 for "limit"');
    await refused(database.query(name, { query: [1, 0] }), 'Limit exceeded 10 > 5 for "limit"');
    await refused(database.queryBatch(name, { searches: [{ limit: 6 }] }), "6 > 5");
    await refused(database.scroll(name, { limit: 6 }), "6 > 5");
    await refused(database.queryGroups(name, { query: [1, 0], group_by: "city", limit: 2 }), "6 > 5");
    await refused(database.searchMatrixPairs(name, { sample: 3, limit: 2 }), "6 > 5");
    await refused(database.query(name, { query: [1, 0], limit: 6 }), "Help: Reduce");
  });

  test("wait for so long", async () => {
    await limit({ max_timeout: 2 });
    await database.count(name, { timeout: 2 });
    await refused(database.count(name, { timeout: 3 }), "timeout");
  });

  test("come in batches of so many", async () => {
    await limit({ search_max_batchsize: 1 });
    await database.queryBatch(name, { searches: [{}] });
    await refused(database.queryBatch(name, { searches: [{}, {}] }), "search batch size");
  });

  test("take so much effort", async () => {
    await limit({ search_max_hnsw_ef: 8, search_max_oversampling: 2, search_allow_exact: false });
    const search = (params: object) => database.query(name, { query: [1, 0], params });
    await search({ hnsw_ef: 8, quantization: { oversampling: 2 }, exact: false });
    await refused(search({ hnsw_ef: 9 }), "hnsw_ef");
    await refused(search({ quantization: { oversampling: 2.5 } }), "oversampling");
    await refused(search({ exact: true }), "Exact search disabled!");
    await refused(database.count(name), "Exact");
    await database.count(name, { exact: false });
  });

  test("scan no vector that has no index, unless by tenant", async () => {
    const search = (filter?: Filter) => database.query(name, { query: [1, 0], filter });
    await limit({ search_allow_exact: false });
    await search();
    await database.updateCollection(name, { hnsw_config: { m: 0, payload_m: 0 } });
    await refused(search(), "global vector indexing is disabled (hnsw_config.m = 0)");
    await database.scroll(name);
    await index("city", { type: "keyword", is_tenant: true });
    await refused(search(inBern), "hnsw_config.payload_m = 0");
    await database.updateCollection(name, { hnsw_config: { payload_m: 4 } });
    await search(inBern);
    await refused(search(), "global vector indexing");
  });

  test("filter by so many conditions of such a size", async () => {
    const any = { key: "count", match: { any: [1, 2, 3] } };
    const nested: Filter = { must: [{ nested: { key: "a", filter: { should: [any, any] } } }] };
    await limit({ filter_max_conditions: 2, condition_max_size: 3 });
    await database.scroll(name, { filter: nested });
    await refused(
      database.scroll(name, { filter: { must: [nested, any] } }),
      "Filter condition limit reached (3 > 2)",
    );
    await limit({ condition_max_size: 2 });
    await refused(database.query(name, is(nested)), "Condition size limit reached (3 > 2)");
    await refused(database.count(name, { filter: { must: { has_id: [1, 2, 3] } } }), "(3 > 2)");
  });

  test.each<[string, Filter, string, object | string]>([
    ["keyword", inBern, "city", "keyword"],
    [
      "keyword or uuid",
      { must: { key: "city", match: { any: ["550e8400-e29b-41d4-a716-446655440000"] } } },
      "city",
      "uuid",
    ],
    ["integer", { must: { key: "count", match: { value: 1 } } }, "count", "integer"],
    [
      "range of an integer",
      { must_not: { key: "count", range: { gt: 1 } } },
      "count",
      { type: "integer", lookup: false },
    ],
    ["range of a float", { should: [{ key: "count", range: { gt: 1 } }] }, "count", "float"],
    ["time", { must: { key: "at", range: { gt: "2024-01-01" } } }, "at", "datetime"],
    ["text", { must: { key: "city", match: { text: "bern" } } }, "city", "text"],
    [
      "phrase",
      { must: { key: "city", match: { phrase: "bern" } } },
      "city",
      { type: "text", phrase_matching: true },
    ],
    ["prefix", { must: { key: "city", match: { prefix: "Be" } } }, "city", { type: "keyword", prefix: true }],
    ["place", { must: { key: "at", geo_radius: { center: { lon: 0, lat: 0 }, radius: 1 } } }, "at", "geo"],
    ["emptiness", { must: { is_empty: { key: "at" } } }, "at", "bool"],
    [
      "nested",
      {
        must: {
          nested: {
            key: "a",
            filter: { min_should: { conditions: [{ key: "b", values_count: { gt: 1 } }], min_count: 1 } },
          },
        },
      },
      "a[].b",
      "integer",
    ],
  ])("filter by fields that are indexed: %s", async (_kind, filter, key, fieldSchema) => {
    await database.query(name, is(filter));
    await limit({ unindexed_filtering_retrieve: false });
    await refused(database.query(name, is(filter)), `"${key}"`);
    await refused(database.scroll(name, { filter }), "Help: Create an index");
    await index(key, fieldSchema);
    await database.query(name, is(filter));
  });

  test("an index of another kind serves no filter, and an empty list needs none", async () => {
    await limit({ unindexed_filtering_retrieve: false });
    await index("count", { type: "integer", lookup: false, range: true });
    const byCount: Filter = { must: { key: "count", match: { value: 1 } } };
    await refused(database.query(name, is(byCount)), "[integer]");
    await index("city", "text");
    await refused(
      database.query(name, is({ must: { key: "city", match: { phrase: "a b" } } })),
      "text with phrase",
    );
    await database.query(name, is({ must: [{ key: "other", match: { any: [] } }, { has_id: [1] }] }));
    await database.delete(name, { filter: inBern });
  });

  test("score by formulas over fields that are indexed", async () => {
    const score = () =>
      database.query(name, {
        prefetch: { query: [1, 0] },
        query: {
          formula: {
            sum: ["$score", { mult: [2, { pow: { base: "count", exponent: 2 } }] }, inBern.must as never],
          },
          defaults: { count: 0 },
        },
      });
    await score();
    await limit({ unindexed_filtering_retrieve: false });
    await refused(score(), '"count"');
    await refused(score(), "formula expression");
    await index("count", { type: "integer", range: false });
    await refused(score(), '"city"');
    await index("city", "keyword");
    await score();
  });

  test("and their prefetches, too", async () => {
    const asked = { query: { fusion: "rrf" as const }, prefetch: [{ query: [1, 0], limit: 6 }], limit: 1 };
    await limit({ max_query_limit: 5 });
    await refused(database.query(name, asked), "6 > 5");
    await limit({ max_query_limit: 6, unindexed_filtering_retrieve: false });
    await database.query(name, asked);
    const filtered = {
      ...asked,
      prefetch: { prefetch: { query: [1, 0], filter: inBern, limit: 6 }, limit: 6 },
    };
    await refused(database.query(name, filtered), '"city"');
  });

  test("group by fields that are indexed by value", async () => {
    const group = () => database.queryGroups(name, { query: [1, 0], group_by: "city" });
    await limit({ unindexed_filtering_retrieve: false });
    await refused(
      group(),
      'Index required but not found for "city". Help: Create an index supporting `match`',
    );
    await index("city", "geo");
    await refused(group(), 'Index of type "Geo" found for "city"');
    await index("city", "keyword");
    await group();
  });
});

describe("writes", () => {
  test("filter by fields that are indexed", async () => {
    await limit({ unindexed_filtering_update: false });
    const payload = { seen: true };
    await refused(database.setPayload(name, { payload, filter: inBern }), '"city"');
    await refused(database.delete(name, { filter: inBern }), '"city"');
    expect(await database.count(name, { filter: inBern })).toEqual({ count: 2 });
    await index("city", "keyword");
    await database.setPayload(name, { payload, filter: inBern });
  });

  test("come in batches of so many points", async () => {
    await limit({ upsert_max_batchsize: 2 });
    await database.upsert(name, { points: points(5, 6) });
    await refused(database.upsert(name, { points: points(5, 6, 7) }), "upsert limit");
    const batch = {
      ids: [7, 8, 9],
      vectors: [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    };
    await refused(database.upsert(name, { batch }), "3 > 2");
  });

  test("are held to the same in batches", async () => {
    await limit({ upsert_max_batchsize: 2, unindexed_filtering_update: false });
    const batch = (...operations: object[]) =>
      database.batchUpdate(name, { operations: operations as never });
    await batch({ upsert: { points: points(5, 6) } }, { delete: { points: [5] } });
    await refused(
      batch({ delete: { points: [6] } }, { upsert: { points: points(5, 6, 7) } }),
      "upsert limit",
    );
    expect((await database.retrieve(name, { ids: [6] })).length).toBe(1);
    const vectors = [1, 2, 3].map((id) => ({ id, vector: [1, 1] }));
    await refused(database.updateVectors(name, { points: vectors }), "update limit");
    await refused(batch({ update_vectors: { points: vectors } }), "update limit");
    await refused(batch({ delete: { filter: inBern } }), '"city"');
    await refused(database.deleteVectors(name, { vector: [""], filter: inBern }), '"city"');
    await limit({ write_rate_limit: 3 });
    const two = { upsert: { points: points(5, 6) } };
    await expect(batch(two, two)).rejects.toMatchObject({ code: "RATE_LIMITED" });
    await batch(two, { set_payload: { payload: { a: 1 }, points: [1] } });
  });

  test("stop where the collection is large enough, counting what lives", async () => {
    for (let i = 0; i < 10; i++) await database.upsert(name, { points: points(1, 2, 3, 4) });
    await limit({ max_collection_vector_size_bytes: 40 });
    await database.upsert(name, { points: points(5) });
    await refused(database.upsert(name, { points: points(6) }), "Max vector storage size limit of");
    await database.delete(name, { points: [5] });
    await database.upsert(name, { points: points(5) });
    await limit({ max_collection_vector_size_bytes: 1000, max_points_count: 6 });
    await database.upsert(name, { points: points(6) });
    await refused(database.upsert(name, { points: points(7) }), "Max points count limit of 6 reached!");
    await limit({ max_points_count: 1000, max_collection_payload_size_bytes: 50 });
    await refused(database.upsert(name, { points: points(7) }), "Max payload storage size");
    await refused(database.setPayload(name, { payload: { a: 1 }, points: [1] }), "Max payload storage size");
  });

  test("index so many fields", async () => {
    await limit({ max_payload_index_count: 1 });
    await index("city", "keyword");
    await refused(
      index("count", "integer"),
      "Collection already has the maximum number of payload indices (1). Help: Please delete",
    );
  });
});

describe("rates", () => {
  const limited = (says: string, retryAfterMs?: number) => ({
    code: "RATE_LIMITED",
    message: expect.stringContaining(says),
    details: retryAfterMs === undefined ? {} : { retryAfterMs: expect.any(Number) },
  });
  const tooLarge = limited("request larger than rate limiter capacity");

  test("of reads: vectors, conditions, ids", async () => {
    await limit({ read_rate_limit: 4 });
    await expect(database.retrieve(name, { ids: [1, 2, 3, 4, 5] })).rejects.toMatchObject(tooLarge);
    await database.retrieve(name, { ids: [1, 2, 3, 4] });
    await expect(database.query(name, { query: [1, 0] })).rejects.toMatchObject(
      limited("Read rate limit exceeded: Operation requires 1 tokens", 1),
    );
    // A changed limit begins anew.
    await limit({ read_rate_limit: 4 });
    await database.scroll(name, { filter: { must: [inBern, inBern, inBern] } });
    await limit({ read_rate_limit: 4 });
    const recommend = { positive: [1, 2, 3], strategy: "best_score" as const };
    await expect(database.query(name, { query: { recommend } })).rejects.toMatchObject(tooLarge);
    await limit({ enabled: false });
    await database.query(name, { query: { recommend } });
  });

  test("of writes: points", async () => {
    await limit({ write_rate_limit: 5 });
    await expect(database.upsert(name, { points: points(1, 2, 3, 4, 5, 6) })).rejects.toMatchObject(tooLarge);
    await database.upsert(name, { points: points(1, 2, 3, 4, 5) });
    await expect(database.delete(name, { points: [1] })).rejects.toMatchObject(
      limited("Write rate limit exceeded: Operation requires 1 tokens", 1),
    );
    await database.query(name, { query: [1, 0] });
    await limit({ write_rate_limit: 5 });
    // Half of five points, since no index tells.
    await database.setPayload(name, { payload: { a: 1 }, filter: inBern });
    await expect(database.delete(name, { points: [1, 2, 3] })).rejects.toMatchObject(
      limited("Operation requires 3 tokens", 1),
    );
  });

  test("fill again with time, up to a minute's worth", () => {
    let nowMs = 0;
    const bucket = new TokenBucket("Read", 60, () => nowMs);
    bucket.take(60);
    expect(() => bucket.take(1)).toThrow("Retry after 1s");
    nowMs = 1000;
    bucket.take(1);
    expect(() => bucket.take(2)).toThrow("requires 2 tokens but only 0.0 were available. Retry after 2s");
    nowMs = 10_000_000;
    bucket.take(60);
    expect(() => bucket.take(1)).toThrow();
  });
});
