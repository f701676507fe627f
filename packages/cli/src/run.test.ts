/** The commands over HTTP, against a server that records what it is asked. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "./index.js";

interface Request {
  line: string;
  body: string;
}

let folder: string;
let server: Server;
let url: string;
let requests: Request[];
let answers: Record<string, { status?: number; text: string }>;
let output: string;
let errors: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-cli-"));
  requests = [];
  answers = {};
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const line = `${request.method} ${request.url}`;
    requests.push({ line, body });
    const answer = answers[line] ?? { status: 404, text: '{"status":{"error":"Not found"},"time":0}' };
    response.writeHead(answer.status ?? 200, { "content-type": "application/json" });
    response.end(answer.text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  output = "";
  errors = "";
  vi.spyOn(console, "log").mockImplementation((text) => {
    output += `${text}\n`;
  });
  vi.spyOn(console, "error").mockImplementation((text) => {
    errors += `${text}\n`;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    errors += text;
    return true;
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const ok = (result: unknown) => ({ text: JSON.stringify({ result, status: "ok", time: 0 }) });

describe("import", () => {
  it("makes the collection from the first point and sends the points in batches, ids exact", async () => {
    answers["GET /collections/c%2F1/exists"] = ok({ exists: false });
    answers["PUT /collections/c%2F1"] = ok(true);
    answers["PUT /collections/c%2F1/points?wait=true"] = ok({ status: "completed" });
    const file = join(folder, "points.jsonl");
    writeFileSync(
      file,
      '{"id":1,"vector":[1,2]}\n{"id":9007199254740993,"vector":[3,4]}\n{"id":3,"vector":[5,6]}\n',
    );
    expect(await run(["import", "c/1", file, "--url", url, "--batch", "2", "--distance", "Dot"])).toBe(0);
    expect(requests.map(({ line, body }) => [line, body])).toEqual([
      ["GET /collections/c%2F1/exists", ""],
      ["PUT /collections/c%2F1", '{"vectors":{"size":2,"distance":"Dot"}}'],
      [
        "PUT /collections/c%2F1/points?wait=true",
        '{"points":[{"id":1,"vector":[1,2]},{"id":9007199254740993,"vector":[3,4]}]}',
      ],
      ["PUT /collections/c%2F1/points?wait=true", '{"points":[{"id":3,"vector":[5,6]}]}'],
    ]);
    expect(errors).toMatch(/3 points/);
  });

  it("says which points of the file the server refused", async () => {
    answers["GET /collections/c/exists"] = ok({ exists: true });
    const refused = { status: 400, text: '{"status":{"error":"Wrong input: bad vector"},"time":0}' };
    answers["PUT /collections/c/points?wait=true"] = refused;
    const file = join(folder, "points.jsonl");
    writeFileSync(file, '{"id":1,"vector":[1,2]}\n');
    expect(await run(["import", "c", file, "--url", url])).toBe(1);
    expect(errors).toMatch(/^vicinal: .*Wrong input: bad vector \(points 1 to 1 of the file; 0 before/m);
  });

  it("refuses a file without points", async () => {
    answers["GET /collections/c/exists"] = ok({ exists: true });
    const file = join(folder, "empty.jsonl");
    writeFileSync(file, "\n");
    expect(await run(["import", "c", file, "--url", url])).toBe(1);
    expect(errors).toMatch(/^vicinal: .*empty\.jsonl: holds no points$/m);
  });
});

describe("search", () => {
  it("sends the query and prints one point per line, ids exact", async () => {
    answers["POST /collections/c/points/query"] = {
      text: '{"result":{"points":[{"id":18446744073709551615,"score":0.5,"payload":{"n":0}}]},"status":"ok"}',
    };
    const options = ["--vector", "[0.1, 0.2]", "--recall", "0.95", "--limit", "3", "--filter", '{"must":[]}'];
    expect(await run(["search", "c", "--url", url, ...options])).toBe(0);
    expect(JSON.parse(requests[0].body)).toEqual({
      query: [0.1, 0.2],
      limit: 3,
      filter: { must: [] },
      params: { recall: 0.95 },
      with_payload: true,
      with_vector: false,
    });
    expect(output).toBe('18446744073709551615\t0.500000\t{"n":0}\n');
  });

  it("takes the id of a stored point", async () => {
    answers["POST /collections/c/points/query"] = ok({ points: [] });
    await run(["search", "c", "--url", url, "--id", "18446744073709551615"]);
    expect(requests[0].body).toMatch(/^\{"query":18446744073709551615,/);
  });
});

describe("search --explain", () => {
  const explain = {
    segments: [
      {
        segment: 3,
        vectors: 5000,
        matching: 5000,
        family: "hnsw",
        path: "index",
        effort: 48,
        dial: "ef",
        effort_from: "recall",
        recall: 0.98123,
        scored: 812,
        visited: 51,
        filter_us: 0,
        search_us: 201.5,
      },
      {
        segment: 4,
        vectors: 90,
        matching: 7,
        family: "flat",
        path: "scan",
        recall: 1,
        scored: 7,
        visited: 0,
        filter_us: 0,
        search_us: 4.1,
      },
    ],
    scored: 819,
    visited: 51,
    filter_us: 12.3,
    search_us: 205.6,
    merge_us: 0.5,
    payload_us: 3,
    total_us: 230.1,
  };

  it("says below the points how they were found", async () => {
    answers["POST /collections/c/points/query"] = ok({ points: [], explain });
    const options = ["--id", "1", "--effort", "48", "--explain"];
    expect(await run(["search", "c", "--url", url, ...options])).toBe(0);
    expect(JSON.parse(requests[0].body).params).toEqual({ effort: 48, explain: true });
    expect(errors).toContain(
      "segment 3: hnsw with ef 48 (from recall, measured recall 0.981); 5000 vectors; 812 scored, 51 visited\n" +
        "segment 4: scan; 7 of 90 vectors match; 7 scored, 0 visited\n" +
        "filter 12.3 us, search 205.6 us, merge 0.5 us, payload 3 us, total 230.1 us\n",
    );
  });

  it("or puts it beside them in JSON", async () => {
    answers["POST /collections/c/points/query"] = ok({ points: [], explain });
    await run(["search", "c", "--url", url, "--id", "1", "--explain", "--json"]);
    expect(JSON.parse(output)).toEqual({ points: [], explain });
  });
});

describe("info", () => {
  it("prints each collection", async () => {
    answers["GET /collections"] = ok({ collections: [{ name: "b" }, { name: "a" }] });
    const collection = {
      status: "green",
      points_count: 1234,
      indexed_vectors_count: 1000,
      segments_count: 2,
      config: { params: { vectors: { size: 4, distance: "Dot" } } },
    };
    answers["GET /collections/a"] = ok(collection);
    answers["GET /collections/b"] = ok({
      ...collection,
      config: { params: { vectors: { x: { size: 8, distance: "Cosine" } } } },
    });
    expect(await run(["info", "--url", url])).toBe(0);
    expect(output.split("\n").filter((line) => /^\w/.test(line))).toEqual(["a", "b"]);
    expect(output).toMatch(/points {4}1,234, of which indexed 1,000/);
    expect(output).toMatch(/vector {4}4 dimensions, Dot/);
    expect(output).toMatch(/vector {4}x: 8 dimensions, Cosine/);
  });

  it("passes on what the server says about an unknown collection", async () => {
    expect(await run(["info", "nothing", "--url", url])).toBe(1);
    expect(errors).toMatch(/^vicinal: .*\/collections\/nothing: Not found$/m);
  });
});

describe("errors", () => {
  it.each([
    [["search", "c", "--vector", "[1"], /--vector is no JSON/],
    [["search", "c", "--vector", '["a"]'], /--vector is no JSON array of numbers/],
    [["search", "c"], /give one of --vector and --id/],
    [
      ["search", "c", "--id", "1", "--ef", "10", "--exact"],
      /give one of --recall, --ef, --effort and --exact/,
    ],
    [["search", "c", "--id", "1", "--filter", "[]"], /--filter is no JSON object/],
    [["search", "c", "--id", "1", "--recall", "2"], /'--recall <share>' argument '2' is invalid/],
    [["search", "c", "--id", "1", "--limit", "0"], /'--limit <number>' argument '0' is invalid/],
    [["info", "--url", "http://x", "--data", "y"], /give --data or --url, not both/],
    [["info", "--url", "localhost:6333"], /localhost:6333 is no address/],
    [["info", "--data", "/nowhere/data"], /there is no data folder \/nowhere\/data/],
    [["import", "c", "/nowhere.npy"], /\/nowhere\.npy does not exist/],
    [["import", "c", "x.csv"], /x\.csv: the format/],
    [["unknown"], /unknown command 'unknown'/],
  ])("%j gives one line and exit code 1", async (argv, message) => {
    expect(await run(argv)).toBe(1);
    expect(errors).toMatch(message);
    expect(errors.trim().split("\n").length).toBe(1);
    expect(errors).toMatch(/^vicinal: /);
  });

  it("names a server that does not answer, and shows the stack with --debug", async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    expect(await run(["info", "--url", `http://127.0.0.1:${port}`])).toBe(1);
    expect(errors).toMatch(new RegExp(`^vicinal: no answer from http://127\\.0\\.0\\.1:${port}: `));
    errors = "";
    expect(await run(["--debug", "info", "--url", `http://127.0.0.1:${port}`])).toBe(1);
    expect(errors).toMatch(/\n {4}at /);
  });
});
