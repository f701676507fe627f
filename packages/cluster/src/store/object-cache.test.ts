/** The cache of objects: what is read is right, whatever lies in its directory, and its bound holds. */
import { crc32c, type Directory, MemoryDirectory } from "vicinal/shard";
import { expect, test } from "vitest";
import { FaultyStore, seededRandom } from "./faulty-store.test.helper.js";
import { MemoryStore } from "./memory-store.js";
import { ObjectCache, type ObjectRef } from "./object-cache.js";

async function put(
  store: MemoryStore,
  key: string,
  size: number,
): Promise<ObjectRef & { bytes: Uint8Array }> {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i * 7 + key.length;
  await store.put(key, bytes);
  return { key, size, crc: crc32c(bytes), bytes };
}

async function read(cache: ObjectCache, ref: ObjectRef): Promise<Uint8Array> {
  const target = new Uint8Array(ref.size);
  await cache.readInto(ref, 0, target);
  return target;
}

test("downloads once, however many read at the same time", async () => {
  const inner = new MemoryStore();
  const store = new FaultyStore(inner);
  const ref = await put(inner, "a/object", 20_000_000);
  const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 30);
  const all = await Promise.all(Array.from({ length: 5 }, () => read(cache, ref)));
  for (const bytes of all) expect(Buffer.compare(bytes, ref.bytes)).toBe(0);
  // In pieces of 8 MiB.
  expect(store.calls).toBe(3);
  await inner.delete("a/object");
  expect(Buffer.compare(await read(cache, ref), ref.bytes)).toBe(0);
  expect(cache.bytes).toBe(ref.size);
});

test("a restart finds what is there, and uses nothing of it that is not the object", async () => {
  const store = new MemoryStore();
  const directory = MemoryDirectory.empty();
  const [good, torn, damaged] = await Promise.all(
    ["good", "torn", "damaged"].map((key) => put(store, key, 1000)),
  );
  const before = await ObjectCache.open(store, directory, 2 ** 20);
  for (const ref of [good, torn, damaged]) await read(before, ref);
  await (await directory.reopen("torn", 400)).close();
  const writer = await directory.reopen("damaged", 999);
  await writer.append(Uint8Array.of(damaged.bytes[999] ^ 1));
  await writer.close();
  const counted = new FaultyStore(store);
  const cache = await ObjectCache.open(counted, directory, 2 ** 20);
  expect(cache.bytes).toBe(2400);
  for (const ref of [good, torn, damaged]) expect(await read(cache, ref)).toEqual(ref.bytes);
  expect(counted.calls).toBe(2);
  expect(cache.bytes).toBe(3000);
});

test("what was read longest ago goes first; what only lies here stays", async () => {
  const store = new MemoryStore();
  const refs = await Promise.all(["one", "two", "three", "four"].map((key) => put(store, key, 400)));
  const [one, two, three, four] = refs;
  const directory = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, directory, 1000);
  const own = await cache.create("own");
  await own.append(new Uint8Array(100));
  await own.close();
  for (const ref of [one, two, one, three]) await read(cache, ref);
  expect(await directory.list()).toEqual(["one", "own", "three"]);
  await read(cache, four);
  expect(await directory.list()).toEqual(["four", "own", "three"]);
  expect(cache.bytes).toBe(900);
  cache.release("own");
  const large = await put(store, "large", 5000);
  expect(await read(cache, large)).toEqual(large.bytes);
  expect(await directory.list()).toEqual(["large"]);
  expect(cache.bytes).toBe(5000);
});

test("one that is always too small still reads right, by many readers", async () => {
  const store = new MemoryStore();
  const refs = await Promise.all(Array.from({ length: 12 }, (_, i) => put(store, `object-${i}`, 300 + i)));
  const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 700);
  const next = seededRandom(5);
  const work = async () => {
    for (let i = 0; i < 100; i++) {
      const ref = refs[Math.floor(next() * refs.length)];
      expect(await read(cache, ref)).toEqual(ref.bytes);
    }
  };
  await Promise.all(Array.from({ length: 6 }, work));
});

/** Its files are read and deleted a while after that was asked for, the second deletion later than the third. */
function slow(): Directory {
  const inner = MemoryDirectory.empty();
  const later = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));
  let deletions = 0;
  return Object.assign(Object.create(inner) as Directory, {
    readInto: (path: string, offset: number, target: Uint8Array) =>
      later(20).then(() => inner.readInto(path, offset, target)),
    delete: (path: string) => later(deletions++ === 1 ? 15 : 1).then(() => inner.delete(path)),
    list: () => inner.list(),
    size: (path: string) => inner.size(path),
    create: (path: string) => inner.create(path),
  });
}

test("what is being read stays until it was", async () => {
  const store = new FaultyStore(new MemoryStore());
  const [one, two] = await Promise.all(
    ["one", "two"].map((key) => put(store.inner as MemoryStore, key, 400)),
  );
  const cache = await ObjectCache.open(store, slow(), 500);
  await read(cache, one);
  const reading = read(cache, one);
  await read(cache, two);
  expect(await reading).toEqual(one.bytes);
  expect(store.calls).toBe(2);
});

test("an object that goes and is wanted again at once comes again, and stays", async () => {
  const store = new FaultyStore(new MemoryStore());
  const ref = await put(store.inner as MemoryStore, "object", 400);
  const cache = await ObjectCache.open(store, slow(), 500);
  await read(cache, ref);
  const going = cache.drop("object");
  expect(await read(cache, ref)).toEqual(ref.bytes);
  await going;
  expect(await read(cache, ref)).toEqual(ref.bytes);
  expect(store.calls).toBe(2);
});

test("an object that is dropped while it comes is read all the same, and is counted once", async () => {
  const store = new MemoryStore();
  const ref = await put(store, "object", 20_000_000);
  let letOn = () => {};
  const held = new Promise<void>((resolve) => {
    letOn = resolve;
  });
  const get = store.get.bind(store);
  store.get = async (key, range) => {
    if (range?.offset) await held;
    return get(key, range);
  };
  const directory = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, directory, 2 ** 30);
  const reading = read(cache, ref);
  while (cache.bytes === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await cache.drop("object");
  letOn();
  expect(Buffer.compare(await reading, ref.bytes)).toBe(0);
  expect(cache.bytes).toBe(ref.size);
  await cache.drop("object");
  expect(cache.bytes).toBe(0);
  expect(await directory.list()).toEqual([]);
});

test("a directory that was emptied under way is filled again", async () => {
  const store = new MemoryStore();
  const directory = MemoryDirectory.empty();
  const ref = await put(store, "object", 10);
  const cache = await ObjectCache.open(store, directory, 1000);
  await read(cache, ref);
  await directory.delete("object");
  expect(await read(cache, ref)).toEqual(ref.bytes);
  expect(cache.bytes).toBe(10);
});

test("a damaged object is CORRUPTION, an absent one FILE_NOT_FOUND; both name the key and leave nothing", async () => {
  const store = new MemoryStore();
  const directory = MemoryDirectory.empty();
  const cache = await ObjectCache.open(store, directory, 1000);
  const damaged = await put(store, "damaged", 10);
  const short = await put(store, "short", 10);
  (store.objects.get("damaged") as Uint8Array)[3] ^= 1;
  await store.put("short", new Uint8Array(9));
  for (const [ref, code] of [
    [damaged, "CORRUPTION"],
    [short, "CORRUPTION"],
    [{ ...short, key: "absent" }, "FILE_NOT_FOUND"],
  ] as const)
    await expect(read(cache, ref)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`memory:/${ref.key}`),
    });
  expect(await directory.list()).toEqual([]);
  expect(cache.bytes).toBe(0);
});

test("a transfer that was cut is made once more", async () => {
  const inner = new MemoryStore();
  const ref = await put(inner, "object", 1000);
  const store = new FaultyStore(inner, { truncate: 1 }, seededRandom(1));
  const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 10_000);
  const reading = read(cache, ref);
  store.faults = {};
  expect(await reading).toEqual(ref.bytes);
});
