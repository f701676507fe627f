/** Indexes follow the configuration: what was built is replaced, its memory given back, measurements expire. */
import { afterAll, describe, expect, test } from "vitest";
import { clusteredVectors } from "../index/fixtures.test.helper.js";
import { encodePayload } from "../payload/json.js";
import { endIdleWorkers } from "../runtime/pool.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { Collection } from "./collection.js";
import type { CollectionConfig } from "./config.js";
import type { VectorColumn } from "./vector-column.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 24;
const COUNT = 4000;
const vectors = clusteredVectors(COUNT, DIMENSIONS, "Euclid", 5);

const config: CollectionConfig = {
  vectors: { "": { size: DIMENSIONS, distance: "Euclid", given: {} } },
  hnsw: { m: 8, ef_construct: 60 },
  optimizers: { indexing_threshold: 1, deleted_threshold: 1 },
  other: {},
  fields: {},
};

async function filled(dir?: MemoryDirectory): Promise<Collection> {
  const collection = await Collection.create(dir, config, { epoch: 1 });
  await add(collection, 0, COUNT);
  await collection.optimizer.settle({ everything: true });
  return collection;
}

async function add(collection: Collection, from: number, to: number): Promise<void> {
  const points = Array.from({ length: to - from }, (_, i) => {
    const data = vectors.slice((from + i) * DIMENSIONS, (from + i + 1) * DIMENSIONS);
    return { id: from + i, payload: encodePayload({}), vectors: [{ name: "", vector: { data, norm: 1 } }] };
  });
  await collection.write({ readsState: false, resolve: () => [{ kind: "upsert", points }] });
}

async function remove(collection: Collection, ids: number[]): Promise<void> {
  await collection.write({ readsState: false, resolve: () => [{ kind: "delete", ids }] });
}

async function configure(collection: Collection, change: Record<string, unknown>): Promise<void> {
  const effect = { kind: "configure" as const, change: encodePayload(change) };
  await collection.write({ readsState: false, resolve: () => [effect] });
}

const family = (name: string, index = {}) => ({ vectors: { "": { family: name, index } } });

function onlyColumn(collection: Collection): VectorColumn {
  const segments = collection.state.segments();
  expect(segments).toHaveLength(1);
  return segments[0].vectors.get("") as VectorColumn;
}

describe("a changed configuration", () => {
  test("builds over the same vectors and gives the old index's memory back", async () => {
    const collection = await filled();
    const column = onlyColumn(collection);
    const { arena } = column.memory!.store;
    const bytes = new Map<string, number>();
    for (const name of ["ivf", "hnsw", "ivf", "hnsw", "flat", "hnsw"]) {
      await configure(collection, family(name));
      await collection.optimizer.settle();
      expect(onlyColumn(collection)).toBe(column);
      expect(column.index.family).toBe(name);
      expect(column.choice?.family).toBe(name === "flat" ? undefined : name);
      expect(arena.reservedBytes, name).toBe(bytes.get(name) ?? arena.reservedBytes);
      bytes.set(name, arena.reservedBytes);
    }
    expect(bytes.get("flat")).toBeLessThan(bytes.get("hnsw") as number);
    await collection.close();
  });

  test("of graph settings builds anew, of anything else does not", async () => {
    const collection = await filled();
    const column = onlyColumn(collection);
    const first = column.index;
    await configure(collection, {
      hnsw: { m: 8, full_scan_threshold: 99 },
      other: { on_disk_payload: true },
    });
    await configure(collection, family("hnsw", { efConstruct: 60 }));
    await collection.optimizer.settle();
    expect(column.index).toBe(first);
    await configure(collection, { hnsw: { m: 12 } });
    await collection.optimizer.settle();
    expect(column.index).not.toBe(first);
    expect(column.choice?.parameters).toMatchObject({ m: 12, efConstruct: 60 });
    await collection.close();
  });

  test("that asks for what is there changes nothing", async () => {
    const collection = await filled();
    const column = onlyColumn(collection);
    await configure(collection, family("ivf"));
    await collection.optimizer.settle();
    const lists = column.index;
    // `auto` stands for these codes already, and no list is told apart by its settings of a graph.
    await configure(collection, family("ivf", { encoding: "rabitq" }));
    await configure(collection, { other: { quantization_config: { binary: {} } }, hnsw: { m: 20 } });
    await collection.optimizer.settle();
    expect(column.index).toBe(lists);
    await configure(collection, { other: { quantization_config: { scalar: { type: "int8" } } } });
    await configure(collection, family("ivf"));
    await collection.optimizer.settle();
    expect(column.index).not.toBe(lists);
    expect(column.choice?.parameters.encoding).toBe("sq8");
    await collection.close();
  });

  test("of a threshold leaves what is built, and decides when something else is wanted", async () => {
    const collection = await filled();
    const column = onlyColumn(collection);
    const first = column.index;
    await configure(collection, { optimizers: { indexing_threshold: 100_000 } });
    await collection.optimizer.settle();
    expect(column.index).toBe(first);
    await configure(collection, family("ivf"));
    await collection.optimizer.settle();
    expect(column.index.family).toBe("flat");
    await configure(collection, { optimizers: { indexing_threshold: 1 } });
    await collection.optimizer.settle();
    expect(column.index.family).toBe("ivf");
    await collection.close();
  });

  test("ends a build that nobody wants any more", async () => {
    const collection = await filled();
    const column = onlyColumn(collection);
    const hnsw = column.index;
    await configure(collection, family("hnsw", { m: 64, ef_construct: 4000 }));
    while (collection.optimizer.task?.kind !== "index") await new Promise((resolve) => setImmediate(resolve));
    // Back to what there is: nothing is left to do, long before that graph could be finished.
    await configure(collection, family("hnsw"));
    await collection.optimizer.settle();
    expect(column.index).toBe(hnsw);
    expect(collection.optimizer.failure).toBeUndefined();
    await collection.close();
  });

  test("is found again by the opening after a stop at any point", async () => {
    const dir = MemoryDirectory.empty();
    let collection = await filled(dir);
    await configure(collection, family("ivf", { lists: 12 }));
    await collection.close();
    for (const settles of [false, true, true]) {
      collection = await Collection.open(dir, { epoch: 2 });
      expect(onlyColumn(collection).choice).toBeDefined();
      if (settles) {
        await collection.optimizer.settle();
        expect(onlyColumn(collection).choice).toMatchObject({ family: "ivf", parameters: { lists: 12 } });
      }
      await collection.close();
    }
    collection = await Collection.open(dir, { epoch: 3 });
    // Loaded, not built: it is there before the optimizer ran.
    expect(onlyColumn(collection).index.family).toBe("ivf");
    expect(collection.optimizer.idle).toBe(true);
    await collection.close();
  });
});

describe("a measurement", () => {
  test("says on how many vectors it was made, also after reopening", async () => {
    const dir = MemoryDirectory.empty();
    const collection = await filled(dir);
    expect(onlyColumn(collection).index.calibration?.count).toBe(COUNT);
    await collection.close();
    const opened = await Collection.open(dir, { epoch: 2 });
    expect(onlyColumn(opened).index.calibration?.count).toBe(COUNT);
    await opened.close();
  });

  test("expires when 30 % were deleted: the segment is written and measured anew", async () => {
    const collection = await filled();
    const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    await remove(collection, range(0, 1150));
    await collection.optimizer.settle();
    expect(collection.state.segments()[0].deadCount).toBe(1150);
    await remove(collection, range(1150, 1250));
    await collection.optimizer.settle();
    expect(collection.state.segments()[0].deadCount).toBe(0);
    expect(onlyColumn(collection).index.calibration).toMatchObject({ count: COUNT - 1250 });
    await collection.close();
  });

  test("is carried over by merges too small to measure, up to a share", async () => {
    const collection = await filled();
    const before = onlyColumn(collection).index.calibration;
    const renewed: (number | undefined)[] = [];
    for (let round = 0; round < 16; round++) {
      // The same points again: 80 are gone and 80 are new.
      await add(collection, round * 80, round * 80 + 80);
      await collection.optimizer.settle({ everything: true });
      renewed.push(onlyColumn(collection).index.calibration?.changed);
    }
    expect(renewed.slice(0, 7)).toEqual([160, 320, 480, 640, 800, 960, 1120]);
    expect(onlyColumn(collection).index.calibration?.curves).not.toEqual(before?.curves);
    expect(Math.max(...renewed.map((changed) => changed ?? 0))).toBeLessThanOrEqual(0.3 * COUNT);
    await collection.close();
  });
});
