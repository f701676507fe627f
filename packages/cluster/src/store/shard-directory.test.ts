/** A shard's directory: a Directory like any other, whose commits change what counts at once. */
import { MemoryDirectory, VicinalError } from "vicinal/shard";
import { describe, expect, test } from "vitest";
import { testConformance } from "../../../vicinal/dist/storage/directory-conformance.test.helper.js";
import { Manifests } from "../../../vicinal/dist/storage/manifest.js";
import { FaultyStore, MemoryPointer } from "./faulty-store.test.helper.js";
import { MemoryStore } from "./memory-store.js";
import { ObjectCache } from "./object-cache.js";
import { keysOf } from "./object-store-conformance.test.helper.js";
import { ShardDirectory } from "./shard-directory.js";

const shard = "films/3";

async function openShard(
  given: { store?: FaultyStore; pointer?: MemoryPointer; cache?: ObjectCache; epoch?: number } = {},
) {
  const { store = new FaultyStore(new MemoryStore()), pointer = new MemoryPointer(), epoch } = given;
  const cache = given.cache ?? (await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 20));
  const dir = await ShardDirectory.open({ cache, pointer, shard, epoch, delayMs: 0 });
  return { store, pointer, cache, dir };
}

async function write(dir: ShardDirectory, path: string, ...values: number[]): Promise<void> {
  const writer = await dir.create(path);
  await writer.append(Uint8Array.from(values));
  await writer.sync();
  await writer.close();
}

const first = async (dir: ShardDirectory, path: string) => (await dir.read(path, 0, 1))[0];

describe("ShardDirectory", () => {
  testConformance(async () => (await openShard({ epoch: 1 })).dir);
});

test("what a manifest was committed with is there for everybody, and nothing else", async () => {
  const { dir, store, pointer } = await openShard({ epoch: 1 });
  await write(dir, "segments/1/rows", 1);
  const lost = await dir.create("segments/1/unsynced");
  await lost.append(Uint8Array.of(9));
  await new Manifests(dir).commit({ rows: 1 });
  await write(dir, "segments/1/later", 3);
  const reader = (await openShard({ store, pointer: pointer.another() })).dir;
  expect(await reader.list()).toEqual(["manifest-000000000001", "segments/1/rows"]);
  expect(await first(reader, "segments/1/rows")).toBe(1);
  expect(await new Manifests(reader).peek()).toMatchObject({ number: 1, value: { rows: 1 } });
  await expect(reader.create("x")).rejects.toMatchObject({ code: "READ_ONLY" });
  await expect(reader.delete("segments/1/rows")).rejects.toMatchObject({ code: "READ_ONLY" });
  await expect(reader.reopen("manifest-000000000001", 1)).rejects.toMatchObject({ code: "READ_ONLY" });
});

test("a manifest that counts is confirmed without another commit", async () => {
  const { dir, store, pointer } = await openShard({ epoch: 1 });
  await new Manifests(dir).commit({ n: 1 });
  const next = await openShard({ store, pointer, epoch: 2 });
  const before = pointer.calls;
  expect(await new Manifests(next.dir).latest()).toMatchObject({ number: 1, value: { n: 1 } });
  expect(pointer.calls).toBe(before);
});

test("objects go when a manifest without them counts, not before", async () => {
  const { dir, store } = await openShard({ epoch: 1 });
  const manifests = new Manifests(dir);
  await write(dir, "a", 1);
  await write(dir, "b", 2);
  await manifests.commit({ n: 1 });
  await dir.delete("a");
  expect(await dir.list()).toEqual(["b", "manifest-000000000001"]);
  const paths = async () => (await keysOf(store.inner)).map((key) => key.replace(/^.*?\/\d+-/, ""));
  expect(await paths()).toEqual(["a", "b", "manifest-000000000001"]);
  await manifests.commit({ n: 2 });
  await dir.close();
  expect(await paths()).toEqual(["b", "manifest-000000000002"]);
});

test("a reader turns to what counts when it lists or misses an object", async () => {
  const { dir, store, pointer } = await openShard({ epoch: 1 });
  const manifests = new Manifests(dir);
  await write(dir, "a", 1);
  await manifests.commit({ n: 1 });
  const { dir: one } = await openShard({ store, pointer: pointer.another() });
  const { dir: other } = await openShard({ store, pointer: pointer.another() });
  await dir.delete("a");
  await write(dir, "a", 2);
  await write(dir, "b", 3);
  await manifests.commit({ n: 2 });
  await dir.close();
  expect(await one.size("b")).toBeUndefined();
  expect(await first(one, "a")).toBe(2);
  expect(await first(one, "b")).toBe(3);
  expect(await one.refresh()).toBe(false);
  expect(await new Manifests(other).peek()).toMatchObject({ number: 2 });
  expect(await first(other, "b")).toBe(3);
});

test("a reader goes on reading what it has in its cache and no table names any more", async () => {
  const { dir, store, pointer } = await openShard({ epoch: 1 });
  const manifests = new Manifests(dir);
  for (const path of ["a", "b"]) await write(dir, path, 1);
  await manifests.commit({ n: 1 });
  const files = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, files, 2 ** 20);
  const { dir: reader } = await openShard({ store, pointer: pointer.another(), cache });
  expect(await first(reader, "a")).toBe(1);
  for (const path of ["a", "b"]) await dir.delete(path);
  for (const n of [2, 3]) await manifests.commit({ n });
  await dir.close();
  expect(await reader.list()).toEqual(["manifest-000000000003"]);
  expect(await first(reader, "a")).toBe(1);
  await expect(reader.read("b", 0, 1)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  for (const key of await files.list()) await cache.drop(key);
  await expect(reader.read("a", 0, 1)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
});

test("an object that counts and is lost is named", async () => {
  const { dir, store, pointer } = await openShard({ epoch: 1 });
  await write(dir, "a", 1);
  await new Manifests(dir).commit({ n: 1 });
  for (const key of await keysOf(store)) if (key.endsWith("-a")) await store.inner.delete(key);
  for (const epoch of [undefined, 2]) {
    const { dir: other } = await openShard({ store, pointer: pointer.another(), epoch });
    await expect(other.read("a", 0, 1)).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: expect.stringMatching(/memory:\/shards\/films\/3\/1\/[0-9a-f]{12}\/1-a$/),
    });
  }
});

test("of two writers the one that commits second is FENCED, for good, and what the other one has made stays", async () => {
  const { dir: old, store, pointer } = await openShard({ epoch: 1 });
  const before = new Manifests(old);
  await before.commit({ by: "old" });
  const { dir: young } = await openShard({ store, pointer: pointer.another(), epoch: 2 });
  const after = new Manifests(young);
  await write(young, "segments/1/rows", 2);
  expect(await after.takeOver(() => ({ by: "young" }))).toMatchObject({ value: { by: "old" } });
  await write(old, "segments/1/rows", 1);
  for (let attempt = 0; attempt < 3; attempt++)
    await expect(before.commit({ by: "old" })).rejects.toMatchObject({ code: "FENCED" });
  // Even one that looks again.
  await expect(before.takeOver(() => ({ by: "old" }))).rejects.toMatchObject({ code: "FENCED" });
  await after.commit({ by: "young", again: true });
  const { dir: reader } = await openShard({ store, pointer: pointer.another() });
  expect(await new Manifests(reader).peek()).toMatchObject({ value: { by: "young", again: true } });
  expect(await first(reader, "segments/1/rows")).toBe(2);
  expect(await first(old, "segments/1/rows")).toBe(1);
  await expect(openShard({ store, pointer, epoch: 1 })).rejects.toMatchObject({ code: "FENCED" });
});

test("taking over sees what the one before commits meanwhile", async () => {
  const { dir: old, store, pointer } = await openShard({ epoch: 1 });
  const before = new Manifests(old);
  await before.commit({ n: 1 });
  const { dir: young } = await openShard({ store, pointer: pointer.another(), epoch: 2 });
  let seen: unknown;
  const taken = await new Manifests(young).takeOver(async (latest) => {
    seen = latest?.value;
    if ((latest?.number ?? 0) < 3) {
      await write(old, `rows-${latest?.number}`, 1);
      await before.commit({ n: 1 + (latest?.number ?? 0) });
    }
    return { taken: true };
  });
  expect(taken).toMatchObject({ number: 3 });
  expect(seen).toEqual({ n: 3 });
  expect(await young.list()).toEqual(["manifest-000000000003", "manifest-000000000004", "rows-1", "rows-2"]);
  await expect(before.commit({ n: 9 })).rejects.toMatchObject({ code: "FENCED" });
});

test.each(["before", "after"] as const)(
  "a swap that fails %s its effect is settled by reading",
  async (when) => {
    const { dir, store, pointer } = await openShard({ epoch: 1 });
    const manifests = new Manifests(dir);
    await manifests.commit({ n: 1 });
    pointer.failAt = { call: 2, when };
    await manifests.commit({ n: 2 });
    await manifests.commit({ n: 3 });
    const { dir: reader } = await openShard({ store, pointer: pointer.another() });
    expect(await new Manifests(reader).peek()).toMatchObject({ number: 3, value: { n: 3 } });
  },
);

test("a commit whose outcome stays unknown is settled by the next one", async () => {
  for (const when of ["failBefore", "failAfter"] as const) {
    const { dir, store, pointer } = await openShard({ epoch: 1 });
    const manifests = new Manifests(dir);
    await write(dir, "a", 1);
    await manifests.commit({ n: 1 });
    await dir.delete("a");
    // The first swap happens or not; reading fails in any case.
    const read = pointer.read.bind(pointer);
    pointer.faults = { [when]: 1 };
    pointer.read = async () => {
      throw new VicinalError("IO", "no answer");
    };
    await expect(manifests.commit({ n: 2 })).rejects.toMatchObject({
      code: expect.not.stringMatching("FENCED"),
    });
    pointer.faults = {};
    pointer.read = read;
    await manifests.commit({ n: 3 });
    await dir.close();
    const { dir: reader } = await openShard({ store, pointer: pointer.another() });
    expect(await new Manifests(reader).peek()).toMatchObject({ number: 3, value: { n: 3 } });
    expect((await keysOf(store)).map((key) => key.split("-").slice(1).join("-"))).toEqual([
      "manifest-000000000003",
    ]);
  }
});

test("objects stay as long as a commit without them has not come through", async () => {
  const { dir, store, pointer } = await openShard({ epoch: 1 });
  const manifests = new Manifests(dir);
  await write(dir, "a", 1);
  await manifests.commit({ n: 1 });
  await dir.delete("a");
  store.faults = { failBefore: 1 };
  await expect(manifests.commit({ n: 2 })).rejects.toMatchObject({ code: "IO" });
  store.faults = {};
  pointer.faults = { failBefore: 1 };
  await expect(manifests.commit({ n: 3 })).rejects.toMatchObject({ code: "IO" });
  pointer.faults = {};
  await dir.close();
  const { dir: reader } = await openShard({ store, pointer: pointer.another() });
  expect(await first(reader, "a")).toBe(1);
});

test("a file that is deleted while it is uploaded leaves nothing", async () => {
  const { dir, store } = await openShard({ epoch: 1 });
  const writer = await dir.create("a");
  await writer.append(Uint8Array.of(1));
  const manifests = new Manifests(dir);
  const { put } = store;
  store.put = async (key, bytes) => {
    store.put = put;
    await dir.delete("a");
    await manifests.commit({ n: 1 });
    await store.put(key, bytes);
  };
  await writer.sync();
  await writer.close();
  await manifests.commit({ n: 2 });
  await dir.close();
  expect(await keysOf(store)).toEqual([expect.stringMatching(/manifest-000000000002$/)]);
});

test("what is in no store yet stays in a cache that is too small", async () => {
  const store = new FaultyStore(new MemoryStore());
  const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 10);
  const { dir } = await openShard({ store, cache, epoch: 1 });
  const writer = await dir.create("unsynced");
  await writer.append(new Uint8Array(20).fill(7));
  await writer.close();
  for (const path of ["a", "b"]) await write(dir, path, 1, 2, 3, 4, 5, 6);
  expect(await first(dir, "unsynced")).toBe(7);
  expect([await first(dir, "a"), await first(dir, "b")]).toEqual([1, 1]);
  expect(cache.bytes).toBe(26);
});

test("closing a writer leaves nothing in the cache that no store has", async () => {
  const files = MemoryDirectory.empty();
  const store = new FaultyStore(new MemoryStore());
  const cache = await ObjectCache.open(store, files, 2 ** 20);
  const { dir } = await openShard({ store, cache, epoch: 1 });
  await write(dir, "a", 1);
  const writer = await dir.create("unsynced");
  await writer.append(Uint8Array.of(1));
  await writer.close();
  await dir.close();
  expect(await files.list()).toEqual([expect.stringMatching(/-a$/)]);
});

test("a file that was synced takes no more bytes, whether or not the store has them", async () => {
  const { dir, store } = await openShard({ epoch: 1 });
  const writer = await dir.create("a");
  await writer.append(Uint8Array.of(1));
  store.faults = { failAfter: 1 };
  await expect(writer.sync()).rejects.toMatchObject({ code: "IO" });
  store.faults = {};
  await expect(writer.append(Uint8Array.of(2))).rejects.toMatchObject({ code: "INTERNAL" });
  await writer.sync();
  await writer.close();
  expect(await dir.size("a")).toBe(1);
});

test("a name that says what it is not is refused", async () => {
  for (const epoch of [-1, 0.5, Number.NaN])
    await expect(openShard({ epoch })).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
  const cache = await ObjectCache.open(new MemoryStore(), MemoryDirectory.empty(), 1);
  const pointer = new MemoryPointer();
  await expect(ShardDirectory.open({ cache, pointer, shard: "../x" })).rejects.toMatchObject({
    code: "BAD_REQUEST",
  });
  await pointer.swap(undefined, "{}");
  await expect(ShardDirectory.open({ cache, pointer, shard })).rejects.toMatchObject({ code: "CORRUPTION" });
});
