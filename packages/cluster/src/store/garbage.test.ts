/** The collection of garbage deletes nothing that counts or may come to, whatever the listing says and whoever is late. */
import { MemoryDirectory } from "vicinal/shard";
import { expect, test } from "vitest";
import { Manifests } from "../../../vicinal/dist/storage/manifest.js";
import { FaultyStore, MemoryPointer } from "./faulty-store.test.helper.js";
import { collectGarbage } from "./garbage.js";
import { MemoryStore } from "./memory-store.js";
import { ObjectCache } from "./object-cache.js";
import { keysOf } from "./object-store-conformance.test.helper.js";
import { ShardDirectory } from "./shard-directory.js";

const shard = "films/3";
const owned = async () => true;

async function setUp() {
  const store = new FaultyStore(new MemoryStore());
  const pointer = new MemoryPointer();
  const open = async (epoch: number) => {
    const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 20);
    return ShardDirectory.open({ cache, pointer, shard, epoch, delayMs: 0 });
  };
  const names = async () => (await keysOf(store.inner)).map((key) => key.replace(/^.*?\/\d+-/, ""));
  return { store, pointer, open, names };
}

async function write(dir: ShardDirectory, path: string): Promise<void> {
  const writer = await dir.create(path);
  await writer.append(Uint8Array.of(1));
  await writer.sync();
  await writer.close();
}

test("what an earlier owner left goes; what counts, is the owner's own, another shard's or nobody's stays", async () => {
  const { store, pointer, open, names } = await setUp();
  const old = await open(1);
  await write(old, "counts");
  await new Manifests(old).commit({ n: 1 });
  await write(old, "left");
  const young = await open(2);
  await write(young, "fresh");
  const foreign = ["shards/films/30/1/0123456789ab/1-x", "shards/films/3/notes", "log/1"];
  for (const key of foreign) await store.put(key, Uint8Array.of(1));
  const counted = await collectGarbage({ store, pointer, shard, epoch: 2, isOwner: owned });
  expect(counted).toEqual({ deleted: 1, kept: 4 });
  expect((await names()).sort()).toEqual(
    ["counts", "fresh", "manifest-000000000001", "x", ...foreign.slice(1)].sort(),
  );
});

test("who is no owner any more deletes nothing", async () => {
  const { store, pointer, open, names } = await setUp();
  await write(await open(1), "left");
  const options = { store, pointer, shard, epoch: 2, isOwner: async () => false };
  expect(await collectGarbage(options)).toEqual({ deleted: 0, kept: 1 });
  expect(await names()).toEqual(["left"]);
});

test("what is committed between the listing and the look at the table stays", async () => {
  const { store, pointer, open, names } = await setUp();
  const old = await open(1);
  await write(old, "late");
  // The listing sees the file before it counts.
  const isOwner = async () => {
    await new Manifests(old).commit({ n: 1 });
    return true;
  };
  expect(await collectGarbage({ store, pointer, shard, epoch: 2, isOwner })).toEqual({ deleted: 0, kept: 1 });
  expect(await names()).toEqual(["late", "manifest-000000000001"]);
});

test("a listing of long ago deletes nothing that counts", async () => {
  const { store, pointer, open, names } = await setUp();
  const old = await open(1);
  await write(old, "a");
  await keysOf(store);
  store.faults = { stale: 1 };
  await write(old, "b");
  await new Manifests(old).commit({ n: 1 });
  await write(old, "left");
  const options = { store, pointer, shard, epoch: 2, isOwner: owned };
  expect(await collectGarbage(options)).toEqual({ deleted: 0, kept: 1 });
  store.faults = {};
  expect(await collectGarbage(options)).toEqual({ deleted: 1, kept: 3 });
  // The old one now tells of what has gone.
  store.faults = { stale: 1 };
  await collectGarbage(options);
  expect(await names()).toEqual(["a", "b", "manifest-000000000001"]);
});

test("what a deposed writer uploads late never counts, and goes the next time", async () => {
  const { store, pointer, open, names } = await setUp();
  const old = await open(1);
  const before = new Manifests(old);
  await before.commit({ n: 1 });
  const young = await open(2);
  await new Manifests(young).takeOver(() => ({ n: 2 }));
  const options = { store, pointer, shard, epoch: 2, isOwner: owned };
  await collectGarbage(options);
  await write(old, "late");
  await expect(before.commit({ n: 9 })).rejects.toMatchObject({ code: "FENCED" });
  await young.close();
  expect(await names()).toContain("late");
  await collectGarbage(options);
  expect(await names()).toEqual(["manifest-000000000002"]);
});
