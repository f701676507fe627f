import { expect, test } from "vitest";
import { encodePayload } from "../payload/json.js";
import { Manifests } from "../storage/manifest.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { isCollectionFile, logEpoch } from "./capture.js";
import { Collection } from "./collection.js";
import type { CollectionConfig } from "./config.js";

const config: CollectionConfig = {
  vectors: { "": { size: 2, distance: "Euclid", given: {} } },
  hnsw: {},
  optimizers: { indexing_threshold: 0.001 },
  other: {},
  fields: {},
};

function write(collection: Collection, from: number, count: number): Promise<number> {
  const points = Array.from({ length: count }, (_, i) => ({
    id: from + i,
    payload: encodePayload({ n: from + i }),
    vectors: [{ name: "", vector: { data: Float32Array.of(from + i, 1), norm: 1 } }],
  }));
  return collection.write({ readsState: false, resolve: () => [{ kind: "upsert", points }] });
}

async function copied(
  dir: MemoryDirectory,
  capture: NonNullable<Awaited<ReturnType<Collection["capture"]>>>,
) {
  const copy = MemoryDirectory.empty();
  for (const { path, bytes } of capture.files) {
    const writer = await copy.create(path);
    await writer.append(await dir.read(path, 0, bytes));
  }
  await new Manifests(copy).commit(capture.manifest);
  return copy;
}

test("captured files stay, whatever the optimizer does, until the release, and are the state of that moment", async () => {
  const dir = MemoryDirectory.empty();
  const collection = await Collection.create(dir, config, { epoch: 1 });
  for (let i = 0; i < 3; i++) {
    await write(collection, i * 100, 100);
    collection.state.seal();
    await collection.optimizer.settle();
  }
  await write(collection, 1000, 5);
  const first = await collection.capture();
  await write(collection, 2000, 50);
  const second = await collection.capture();
  if (!first || !second) throw new Error("a collection with files can be captured");

  // All segments become one, and the log is cut: what was captured is named by no manifest any more.
  await collection.optimizer.settle({ everything: true });
  await write(collection, 3000, 1);
  expect(collection.state.pointCount).toBe(356);
  const held = first.files.map(({ path }) => path);
  expect(held.every(isCollectionFile)).toBe(true);
  expect(held.some((path) => logEpoch(path) === 1)).toBe(true);
  for (const [capture, points] of [
    [first, 305],
    [second, 355],
  ] as const) {
    const restored = await Collection.open(await copied(dir, capture), { epoch: 2 });
    expect(restored.state.pointCount).toBe(points);
    await restored.close();
  }

  await first.release();
  for (const { path } of second.files) expect(await dir.size(path), path).toBeDefined();
  await second.release();
  const paths = await dir.list();
  for (const path of held.filter((one) => one.startsWith("segments/"))) expect(paths).not.toContain(path);
  await collection.close();
  const again = await Collection.open(dir, { epoch: 2 });
  expect(again.state.pointCount).toBe(356);
  await again.close();
});

test("a capture in memory is none", async () => {
  const collection = await Collection.create(undefined, config, { epoch: 1 });
  expect(await collection.capture()).toBeUndefined();
  await collection.close();
});
