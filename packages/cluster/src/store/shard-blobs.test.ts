/** Blobs of a shard whose files lie in the object store: what a write names is there for whoever owns the shard next. */
import {
  Collection,
  collectionConfig,
  copyBlobs,
  type Effect,
  MemoryDirectory,
  readStored,
} from "vicinal/shard";
import { expect, test } from "vitest";
import { putBlob, storedBlob } from "../../../vicinal/dist/api/blobs.js";
import { createCollection } from "../../../vicinal/dist/api/schema/index.js";
import { MemoryLog } from "../../../vicinal/dist/segment/memory-log.js";
import { MemoryPointer } from "./faulty-store.test.helper.js";
import { MemoryStore } from "./memory-store.js";
import { ObjectCache } from "./object-cache.js";
import { ShardDirectory } from "./shard-directory.js";

const config = () => collectionConfig(createCollection.parse({ vectors: { size: 1, distance: "Dot" } }));

const point = (id: number) => ({
  id,
  payload: new TextEncoder().encode("{}"),
  vectors: [{ name: "", vector: { data: Float32Array.of(1), norm: 1 } }],
});

const put = (collection: Collection, id: number, text: string) =>
  putBlob(
    collection,
    { collection: "films", id, name: "photo" },
    { type: "image/jpeg", bytes: new TextEncoder().encode(text) },
  );

test("a blob counts before its write is acknowledged", async () => {
  const store = new MemoryStore();
  const pointer = new MemoryPointer();
  const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 20);
  const dir = await ShardDirectory.open({ cache, pointer, shard: "films/3", epoch: 1 });
  const collection = await Collection.create(dir, config(), {
    epoch: 1,
    openLog: async () => new MemoryLog(),
  });
  const points = [point(1), point(2)];
  await collection.write({ readsState: false, resolve: () => [{ kind: "upsert", points }] });
  // Together: one commit serves many.
  const [{ sha256 }, other] = await Promise.all([put(collection, 1, "one"), put(collection, 2, "two")]);
  const seen = async () => {
    const reader = await ShardDirectory.open({ cache, pointer: pointer.another(), shard: "films/3" });
    const paths = (await reader.folder("blobs").list()).map((path) => path.slice(3));
    await reader.close();
    return paths;
  };
  expect((await seen()).sort()).toEqual([sha256, other.sha256].sort());
  await collection.close();
  await dir.close();
});

test("what effects name is copied from collection to collection", async () => {
  const make = async () => Collection.create(undefined, config(), { epoch: 1 });
  const [from, to] = [await make(), await make()];
  await from.write({ readsState: false, resolve: () => [{ kind: "upsert", points: [point(1), point(2)] }] });
  await put(from, 1, "one");
  const old = await put(from, 2, "old");
  await from.write({ readsState: false, resolve: () => [{ kind: "delete", ids: [2] }] });
  await from.optimizer.settle({ everything: true });
  const { sha256, type, size } = old;
  const effects: Effect[] = [
    { kind: "upsert", points: await readStored(from.state, [1, 2]) },
    // Its bytes have gone: a later effect was the reason.
    { kind: "blob", id: 2, name: "photo", blob: { sha256, type, size } },
    { kind: "delete", ids: [2] },
  ];
  const release = await copyBlobs(from, to, effects);
  await to.write({ readsState: false, resolve: () => effects });
  release();
  await to.optimizer.settle({ everything: true });
  const { bytes } = storedBlob(to, { collection: "films", id: 1, name: "photo" });
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  expect(Buffer.concat(parts).toString()).toBe("one");
  await from.close();
  await to.close();
});
