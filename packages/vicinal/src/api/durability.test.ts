/** What an acknowledgement promises at each level of durability, seen from the disk below the whole database. */
import { expect, test } from "vitest";
import { VicinalError } from "../runtime/errors.js";
import type { Directory, FileWriter } from "../storage/directory.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import type { Database } from "./database.js";
import type { Durability } from "./durability.js";
import { open } from "./open.js";

/** A home that counts the syncs of logs, and hands each to `sync` when one is set. */
class WatchedHome {
  syncs = 0;
  sync: (() => Promise<void>) | undefined;
  readonly #files = MemoryDirectory.empty();

  get directory(): Directory {
    return this.#watched(this.#files, "");
  }

  #watched(dir: Directory, prefix: string): Directory {
    const at = (path: string) => `${prefix}/${path}`;
    return {
      location: dir.location,
      folder: (path) => this.#watched(dir.folder(path), at(path)),
      list: () => dir.list(),
      size: (path) => dir.size(path),
      read: (path, offset, length) => dir.read(path, offset, length),
      readInto: (path, offset, target) => dir.readInto(path, offset, target),
      create: async (path) => this.#writer(await dir.create(path), at(path)),
      reopen: async (path, length) => this.#writer(await dir.reopen(path, length), at(path)),
      delete: (path) => dir.delete(path),
      close: async () => {},
    };
  }

  #writer(writer: FileWriter, path: string): FileWriter {
    if (!path.includes("/log/")) return writer;
    return {
      get length() {
        return writer.length;
      },
      append: (bytes) => writer.append(bytes),
      sync: async () => {
        this.syncs++;
        await this.sync?.();
        await writer.sync();
      },
      close: () => writer.close(),
    };
  }
}

async function withCollection(home: WatchedHome, durability?: Durability): Promise<Database> {
  const database = await open(home.directory, { durability });
  await database.createCollection("points", { vectors: { size: 2, distance: "Dot" } });
  return database;
}

const write = (database: Database, id: number) =>
  database.upsert("points", { points: [{ id, vector: [id, 1] }] });

async function countAfterOpening(home: WatchedHome): Promise<number> {
  const database = await open(home.directory);
  const { count } = await database.count("points", { exact: true });
  await database.close();
  return count;
}

test("sync is the default: no acknowledgement before the sync", async () => {
  const home = new WatchedHome();
  const database = await withCollection(home);
  let release = () => {};
  home.sync = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  let acknowledged = false;
  const written = write(database, 1).then(() => {
    acknowledged = true;
  });
  await expect.poll(() => home.syncs).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(acknowledged).toBe(false);
  home.sync = undefined;
  release();
  await written;
  await database.close();
});

test("writers that wait at the same time share syncs", async () => {
  const home = new WatchedHome();
  const database = await withCollection(home);
  const before = home.syncs;
  await Promise.all(Array.from({ length: 200 }, (_, id) => write(database, id)));
  const shared = home.syncs - before;
  expect(shared).toBeGreaterThan(0);
  expect(shared, "syncs for 200 writes at once").toBeLessThan(20);
  for (let id = 200; id < 210; id++) await write(database, id);
  expect(home.syncs - before - shared, "syncs for 10 writes one after the other").toBe(10);
  await database.close();
  expect(await countAfterOpening(home)).toBe(210);
});

test("an interval acknowledges before a sync begins", async () => {
  const home = new WatchedHome();
  const database = await withCollection(home, { interval: 3_600_000 });
  for (let id = 0; id < 10; id++) await write(database, id);
  expect(home.syncs).toBe(0);
  expect((await database.count("points", { exact: true })).count).toBe(10);
  await database.close();
});

test("writes are acknowledged while the sync of an interval hangs", async () => {
  const home = new WatchedHome();
  const database = await withCollection(home, { interval: 1 });
  let release = () => {};
  home.sync = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  await write(database, 0);
  await expect.poll(() => home.syncs).toBe(1);
  for (let id = 1; id < 20; id++) await write(database, id);
  expect(home.syncs).toBe(1);
  home.sync = undefined;
  release();
  await database.close();
  expect(await countAfterOpening(home)).toBe(20);
});

test("closing syncs what an interval has not", async () => {
  const home = new WatchedHome();
  const database = await withCollection(home, { interval: 3_600_000 });
  await write(database, 1);
  expect(home.syncs).toBe(0);
  await database.close();
  expect(home.syncs).toBe(1);
  expect(await countAfterOpening(home)).toBe(1);
});

test.each<[string, Durability]>([
  ["sync", "sync"],
  ["interval", { interval: 1 }],
])("after a failed sync (%s) writes are refused, reads go on, and reopening helps", async (_, durability) => {
  const home = new WatchedHome();
  const database = await withCollection(home, durability);
  await write(database, 1);
  home.sync = async () => {
    throw new VicinalError("IO", "the culprit");
  };
  const failed = write(database, 2);
  if (durability === "sync") await expect(failed).rejects.toMatchObject({ code: "IO" });
  else await failed;
  let id = 3;
  const next = () =>
    write(database, id++).then(
      () => "acknowledged",
      ({ code }) => code,
    );
  await expect.poll(next).toBe("WRITES_REFUSED");
  home.sync = undefined;
  await expect(write(database, 4), "also when the disk is well again").rejects.toMatchObject({
    code: "WRITES_REFUSED",
    message: expect.stringContaining("the culprit"),
  });
  expect(await database.retrieve("points", { ids: [1] })).toHaveLength(1);
  await database.close().catch(() => {});
  const again = await open(home.directory);
  await write(again, 5);
  expect(await again.retrieve("points", { ids: [1, 5] })).toHaveLength(2);
  await again.close();
});
