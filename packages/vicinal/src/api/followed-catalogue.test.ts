/** A reader beside a writer, over one Directory: what it shows, and that it writes nothing. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Directory } from "../storage/directory.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { randomFrom } from "../storage/simulated-file.test.helper.js";
import { Catalogue } from "./catalogue.js";
import { Database } from "./database.js";
import { readDirectory } from "./reader.js";

const vectors = { size: 4, distance: "Dot" as const };
let home: MemoryDirectory;
let writer: Database;
let reader: Database;
/** Called before each reading of bytes by the reader. */
let onRead: (path: string) => Promise<unknown>;

/** A view of the directory that fails where it is asked to write. */
function readOnlyView(dir: Directory): Directory {
  const refuse = async () => {
    throw new Error("A reader writes");
  };
  return {
    location: dir.location,
    folder: (path) => readOnlyView(dir.folder(path)),
    list: () => dir.list(),
    size: (path) => dir.size(path),
    read: async (path, offset, length) => {
      await onRead(path);
      return dir.read(path, offset, length);
    },
    readInto: async (path, offset, target) => {
      await onRead(path);
      return dir.readInto(path, offset, target);
    },
    create: refuse,
    reopen: refuse,
    delete: refuse,
    close: async () => {},
  };
}

const openWriter = async () => new Database(await Catalogue.open(home));
const openReader = (dir = home) => readDirectory(readOnlyView(dir), { refreshMs: 0 });

beforeEach(async () => {
  home = MemoryDirectory.empty();
  onRead = async () => {};
  writer = await openWriter();
  await writer.createCollection("c", { vectors });
  await writer.createPayloadIndex("c", { field_name: "n", field_schema: "integer" });
  reader = await openReader();
});
afterEach(async () => {
  await reader.close();
  await writer.close();
});

const point = (id: number, n: number) => ({ id, vector: [id, n, 1, 0], payload: { n } });

/** Everything that a user sees. */
async function shown(database: Database): Promise<unknown> {
  const shown: Record<string, unknown> = { aliases: (await database.getAliases()).aliases };
  for (const { name } of (await database.getCollections()).collections) {
    const { points } = await database.scroll(name, { limit: 10_000, with_vector: true, with_version: true });
    const found = await database.query(name, { query: [1, 2, 3, 4], limit: 20, with_vector: true });
    const filtered = await database.count(name, { filter: { must: [{ key: "n", range: { gte: 3 } }] } });
    // A number of rows as they lie, dead ones included, is no part of what is there.
    const { config, payload_schema } = await database.getCollection(name);
    const indexed = Object.keys(payload_schema);
    const facet = await database.facet(name, { key: "n", limit: 20 }).catch(({ code }) => code);
    shown[name] = { points, found, filtered, config, indexed, facet };
  }
  return shown;
}

test("shows what was there when it was told to look", async () => {
  await writer.upsert("c", { points: [point(1, 1)] });
  expect(await reader.count("c")).toEqual({ count: 0 });
  await reader.refresh();
  expect(await reader.count("c")).toEqual({ count: 1 });
  await writer.setPayload("c", { points: [1], payload: { n: 2 } });
  await reader.refresh();
  expect(await shown(reader)).toEqual(await shown(writer));
});

const seed = Number(process.env.VICINAL_SEED ?? 20261123);
test(`after any history of the writer it shows the same (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const names = ["c", "d"];
  const steps: ((name: string) => Promise<unknown>)[] = [
    (name) =>
      writer.upsert(name, { points: Array.from({ length: 1 + pick(40) }, () => point(pick(200), pick(9))) }),
    (name) =>
      writer.upsert(name, { points: Array.from({ length: 1 + pick(40) }, () => point(pick(200), pick(9))) }),
    (name) => writer.delete(name, { points: Array.from({ length: pick(30) }, () => pick(200)) }),
    (name) =>
      writer.setPayload(name, {
        filter: { must: [{ key: "n", match: { value: pick(9) } }] },
        payload: { n: pick(9) },
      }),
    (name) =>
      writer.updateVectors(name, { points: [{ id: pick(200), vector: [pick(9), 0, 0, 1] }] }).catch(() => {}),
    (name) => writer.waitForIndex(name, { everything: true }),
    (name) => writer.waitForIndex(name),
    (name) =>
      writer.createVectorName(name, `v${pick(3)}`, { dense: { size: 2, distance: "Dot" } }).catch(() => {}),
    (name) => writer.deleteVectorName(name, `v${pick(3)}`).catch(() => {}),
    (name) => writer.deletePayloadIndex(name, "n"),
    (name) => writer.createPayloadIndex(name, { field_name: "n", field_schema: "integer" }),
    (name) =>
      writer.updateCollectionAliases({
        actions: [{ create_alias: { alias_name: `a${pick(3)}`, collection_name: name } }],
      }),
    async (name) => {
      if (pick(3) > 0) return;
      await writer.deleteCollection(name);
      await writer.createCollection(name, { vectors });
    },
    async () => {
      await writer.close();
      writer = await openWriter();
    },
  ];
  await writer.createCollection("d", { vectors });
  for (let i = 0; i < 250; i++) {
    await steps[pick(steps.length)](names[pick(2)]);
    if (pick(3) === 0) continue;
    await reader.refresh();
    expect(await shown(reader), `step ${i}`).toEqual(await shown(writer));
  }
});

test("files that vanish while it reads make it look again", async () => {
  for (let n = 0; n < 4; n++) {
    await writer.upsert("c", { points: Array.from({ length: 50 }, (_, id) => point(id + 30 * n, n)) });
    await writer.waitForIndex("c", { everything: true });
    let merges = 3;
    onRead = async (path) => {
      if (!path.includes("rows") || merges === 0) return;
      merges--;
      await writer.upsert("c", { points: [point(1000 + merges, 5)] });
      await writer.waitForIndex("c", { everything: true });
    };
    await reader.refresh();
    onRead = async () => {};
    expect(merges).toBe(0);
    expect(await shown(reader)).toEqual(await shown(writer));
  }
});

test("batches are seen whole, in their order, while they are written and segments come and go", async () => {
  const batch = Array.from({ length: 20 }, (_, id) => id);
  let done = false;
  const writing = (async () => {
    for (let n = 1; n <= 300; n++) {
      await writer.upsert("c", { points: batch.map((id) => point(id, n)) });
      if (n % 10 === 0) writer.waitForIndex("c", { everything: true }).catch(() => {});
    }
    done = true;
  })();
  let last = 0;
  let looks = 0;
  for (; !done; looks++) {
    await reader.refresh();
    const { points } = await reader.scroll("c", { limit: 100 });
    const seen = new Set(points.map(({ payload }) => (payload as { n: number }).n));
    expect(points.length === 0 || points.length === batch.length).toBe(true);
    expect(seen.size).toBeLessThanOrEqual(1);
    const [n = 0] = seen;
    expect(n).toBeGreaterThanOrEqual(last);
    last = n;
  }
  await writing;
  expect(looks).toBeGreaterThan(1);
  await reader.refresh();
  expect(await shown(reader)).toEqual(await shown(writer));
});

describe("without a writer", () => {
  test("a torn tail stays as it is, and what comes before it is shown", async () => {
    await writer.upsert("c", { points: [point(1, 1)] });
    const copy = MemoryDirectory.empty();
    for (const path of await home.list()) {
      const bytes = await home.read(path, 0, (await home.size(path)) ?? 0);
      const file = await copy.create(path);
      await file.append(path.includes("/log/") ? Uint8Array.of(...bytes, 7, 7, 7, 7, 7) : bytes);
      await file.close();
    }
    const before = await copy.list();
    const alone = await openReader(copy);
    expect(await shown(alone)).toEqual(await shown(writer));
    await alone.refresh();
    await alone.close();
    expect(await copy.list()).toEqual(before);
  });

  test("a damaged collection is named, and keeps nobody from the others", async () => {
    await writer.createCollection("d", { vectors });
    await writer.upsert("d", { points: [point(1, 1)] });
    const [file] = (await home.list()).filter((path) => path.startsWith("collections/1/manifest"));
    await home.delete(file);
    for (const path of (await home.list()).filter((path) => path.startsWith("collections/1/manifest")))
      await home.delete(path);
    const other = await openReader();
    expect(await other.count("d")).toEqual({ count: 1 });
    await expect(other.count("c")).rejects.toMatchObject({ code: "CORRUPTION" });
    await other.close();
  });
});

test("nothing can be written", async () => {
  const refusals: Promise<unknown>[] = [
    reader.createCollection("x", { vectors }),
    reader.deleteCollection("c"),
    reader.updateCollection("c", { optimizers_config: {} }),
    reader.updateCollectionAliases({ actions: [] }),
    reader.updateQuotas({}),
    reader.upsert("c", { points: [point(1, 1)] }),
    reader.delete("c", { points: [1] }),
    reader.clearPayload("c", { filter: {} }),
    reader.batchUpdate("c", { operations: [{ upsert: { points: [point(1, 1)] } }] }),
    reader.createPayloadIndex("c", { field_name: "m", field_schema: "integer" }),
    reader.createVectorName("c", "v", { dense: { size: 2, distance: "Dot" } }),
  ];
  for (const refusal of refusals) await expect(refusal).rejects.toMatchObject({ code: "READ_ONLY" });
  await reader.waitForIndex("c", { everything: true });
});
