/**
 * Damage: every file of a database is damaged in turn, in several ways. Opening must not answer wrongly: either
 * everything that was acknowledged is there, or the use of the damaged collection (of the database, when it is the
 * catalogue that is damaged) is refused with an error that names the file. The other collection answers in any case.
 */
import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { type Database, open, VicinalError } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, serve, withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

const DIMENSIONS = 16;
const POINTS = 600;
const names = ["damaged", "other"];
const vectorFor = (seed: number) => {
  const next = random(seed);
  return Array.from({ length: DIMENSIONS }, () => Math.fround(next() - 0.5));
};
const wordsFor = (id: number) => ({ indices: [id % 13, 20 + (id % 29)], values: [1, 2] });
const pointFor = (id: number) => ({
  id,
  vector: { "": vectorFor(id), words: wordsFor(id) },
  payload: {
    rank: id % 7,
    word: `w${id % 5}`,
    even: id % 2 === 0,
    day: `2020-01-0${1 + (id % 9)}`,
    place: { lon: id % 90, lat: id % 45 },
    text: `number ${id % 11} of many`,
  },
});

/** Two collections with files of every kind: sealed and indexed rows, patches, deletes, and a log behind them. */
async function fill(database: Database): Promise<void> {
  for (const name of names) {
    await database.createCollection(name, {
      vectors: { size: DIMENSIONS, distance: "Euclid" },
      sparse_vectors: { words: { modifier: "idf" } },
      optimizers_config: { indexing_threshold: 1 },
    });
    await database.createPayloadIndex(name, { field_name: "rank", field_schema: "integer" });
    await database.createPayloadIndex(name, { field_name: "word", field_schema: "keyword" });
    await database.createPayloadIndex(name, { field_name: "even", field_schema: "bool" });
    await database.createPayloadIndex(name, { field_name: "day", field_schema: "datetime" });
    await database.createPayloadIndex(name, { field_name: "place", field_schema: "geo" });
    await database.createPayloadIndex(name, { field_name: "text", field_schema: "text" });
    await database.upsert(name, { points: Array.from({ length: POINTS }, (_, id) => pointFor(id)) });
    await database.waitForIndex(name, { everything: true });
    await database.delete(name, { points: [3, 33, 303] });
    await database.setPayload(name, { points: [4, 44, 404], payload: { word: "patched", rank: 100 } });
  }
}

/** Writes that stay in the log, since a growing segment has no files. */
async function writeMore(database: Database): Promise<void> {
  for (const name of names)
    for (let id = 1000; id < 1010; id++) await database.upsert(name, { points: [pointFor(id)] });
}

/** All that a collection answers: its points, filters by each field, and searches with and without the index. */
async function answers(database: Database, name: string): Promise<unknown> {
  const { points } = await database.scroll(name, { limit: 10_000, with_vector: true });
  const counts = [];
  for (const [key, value] of [
    ["rank", 3],
    ["rank", 100],
    ["word", "w1"],
    ["word", "patched"],
    ["even", true],
  ] as const)
    counts.push(await database.count(name, { filter: { must: [{ key, match: { value } }] } }));
  const searches = [];
  for (let seed = 5000; seed < 5005; seed++)
    for (const params of [{ exact: true }, { hnsw_ef: 2 * POINTS }])
      searches.push(
        (await database.query(name, { query: vectorFor(seed), limit: 5, params })).points.map(({ id }) => id),
      );
  searches.push((await database.query(name, { query: wordsFor(3), using: "words", limit: POINTS })).points);
  return JSON.parse(
    JSON.stringify({ points, counts, searches }, (_, value) =>
      value instanceof Float32Array ? [...value] : value,
    ),
  );
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function flip(path: string, share: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.min(bytes.length - 1, Math.floor(bytes.length * share))] ^= 0x10;
  await writeFile(path, bytes);
}

async function cut(path: string, share: number): Promise<void> {
  await truncate(path, Math.floor((await readFile(path)).length * share));
}

const damages: Record<string, (path: string) => Promise<void>> = {
  "its first byte flipped": (path) => flip(path, 0),
  "a byte in its first part flipped": (path) => flip(path, 0.2),
  "its middle byte flipped": (path) => flip(path, 0.5),
  "a byte in its last part flipped": (path) => flip(path, 0.9),
  "its last byte flipped": (path) => flip(path, 1),
  "its second half cut off": (path) => cut(path, 0.5),
  "its end cut off": (path) => cut(path, 0.95),
  "nothing in it": (path) => cut(path, 0),
  "been deleted": (path) => rm(path),
};

/** What a file holds, by its name: `log`, `manifest`, `rows`, ... */
const kindOf = (file: string) => basename(file).split("-")[0];
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
      // A commit is the creation of this file: without it there was none, and what it named is an orphan.
      if (how === "been deleted" && file.startsWith("catalogue")) continue;
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
      const { rest, close } = await serve(folder);
      const damaged = await rest.call("POST", "/collections/damaged/points/query", { query: vectorFor(1) });
      expect(damaged.status).toBe(500);
      expect(damaged.json.status.error).toMatch(/^Service internal error: Corrupted file /);
      expect(damaged.json.status.error).toContain(rows);
      const other = await rest.result("POST", "/collections/other/points/query", { query: vectorFor(1) });
      expect(other.points[0].id).toBe(1);
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
