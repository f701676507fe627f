import { expect, test } from "vitest";
import { decodePayload, encodePayload } from "../payload/json.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { Collection } from "./collection.js";
import type { CollectionConfig } from "./config.js";
import type { Effect } from "./effects.js";

const config: CollectionConfig = {
  vectors: { "": { size: 8, distance: "Euclid", given: {} } },
  hnsw: {},
  optimizers: { indexing_threshold: 0.001 },
  other: {},
  fields: { rank: { type: "integer" } },
};

const write = (collection: Collection, effect: Effect) =>
  collection.write({ readsState: false, resolve: () => [effect] });

test("a payload change of sealed points moves no vector, builds no index and survives a restart", async () => {
  const dir = MemoryDirectory.empty();
  let collection = await Collection.create(dir, config, { epoch: 1 });
  const points = Array.from({ length: 500 }, (_, id) => ({
    id,
    payload: encodePayload({ rank: id }),
    vectors: [{ name: "", vector: { data: Float32Array.from({ length: 8 }, () => id), norm: 1 } }],
  }));
  await write(collection, { kind: "upsert", points });
  await collection.optimizer.settle({ everything: true });
  const [segment] = collection.state.segments();
  const index = segment.vectors.get("")?.index;
  const files = { ...segment.files };
  expect(segment.sealed).toBe(true);
  expect(index?.family).toBe("hnsw");

  const ids = points.map(({ id }) => id);
  const payload = encodePayload({ fresh: true });
  await write(collection, { kind: "payload", mode: "set", ids, path: "", payload, keys: [] });
  await collection.optimizer.settle({ everything: true });
  expect(collection.state.segments()).toEqual([segment]);
  expect(segment.vectors.get("")?.index).toBe(index);
  expect(segment.files?.vectors).toEqual(files.vectors);
  expect(segment.files?.rows).toBe(files.rows);
  expect(segment.rowCount).toBe(500);

  await collection.close();
  collection = await Collection.open(dir, { epoch: 2 });
  const [reopened] = collection.state.segments();
  expect(reopened.vectors.get("")?.index.family).toBe("hnsw");
  for (const id of ids) {
    const place = collection.state.find(id);
    expect(place && decodePayload(place.segment.payloads.bytes(place.row))).toEqual({
      rank: id,
      fresh: true,
    });
    expect(place?.segment.vectors.get("")?.get(place.row)?.data[3]).toBe(id);
  }
  await collection.close();
});

test("operations of one turn share a group, and see what waits before them", async () => {
  const collection = await Collection.create(MemoryDirectory.empty(), config, { epoch: 1 });
  const seen: boolean[] = [];
  const point = { id: 5, payload: encodePayload({}), vectors: [] };
  const results = await Promise.allSettled([
    collection.write({ readsState: false, resolve: () => [{ kind: "upsert", points: [point] }] }),
    collection.write({
      readsState: false,
      resolve: (view) => {
        seen.push(view.exists(5), view.state.find(5) !== undefined);
        return [{ kind: "delete", ids: [5] }];
      },
    }),
    collection.write({
      readsState: false,
      resolve: (view) => {
        seen.push(view.exists(5));
        throw new Error("refused");
      },
    }),
    collection.write({
      readsState: true,
      resolve: (view) => {
        seen.push(view.state.sequence === 2);
        return [{ kind: "upsert", points: [point] }];
      },
    }),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual([true, false, false, true]);
  expect(collection.state.pointCount).toBe(1);
  await collection.close();
});

test("payloads on disk follow their rows from file to file", async () => {
  const dir = MemoryDirectory.empty();
  const onDisk = { ...config, other: { on_disk_payload: true } };
  let collection = await Collection.create(dir, onDisk, { epoch: 1 });
  const expected = new Map<number, object>();
  const points = Array.from({ length: 500 }, (_, id) => {
    expected.set(id, { rank: id });
    const vectors = [{ name: "", vector: { data: new Float32Array(8).fill(id), norm: 1 } }];
    return { id, payload: encodePayload({ rank: id }), vectors };
  });
  const set = async (from: number, to: number, text: string) => {
    const ids = points.slice(from, to).map(({ id }) => id);
    const payload = encodePayload({ text });
    for (const id of ids) expected.set(id, { ...expected.get(id), text });
    await write(collection, { kind: "payload", mode: "set", ids, path: "", payload, keys: [] });
  };
  const holds = () => {
    for (const [id, payload] of expected) {
      const place = collection.state.find(id);
      expect(place && decodePayload(place.segment.payloads.bytes(place.row))).toEqual(payload);
    }
  };
  await write(collection, { kind: "upsert", points });
  await collection.optimizer.settle({ everything: true });
  const [segment] = collection.state.segments();
  expect(segment.payloads.inFile).toBe(true);
  const first = segment.files?.rows;
  // Few are a patch beside the file, many a new one.
  for (const [from, to, text, epoch] of [
    [0, 20, "few", 2],
    [10, 400, "many", 3],
    [390, 410, "few again", 4],
  ] as const) {
    await set(from, to, text);
    holds();
    await collection.close();
    collection = await Collection.open(dir, { epoch });
    expect(collection.state.segments().every(({ payloads }) => payloads.inFile)).toBe(true);
    holds();
  }
  const [last] = collection.state.segments();
  expect(last.files?.rows).not.toBe(first);
  expect(last.payloads.dirtyCount).toBe(20);
  await collection.close();
});
