/** Blobs by a plain gRPC client that knows the proto file and nothing else. */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createServer } from "../server.js";

type Fields = Record<string, unknown>;
type Sink = NodeJS.WritableStream & { write(part: Fields): boolean; end(): void };
interface Client extends grpc.Client {
  Put(metadata: grpc.Metadata, done: (error: grpc.ServiceError | null, answer: Fields) => void): Sink;
  Get(request: Fields, metadata: grpc.Metadata): AsyncIterable<Fields>;
  Delete(
    request: Fields,
    metadata: grpc.Metadata,
    done: (error: grpc.ServiceError | null, answer: Fields) => void,
  ): void;
  List(
    request: Fields,
    metadata: grpc.Metadata,
    done: (error: grpc.ServiceError | null, answer: Fields) => void,
  ): void;
}

const proto = fileURLToPath(new URL("../../proto/vicinal/originals.proto", import.meta.url));
const definition = loadSync(proto, { longs: String, oneofs: true, defaults: true, keepCase: true });
const { vicinal } = grpc.loadPackageDefinition(definition) as unknown as {
  vicinal: { Originals: new (address: string, credentials: grpc.ChannelCredentials) => Client };
};

const big = 2n ** 63n + 5n;
const uuid = "5c56c793-69f3-4fbf-87e6-c4bf54c28c26";
const MAX = 3 * 2 ** 20;
const key = new grpc.Metadata();
key.set("api-key", "secret");

let database: Database;
let client: Client;
let close: () => Promise<void>;
beforeEach(async () => {
  database = await open(":memory:", { blobs: { maxBytes: MAX } });
  await database.createCollection("c", { vectors: { size: 1, distance: "Dot" } });
  await database.upsert("c", {
    points: [
      { id: big, vector: [1] },
      { id: uuid, vector: [2] },
    ],
  });
  const server = createServer({ database, apiKey: "secret" });
  const { grpcPort } = await server.listen({ port: 0 });
  client = new vicinal.Originals(`127.0.0.1:${grpcPort}`, grpc.credentials.createInsecure());
  close = async () => {
    client.close();
    await server.close();
    await database.close();
  };
});
afterEach(() => close());

const point = (id: Fields = { num: String(big) }, collection_name = "c") => ({ collection_name, ...id });

function put(parts: Fields[], metadata = key): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const sink = client.Put(metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
    sink.on("error", reject);
    for (const part of parts) sink.write(part);
    sink.end();
  });
}

async function get(request: Fields): Promise<{ head: Fields; bytes: Buffer; sizes: number[] }> {
  const pieces: Buffer[] = [];
  let head: Fields = {};
  for await (const message of client.Get(request, key)) {
    if (message.part === "head") head = message.head as Fields;
    else pieces.push(message.bytes as Buffer);
  }
  return { head, bytes: Buffer.concat(pieces), sizes: pieces.map(({ length }) => length) };
}

function call(method: "Delete" | "List", request: Fields): Promise<Fields> {
  return new Promise((resolve, reject) =>
    client[method](request, key, (error, answer) => (error ? reject(error) : resolve(answer))),
  );
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    ({ code, details }: grpc.ServiceError) => [code, details],
  );
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

it("puts, lists, gets whole and in parts, and deletes", async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: MAX }, (_, i) => i * 7 + (i >> 9)));
  const parts = [bytes.subarray(0, 5), bytes.subarray(5, 2 ** 21), bytes.subarray(2 ** 21)];
  const film = { name: "film", type: "video/mp4", size: String(MAX), sha256: sha256(bytes) };
  const head = { point: point(), name: "film", type: "video/mp4" };
  expect(await put([{ head }, ...parts.map((part) => ({ bytes: part }))])).toEqual({ original: film });
  const note = { point: point(), name: "a", type: "" };
  expect(await put([{ head: note }])).toMatchObject({
    original: { size: "0", type: "application/octet-stream" },
  });

  expect(await call("List", { point: point() })).toMatchObject({ originals: [{ name: "a" }, film] });
  expect(await call("List", { point: point({ uuid }) })).toEqual({ originals: [] });

  const whole = await get({ point: point(), name: "film" });
  expect(whole.head).toEqual({ original: film, start: "0", length: String(MAX) });
  expect(whole.bytes.equals(bytes)).toBe(true);
  expect(Math.max(...whole.sizes)).toBeLessThanOrEqual(2 ** 20);
  const part = await get({ point: point(), name: "film", start: 1000, length: 10 });
  expect(part.head).toEqual({ original: film, start: "1000", length: "10" });
  expect(part.bytes).toEqual(bytes.subarray(1000, 1010));
  const rest = await get({ point: point(), name: "film", start: MAX - 3 });
  expect(rest.bytes).toEqual(bytes.subarray(MAX - 3));

  expect(await call("Delete", { point: point(), name: "film" })).toEqual({});
  expect(await failure(get({ point: point(), name: "film" }))).toEqual([
    grpc.status.NOT_FOUND,
    expect.stringContaining("film"),
  ]);
});

it("refuses what REST refuses, and changes nothing", async () => {
  const head = { point: point(), name: "b", type: "a/b" };
  const { INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAUTHENTICATED } = grpc.status;
  const megabyte = { bytes: Buffer.alloc(2 ** 20) };
  expect(await failure(put([{ head }, megabyte, megabyte, megabyte, { bytes: Buffer.alloc(1) }]))).toEqual([
    RESOURCE_EXHAUSTED,
    expect.stringContaining(String(MAX)),
  ]);
  const code = async (...parts: Fields[]) => (await failure(put(parts)))?.[0];
  expect(await code()).toBe(INVALID_ARGUMENT);
  expect(await code({ bytes: Buffer.alloc(1) })).toBe(INVALID_ARGUMENT);
  expect(await code({ head }, { head })).toBe(INVALID_ARGUMENT);
  expect(await code({ head: { ...head, point: undefined } })).toBe(INVALID_ARGUMENT);
  expect(await code({ head: { ...head, point: point({}) } })).toBe(INVALID_ARGUMENT);
  expect(await code({ head: { ...head, point: point({ uuid: "no" }) } })).toBe(INVALID_ARGUMENT);
  expect(await code({ head: { ...head, name: "../b" } })).toBe(INVALID_ARGUMENT);
  expect(await code({ head: { ...head, type: "no type" } })).toBe(INVALID_ARGUMENT);
  expect(await code({ head: { ...head, point: point({ num: "1" }) } })).toBe(NOT_FOUND);
  expect(await code({ head: { ...head, point: point(undefined, "other") } })).toBe(NOT_FOUND);
  expect((await failure(call("List", { point: point({ num: "1" }) })))?.[0]).toBe(NOT_FOUND);
  expect((await failure(call("Delete", { point: point(), name: "b" })))?.[0]).toBe(NOT_FOUND);
  expect((await failure(put([{ head }], new grpc.Metadata())))?.[0]).toBe(UNAUTHENTICATED);
  expect(await call("List", { point: point() })).toEqual({ originals: [] });
});
