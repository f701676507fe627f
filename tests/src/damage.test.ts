/**
 * Damage: every file of a database is damaged in turn, in several ways. Opening must not answer wrongly: either
 * everything that was acknowledged is there, or the use of the damaged collection (of the database, when it is the
 * catalogue that is damaged) is refused with an error that names the file. The other collection answers in any case.
 */
import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Database, open, VicinalError } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  answers,
  damages,
  filesOf,
  fill,
  kindOf,
  names,
  pointFor,
  vectorFor,
  writeMore,
} from "./damaged-data.js";
import { refusal, serve, withFolder } from "./homes.js";

const placeOf = (file: string) =>
  file.startsWith("catalogue") ? `catalogue's ${kindOf(file)}` : kindOf(file);
/** Files that can be made anew from others: their damage must not even show. */
const derived = ["index", "field"];

function namesTheFile(error: unknown, file: string): void {
  expect(error).toBeInstanceOf(VicinalError);
  const { code, message } = error as VicinalError;
  expect(["CORRUPTION", "FILE_NOT_FOUND"], message).toContain(code);
  // What a cut manifest named is what is missed, not the manifest itself.
  if (kindOf(file) !== "manifest" && !message.endsWith("found none"))
    expect(message).toContain(basename(file));
}

describe.each(["closed at once", "reopened before"])("a database that was %s", (history) => {
  let template: string;
  let expected: Record<string, unknown>;
  let files: string[];
  let done: () => void;
  let holding: Promise<void>;

  beforeAll(async () => {
    await new Promise<void>((ready, failed) => {
      holding = withFolder(async (folder) => {
        template = join(folder, "data");
        let database = await open(template);
        await fill(database);
        if (history === "reopened before") {
          await database.close();
          database = await open(template);
        }
        await writeMore(database);
        expected = Object.fromEntries(
          await Promise.all(names.map(async (name) => [name, await answers(database, name)])),
        );
        await database.close();
        files = (await filesOf(template)).filter((file) => /^(catalogue|collections.1)/.test(file));
        const finished = new Promise<void>((resolve) => {
          done = resolve;
        });
        ready();
        await finished;
      });
      holding.catch(failed);
    });
  });
  afterAll(async () => {
    done();
    await holding;
  });

  /** A copy of the database, one file of it damaged; the folder is deleted afterwards. */
  const withDamage = (file: string, how: string, work: (folder: string) => Promise<void>) =>
    withFolder(async (folder) => {
      await cp(template, folder, { recursive: true });
      await damages[how](join(folder, file));
      await work(folder);
    });

  test("has files of every kind", () => {
    expect([...new Set(files.map(kindOf))].sort()).toEqual([
      "deletes",
      "field",
      "index",
      "log",
      "manifest",
      "patch",
      "rows",
      "sparse",
      "vector",
    ]);
  });

  const tally: Record<string, number> = {};
  afterAll(() => {
    console.log(`damaged files, ${history}: ${JSON.stringify(tally)}`);
  });

  test.each(Object.keys(damages))("a file has %s", { timeout: 60_000 }, async (how) => {
    const outcomes: Record<string, string> = {};
    for (const file of files) {
      await withDamage(file, how, async (folder) => {
        const label = `${file} has ${how}`;
        let database: Database;
        try {
          database = await open(folder);
        } catch (error) {
          expect(file, `${label}: ${error}`).toMatch(/^catalogue/);
          namesTheFile(error, file);
          outcomes[placeOf(file)] = "database refused";
          return;
        }
        try {
          expect(await answers(database, "other"), label).toEqual(expected.other);
          const found = await answers(database, "damaged").catch((error: unknown) => error);
          if (found instanceof Error) {
            namesTheFile(found, file);
            expect(derived, label).not.toContain(kindOf(file));
            outcomes[placeOf(file)] = "collection set aside";
            const { code } = found as VicinalError;
            expect((await refusal(database.upsert("damaged", { points: [pointFor(1)] }))).code).toBe(code);
            expect((await refusal(database.getCollection("damaged"))).code).toBe(code);
            return;
          }
          expect(found, label).toEqual(expected.damaged);
          outcomes[placeOf(file)] ??= "everything there";
          await database.waitForIndex("damaged");
          expect(await answers(database, "damaged"), label).toEqual(expected.damaged);
          expect((await database.getCollection("damaged")).indexed_vectors_count, label).toBeGreaterThan(0);
        } finally {
          await database.close();
        }
        const again = await open(folder);
        expect(await answers(again, "damaged"), `${label}, opened again`).toEqual(expected.damaged);
        await again.close();
      });
    }
    for (const outcome of Object.values(outcomes)) tally[outcome] = (tally[outcome] ?? 0) + 1;
  });

  test("a collection that was set aside can be deleted and made anew", () =>
    withDamage(
      files.find((file) => kindOf(file) === "rows") as string,
      "its middle byte flipped",
      async (folder) => {
        const database = await open(folder);
        expect((await database.getCollections()).collections.map(({ name }) => name).sort()).toEqual(names);
        expect((await refusal(database.createCollection("damaged", { vectors: {} }))).code).toBe(
          "COLLECTION_EXISTS",
        );
        expect(await database.deleteCollection("damaged")).toBe(true);
        await database.createCollection("damaged", { vectors: { size: 1, distance: "Dot" } });
        expect(await database.count("damaged")).toEqual({ count: 0 });
        await database.close();
        expect((await filesOf(folder)).filter((file) => /^collections.1\//.test(file))).toEqual([]);
      },
    ));

  test("over HTTP a damaged collection is a failure of the server that names the file", async () => {
    const rows = files.find((file) => kindOf(file) === "rows") as string;
    await withDamage(rows, "its middle byte flipped", async (folder) => {
      const { rest, url, close } = await serve(folder);
      const damaged = await rest.call("POST", "/collections/damaged/points/query", { query: vectorFor(1) });
      expect(damaged.status).toBe(500);
      expect(damaged.json.status.error).toMatch(/^Service internal error: Corrupted file /);
      expect(damaged.json.status.error).toContain(rows);
      const other = await rest.result("POST", "/collections/other/points/query", { query: vectorFor(1) });
      expect(other.points[0].id).toBe(1);
      const { issues } = await rest.result("GET", "/issues");
      expect(issues).toMatchObject([
        { related_collection: "damaged", solution: expect.stringContaining("repair") },
      ]);
      expect(issues[0].description).toContain(basename(rows));
      const told = await rest.result("GET", "/telemetry?details_level=1");
      expect(told.collections.damaged).toMatchObject([
        { name: "damaged", folder: "collections/1", code: "CORRUPTION" },
      ]);
      const text = async (path: string) => {
        const answer = await fetch(`${url}${path}`);
        return `${answer.status} ${await answer.text()}`;
      };
      expect(await text("/metrics")).toMatch(/^collections_damaged 1$/m);
      expect(await text("/readyz")).toBe("200 ready, but 1 of the collections cannot be opened: see /issues");
      expect(await text("/healthz")).toMatch(/^200 /);
      await close();
    });
  });

  test("a damaged index is built anew in the background and saved", () =>
    withDamage(
      files.find((file) => kindOf(file) === "index") as string,
      "its middle byte flipped",
      async (folder) => {
        for (let opening = 0; opening < 2; opening++) {
          const database = await open(folder);
          await database.waitForIndex("damaged");
          expect((await database.getCollection("damaged")).indexed_vectors_count).toBeGreaterThan(0);
          await database.close();
        }
        const kinds = (await filesOf(folder)).filter((file) => /^collections.1/.test(file)).map(kindOf);
        expect(kinds.filter((kind) => kind === "index")).toHaveLength(1);
      },
    ));
});
