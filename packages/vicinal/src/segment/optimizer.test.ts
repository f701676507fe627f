/** The optimizer under budgets: what does not fit waits and says so, what frees space comes first, nothing is left behind. */
import { afterAll, describe, expect, test, vi } from "vitest";
import { familyNamed } from "../index/families.js";
import { encodePayload } from "../payload/json.js";
import { memoryStats } from "../runtime/memory.js";
import { endIdleWorkers } from "../runtime/pool.js";
import { type OptimizerOptions, Resources } from "../runtime/resources.js";
import type { Directory } from "../storage/directory.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { randomFrom, SimulatedDisk } from "../storage/simulated-disk.test.helper.js";
import { delayMs } from "./backlog.js";
import { Collection } from "./collection.js";
import type { CollectionConfig } from "./config.js";
import type { Effect } from "./effects.js";

afterAll(endIdleWorkers);

const DIMENSIONS = 16;
const config: CollectionConfig = {
  vectors: { "": { size: DIMENSIONS, distance: "Euclid", given: {} } },
  hnsw: { m: 8, ef_construct: 40 },
  optimizers: { indexing_threshold: 10 },
  other: {},
  fields: {},
};

const resources = (options: OptimizerOptions = {}) => new Resources({ diskReserveBytes: 0, ...options }, 20);

const create = (dir: Directory | undefined, given = config, shared = resources()) =>
  Collection.create(dir, given, { epoch: 1, resources: shared });

const write = (collection: Collection, ...effects: Effect[]) =>
  collection.write({ readsState: false, resolve: () => effects });

const vectorOf = (id: number) =>
  Float32Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(id * 37.7 + i * (1 + (id % 5))));

function upsert(collection: Collection, from: number, to: number): Promise<number> {
  const points = Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    payload: encodePayload({ id: from + i }),
    vectors: [{ name: "", vector: { data: vectorOf(from + i), norm: 1 } }],
  }));
  return write(collection, { kind: "upsert", points });
}

const remove = (collection: Collection, ids: number[]) => write(collection, { kind: "delete", ids });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Sealed segments that no merge joins: each is as large as one may be. */
async function segmentsOf(collection: Collection, counts: number[]): Promise<void> {
  let from = 0;
  for (const count of counts) {
    await upsert(collection, from, from + count);
    collection.state.seal();
    from += count;
  }
  await collection.optimizer.settle();
  expect(collection.state.segments().map(({ rowCount }) => rowCount)).toEqual(counts);
}
const kb = (rows: number) => Math.ceil((rows * DIMENSIONS * 4) / 1024);
const sized = (rows: number) => ({
  ...config,
  optimizers: { ...config.optimizers, max_segment_size: kb(rows) },
});

/** Every point is there, as it was written. */
function expectPoints(collection: Collection, ids: number[]): void {
  expect(collection.state.pointCount).toBe(ids.length);
  for (const id of ids) {
    const place = collection.state.find(id);
    expect(place?.segment.vectors.get("")?.get(place.row)).toEqual({ data: vectorOf(id), norm: 1 });
  }
}

async function bytesOf(dir: Directory): Promise<number> {
  let bytes = 0;
  for (const path of await dir.list()) bytes += (await dir.size(path)) ?? 0;
  return bytes;
}

/** Files of segments, without those of the log and manifests. */
const segmentFiles = async (dir: Directory) =>
  (await dir.list()).filter((path) => path.startsWith("segments/"));

describe("a disk that is nearly full", () => {
  test("gets back what small rewritings free; the large one waits, says so and is looked at again", async () => {
    const disk = new SimulatedDisk(randomFrom(1), { tellsSpace: true });
    const collection = await create(disk, sized(6000));
    await segmentsOf(collection, [6000, 1200]);
    disk.capacityBytes = disk.usedBytes + 300_000;
    const before = disk.usedBytes;
    await remove(collection, [...range(0, 1500), ...range(6000, 6600)]);
    await vi.waitFor(() => expect(collection.optimizer.waiting).toBeDefined());
    expect(collection.optimizer.waiting).toMatch(
      /^Rewriting of a segment waits: needs [\d.]+ MiB of disk, free [\d.]+ MiB$/,
    );
    expect(collection.optimizer.failure).toBeUndefined();
    await vi.waitFor(() => expect(collection.state.segments()[1].rowCount).toBe(600));
    expect(collection.state.segments()[0].rowCount).toBe(6000);
    await vi.waitFor(() => expect(disk.usedBytes).toBeLessThan(before));
    await expect(collection.optimizer.settle()).rejects.toMatchObject({ code: "DISK_FULL" });

    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await vi.waitFor(
      () => expect(collection.state.segments().every(({ deadCount }) => deadCount === 0)).toBe(true),
      20_000,
    );
    await vi.waitFor(() => expect(collection.optimizer.waiting).toBeUndefined());
    expectPoints(collection, [...range(1500, 6000), ...range(6600, 7200)]);
    await collection.close();
  });

  test("that turns out to be full fails no collection and is left as it was, wherever that is", async () => {
    for (let room = 0; room < 250_000; room += 17_321) {
      const disk = new SimulatedDisk(randomFrom(1));
      const collection = await create(disk, sized(1200));
      await segmentsOf(collection, [1200]);
      await remove(collection, range(0, 300));
      const files = await segmentFiles(disk);
      disk.capacityBytes = disk.usedBytes + room;
      let full = false;
      await collection.optimizer.settle().catch(({ code }) => {
        expect(code).toBe("DISK_FULL");
        full = true;
      });
      expect(collection.optimizer.failure).toBeUndefined();
      if (full) expect(collection.optimizer.waiting).toBeDefined();
      if (full && collection.state.segments()[0].rowCount === 1200)
        expect(await segmentFiles(disk)).toEqual(files);
      expectPoints(collection, range(300, 1200));

      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await collection.optimizer.settle();
      expect(collection.state.segments()[0].rowCount).toBe(900);
      await collection.close();
      const reopened = await Collection.open(disk, { epoch: 2 });
      expectPoints(reopened, range(300, 1200));
      // Nothing lies there that no manifest names.
      const named = await segmentFiles(disk);
      expect(new Set(named.map((path) => path.split("/")[1])).size).toBe(1);
      await reopened.close();
    }
  });
});

test("a merge for which the memory does not suffice waits", async () => {
  const collection = await create(MemoryDirectory.empty(), config, resources({ memoryBytes: 500_000 }));
  for (const from of [0, 1500, 3000]) {
    await upsert(collection, from, from + 1500);
    collection.state.seal();
  }
  await expect(collection.optimizer.settle()).rejects.toMatchObject({
    code: "OUT_OF_MEMORY",
    message: expect.stringMatching(/^Merge of \d segments waits: needs [\d.]+ MiB of memory, free 0\.5 MiB$/),
  });
  expect(collection.state.segments().length).toBeGreaterThan(1);
  expectPoints(collection, range(0, 4500));
  await collection.close();
});

test("collections of a database share the threads", async () => {
  const shared = resources({ threads: 1 });
  const collections = await Promise.all(
    range(0, 3).map(() => create(MemoryDirectory.empty(), config, shared)),
  );
  let most = 0;
  let tasks = 0;
  const begin = shared.begin.bind(shared);
  let running = 0;
  vi.spyOn(shared, "begin").mockImplementation((need) => {
    const end = begin(need);
    if (!end) return undefined;
    tasks++;
    most = Math.max(most, ++running);
    return () => {
      running--;
      end();
    };
  });
  for (const collection of collections)
    for (const from of [0, 1000]) {
      await upsert(collection, from, from + 1000);
      collection.state.seal();
    }
  await Promise.all(collections.map(({ optimizer }) => optimizer.settle()));
  expect(tasks).toBeGreaterThanOrEqual(3);
  expect(most).toBe(1);
  for (const collection of collections) {
    expectPoints(collection, range(0, 2000));
    await collection.close();
  }
});

describe("writes that run ahead of the index", () => {
  test("are delayed in proportion from half of the bound on", () => {
    expect([0, 0.49, 0.5].map(delayMs)).toEqual([0, 0, 0]);
    expect(delayMs(0.75)).toBeGreaterThan(0);
    expect(delayMs(0.9)).toBeGreaterThan(delayMs(0.75));
    expect(delayMs(1)).toBe(Number.POSITIVE_INFINITY);
  });

  test("slow down, then wait until an index is there; the reason is shown", async () => {
    const hnsw = familyNamed("hnsw");
    const build = hnsw.build.bind(hnsw);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const spy = vi.spyOn(hnsw, "build").mockImplementation(async (...given) => {
      await released;
      return build(...given);
    });
    const rows = 400;
    const collection = await create(
      undefined,
      sized(rows),
      resources({ backlogBytes: rows * DIMENSIONS * 4 * 4 }),
    );
    const { optimizer } = collection;
    const reasons: (string | undefined)[] = [];
    for (let n = 0; n < 4; n++) {
      await upsert(collection, n * rows, (n + 1) * rows);
      collection.state.seal();
      optimizer.poke();
      reasons.push(optimizer.slowness);
    }
    expect(reasons[0]).toBeUndefined();
    expect(reasons[2]).toMatch(
      /^Writes are slowed down: vectors wait for their index \(75 % of what is allowed\)$/,
    );
    expect(reasons[3]).toMatch(/^Writes wait: /);
    let written = false;
    const late = upsert(collection, 9000, 9001).then(() => {
      written = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(written).toBe(false);
    release();
    await late;
    await optimizer.settle();
    expect(optimizer.slowness).toBeUndefined();
    spy.mockRestore();
    await collection.close();
  });
});

describe("space comes back by itself", () => {
  test("of dead rows in segments that are too small to be rewritten alone", async () => {
    const dir = MemoryDirectory.empty();
    const collection = await create(dir, sized(600));
    await segmentsOf(collection, [600, 600, 600, 600]);
    const before = await bytesOf(dir);
    await remove(
      collection,
      range(0, 2400).filter((id) => id % 2 === 0),
    );
    await collection.optimizer.settle();
    expect(collection.state.segments().every(({ deadCount }) => deadCount === 0)).toBe(true);
    expect(await bytesOf(dir)).toBeLessThan(before * 0.7);
    expectPoints(
      collection,
      range(0, 2400).filter((id) => id % 2 === 1),
    );
    await collection.close();
  });

  test("of payloads that were replaced, in files, in memory and in the log; no vector is touched", async () => {
    const dir = MemoryDirectory.empty();
    let collection = await create(dir);
    await segmentsOf(collection, [2000]);
    const [segment] = collection.state.segments();
    const { vectors } = { ...segment.files };
    const build = vi.spyOn(familyNamed("hnsw"), "build");
    const ids = range(0, 2000);
    for (let n = 0; n < 30; n++) {
      const payload = encodePayload({ n, text: String(n).repeat(500) });
      await write(collection, { kind: "payload", mode: "overwrite", ids, path: "", payload, keys: [] });
      // As if other work had made checkpoints.
      if (n % 10 === 9)
        await write(collection, {
          kind: "payload",
          mode: "set",
          ids: ids.slice(0, 1),
          path: "",
          payload: encodePayload({ long: "x".repeat(17 * 2 ** 20) }),
          keys: [],
        });
    }
    const payload = encodePayload({ last: true });
    await write(collection, { kind: "payload", mode: "overwrite", ids, path: "", payload, keys: [] });
    await collection.optimizer.settle();
    expect(collection.logBytes).toBeLessThan(2 ** 20);
    await collection.close();
    expect(build).not.toHaveBeenCalled();
    build.mockRestore();
    collection = await Collection.open(dir, { epoch: 2 });
    const [reopened] = collection.state.segments();
    expect(reopened.files?.vectors).toEqual(vectors);
    expect(reopened.files?.patch).toBeUndefined();
    expect(reopened.payload(7)).toEqual({ last: true });
    expect(await bytesOf(dir)).toBeLessThan(2 ** 20);
    await collection.close();
  });

  test("of vectors that were dropped", async () => {
    const dir = MemoryDirectory.empty();
    const other = { size: DIMENSIONS, distance: "Euclid" as const, given: {} };
    const collection = await create(dir, { ...config, vectors: { "": config.vectors[""], other } });
    const points = range(0, 2000).map((id) => ({
      id,
      payload: encodePayload({}),
      vectors: ["", "other"].map((name) => ({ name, vector: { data: vectorOf(id), norm: 1 } })),
    }));
    await write(collection, { kind: "upsert", points });
    await collection.optimizer.settle({ everything: true });
    const before = (await segmentFiles(dir)).length;
    const memories = memoryStats().used;
    await write(collection, { kind: "configure", change: encodePayload({ dropped: "other" }) });
    await collection.optimizer.settle();
    expect((await segmentFiles(dir)).length).toBe(before - 2);
    expect(memoryStats().used).toBe(memories - 1);
    expectPoints(collection, range(0, 2000));
    await collection.close();
  });
});

test("what is written is counted", async () => {
  const dir = MemoryDirectory.empty();
  const collection = await create(dir);
  for (const from of [0, 1000, 2000]) {
    await upsert(collection, from, from + 1000);
    collection.state.seal();
    await collection.optimizer.settle();
  }
  const writes = collection.writes.report();
  expect(writes.ingested).toBeGreaterThan(3000 * DIMENSIONS * 4);
  expect(writes.log).toBeGreaterThan(writes.ingested);
  expect(writes.segments).toBeGreaterThan(3000 * DIMENSIONS * 4);
  expect(writes.merges).toBeGreaterThan(3000 * DIMENSIONS * 4);
  expect(writes.indexes).toBeGreaterThan(0);
  const { ingested, amplification, ...written } = writes;
  expect(amplification * ingested).toBeCloseTo(
    Object.values(written).reduce((sum, bytes) => sum + bytes, 0),
    0,
  );
  await collection.close();
});
