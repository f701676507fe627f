/** Repair of a collection of many blocks, and a repair that is stopped at every write and sync. */
import { beforeAll, expect, test } from "vitest";
import type { PointId } from "../../payload/id.js";
import { decodePayload, encodePayload } from "../../payload/json.js";
import type { Directory } from "../../storage/directory.js";
import { MemoryDirectory } from "../../storage/memory-directory.js";
import { BLOCK_SIZE } from "../../storage/section-format.js";
import { randomFrom, SimulatedDisk, Stopped } from "../../storage/simulated-disk.test.helper.js";
import { Collection } from "../collection.js";
import type { CollectionConfig } from "../config.js";
import type { StoredPoint } from "../effects.js";
import type { Operation } from "../writer.js";
import { checkCollection } from "./check-collection.js";
import { repairCollection } from "./repair-collection.js";

const POINTS = 3000;
const config: CollectionConfig = {
  vectors: { "": { size: 16, distance: "Euclid", given: {} } },
  sparse: { words: { given: {} } },
  hnsw: {},
  optimizers: { indexing_threshold: 0 },
  other: {},
  fields: {},
};
const next = randomFrom(7);
const points: StoredPoint[] = Array.from({ length: POINTS }, (_, id) => ({
  id,
  payload: encodePayload({ text: `point ${id} ${"and so on ".repeat(8)}`, digits: id % 10 }),
  expires: id % 3 === 0 ? 4e12 + id : undefined,
  vectors: [
    { name: "", vector: { data: Float32Array.from({ length: 16 }, next), norm: 1 } },
    {
      name: "words",
      vector: { terms: Uint32Array.of(id % 7, 10 + (id % 90)), values: Float32Array.of(1, 2) },
    },
  ],
}));

const upsert = (given: StoredPoint[]): Operation => ({
  readsState: false,
  resolve: () => [{ kind: "upsert", points: given }],
});

type Files = Map<string, Uint8Array>;
let stored: Files;

async function filesOf(dir: Directory): Promise<Files> {
  const files: Files = new Map();
  for (const path of await dir.list())
    files.set(path, await dir.read(path, 0, (await dir.size(path)) as number));
  return files;
}

async function put(files: Files, dir: Directory): Promise<void> {
  for (const [path, bytes] of files) {
    const writer = await dir.create(path);
    await writer.append(bytes);
    await writer.sync();
    await writer.close();
  }
}

function damaged(path: (path: string) => boolean, offset: (size: number) => number): Files {
  return new Map(
    [...stored].map(([name, bytes]) => {
      const copy = bytes.slice();
      if (path(name)) copy[offset(copy.length)] ^= 4;
      return [name, copy];
    }),
  );
}

/** What every point has, as text. */
async function contentOf(dir: Directory): Promise<Map<PointId, Record<string, string>>> {
  const collection = await Collection.open(dir, { epoch: 50 });
  const content = new Map<PointId, Record<string, string>>();
  for (const segment of collection.state.segments())
    for (let row = 0; row < segment.rowCount; row++) {
      if (!segment.isLive(row)) continue;
      const vector = segment.vectors.get("")?.get(row);
      const words = segment.sparse.get("words")?.get(row);
      content.set(segment.ids.get(row), {
        payload: JSON.stringify(decodePayload(segment.payloads.bytes(row))),
        vector: String(vector?.data),
        "vector words": `${words?.terms} ${words?.values}`,
        expiry: String(segment.expiry?.of(row)),
      });
    }
  await collection.close();
  return content;
}

const keepNothing = async () => {};
const repaired = async (dir: Directory) =>
  repairCollection(dir, await checkCollection(dir, {}), { dryRun: false, keep: keepNothing });

let whole: Awaited<ReturnType<typeof contentOf>>;

beforeAll(async () => {
  const dir = MemoryDirectory.empty();
  const collection = await Collection.create(dir, config, { epoch: 1 });
  for (let at = 0; at < POINTS; at += 500) await collection.write(upsert(points.slice(at, at + 500)));
  await collection.optimizer.settle({ everything: true });
  for (let i = 0; i < 8; i++) await collection.write(upsert([{ ...points[i], id: 100_000 + i }]));
  stored = await filesOf(dir);
  await collection.close();
  const copy = MemoryDirectory.empty();
  await put(stored, copy);
  whole = await contentOf(copy);
});

test.each([
  ["vector-", "vector"],
  ["sparse-", "vector words"],
  ["rows-", "payload"],
])("one bad block of a %s file costs what lies in it, and each loss is named", async (kind, what) => {
  const dir = MemoryDirectory.empty();
  // Behind ids, versions and ends of payloads; among the floats; among terms and values.
  const share = { "vector-": 0.5, "sparse-": 0.1, "rows-": 0.6 }[kind] as number;
  await put(
    damaged(
      (path) => path.includes(kind),
      (size) => Math.floor(size * share),
    ),
    dir,
  );
  const check = await checkCollection(dir, {});
  expect(check.faults).toHaveLength(1);
  expect(check.faults[0].offset % BLOCK_SIZE).toBe(0);
  const { lost, points } = await repaired(dir);
  expect(points).toBe(whole.size);
  expect(lost).toMatchObject({ points: 0, records: [], incomplete: [{ what }] });
  const content = await contentOf(dir);
  let different = 0;
  for (const [id, had] of whole) {
    const has = content.get(id) as Record<string, string>;
    for (const part of Object.keys(had)) if (part !== what) expect(has[part]).toBe(had[part]);
    if (has[what] !== had[what]) different++;
  }
  expect(different).toBe(lost.incomplete[0].count);
  expect(different).toBeGreaterThan(0);
  // The sparse vectors of so few points begin in one block.
  if (kind !== "sparse-") expect(different).toBeLessThan(POINTS);
  expect((await checkCollection(dir, {})).faults).toEqual([]);
});

test("points whose time of expiry is lost stay, and are named", async () => {
  const dir = MemoryDirectory.empty();
  // The last section of the file.
  const offset = (size: number) => Math.floor(size - 4096);
  await put(
    damaged((path) => path.includes("rows-"), offset),
    dir,
  );
  const { lost, points } = await repaired(dir);
  expect(points).toBe(whole.size);
  const { count } = lost.incomplete.find(({ what }) => what === "expiry") ?? {};
  expect(count).toBeGreaterThan(0);
  const content = await contentOf(dir);
  for (const [id, { expiry }] of content)
    expect([whole.get(id)?.expiry, "undefined"], `point ${id}`).toContain(expiry);
});

test("a damaged record of the log costs that record; those behind it are there", async () => {
  const dir = MemoryDirectory.empty();
  await put(
    damaged(
      (path) => path.startsWith("log/"),
      (size) => Math.floor(size / 2),
    ),
    dir,
  );
  const { lost, points } = await repaired(dir);
  expect(lost.records).toHaveLength(1);
  const [{ first, last }] = lost.records;
  expect(first).toBe(last);
  expect(points).toBe(whole.size - 1);
  const content = await contentOf(dir);
  for (const [id, found] of content) expect(found).toEqual(whole.get(id));
});

test("a repair that is stopped anywhere is begun again and comes to the same", {
  timeout: 60_000,
}, async () => {
  const files = damaged(
    (path) => path.includes("vector-") || path.startsWith("log/"),
    (size) => Math.floor(size / 2),
  );
  const calm = MemoryDirectory.empty();
  await put(files, calm);
  await repaired(calm);
  const expected = await contentOf(calm);
  let stops = 0;
  for (let operation = 0; ; operation += operation < 10 ? 1 : 3) {
    const disk = new SimulatedDisk(randomFrom(operation));
    await put(files, disk);
    disk.stopAt = disk.steps + operation;
    const isDone = await repaired(disk).then(
      () => true,
      (reason: unknown) => {
        expect(reason).toBeInstanceOf(Stopped);
        return false;
      },
    );
    const after = disk.afterCrash();
    if ((await checkCollection(after, {})).faults.length > 0) await repaired(after);
    expect(await contentOf(after), `stopped at operation ${operation}`).toEqual(expected);
    if (isDone) break;
    stops++;
  }
  expect(stops).toBeGreaterThan(10);
});
