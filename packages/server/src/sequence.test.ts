/** Tokens of writes come and go in headers, by both doors. */
import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type EngineApi, type RequestScope, VicinalError } from "vicinal/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { services } from "./grpc/services.js";
import { createServer, type Server, type ServerAddress } from "./server.js";

const engine = {
  forRequest: ({ minSequence, onSequence }: RequestScope) => ({
    delete: async () => {
      if (minSequence === "bad") throw new VicinalError("BAD_REQUEST", "minSequence: bad");
      onSequence?.(`after ${minSequence}`);
      return { operation_id: 1, status: "completed" };
    },
    count: async () => ({ count: 1 }),
  }),
} as unknown as EngineApi;
let server: Server;
let address: ServerAddress;
beforeAll(async () => {
  server = createServer({ database: { engine } });
  address = await server.listen({ port: 0 });
});
afterAll(() => server.close());

const rest = (operation: string, headers = {}) =>
  fetch(`${address.url}/collections/c/points/${operation}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: "{}",
  });

test("by REST", async () => {
  const response = await rest("delete?wait=true", { "vicinal-min-sequence": "x" });
  expect(response.headers.get("vicinal-sequence")).toBe("after x");
  expect((await rest("count")).headers.has("vicinal-sequence")).toBe(false);
  expect((await rest("delete", { "vicinal-min-sequence": "bad" })).status).toBe(400);
});

test("by gRPC", async () => {
  const baseUrl = `http://127.0.0.1:${address.grpcPort}`;
  const points = services.find(({ typeName }) => typeName === "qdrant.Points") as DescService;
  const client = createClient(points, createGrpcTransport({ baseUrl })) as unknown as {
    delete(body: object, options: CallOptions): Promise<unknown>;
  };
  let token: string | null = null;
  await client.delete(
    { collectionName: "c", wait: true },
    {
      headers: { "vicinal-min-sequence": "y" },
      onHeader: (headers) => {
        token = headers.get("vicinal-sequence");
      },
    },
  );
  expect(token).toBe("after y");
});
