/** A client that leaves before its answer ends what the engine does for it; one that has its answer does not. */
import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { EngineApi, RequestScope } from "vicinal/protocol";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { services } from "./grpc/services.js";
import { createServer, type Server, type ServerAddress } from "./server.js";

let answers: boolean;
let begun: Promise<AbortSignal>;
let begin: (signal: AbortSignal) => void;
const engine = {
  forRequest: ({ signal }: RequestScope) => ({
    count: () => {
      begin(signal as AbortSignal);
      return answers ? Promise.resolve({ count: 1 }) : new Promise(() => {});
    },
  }),
} as unknown as EngineApi;
let server: Server;
let address: ServerAddress;
beforeAll(async () => {
  server = createServer({ database: { engine } });
  address = await server.listen({ port: 0 });
});
afterAll(() => server.close());
beforeEach(() => {
  answers = false;
  begun = new Promise((resolve) => {
    begin = resolve;
  });
});

const rest = (signal?: AbortSignal) =>
  fetch(`${address.url}/collections/c/points/count`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
    signal,
  });
/** The official client has no way to leave. */
const grpc = (signal?: AbortSignal) => {
  const baseUrl = `http://127.0.0.1:${address.grpcPort}`;
  const points = services.find(({ typeName }) => typeName === "qdrant.Points") as DescService;
  const client = createClient(points, createGrpcTransport({ baseUrl })) as unknown as {
    count(body: object, options: CallOptions): Promise<unknown>;
  };
  return client.count({ collectionName: "c" }, { signal });
};

test.each([
  ["REST", rest],
  ["gRPC", grpc],
])("by %s", async (_door, ask) => {
  const client = new AbortController();
  const asked = ask(client.signal);
  const signal = await begun;
  expect(signal.aborted).toBe(false);
  client.abort();
  await expect(asked).rejects.toThrow();
  await expect.poll(() => signal.aborted).toBe(true);
});

test("an answer that was sent is no leaving", async () => {
  answers = true;
  const response = await rest();
  expect(response.status).toBe(200);
  await response.text();
  // The connection is used once more: its first request is over by then.
  const signal = await begun;
  await (await rest()).text();
  expect(signal.aborted).toBe(false);
});
