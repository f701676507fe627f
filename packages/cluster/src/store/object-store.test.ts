/** All homes of objects do the same. */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryStore } from "./memory-store.js";
import type { ObjectStore } from "./object-store.js";
import { keysOf, testStore } from "./object-store-conformance.test.helper.js";
import { openStore } from "./open-store.js";
import { type S3Server, startS3 } from "./s3-server.test.helper.js";

const root = fs.mkdtempSync(join(tmpdir(), "vicinal-store-"));
const stores: ObjectStore[] = [];
let made = 0;
afterAll(async () => {
  for (const store of stores) await store.close();
  fs.rmSync(root, { recursive: true, force: true });
});

function opened(url: string): ObjectStore {
  const store = openStore(url);
  stores.push(store);
  return store;
}

describe("memory", () => {
  testStore(async () => new MemoryStore());
});

describe("a shared folder", () => {
  testStore(async () => opened(`dir:${root}/store-${made++}`));

  test("puts and deletes of neighbours at the same time", async () => {
    const store = opened(`dir:${root}/store-${made++}`);
    const work = async (name: string) => {
      for (let i = 0; i < 50; i++) {
        await store.put(`x/y/${name}`, Uint8Array.of(i));
        expect([...(await store.get(`x/y/${name}`))]).toEqual([i]);
        await store.delete(`x/y/${name}`);
      }
    };
    await Promise.all(["a", "b", "c"].map(work));
    expect(await keysOf(store)).toEqual([]);
  });

  test("leaves nothing but objects behind", async () => {
    const path = join(root, `store-${made++}`);
    const store = opened(`dir:${path}`);
    await store.put("a/b", Uint8Array.of(1));
    expect(fs.readdirSync(join(path, "~incoming"))).toEqual([]);
    await store.delete("a/b");
    expect(fs.readdirSync(path)).toEqual(["~incoming"]);
  });
});

describe("S3", () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3(join(root, "s3"));
  });
  afterAll(() => server.close());
  testStore(async () => opened(server.url(`prefix-${made++}/below`)));

  test("without a prefix, and with keys that only begin alike", async () => {
    const [one, other] = [opened(server.url("part")), opened(server.url("part2"))];
    await one.put("x", Uint8Array.of(1));
    await other.put("y", Uint8Array.of(2));
    const keys: string[] = [];
    for await (const { key } of one.list("")) keys.push(key);
    expect(keys).toEqual(["x"]);
    expect([...(await opened(server.url("")).get("part/x"))]).toEqual([1]);
  });

  test("a bucket that is not there is IO and named", async () => {
    const store = opened(server.url("x").replace("//vicinal", "//elsewhere"));
    const refused = { code: "IO", message: expect.stringContaining("s3://elsewhere/x/key: NoSuchBucket") };
    await expect(store.get("key")).rejects.toMatchObject(refused);
    await expect(store.put("key", Uint8Array.of(1))).rejects.toMatchObject(refused);
  });
});

describe("openStore", () => {
  test.each([
    ["", "expected s3://bucket/prefix or dir:/path"],
    ["/path", "expected s3://bucket/prefix or dir:/path"],
    ["http://host/bucket", "expected s3://bucket/prefix or dir:/path"],
    ["dir:path", "the path must be absolute"],
    ["s3://", "expected s3://bucket/prefix?endpoint"],
    ["s3://bucket?end=http://x", "unknown parameter end"],
    ["s3://bucket?endpoint=host:9000", "the endpoint must be an http or https URL"],
    ["s3://bucket/a//b", "Bad path"],
  ])("refuses %j", (url, message) => {
    expect(() => openStore(url)).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining(message) }),
    );
  });
});
