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
