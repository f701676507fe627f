/** A service on this machine that speaks the embeddings API: batches, attempts, limits, and answers that are wrong. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { stubVector } from "../stub.test.helper.js";
import { type RemoteOptions, remoteModel } from "./remote-model.js";

interface Asked {
  input: string[];
  model: string;
  key?: string;
  at: number;
}

let server: Server;
let asked: Asked[];
/** What the next requests are answered instead: a status, or a body. */
let instead: (number | object | "break")[];
let running = 0;
let mostRunning = 0;

beforeEach(async () => {
  asked = [];
  instead = [];
  mostRunning = 0;
  server = createServer((request, response) => {
    let body = "";
    mostRunning = Math.max(mostRunning, ++running);
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      setTimeout(() => {
        running--;
        const { input, model } = JSON.parse(body);
        asked.push({ input, model, key: request.headers.authorization, at: performance.now() });
        const other = instead.shift();
        if (other === "break") return void response.destroy();
        if (typeof other === "number") {
          return void response
            .writeHead(other, other === 429 ? { "retry-after": "0.05" } : {})
            .end("not now");
        }
        const data = input.map((text: string, index: number) => ({ index, embedding: stubVector(text) }));
        response.end(JSON.stringify(other ?? { data: data.reverse() }));
      }, 5);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

function service(options: Partial<RemoteOptions> = {}) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  return remoteModel({ url, model: "small", dimensions: 4, retryMs: 5, ...options });
}

it("embeds in batches, several at a time, in order", async () => {
  const texts = Array.from({ length: 50 }, (_, i) => `text ${i}`);
  const seen: number[] = [];
  const model = service({ batchSize: 8, concurrency: 3, apiKey: "secret" });
  const { vectors, failures } = await model.embed(texts, { onProgress: (done) => void seen.push(done) });
  expect(failures).toEqual([]);
  expect(vectors.map((vector) => Array.from(vector ?? []))).toEqual(texts.map(stubVector));
  expect(asked).toHaveLength(7);
  expect(asked[0]).toMatchObject({ model: "small", key: "Bearer secret" });
  expect(mostRunning).toBe(3);
  expect(seen.at(-1)).toBe(50);
});

it("tries again what may pass, and takes the time that it is told", async () => {
  instead = [503, "break", 429];
  const { vectors } = await service().embed(["a"]);
  expect(vectors[0]).toEqual(Float32Array.from(stubVector("a")));
  expect(asked).toHaveLength(4);
  expect(asked[3].at - asked[2].at).toBeGreaterThan(40);
});

it("gives up what does not pass, by name", async () => {
  instead = [401];
  await expect(service().embed(["a"])).rejects.toMatchObject({
    code: "REMOTE_FAILED",
    message: expect.stringContaining("401 not now"),
  });
  expect(asked).toHaveLength(1);
  instead = [500, 500, 500];
  await expect(service({ attempts: 3 }).embed(["a"])).rejects.toThrow("500");
  expect(asked).toHaveLength(4);
});

it("refuses vectors of another size or number", async () => {
  instead = [{ data: [{ index: 0, embedding: [1, 2] }] }];
  await expect(service().embed(["a"])).rejects.toThrow("2 numbers a vector, expected 4");
  instead = [{ data: [] }];
  await expect(service().embed(["a"])).rejects.toThrow("0 vectors for 1 texts");
});

it("keeps to a rate, leaves out empty texts, and can be cancelled", async () => {
  const model = service({
    batchSize: 1,
    requestsPerMinute: 1200,
    prefixes: { document: "d: ", query: "q: " },
  });
  const { failures } = await model.embed(["a", " ", "b", "c"], { kind: "query" });
  expect(failures).toMatchObject([{ index: 1, error: { code: "TEXT_EMPTY" } }]);
  expect(asked.map(({ input }) => input[0]).sort()).toEqual(["q: a", "q: b", "q: c"]);
  expect(asked[2].at - asked[0].at).toBeGreaterThan(80);
  const abort = new AbortController();
  instead = [503, 503, 503, 503];
  setTimeout(() => abort.abort(), 20);
  await expect(service({ retryMs: 10_000 }).embed(["a"], { signal: abort.signal })).rejects.toThrow();
});
