/** Snapshots of an embedded database: what they hold, what they cost, and what restoring does. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open } from "vicinal";
import { expect, test } from "vitest";
import { refusal, snapshot as shown, withFolder } from "./homes.js";

const points = (from: number, count: number, tag = "a") =>
  Array.from({ length: count }, (_, i) => ({
    id: from + i,
    vector: [Math.sin(from + i), Math.cos(from + i), 1],
    payload: { n: from + i, tag },
  }));

async function filled(folder: string, count = 300): Promise<Database> {
  const database = await open(folder);
  await database.createCollection("films", { vectors: { size: 3, distance: "Cosine" } });
  await database.createPayloadIndex("films", { field_name: "n", field_schema: "integer" });
  await database.upsert("films", { points: points(0, count) });
  return database;
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of chunks) parts.push(part);
  return Buffer.concat(parts);
}

/** Bytes of all files below a folder. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

test("restores what was there, here by its name and elsewhere from its archive", () =>
  withFolder(async (folder) => {
    const database = await filled(join(folder, "one"));
    await database.waitForIndex("films", { everything: true });
    await database.setPayload("films", { payload: { tag: "late" }, points: [7] });
    await database.delete("films", { points: [8] });
    await database.upsert("films", { points: points(1000, 5, "log") });
    const then = await shown(database);
    const { name, size, checksum } = await database.createSnapshot("films");
    expect(name).toMatch(/^films-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.snapshot$/);

    await database.delete("films", { filter: {} });
    await database.createVectorName("films", "more", { dense: { size: 2, distance: "Dot" } });
    const archive = await database.downloadSnapshot("films", name);
    const bytes = await bytesOf(archive);
    expect([bytes.length, archive.size, archive.checksum]).toEqual([size, size, checksum]);

    await database.recoverSnapshot("films", { location: name });
    expect(await shown(database)).toEqual(then);
    // What follows the restore is as durable as before it.
    await database.upsert("films", { points: points(2000, 3) });
    const later = await shown(database);
    await database.close();
    const again = await open(join(folder, "one"));
    expect(await shown(again)).toEqual(later);
    await again.close();

    const other = await open(join(folder, "two"));
    await other.uploadSnapshot("films", [bytes], { checksum });
    expect(await shown(other)).toEqual(then);
    await other.upsert("films", { points: points(3000, 3) });
    const counted = await other.count("films", {});
    await other.close();
    const otherAgain = await open(join(folder, "two"));
    expect(await otherAgain.count("films", {})).toEqual(counted);
    await otherAgain.close();
  }));

test("a log written under a higher epoch than the receiver's goes on to be written", () =>
  withFolder(async (folder) => {
    let database = await filled(join(folder, "old"), 4);
    for (let i = 0; i < 6; i++) {
      await database.close();
      database = await open(join(folder, "old"));
      await database.upsert("films", { points: points(10 + i, 1) });
    }
    const { name } = await database.createSnapshot("films");
    const bytes = await bytesOf(await database.downloadSnapshot("films", name));
    await database.close();

    const young = await open(join(folder, "young"));
    await young.uploadSnapshot("films", [bytes]);
    await young.upsert("films", { points: points(500, 2) });
    const before = await shown(young);
    await young.close();
    const again = await open(join(folder, "young"));
    expect(await shown(again)).toEqual(before);
    await again.close();
  }));

test("a second snapshot after a small change writes little", () =>
  withFolder(async (folder) => {
    const database = await filled(folder, 5000);
    await database.waitForIndex("films", { everything: true });
    const first = await database.createSnapshot("films");
    const before = await sizeOf(join(folder, "snapshots"));
    await database.upsert("films", { points: points(9000, 10) });
    const second = await database.createSnapshot("films");
    const added = (await sizeOf(join(folder, "snapshots"))) - before;
    expect(before).toBeGreaterThan(300_000);
    expect(added).toBeLessThan(before / 20);

    // Each of the two goes without the other.
    expect((await database.listSnapshots("films")).map(({ name }) => name)).toEqual([
      first.name,
      second.name,
    ]);
    await database.deleteSnapshot("films", first.name);
    expect((await bytesOf(await database.downloadSnapshot("films", second.name))).length).toBe(second.size);
    await database.deleteSnapshot("films", second.name);
    expect(await sizeOf(join(folder, "snapshots"))).toBeLessThan(200);
    expect(await refusal(database.deleteSnapshot("films", second.name))).toMatchObject({
      code: "SNAPSHOT_NOT_FOUND",
    });
    await database.close();
  }));

test("while batches are written, a snapshot has each whole or not, and all that was acknowledged before", () =>
  withFolder(async (folder) => {
    const database = await filled(folder, 10);
    const batch = 50;
    let written = 0;
    let isOver = false;
    const writing = (async () => {
      for (; !isOver; written++) {
        await database.upsert("films", { points: points(1000 + written * batch, batch, `batch ${written}`) });
        if (written % 7 === 6) await database.waitForIndex("films", { everything: true });
      }
    })();
    const taken: { name: string; atLeast: number }[] = [];
    for (let i = 0; i < 4; i++) {
      const atLeast = written;
      taken.push({ name: (await database.createSnapshot("films")).name, atLeast });
    }
    isOver = true;
    await writing;
    expect(written).toBeGreaterThan(4);
    for (const { name, atLeast } of taken) {
      await database.recoverSnapshot("films", { location: name });
      const { count } = await database.count("films", {});
      const batches = (count - 10) / batch;
      expect(Number.isInteger(batches), `${count} points`).toBe(true);
      expect(batches).toBeGreaterThanOrEqual(atLeast);
      const last = await database.retrieve("films", { ids: [1000 + batches * batch - 1] });
      expect(last).toHaveLength(batches > 0 ? 1 : 0);
    }
    await database.close();
  }));

test("a snapshot of all collections makes an empty database what the other was", () =>
  withFolder(async (folder) => {
    const database = await filled(join(folder, "one"));
    await database.createCollection("Über Bücher", { vectors: { size: 2, distance: "Dot" } });
    await database.upsert("Über Bücher", { points: [{ id: 1, vector: [1, 2] }] });
    await database.updateCollectionAliases({
      actions: [{ create_alias: { alias_name: "movies", collection_name: "films" } }],
    });
    const then = await shown(database);
    const { name } = await database.createFullSnapshot();
    const own = await database.createSnapshot("Über Bücher");
    expect(await database.listFullSnapshots()).toHaveLength(1);
    expect(await database.listSnapshots("Über Bücher")).toEqual([own]);
    const bytes = await bytesOf(await database.downloadFullSnapshot(name));
    expect(await refusal(database.uploadFullSnapshot([bytes]))).toMatchObject({ code: "BAD_REQUEST" });
    expect(await refusal(database.uploadSnapshot("films", [bytes]))).toMatchObject({ code: "BAD_REQUEST" });
    expect(await shown(database)).toEqual(then);
    await database.close();

    const other = await open(join(folder, "two"), { snapshots: join(folder, "kept") });
    await other.uploadFullSnapshot([bytes]);
    expect(await shown(other)).toEqual(then);
    expect((await other.getAliases()).aliases).toEqual([{ alias_name: "movies", collection_name: "films" }]);
    await other.createSnapshot("movies");
    expect(await other.listSnapshots("films")).toHaveLength(1);
    expect(await sizeOf(join(folder, "kept"))).toBeGreaterThan(1000);
    expect(await sizeOf(join(folder, "two", "snapshots"))).toBe(0);
    await other.close();
  }));

test("a database in memory has none", async () => {
  const database = await open(":memory:");
  await database.createCollection("films", { vectors: { size: 3, distance: "Cosine" } });
  expect(await refusal(database.createSnapshot("films"))).toMatchObject({ code: "UNSUPPORTED" });
  expect(await refusal(database.createSnapshot("none"))).toMatchObject({ code: "COLLECTION_NOT_FOUND" });
  expect(await database.listSnapshots("films")).toEqual([]);
  await database.close();
});
