/** Verify reads the snapshots too: descriptions and every object, each fault told of each snapshot that it costs. */
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open, verify } from "vicinal";
import { expect, test } from "vitest";
import { damages, filesOf } from "./damaged-data.js";
import { withFolder } from "./homes.js";

const upsert = (database: Database, name: string, first: number) =>
  database.upsert(name, {
    points: Array.from({ length: 50 }, (_, i) => ({ id: first + i, vector: [i, 1], payload: { i } })),
  });

interface Taken {
  folder: string;
  database: Database;
  /** Names of two snapshots of `a` that share objects, one of `B b`, whose name no folder can have, and one of all. */
  names: { older: string; newer: string; other: string; full: string };
}

async function withSnapshots(work: (taken: Taken) => Promise<void>, snapshots?: string): Promise<void> {
  await withFolder(async (folder) => {
    const data = join(folder, "data");
    const database = await open(data, snapshots ? { snapshots: join(folder, snapshots) } : {});
    for (const name of ["a", "B b"]) {
      await database.createCollection(name, { vectors: { size: 2, distance: "Dot" } });
      await upsert(database, name, 1);
      await database.waitForIndex(name, { everything: true });
    }
    const take = async (name: string) => (await database.createSnapshot(name)).name;
    const older = await take("a");
    await upsert(database, "a", 100);
    const [newer, other] = [await take("a"), await take("B b")];
    const full = (await database.createFullSnapshot()).name;
    try {
      await work({ folder, database, names: { older, newer, other, full } });
    } finally {
      await database.close();
    }
  });
}

const outcome = async (folder: string, options = {}) => {
  const report = await verify(join(folder, "data"), options);
  return { ok: report.ok, damaged: report.snapshots.filter(({ ok }) => !ok), report };
};

test("undamaged snapshots are told of, with every byte counted, beside the process that has them open", () =>
  withSnapshots(async ({ folder, names: { older, newer, other, full } }) => {
    const { ok, report } = await outcome(folder);
    expect(ok).toBe(true);
    expect(report.snapshots.map(({ name, collection }) => [collection, name]).sort()).toEqual(
      [
        ["a", older],
        ["a", newer],
        ["B b", other],
        [undefined, full],
      ].sort(),
    );
    const data = join(folder, "data");
    const objects = await readdir(join(data, "snapshots/objects"));
    const sizes = await Promise.all(
      (await filesOf(data))
        .filter((path) => path.startsWith("snapshots/"))
        .map(async (path) => (await readFile(join(data, path))).length),
    );
    await rm(join(data, "snapshots"), { recursive: true });
    const without = (await outcome(folder)).report;
    expect(without.snapshots).toEqual([]);
    expect(report.files - without.files).toBe(objects.length + 4);
    expect(report.bytes - without.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  }));

test.each(Object.keys(damages))("an object that has %s is named in each snapshot of it", (how) =>
  withSnapshots(async ({ folder }) => {
    const root = join(folder, "data/snapshots");
    const uses = await usesOf(root);
    for (const object of await readdir(join(root, "objects"))) {
      const path = join(root, "objects", object);
      const before = await readFile(path);
      await damages[how](path);
      const after = await readFile(path).catch(() => undefined);
      // Of an empty file nothing can be cut.
      if (after?.equals(before)) continue;
      const { ok, damaged } = await outcome(folder);
      expect(ok, object).toBe(false);
      expect(damaged.map(({ folder }) => folder).sort(), object).toEqual(uses.get(object));
      for (const { faults } of damaged)
        expect(faults).toMatchObject([{ file: `snapshots/objects/${object}`, role: "data" }]);
      await writeFile(path, before);
    }
    expect((await outcome(folder)).ok).toBe(true);
  }),
);

/** Which snapshots, by their folders, name each object. */
async function usesOf(root: string): Promise<Map<string, string[]>> {
  const uses = new Map<string, string[]>();
  for (const path of (await filesOf(root)).filter((file) => file.includes("manifest-"))) {
    const folder = `snapshots/${path.slice(0, path.lastIndexOf("/"))}`;
    for (const object of new Set((await readFile(join(root, path), "latin1")).match(/[0-9a-f]{64}/g)))
      uses.set(object, [...(uses.get(object) ?? []), folder].sort());
  }
  const objects = new Set(await readdir(join(root, "objects")));
  return new Map([...uses].filter(([object]) => objects.has(object)));
}

test("a damaged description is named, and costs its own snapshot alone", () =>
  withSnapshots(async ({ folder, names: { older } }) => {
    const description = `snapshots/collections/a/${older}/manifest-000000000001`;
    const path = join(folder, "data", description);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] ^= 1;
    await writeFile(path, bytes);
    const { ok, damaged } = await outcome(folder);
    expect(ok).toBe(false);
    expect(damaged).toMatchObject([{ name: older, collection: "a", faults: [{ file: description }] }]);
    // One that was never finished is no snapshot: the next one that is taken clears it away.
    await truncate(path, bytes.length >> 1);
    const { report } = await outcome(folder);
    expect(report.ok).toBe(true);
    expect(report.snapshots).toHaveLength(3);
  }));

test("snapshots that were deleted do not count", () =>
  withSnapshots(async ({ folder, database, names: { older, newer, full } }) => {
    for (const name of [older, newer]) await database.deleteSnapshot("a", name);
    await database.deleteFullSnapshot(full);
    const { ok, report } = await outcome(folder);
    expect(ok).toBe(true);
    expect(report.snapshots.map(({ collection }) => collection)).toEqual(["B b"]);
  }));

test("snapshots in a folder of their own are read where they are named", () =>
  withSnapshots(async ({ folder }) => {
    expect((await outcome(folder)).report.snapshots).toEqual([]);
    const snapshots = join(folder, "elsewhere");
    expect((await outcome(folder, { snapshots })).report.snapshots).toHaveLength(4);
    const [object] = await readdir(join(snapshots, "objects"));
    await rm(join(snapshots, "objects", object));
    const { damaged } = await outcome(folder, { snapshots });
    expect(damaged[0].faults[0].file).toBe(join(snapshots, "objects", object));
    await expect(outcome(folder, { snapshots: join(folder, "none") })).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
  }, "elsewhere"));

test("a snapshot that is taken and deleted meanwhile is no fault", () =>
  withSnapshots(async ({ folder, database }) => {
    let working = true;
    const worker = (async () => {
      for (let first = 1000; working; first += 50) {
        await upsert(database, "a", first);
        const { name } = await database.createSnapshot("a");
        await database.deleteSnapshot("a", name);
      }
    })();
    try {
      for (let i = 0; i < 10; i++) expect((await outcome(folder)).damaged).toEqual([]);
    } finally {
      working = false;
      await worker;
    }
  }));
