/** The port that gRPC answers at: what it refuses, and how it ends. */
import { createServer as createSocket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { Distance, QdrantClient } from "@qdrant/js-client-grpc";
import { open } from "vicinal";
import type { EngineApi } from "vicinal/protocol";
import { expect, test } from "vitest";
import { createServer, type ServerOptions } from "../server.js";

const clientOf = (port: number | undefined) =>
  new QdrantClient({ host: "127.0.0.1", port, https: false, checkCompatibility: false });

/** Runs `work` with a server before an empty database. */
async function withServer(
  options: Partial<ServerOptions>,
  work: (client: QdrantClient) => Promise<void>,
): Promise<void> {
  const database = await open(":memory:");
  const server = createServer({ database, ...options });
  try {
    const { grpcPort } = await server.listen({ port: 0 });
    await work(clientOf(grpcPort));
  } finally {
    await server.close();
    await database.close();
  }
}

const point = (id: bigint, data: number[]) => ({
  id: { pointIdOptions: { case: "num" as const, value: id } },
  vectors: {
    vectorsOptions: {
      case: "vector" as const,
      value: { vector: { case: "dense" as const, value: { data } } },
    },
  },
});

test("a message above the limit is refused, and the next one is answered", () =>
  withServer({ bodyLimitBytes: 4096 }, async (client) => {
    await client.api("collections").create({
      collectionName: "c",
      vectorsConfig: { config: { case: "params", value: { size: 64n, distance: Distance.Dot } } },
    });
    const data = Array.from({ length: 64 }, (_, i) => i);
    const points = Array.from({ length: 100 }, (_, i) => point(BigInt(i), data));
    const refused = client.api("points").upsert({ collectionName: "c", wait: true, points });
    await expect(refused).rejects.toSatisfy(
      (error) => error instanceof ConnectError && error.code === Code.ResourceExhausted,
    );
    await client.api("points").upsert({ collectionName: "c", wait: true, points: points.slice(0, 3) });
    const { result } = await client.api("points").count({ collectionName: "c", exact: true });
    expect(result?.count).toBe(3n);
  }));

test("a port that is taken is named, and the server's other port is free again", async () => {
  const taken = createSocket();
  const takenPort = await new Promise<number>((resolve) =>
    taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port)),
  );
  const database = await open(":memory:");
  const restPort = await freePort();
  const refused = createServer({ database }).listen({ port: restPort, grpcPort: takenPort });
  await expect(refused).rejects.toMatchObject({
    code: "ADDRESS_UNAVAILABLE",
    message: expect.stringContaining(String(takenPort)),
  });
  const second = createServer({ database });
  await second.listen({ port: restPort, grpcPort: false });
  await second.close();
  await new Promise((resolve) => taken.close(resolve));
  await database.close();
});

async function freePort(): Promise<number> {
  const server = createSocket();
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    }),
  );
}

test("closing lets a call in flight finish and takes no other", async () => {
  let finish: () => void = () => {};
  let arrived: () => void = () => {};
  const inFlight = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const engine = {
    async getCollections() {
      arrived();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { collections: [{ name: "late" }] };
    },
  } as unknown as EngineApi;
  const server = createServer({ database: { engine } });
  const { grpcPort } = await server.listen({ port: 0 });
  const answer = clientOf(grpcPort).api("collections").list({});
  await inFlight;
  const closed = server.close();
  await expect(clientOf(grpcPort).api("collections").list({})).rejects.toBeInstanceOf(ConnectError);
  finish();
  expect((await answer).collections.map(({ name }) => name)).toEqual(["late"]);
  await closed;
});
