/** What the simulator has found, each told by itself. */
import { type Database, open } from "vicinal";
import { describe, expect, test } from "vitest";
import { randomFrom, SimulatedDisk } from "../../packages/vicinal/dist/storage/simulated-disk.test.helper.js";
import { refusal } from "./homes.js";

const vectors = { size: 2, distance: "Dot" } as const;
const points = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, vector: [from + i, 1] }));

async function idsOf(database: Database, name: string): Promise<unknown[]> {
  return (await database.scroll(name, { limit: 100 })).points.map(({ id }) => id);
}

test("deletions stay though the log of a checkpoint could not be deleted", async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  let database = await open(disk);
  await database.createCollection("c", { vectors });
  await database.upsert("c", { points: points(0, 10) });
  await database.waitForIndex("c", { everything: true });
  await database.delete("c", { points: [3] });
  await database.upsert("c", { points: points(10, 12) });
  disk.fails = (operation, path) => operation === "delete" && path.includes("/log/");
  expect((await refusal(database.waitForIndex("c", { everything: true }))).code).toBe("IO");
  disk.fails = () => false;
  await database.close();
  database = await open(disk.afterKill());
  expect(await idsOf(database, "c")).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]);
  await database.close();
});

describe.each([
  ["patch", "create"],
  ["patch", "append"],
  ["manifest", "create"],
  ["manifest", "sync"],
] as const)("a checkpoint whose %s fails to %s", (file, failing) => {
  test("forgets neither payloads nor deletions", async () => {
    const disk = new SimulatedDisk(randomFrom(1));
    let database = await open(disk);
    await database.createCollection("c", { vectors });
    await database.upsert("c", { points: points(0, 10) });
    await database.waitForIndex("c", { everything: true });
    await database.setPayload("c", { points: [2, 5], payload: { changed: true } });
    await database.delete("c", { points: [3] });
    disk.fails = (operation, path) =>
      operation === failing && path.startsWith("collections/") && path.includes(file);
    const failures = disk.failures;
    // A checkpoint without a merge, which would write the rows anew.
    await database.createPayloadIndex("c", { field_name: "changed", field_schema: "bool" }).catch(() => {});
    await database.waitForIndex("c").catch(() => {});
    expect(disk.failures).toBeGreaterThan(failures);
    disk.fails = () => false;
    await database.close();
    database = await open(disk.afterKill());
    expect(await idsOf(database, "c")).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
    const changed = await database.retrieve("c", { ids: [2, 5], with_payload: ["changed"] });
    expect(changed.map(({ payload }) => payload)).toEqual([{ changed: true }, { changed: true }]);
    await database.close();
  });
});

test("a dropped collection whose files are back, and an interrupted commit, are no damage", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const disk = new SimulatedDisk(randomFrom(seed));
    const database = await open(disk);
    for (const name of ["kept", "gone"]) {
      await database.createCollection(name, { vectors });
      await database.upsert(name, { points: points(0, 2) });
    }
    await database.deleteCollection("gone");
    // After the four steps of its own manifest, in the catalogue's.
    disk.stopAt = disk.steps + 5 + (seed % 2);
    await expect(database.createCollection("new", { vectors })).rejects.toThrow();
    await database.close().catch(() => {});
    const after = await open(disk.afterCrash());
    expect(await idsOf(after, "kept")).toEqual([0, 1]);
    expect((await after.collectionExists("gone")).exists).toBe(false);
    await after.close();
  }
});

describe("dropping a collection when the disk fails", () => {
  const failing = async (times: number, seed = 1) => {
    const disk = new SimulatedDisk(randomFrom(seed));
    const database = await open(disk);
    await database.createCollection("c", { vectors });
    await database.upsert("c", { points: points(0, 2) });
    let left = times;
    disk.fails = (operation, path) => operation === "sync" && path.startsWith("catalogue/") && left-- > 0;
    expect((await refusal(database.deleteCollection("c"))).code).toBe("IO");
    disk.fails = () => false;
    return { disk, database };
  };

  test("once: it stays, and so does what is written to it", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { disk, database } = await failing(1, seed);
      await database.upsert("c", { points: points(2, 4) });
      const crashed = disk.afterCrash();
      await database.close().catch(() => {});
      const after = await open(crashed);
      expect(await idsOf(after, "c")).toEqual([0, 1, 2, 3]);
      await after.close();
    }
  });

  test("and the catalogue cannot be put right: it answers, but takes no writes that may be lost", async () => {
    const { disk, database } = await failing(2);
    expect(await refusal(database.upsert("c", { points: points(2, 4) }))).toMatchObject({
      code: "WRITES_REFUSED",
      message: expect.stringContaining("c"),
    });
    expect(await idsOf(database, "c")).toEqual([0, 1]);
    await database.createCollection("other", { vectors });
    await database.close();
    const after = await open(disk.afterKill());
    await after.upsert("c", { points: points(2, 4) });
    expect(await idsOf(after, "c")).toEqual([0, 1, 2, 3]);
    await after.close();
  });
});

test("a drop that is committed succeeds, though files cannot be deleted", async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  const database = await open(disk);
  await database.createCollection("c", { vectors });
  await database.upsert("c", { points: points(0, 2) });
  disk.fails = (operation) => operation === "delete";
  expect(await database.deleteCollection("c")).toBe(true);
  disk.fails = () => false;
  await database.close();
  const after = disk.afterKill();
  await (await open(after)).close();
  expect((await after.list()).filter((path) => path.startsWith("collections/"))).toEqual([]);
});

test("a disk that was full takes writes again when it has room, without a reopening", async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  const database = await open(disk);
  await database.createCollection("c", { vectors });
  await database.upsert("c", { points: points(0, 2) });
  disk.capacityBytes = disk.usedBytes + 50;
  expect((await refusal(database.upsert("c", { points: points(2, 40) }))).code).toBe("DISK_FULL");
  expect((await refusal(database.waitForIndex("c", { everything: true }))).code).toBe("DISK_FULL");
  expect(await idsOf(database, "c")).toEqual([0, 1]);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await database.upsert("c", { points: points(2, 4) });
  await database.waitForIndex("c", { everything: true });
  const after = await open(disk.afterCrash());
  expect(await idsOf(after, "c")).toEqual([0, 1, 2, 3]);
  await after.close();
  await database.close().catch(() => {});
});

test("a database on a Directory of one's own, which stays open for its owner", async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  const database = await open(disk);
  await database.createCollection("c", { vectors });
  await database.close();
  const again = await open(disk);
  expect((await again.getCollections()).collections).toEqual([{ name: "c" }]);
  await again.close();
  expect(await refusal(open({ list: () => [] } as never))).toMatchObject({
    code: "BAD_REQUEST",
    message: expect.stringContaining("Directory"),
  });
});
