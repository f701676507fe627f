/** The cache of objects on a disk that has no room left. */
import { crc32c, MemoryDirectory } from "vicinal/shard";
import { expect, test } from "vitest";
import { FullDisk } from "./full-directory.test.helper.js";
import { MemoryStore } from "./memory-store.js";
import { ObjectCache, type ObjectRef } from "./object-cache.js";

const store = new MemoryStore();

async function put(key: string, size = 1000): Promise<ObjectRef & { bytes: Uint8Array }> {
  const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7 + key.length);
  await store.put(key, bytes);
  return { key, size, crc: crc32c(bytes), bytes };
}

async function read(cache: ObjectCache, ref: ObjectRef, offset = 0, length = ref.size): Promise<Uint8Array> {
  const target = new Uint8Array(length);
  await cache.readInto(ref, offset, target);
  return target;
}

test("gives up what nobody reads, then reads from the store, and fills again when there is room", async () => {
  const disk = new FullDisk();
  const directory = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, disk.over(directory), 2 ** 30);
  const [first, second] = [await put("first"), await put("second")];
  expect(await read(cache, first)).toEqual(first.bytes);
  disk.isFull = true;
  expect(await read(cache, second)).toEqual(second.bytes);
  expect(await directory.list()).toEqual([]);
  expect(cache.bytes).toBe(0);
  expect(await cache.whyFull()).toMatchObject({ code: "DISK_FULL" });
  // Without trying the disk for each.
  const { refused } = disk;
  expect(await read(cache, first, 100, 50)).toEqual(first.bytes.subarray(100, 150));
  expect(disk.refused).toBe(refused);
  disk.isFull = false;
  const writer = await cache.create("mine");
  await writer.close();
  expect(await cache.whyFull()).toBeUndefined();
  expect(await read(cache, first)).toEqual(first.bytes);
  expect(await directory.list()).toEqual(["first", "mine"]);
});

test("copies that give way are enough where others have filled the disk", async () => {
  const disk = new FullDisk();
  const directory = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, disk.over(directory), 2 ** 30);
  const [first, second] = [await put("first"), await put("second")];
  await read(cache, first);
  const { delete: remove } = directory;
  directory.delete = async (path) => {
    await remove.call(directory, path);
    if (path === "first") disk.isFull = false;
  };
  disk.isFull = true;
  expect(await read(cache, second)).toEqual(second.bytes);
  expect(await directory.list()).toEqual(["second"]);
  expect(await cache.whyFull()).toBeUndefined();
});

test.each([0, 1])("what has no other home yet is kept in memory (%i parts on the disk)", async (parts) => {
  const disk = new FullDisk();
  const directory = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, disk.over(directory), 2 ** 30);
  disk.isFull = parts === 0;
  const writer = await cache.create("own");
  if (parts === 1) await writer.append(Uint8Array.of(1, 2, 3));
  disk.isFull = true;
  if (parts === 0) await writer.append(Uint8Array.of(1, 2, 3));
  await writer.append(Uint8Array.of(4, 5));
  expect(writer.length).toBe(5);
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  const ref = { key: "own", size: 5, crc: crc32c(bytes) };
  expect(await read(cache, ref)).toEqual(bytes);
  expect(await directory.list()).toEqual([]);
  expect(cache.bytes).toBe(5);
  await store.put("own", bytes);
  await writer.close();
  cache.release("own");
  expect(cache.bytes).toBe(0);
  expect(await read(cache, ref)).toEqual(bytes);
});
