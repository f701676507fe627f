/** Snapshots over HTTP and gRPC: the official clients, and what Qdrant's own tests expect of every endpoint. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { QdrantClient as GrpcClient } from "@qdrant/js-client-grpc";
import { QdrantClient } from "@qdrant/js-client-rest";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Served, serve, withFolder } from "./homes.js";

let served: Served;
let folder: string;
let client: QdrantClient;
let finish: () => void;
let over: Promise<void>;
/** A server of one file, `/snapshot.tar`. */
let files: HttpServer;
let offered: Buffer = Buffer.alloc(0);
let offeredAt: string;

beforeAll(async () => {
  await new Promise<void>((ready, fail) => {
    over = withFolder(async (home) => {
      folder = home;
      served = await serve(home);
      client = new QdrantClient({ url: served.url, checkCompatibility: false });
      files = createServer((request, response) => {
        if (request.url === "/snapshot.tar") response.end(offered);
        else response.writeHead(404).end();
      });
      await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
      offeredAt = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
      ready();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      files.close();
      await served.close();
    });
    over.catch(fail);
  });
});
afterAll(() => {
  finish();
  return over;
});

beforeEach(async () => {
  const { database } = served;
  for (const { name } of await database.listFullSnapshots()) await database.deleteFullSnapshot(name);
  if ((await database.collectionExists("films")).exists)
    for (const { name } of await database.listSnapshots("films"))
      await database.deleteSnapshot("films", name);
  await database.deleteCollection("films");
  await database.createCollection("films", { vectors: { size: 2, distance: "Dot" } });
  const points = Array.from({ length: 10 }, (_, i) => ({ id: i, vector: [i, 1], payload: { i } }));
  await database.upsert("films", { points });
});

async function download(path: string): Promise<Buffer> {
  const response = await fetch(served.url + path);
  expect(response.status).toBe(200);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.headers.get("content-length")).toBe(String(bytes.length));
  return bytes;
}

async function upload(path: string, bytes: Uint8Array, field = "snapshot", headers = {}) {
  const form = new FormData();
  form.append("other", "ignored");
  form.append(field, new Blob([Uint8Array.from(bytes)]), "snapshot.tar");
  const response = await fetch(served.url + path, { method: "POST", body: form, headers });
  return { status: response.status, text: await response.text() };
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("the official client makes, lists, restores and deletes them", async () => {
  const made = await client.createSnapshot("films");
  expect(await client.listSnapshots("films")).toEqual([made]);
  expect(made?.creation_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  const archive = await download(`/collections/films/snapshots/${made?.name}`);
  expect(createHash("sha256").update(archive).digest("hex")).toBe(made?.checksum);
  expect(archive.length).toBe(made?.size);
  await client.delete("films", { wait: true, points: [1, 2, 3] });
  const location = `file://${folder}/snapshots/collections/films/${made?.name}`;
  expect(await client.recoverSnapshot("films", { location, priority: "snapshot" })).toBe(true);
  expect((await client.count("films")).count).toBe(10);
  expect(await client.deleteSnapshot("films", made?.name as string)).toBe(true);
  expect(await client.listSnapshots("films")).toEqual([]);

  const full = await client.createFullSnapshot();
  expect(await client.listFullSnapshots()).toEqual([full]);
  await download(`/snapshots/${full?.name}`);
  expect(await client.deleteFullSnapshot(full?.name as string)).toBe(true);
  expect(await client.listFullSnapshots()).toEqual([]);
});

test.each(["/collections/films", "/collections/films/shards/0"])(
  "%s: restores from an address",
  async (under) => {
    const { name, checksum } = await served.rest.result("POST", `${under}/snapshots?wait=true`);
    offered = await download(`${under}/snapshots/${name}`);
    await served.rest.result("DELETE", `${under}/snapshots/${name}?wait=true`);
    await served.database.delete("films", { points: [1, 2, 3] });
    const recover = (body: object) => served.rest.call("PUT", `${under}/snapshots/recover`, body);
    const location = `${offeredAt}/snapshot.tar`;
    expect(await recover({ location, checksum: "3".repeat(64) })).toMatchObject({ status: 400 });
    expect(await recover({ location: `${offeredAt}/other.tar` })).toMatchObject({ status: 400 });
    expect(await recover({ location: "ftp://127.0.0.1/snapshot.tar" })).toMatchObject({ status: 400 });
    expect(await recover({ location, checksum: "abc" })).toMatchObject({ status: 422 });
    expect(await recover({})).toMatchObject({ status: 400 });
    expect((await served.database.count("films", {})).count).toBe(7);
    expect(await recover({ location, checksum })).toMatchObject({ status: 200, json: { result: true } });
    expect((await served.database.count("films", {})).count).toBe(10);
  },
);

test("restores a collection that is there no more", async () => {
  const { name } = await served.rest.result("POST", "/collections/films/snapshots");
  await served.database.deleteCollection("films");
  expect(await served.rest.result("GET", "/collections/films/snapshots")).toHaveLength(1);
  await served.rest.result("PUT", "/collections/films/snapshots/recover", { location: name });
  expect((await served.database.count("films", {})).count).toBe(10);
});

test.each(["/collections/films", "/collections/films/shards/0"])(
  "%s: restores from a form",
  async (under) => {
    const { name, checksum } = await served.rest.result("POST", `${under}/snapshots`);
    const bytes = await download(`${under}/snapshots/${name}`);
    await served.database.delete("films", { points: [1, 2, 3] });
    const path = `${under}/snapshots/upload`;
    expect(await upload(`${path}?checksum=abc`, bytes)).toMatchObject({
      status: 422,
      text: expect.stringContaining("invalid_sha256_hash"),
    });
    expect(await upload(`${path}?checksum=${"3".repeat(64)}`, bytes)).toMatchObject({ status: 400 });
    expect(await upload(path, Buffer.from("no snapshot"))).toMatchObject({ status: 400 });
    expect(await upload(path, bytes.subarray(0, 700))).toMatchObject({ status: 400 });
    expect(await upload(path, bytes, "another")).toMatchObject({ status: 400 });
    expect(await upload(path, bytes, "snapshot", { origin: "http://elsewhere.example" })).toMatchObject({
      status: 403,
    });
    expect((await served.rest.call("POST", path, {})).status).toBe(400);
    expect((await served.database.count("films", {})).count).toBe(7);
    expect(await upload(`${path}?priority=replica&checksum=${checksum}`, bytes)).toMatchObject({
      status: 200,
    });
    expect((await served.database.count("films", {})).count).toBe(10);
  },
);

test("a form larger than a body may be is received", async () => {
  const points = Array.from({ length: 9000 }, (_, id) => ({
    id,
    vector: [1, 1],
    payload: { text: "x".repeat(4000) },
  }));
  await served.database.upsert("films", { points });
  const { name, size } = await served.rest.result("POST", "/collections/films/snapshots");
  expect(size).toBeGreaterThan(33 * 2 ** 20);
  const bytes = await download(`/collections/films/snapshots/${name}`);
  expect(await upload("/collections/copy/snapshots/upload", bytes)).toMatchObject({ status: 200 });
  expect((await served.database.count("copy", {})).count).toBe(9000);
  await served.database.deleteCollection("copy");
});

test.each([["/collections/films/snapshots"], ["/collections/films/shards/0/snapshots"], ["/snapshots"]])(
  "%s: without waiting",
  async (path) => {
    const { status, json } = await served.rest.call("POST", `${path}?wait=false`);
    expect([status, json.status, json.result]).toEqual([202, "accepted", undefined]);
    const list = () => served.rest.result("GET", path);
    await eventually(async () => (await list()).length === 1);
    const [{ name }] = await list();
    expect((await served.rest.call("DELETE", `${path}/${name}?wait=false`)).status).toBe(202);
    await eventually(async () => (await list()).length === 0);
  },
);

test("what is not there", async () => {
  const calls: [string, string, unknown?][] = [
    ["GET", "/collections/none/snapshots"],
    ["POST", "/collections/none/snapshots"],
    ["GET", "/collections/films/snapshots/none.snapshot"],
    ["DELETE", "/collections/films/snapshots/none.snapshot"],
    ["GET", "/snapshots/none.snapshot"],
    ["DELETE", "/snapshots/none.snapshot"],
    ["GET", "/collections/films/shards/1/snapshots"],
    ["POST", "/collections/films/shards/1/snapshots"],
    ["PUT", "/collections/none/shards/0/snapshots/recover", { location: "whatever" }],
    ["PUT", "/collections/films/shards/0/snapshots/recover", { location: "whatever" }],
    ["PUT", "/collections/films/shards/1/snapshots/recover", { location: "whatever" }],
    ["GET", "/snapshots//etc/passwd"],
    ["GET", "/snapshots/..%2F..%2F..%2Fetc%2Fpasswd"],
    ["GET", "/collections/films/snapshots/..%2F..%2F..%2Fetc%2Fpasswd"],
    ["GET", "/collections/films/shards/0/snapshots/..%2F..%2Fcatalogue"],
    ["GET", "/collections/films/shards/1/snapshot"],
  ];
  for (const [method, path, body] of calls)
    expect(await served.rest.call(method, path, body), `${method} ${path}`).toMatchObject({ status: 404 });
  expect(await upload("/collections/films/shards/1/snapshots/upload", Buffer.alloc(9))).toMatchObject({
    status: 404,
  });
});

test("files elsewhere are not read", async () => {
  await writeFile(join(folder, "snapshots", "own.tar"), "no snapshot");
  const cases: [string, number, string][] = [
    [
      "file://whatever.snapshot",
      400,
      "Bad request: Invalid snapshot URI, file path must be absolute or on localhost",
    ],
    [
      "file://./etc/passwd",
      400,
      "Bad request: Invalid snapshot URI, file path must be absolute or on localhost",
    ],
    ["file:///whatever.snapshot", 400, 'Bad request: Snapshot file "/whatever.snapshot" does not exist'],
    [
      "file://localhost/whatever.snapshot",
      400,
      'Bad request: Snapshot file "/whatever.snapshot" does not exist',
    ],
    ["file:///etc/passwd", 403, "Forbidden: Snapshot file path must be inside the snapshots directory"],
    [`file://${folder}/snapshots/../catalogue`, 403, "Forbidden: Snapshot file path must be inside"],
    [`file://${folder}/snapshots/own.tar`, 400, "Bad request: The snapshot's archive is refused"],
  ];
  for (const [location, status, text] of cases) {
    const answer = await served.rest.call("PUT", "/collections/none/snapshots/recover", { location });
    expect(answer.status, location).toBe(status);
    expect(answer.json.status.error, location).toContain(text);
  }
  expect(await served.database.collectionExists("none")).toEqual({ exists: false });
});

test("an archive that lies in the folder of snapshots is restored from", async () => {
  const { name } = await served.rest.result("POST", "/collections/films/snapshots");
  await writeFile(
    join(folder, "snapshots", "brought.tar"),
    await download(`/collections/films/snapshots/${name}`),
  );
  const location = `file://${folder}/snapshots/brought.tar`;
  await served.rest.result("PUT", "/collections/copy/snapshots/recover", { location });
  expect((await served.database.count("copy", {})).count).toBe(10);
  await served.database.deleteCollection("copy");
});

test("a shard as it is now, and its parts", async () => {
  const bytes = await download("/collections/films/shards/0/snapshot");
  expect(await served.database.listSnapshots("films")).toEqual([]);
  expect(await upload("/collections/copy/snapshots/upload", bytes)).toMatchObject({ status: 200 });
  await served.database.deleteCollection("copy");
  const { operation_id } = await served.database.deleteVectors("films", { points: [1], vector: [""] });
  const manifest = await served.rest.result("GET", "/collections/films/shards/0/snapshot/partial/manifest");
  const versions = Object.values(manifest as Record<string, { file_versions: Record<string, number> }>)
    .flatMap((segment) => Object.entries(segment.file_versions))
    .filter(([path]) => path.startsWith("vector_storage/"))
    .map(([, version]) => version);
  expect(Math.max(...versions)).toBeGreaterThanOrEqual(operation_id as number);
  const partial = "/collections/films/shards/0/snapshot/partial/recover";
  expect(await upload(`${partial}?checksum=abc`, bytes)).toMatchObject({ status: 422 });
  expect(await upload(partial, bytes)).toMatchObject({ status: 405 });
});

test("gRPC makes, lists and deletes them", async () => {
  const grpc = new GrpcClient({
    host: "127.0.0.1",
    port: served.grpcPort,
    https: false,
    checkCompatibility: false,
  });
  const api = grpc.api("snapshots");
  const { snapshotDescription: made } = await api.create({ collectionName: "films" });
  const { snapshotDescriptions } = await api.list({ collectionName: "films" });
  expect(snapshotDescriptions.map(({ name }) => name)).toEqual([made?.name]);
  expect(made?.checksum).toMatch(/^[0-9a-f]{64}$/);
  const [listed] = await served.database.listSnapshots("films");
  expect(Number(made?.creationTime?.seconds) * 1000).toBe(Date.parse(`${listed.creation_time}Z`));
  expect(made?.size).toBe(BigInt(listed.size));
  await api.delete({ collectionName: "films", snapshotName: made?.name });
  expect(await served.database.listSnapshots("films")).toEqual([]);
  const { snapshotDescription: full } = await api.createFull({});
  expect((await api.listFull({})).snapshotDescriptions).toHaveLength(1);
  await api.deleteFull({ snapshotName: full?.name });
  await expect(api.deleteFull({ snapshotName: "none" })).rejects.toThrow(/not found/i);
});
