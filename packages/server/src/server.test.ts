import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { isLosslessNumber, parse as parseLossless } from "lossless-json";
import { type PointRecord, type RawJson, VicinalError } from "vicinal/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envelope, writePoint } from "./answer.js";
import { FakeEngine } from "./fake-engine.test.helper.js";
import { createServer, type Server } from "./server.js";

const bodyLimitBytes = 64 * 1024;
const engine = new FakeEngine();
const server: Server = createServer({ database: { engine }, bodyLimitBytes });
let address: string;

beforeAll(async () => {
  address = (await server.listen({ port: 0 })).url;
  await call("PUT", "/collections/words", { vectors: { size: 4, distance: "Dot" } });
});

afterAll(() => server.close());

interface Answer {
  status: number;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  json: any;
}

/** @param body Text is sent as it is, anything else as JSON. */
async function call(method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
  const response = await fetch(address + path, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
}

const errorOf = (answer: Answer) => ({ status: answer.status, error: answer.json.status.error as string });

describe("envelope", () => {
  test("of a result", async () => {
    const { status, json } = await call("GET", "/collections");
    expect(status).toBe(200);
    expect(json).toEqual({
      result: { collections: [{ name: "words" }] },
      status: "ok",
      time: expect.any(Number),
    });
    expect(json.time).toBeGreaterThan(0);
    expect(json.time).toBeLessThan(30);
  });

  test("of an error", async () => {
    const { status, json } = await call("GET", "/collections/absent");
    expect(status).toBe(404);
    expect(json).toEqual({
      status: { error: "Not found: Collection `absent` doesn't exist!" },
      time: expect.any(Number),
    });
  });

  test("a write tells whether it was waited for", async () => {
    const body = { points: [1] };
    const waited = await call("POST", "/collections/words/points/delete?wait=true", body);
    expect(waited.json.result).toEqual({ operation_id: 7, status: "completed" });
    const unwaited = await call("POST", "/collections/words/points/delete", body);
    expect(unwaited.json.result.status).toBe("acknowledged");
  });
});

describe("exactness", () => {
  const big = "18446744073709551615";
  const odd = "9007199254740993";

  test("ids beyond 2^53 go in and out digit by digit", async () => {
    const body = `{"points":[{"id":${big},"vector":[1,0,0,0]},{"id":${odd},"vector":[0.5,0,0,0],"payload":{"n":${odd}}}]}`;
    expect((await call("PUT", "/collections/words/points?wait=true", body)).status).toBe(200);

    const { text } = await call("POST", "/collections/words/points/query", { query: [1, 0, 0, 0], limit: 2 });
    const { result } = parseLossless(text) as {
      result: { points: { id: unknown; payload: { n?: unknown } }[] };
    };
    expect(result.points.map(({ id }) => isLosslessNumber(id) && id.value)).toEqual([big, odd]);
    expect(String(result.points[1].payload.n)).toBe(odd);

    expect((await call("GET", `/collections/words/points/${odd}`)).text).toContain(`{"id":${odd},`);
    expect((await call("GET", "/collections/words/points/9007199254740992")).status).toBe(404);
    expect((await call("POST", "/collections/words/points/scroll", { limit: 1 })).text).toContain(
      `"next_page_offset":${odd}`,
    );
  });

  test("payloads come back as the text that is stored", async () => {
    const payload = { word: "naïve 🦜 \u0000", falsy: [0, false, "", null], nested: { a: [] } };
    await call("PUT", "/collections/words/points", { points: [{ id: 1, vector: [1, 2, 3, 4], payload }] });
    const { json } = await call("POST", "/collections/words/points", { ids: [1] });
    expect(json.result[0].payload).toEqual(payload);
  });

  test("vectors and scores print as float32", async () => {
    await call("PUT", "/collections/words/points", { points: [{ id: 2, vector: [0.1, -0.2, 1e-8, 3] }] });
    const one = await call("GET", "/collections/words/points/2");
    expect(one.text).toContain('"vector":[0.1,-0.2,1e-8,3]');
    const { text } = await call("POST", "/collections/words/points/query", {
      query: [-1, 0, 0, 0],
      limit: 10,
    });
    expect(text).toContain('"score":-0.1,');
  });

  test("integers of other answers are exact too", async () => {
    const { text } = await call("GET", "/collections/words");
    expect(text).toContain(`"metadata":{"exact":${big}}`);
  });
});

test("points are written whatever they carry", () => {
  const written = (point: PointRecord<RawJson>) =>
    new TextDecoder().decode(envelope(point, writePoint, performance.now()));
  const vector = JSON.parse('{"__proto__":[0.5],"a\\"b":[1,2]}') as Record<string, number[]>;
  expect(written({ id: 1, vector })).toContain(
    '"result":{"id":1,"vector":{"__proto__":[0.5],"a\\"b":[1,2]}}',
  );
  expect(written({ id: 1, vector: [0.25] })).toContain('{"id":1,"vector":[0.25]}');
  expect(written({ id: 1, vector: {}, payload: null })).toContain('{"id":1,"vector":{}}');
});

describe("bad requests name the culprit", () => {
  test.each<[string, string, unknown, number, string]>([
    [
      "PUT",
      "/collections/words",
      { vectors: { size: 4, distance: "Dot" } },
      409,
      "Wrong input: Collection `words` already exists!",
    ],
    [
      "PUT",
      "/collections/wide",
      { vectors: { size: 65_537, distance: "Dot" } },
      422,
      "Validation error in JSON body: [vectors.size: value 65537 invalid, must be from 1 to 65536]",
    ],
    [
      "PUT",
      "/collections/a%3Cb",
      { vectors: { size: 4, distance: "Dot" } },
      422,
      "Validation error in path parameters: [collection_name: expected a name without",
    ],
    [
      "PUT",
      "/collections/words/points",
      { points: [{ id: 1, vector: [1, 2, 3] }] },
      400,
      "Wrong input: Vector dimension error: expected dim: 4, got 3",
    ],
    [
      "PUT",
      "/collections/words/points",
      { points: [{ id: -1, vector: [1] }] },
      400,
      "Format error in JSON body: points[0].id: ",
    ],
    [
      "PUT",
      "/collections/words/points",
      { points: [{ id: 1, vector: [1, "x"] }] },
      400,
      'Format error in JSON body: points[0].vector[1]: expected a number, got "x"',
    ],
    [
      "PUT",
      "/collections/words/points",
      '{"points":[{"id":18446744073709551616,"vector":[1]}]}',
      400,
      "points[0].id: ",
    ],
    [
      "PUT",
      "/collections/words/points",
      '{"points": [}',
      400,
      "Format error in JSON body: Malformed JSON at offset 12",
    ],
    ["PUT", "/collections/words/points", "", 400, "Format error in JSON body"],
    [
      "POST",
      "/collections/words/points/query",
      { limit: 0 },
      422,
      "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]",
    ],
    [
      "POST",
      "/collections/words/points/query",
      { prefetch: [{ limit: "x" }] },
      400,
      "prefetch[0].limit: expected",
    ],
    [
      "POST",
      "/collections/words/points/search",
      { vector: [1, 0, 0, 0] },
      400,
      "Format error in JSON body: limit: is missing",
    ],
    [
      "POST",
      "/collections/words/points/delete?wait=maybe",
      { points: [1] },
      400,
      'Format error in query parameters: wait: expected true or false, got "maybe"',
    ],
    [
      "POST",
      "/collections/words/points/delete?timeout=0",
      { points: [1] },
      422,
      "Validation error in query parameters: [timeout: value 0 invalid",
    ],
    [
      "POST",
      "/collections/words/points/delete?wait=true&wait=false",
      { points: [1] },
      400,
      "query parameters: wait",
    ],
    ["GET", "/collections/words/points/abc", undefined, 400, "Format error in path parameters: id: "],
    ["GET", "/collections/words/points/77", undefined, 404, "Not found: Point with id 77 does not exists!"],
    ["POST", "/no/such/thing", {}, 404, "Not found: POST /no/such/thing"],
  ])("%s %s %j", async (method, path, body, status, error) => {
    const answer = errorOf(await call(method, path, body));
    expect(answer.error).toContain(error);
    expect(answer.status).toBe(status);
  });

  test("a body that is no JSON by its type", async () => {
    const answer = await call("PUT", "/collections/words/points", "{}", { "content-type": "text/plain" });
    expect(errorOf(answer)).toEqual({ status: 400, error: "Content type error: expected application/json" });
  });

  test("but no body where none is needed, whatever its type", async () => {
    const headers = { "content-type": "application/json" };
    expect((await call("DELETE", "/collections/absent", undefined, headers)).json.result).toBe(false);
  });

  test("a body beyond the limit", async () => {
    const answer = await call("PUT", "/collections/words/points", { points: "x".repeat(bodyLimitBytes) });
    expect(errorOf(answer)).toEqual({
      status: 413,
      error: `JSON payload is larger than allowed (limit: ${bodyLimitBytes} bytes).`,
    });
  });

  test("nesting that would exhaust the stack", async () => {
    const answer = await call("PUT", "/collections/words", "[".repeat(50_000));
    expect(errorOf(answer)).toMatchObject({ status: 400, error: expect.stringContaining("nested deeper") });
  });

  test("what nobody foresaw is a 500 with its message", async () => {
    engine.failure = new Error("out of ideas");
    const answer = await call("POST", "/collections/words/points/count", {});
    engine.failure = undefined;
    expect(errorOf(answer)).toEqual({ status: 500, error: "Service internal error: out of ideas" });
  });
});

test("the older search answers with points, the query with an object", async () => {
  const vector = [1, 0, 0, 0];
  const search = await call("POST", "/collections/words/points/search", { vector, limit: 1 });
  const query = await call("POST", "/collections/words/points/query", { query: vector, limit: 1 });
  expect(search.json.result).toEqual(query.json.result.points);
  expect(search.json.result).toHaveLength(1);
  const searches = await call("POST", "/collections/words/points/search/batch", {
    searches: [{ vector: { name: "", vector }, limit: 1 }],
  });
  const queries = await call("POST", "/collections/words/points/query/batch", {
    searches: [{ query: vector, limit: 1 }],
  });
  expect(searches.json.result).toEqual([query.json.result.points]);
  expect(queries.json.result).toEqual([query.json.result]);
});

describe("service", () => {
  test("says who it is, to clients that compare versions", async () => {
    const { json } = await call("GET", "/");
    expect(json.title).toContain("vicinal");
    expect(json.version).toMatch(/^1\.19\.\d+$/);
  });

  test.each(["/healthz", "/livez", "/readyz"])("%s", async (path) => {
    expect((await call("GET", path)).status).toBe(200);
  });

  test("counts its answers", async () => {
    await call("GET", "/collections/words/exists");
    const { json } = await call("GET", "/telemetry");
    expect(json.result.collections.number_of_collections).toBe(1);
    expect(Date.parse(json.result.app.startup)).toBeLessThanOrEqual(Date.now());
    expect(
      json.result.requests.rest.responses["GET /collections/{collection_name}/exists"]["200"].count,
    ).toBe(1);
    const metrics = await call("GET", "/metrics");
    expect(metrics.text).toContain(
      'rest_responses_total{method="GET",endpoint="/collections/{collection_name}/exists",status="200"} 1\n',
    );
    expect(metrics.text).toContain("collections_total 1\n");
  });
});

describe("listening", () => {
  test("a taken port is named", async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const late = createServer({ database: { engine } });
    try {
      const error = await late.listen({ port }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(VicinalError);
      expect((error as VicinalError).message).toBe(
        `Cannot listen on 127.0.0.1:${port}: the port is taken by another process`,
      );
    } finally {
      await late.close();
      other.close();
    }
  });

  test.each([
    [{ port: 70_000 }, "Cannot listen on 127.0.0.1:70000: a port is a number from 0 to 65535"],
    [{ host: "192.0.2.1", port: 0 }, "Cannot listen on 192.0.2.1:0: this machine has no such address"],
  ])("%j is refused", async (where, message) => {
    const nowhere = createServer({ database: { engine } });
    await expect(nowhere.listen(where)).rejects.toThrow(message);
    await nowhere.close();
  });

  test("closing lets a request in flight finish", async () => {
    const slow = new FakeEngine();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    slow.collectionExists = async () => {
      arrived();
      await held;
      return { exists: true };
    };
    const closing = createServer({ database: { engine: slow } });
    const { url, port } = await closing.listen({ port: 0 });
    expect(url).toBe(`http://127.0.0.1:${port}`);
    const answer = fetch(`${url}/collections/x/exists`);
    await arrival;
    const closed = closing.close();
    release();
    expect(await (await answer).json()).toMatchObject({ result: { exists: true } });
    await closed;
    await expect(fetch(`${url}/`)).rejects.toThrow();
  });
});

describe("access", () => {
  let guarded: Server;
  let url: string;

  beforeAll(async () => {
    guarded = createServer({ database: { engine }, apiKey: "secret", cors: ["https://page.example"] });
    url = (await guarded.listen({ port: 0 })).url;
  });
  afterAll(() => guarded.close());

  test.each<[Record<string, string>, string, number]>([
    [{}, "/collections", 401],
    [{ "api-key": "wrong" }, "/collections", 403],
    [{ "api-key": "secret" }, "/collections", 200],
    [{ authorization: "Bearer secret" }, "/collections", 200],
    [{}, "/no/such/path", 401],
    [{}, "/openapi.json", 401],
    [{}, "/healthz", 200],
    [{}, "/", 200],
  ])("%j %s: %i", async (headers, path, status) => {
    expect((await fetch(url + path, { headers })).status).toBe(status);
  });

  test("pages of named origins may call, others may not", async () => {
    const allowed = async (base: string, origin: string) =>
      (await fetch(`${base}/`, { headers: { origin } })).headers.get("access-control-allow-origin");
    expect(await allowed(url, "https://page.example")).toBe("https://page.example");
    expect(await allowed(url, "https://other.example")).toBeNull();
    expect(await allowed(address, "https://page.example")).toBeNull();
  });
});
