import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { randomFrom, SimulatedDisk, Stopped } from "../storage/simulated-disk.test.helper.js";
import { Catalogue } from "./catalogue.js";
import { collectionConfig } from "./collections.js";
import { Database } from "./database.js";

const vectors = { size: 2, distance: "Dot" as const };
const create = (alias_name: string, collection_name: string) => ({
  create_alias: { alias_name, collection_name },
});
const drop = (alias_name: string) => ({ delete_alias: { alias_name } });
const rename = (old_alias_name: string, new_alias_name: string) => ({
  rename_alias: { old_alias_name, new_alias_name },
});

const home = MemoryDirectory.empty();
let database: Database;

async function openDatabase(): Promise<Database> {
  return new Database(await Catalogue.open(home), async () => {});
}

beforeEach(async () => {
  database = await openDatabase();
  for (const name of ["blue", "green"]) {
    await database.createCollection(name, { vectors });
    await database.upsert(name, { points: [{ id: name === "blue" ? 1 : 2, vector: [1, 0] }] });
  }
});
afterEach(async () => {
  for (const name of ["blue", "green"]) await database.deleteCollection(name);
  await database.close();
});

const aliases = async () =>
  (await database.getAliases()).aliases.map(({ alias_name, collection_name }) => [
    alias_name,
    collection_name,
  ]);
const change = (...actions: Parameters<Database["updateCollectionAliases"]>[0]["actions"]) =>
  database.updateCollectionAliases({ actions });

describe("aliases", () => {
  test("serve where names do, also after reopening", async () => {
    await change(create("live", "blue"));
    const ids = async () => (await database.scroll("live", {})).points.map(({ id }) => id);
    expect(await ids()).toEqual([1]);
    await database.close();
    database = await openDatabase();
    expect(await ids()).toEqual([1]);
    await database.upsert("live", { points: [{ id: 7, vector: [0, 1] }] });
    expect(await database.count("blue")).toEqual({ count: 2 });
    await database.updateCollection("live", { metadata: { owner: "me" } });
    expect((await database.getCollection("blue")).config.metadata).toEqual({ owner: "me" });
    expect(await database.collectionExists("live")).toEqual({ exists: true });
    const { points } = await database.query("green", {
      query: 1,
      lookup_from: { collection: "live" },
    });
    expect(points.map(({ id }) => id)).toEqual([2]);
  });

  test("move in one step", async () => {
    await change(create("live", "blue"), create("next", "green"));
    await change(drop("live"), rename("next", "live"), create("old", "blue"));
    expect(await aliases()).toEqual([
      ["live", "green"],
      ["old", "blue"],
    ]);
    await change(create("live", "blue"), drop("none"));
    expect(await database.getCollectionAliases("live")).toEqual({
      aliases: [
        { alias_name: "live", collection_name: "blue" },
        { alias_name: "old", collection_name: "blue" },
      ],
    });
  });

  test.each([
    [create("x", "none"), "COLLECTION_NOT_FOUND", "`none`"],
    [create("x", "live"), "COLLECTION_NOT_FOUND", "`live`"],
    [create("green", "blue"), "COLLECTION_EXISTS", "`green`"],
    [rename("none", "x"), "ALIAS_NOT_FOUND", "none"],
    [rename("live", "blue"), "COLLECTION_EXISTS", "`blue`"],
    [create("a/b", "blue"), "OUT_OF_RANGE", "actions[1].create_alias.alias_name"],
    [{ drop_alias: {} } as never, "BAD_REQUEST", "actions[1]"],
  ])("refuse all when one is refused: %j", async (action, code, says) => {
    await change(create("live", "blue"));
    await expect(change(create("y", "blue"), action)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
    });
    expect(await aliases()).toEqual([["live", "blue"]]);
  });

  test("keep their names from new collections, and go with their collection", async () => {
    await change(create("live", "blue"), create("other", "green"));
    await expect(database.createCollection("live", { vectors })).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("Alias with the same name already exists"),
    });
    expect(await database.deleteCollection("live")).toBe(false);
    await database.deleteCollection("blue");
    expect(await aliases()).toEqual([["other", "green"]]);
    await expect(database.count("live")).rejects.toMatchObject({ code: "COLLECTION_NOT_FOUND" });
    expect(await database.createCollection("live", { vectors })).toBe(true);
    await database.deleteCollection("live");
    await expect(database.getCollectionAliases("none")).rejects.toMatchObject({
      code: "COLLECTION_NOT_FOUND",
    });
  });
});

describe("a crash while aliases change", () => {
  const config = collectionConfig({ vectors });
  const actions = [drop("live"), rename("next", "live"), create("old", "blue")];
  const before = [
    ["live", "blue"],
    ["next", "green"],
  ];
  const after = [
    ["live", "green"],
    ["old", "blue"],
  ];

  async function prepared(disk: SimulatedDisk): Promise<Catalogue> {
    const catalogue = await Catalogue.open(disk);
    for (const name of ["blue", "green"]) await catalogue.create(name, config);
    await catalogue.changeAliases([create("live", "blue"), create("next", "green")]);
    return catalogue;
  }

  async function operationsOfChange(): Promise<number> {
    const disk = new SimulatedDisk(randomFrom(1));
    const catalogue = await prepared(disk);
    const first = disk.steps;
    await catalogue.changeAliases(actions);
    return disk.steps - first;
  }

  test("leaves all of the change or none, and all once it was acknowledged", async () => {
    const operations = await operationsOfChange();
    expect(operations).toBeGreaterThan(2);
    for (let seed = 1; seed <= 10; seed++)
      for (let stop = 1; stop <= operations + 1; stop++) {
        const disk = new SimulatedDisk(randomFrom(seed));
        const catalogue = await prepared(disk);
        disk.stopAt = disk.steps + stop;
        const acknowledged = await catalogue.changeAliases(actions).then(
          () => true,
          (reason: unknown) => {
            expect(reason).toBeInstanceOf(Stopped);
            return false;
          },
        );
        const reopened = await Catalogue.open(disk.afterCrash());
        const found = reopened.aliases();
        if (acknowledged) expect(found, `seed ${seed}, stop ${stop}`).toEqual(after);
        else expect([before, after], `seed ${seed}, stop ${stop}`).toContainEqual(found);
        await reopened.close();
      }
  });
});
