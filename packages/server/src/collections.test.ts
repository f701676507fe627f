/** Collections over HTTP with the engine behind: what statuses and headers strict mode, aliases and names give. */
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createServer, type Server } from "./server.js";

let database: Database;
let server: Server;
let address: string;

beforeEach(async () => {
  database = await open(":memory:");
  server = createServer({ database });
  address = (await server.listen({ port: 0, grpcPort: false })).url;
  await call("PUT", "/collections/words", { vectors: { size: 2, distance: "Dot" } });
});
afterEach(async () => {
  await server.close();
  await database.close();
});

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(address + path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const { result, status } = await response.json();
  return { status: response.status, headers: response.headers, result, error: status.error };
}

const strict = (strict_mode_config: object) => call("PATCH", "/collections/words", { strict_mode_config });

test("strict mode refuses with 400, rates with 429 and when to come again", async () => {
  await strict({ enabled: true, max_timeout: 2 });
  const count = (parameters = "") =>
    call("POST", `/collections/words/points/count${parameters}`, { exact: false });
  expect(await count("?timeout=2")).toMatchObject({ status: 200, result: { count: 0 } });
  expect(await count("?timeout=3")).toMatchObject({
    status: 400,
    error: expect.stringContaining('Bad request: Limit exceeded 3 > 2 for "timeout"'),
  });

  await strict({ read_rate_limit: 1 });
  await count();
  const refused = await count();
  expect(refused.status).toBe(429);
  expect(refused.error).toContain("Rate limiting exceeded: Read rate limit exceeded");
  const wait = Number(refused.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(60);

  const points = [1, 2].map((id) => ({ id, vector: [0, 1] }));
  await strict({ write_rate_limit: 1 });
  const tooLarge = await call("PUT", "/collections/words/points", { points });
  expect(tooLarge).toMatchObject({
    status: 429,
    error: expect.stringContaining("Write rate limit exceeded"),
  });
  expect(tooLarge.headers.get("retry-after")).toBeNull();
});

test("aliases conflict with 409, collections named as one with 400", async () => {
  const alias = (alias_name: string, collection_name: string) =>
    call("POST", "/collections/aliases", { actions: [{ create_alias: { alias_name, collection_name } }] });
  expect(await alias("live", "words")).toMatchObject({ status: 200, result: true });
  expect(await alias("words", "words")).toMatchObject({ status: 409 });
  expect(await alias("other", "absent")).toMatchObject({ status: 404 });
  const { status, error } = await call("PUT", "/collections/live", { vectors: { size: 2, distance: "Dot" } });
  expect(status).toBe(400);
  expect(error).toContain("Alias with the same name already exists");
  const { result } = await call("GET", "/collections/words/aliases");
  expect(result.aliases).toEqual([{ alias_name: "live", collection_name: "words" }]);
  expect((await call("GET", "/aliases")).result).toEqual(result);
});

test("telemetry tells more the more is asked, and metrics count through both doors", async () => {
  await call("PUT", "/collections/words/points?wait=true", { points: [{ id: 1, vector: [0, 1] }] });
  await call("GET", "/collections/absent");
  const keys = async (level: number) => {
    const { result } = await call("GET", `/telemetry?details_level=${level}&per_collection=true`);
    return { result, collection: result.collections.collections?.[0] };
  };
  const least = await keys(0);
  expect(Object.keys(least.result).sort()).toEqual([
    "app",
    "cluster",
    "collections",
    "id",
    "quota",
    "requests",
  ]);
  expect(least.collection).toBeUndefined();
  expect(Object.keys((await keys(1)).collection)).toEqual(["vectors", "optimizers_status", "params"]);
  expect((await keys(2)).collection).toMatchObject({ id: "words", config: { params: { shard_number: 1 } } });
  const { local } = (await keys(3)).collection.shards[0];
  expect(local).toMatchObject({
    num_points: 1,
    num_vectors_by_name: { "": 1 },
    vectors_size_bytes: 8,
    update_queue: { length: 0, op_num: 1 },
  });
  const most = await keys(4);
  const [segment] = most.collection.shards[0].local.segments;
  expect(segment.info).toMatchObject({ num_points: 1, is_appendable: true, segment_type: "plain" });
  const { responses, per_collection_responses: each } = most.result.requests.rest;
  const written = responses["PUT /collections/{collection_name}/points"]["200"];
  expect(written).toMatchObject({ count: 1, last_responded: expect.stringMatching(/^\d{4}-/) });
  expect(Object.keys(each)).toEqual(["words"]);

  const text = await (await fetch(`${address}/metrics?per_collection=true`)).text();
  const endpoint = 'method="PUT",endpoint="/collections/{collection_name}/points"';
  expect(text).toContain(`rest_responses_total{${endpoint},collection="words",status="200"} 1\n`);
  expect(text).toContain('collection_points{id="words"} 1\n');
  expect(text).toContain('collection_vectors{collection="words",vector=""} 1\n');
  expect(await (await fetch(`${address}/metrics`)).text()).not.toContain('collection="words",status');
});

test("what needs several nodes is refused, and told of one node", async () => {
  expect((await call("GET", "/cluster")).result).toEqual({ status: "disabled" });
  expect((await call("GET", "/collections/words/cluster")).result).toMatchObject({
    shard_count: 1,
    local_shards: [{ shard_id: 0, points_count: 0, state: "Active" }],
  });
  expect((await call("GET", "/collections/words/shards")).result).toEqual({ shard_keys: [] });
  for (const [method, path] of [
    ["POST", "/cluster/recover"],
    ["DELETE", "/cluster/peer/1"],
    ["PUT", "/collections/words/shards"],
  ]) {
    const body = method === "DELETE" ? undefined : {};
    expect(await call(method, path, body)).toMatchObject({
      status: 405,
      error: expect.stringContaining("standalone mode"),
    });
  }
  expect((await call("PUT", "/collections/absent/shards", {})).status).toBe(404);
});

test("optimizations and issues", async () => {
  const at = "/collections/words/optimizations";
  await call("PUT", "/collections/words/points?wait=true", { points: [{ id: 1, vector: [0, 1] }] });
  expect(Object.keys((await call("GET", at)).result)).toEqual(["summary", "running", "writes"]);
  const { result } = await call("GET", `${at}?with=queued%20,%20completed,idle_segments`);
  expect(result).toMatchObject({ running: [], queued: [], completed: [], summary: { idle_segments: 1 } });
  expect(result.idle_segments).toEqual([{ uuid: expect.stringMatching(/^[\da-f-]{36}$/), points_count: 1 }]);
  expect((await call("GET", "/issues")).result).toEqual({ issues: [] });
  expect((await call("DELETE", "/issues")).result).toBe(true);
});

test("quotas are kept, told, and hold back what takes more", async () => {
  const none = await call("GET", "/quotas");
  expect(none.result.config).toEqual({ enabled: false });
  expect(none.result.usage.resident_memory_percent).toBeGreaterThanOrEqual(0);
  expect((await call("PUT", "/quotas", { enabled: true, max_resident_memory_percent: 0 })).status).toBe(422);
  const quotas = { enabled: true, max_resident_memory_percent: 100 };
  expect((await call("PUT", "/quotas", quotas)).result).toBe(true);
  expect((await call("GET", "/quotas")).result.config).toEqual(quotas);
  const { result } = await call("GET", "/telemetry");
  expect(result.quota).toEqual({ config: quotas, exceeded: { resident_memory: false, disk_usage: null } });
});

test("settings are checked, shown, and warned of where they are without effect", async () => {
  const make = (vectors: object, more = {}) => call("PUT", "/collections/new", { vectors, ...more });
  const vectors = { size: 4, distance: "Dot" };
  expect(await make({ ...vectors, memory: "pinned" })).toMatchObject({
    status: 422,
    error: expect.stringContaining("vectors.memory: `pinned`"),
  });
  expect((await make(vectors, { payload: { memory: "pinned" } })).status).toBe(422);
  const quantization = { scalar: { type: "int8", quantile: 0.5 } };
  const given = { memory: "cached", hnsw_config: { inline_storage: true } };
  await make({ ...vectors, ...given }, { payload: { memory: "cached" }, unknown: 1 });
  const info = async () => (await call("GET", "/collections/new")).result;
  const { config, warnings } = await info();
  expect(warnings).toEqual([{ message: expect.stringContaining("it needs quantization") }]);
  expect(config.params).toEqual({
    vectors: { ...vectors, ...given },
    payload: { memory: "cached" },
    shard_number: 1,
    replication_factor: 1,
    write_consistency_factor: 1,
    on_disk_payload: false,
  });
  expect(config.quantization_config).toBeNull();
  await call("PATCH", "/collections/new?timeout=5", {
    quantization_config: quantization,
    params: { replication_factor: 2, read_fan_out_factor: 1 },
  });
  const changed = await info();
  expect(changed.warnings).toBeUndefined();
  expect(changed.config.quantization_config).toEqual(quantization);
  expect(changed.config.params).toMatchObject({ replication_factor: 2, read_fan_out_factor: 1 });
  expect(changed.config.params.timeout).toBeUndefined();
});

test("names that are too long are refused for that, everywhere", async () => {
  const { status, error } = await call("GET", `/collections/${"x".repeat(256)}/points/1`);
  expect(status).toBe(422);
  expect(error).toContain("Validation error in path parameters: [collection_name");
});

test("named vectors are added and dropped, once their description is right", async () => {
  const add = (dense: object) => call("PUT", "/collections/words/vectors/title", { dense });
  expect((await add({ size: 0, distance: "Dot" })).status).toBe(422);
  expect((await add({ size: 4, distance: "Dot" })).status).toBe(200);
  expect((await call("DELETE", "/collections/words/vectors/title")).status).toBe(200);
  expect((await call("DELETE", "/collections/words/vectors/title")).status).toBe(400);
});
