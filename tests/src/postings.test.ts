/** Vectors served from their files: the same answers as from memory, through changes, damage and restarts. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Database, open } from "vicinal";
import { describe, expect, test } from "vitest";
import { clustered } from "./clustered.js";
import { refusal, snapshot, withFolder } from "./homes.js";

const DIMENSIONS = 20;
const COUNT = 4000;
/** Postings read: about half of all, so that the planner does not scan instead. */
const EFFORT = 40;
const next = clustered(DIMENSIONS, 11);
const vectors = Array.from({ length: COUNT + 40 }, next);
const queries = vectors.slice(COUNT);
const pointOf = (id: number) => ({ id, vector: vectors[id], payload: { part: id % 10 } });
const points = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => pointOf(from + i));

async function create(database: Database, type = "postings", distance: "Euclid" | "Dot" = "Euclid") {
  await database.createCollection("c", {
    vectors: { size: DIMENSIONS, distance, index: { type } },
    optimizers_config: { indexing_threshold: 1 },
  });
}

/** The nearest as computed here. */
function truth(query: number[], among: (id: number) => boolean, limit: number): number[] {
  const distance = (id: number) => vectors[id].reduce((sum, x, i) => sum + (x - query[i]) ** 2, 0);
  const ids = Array.from({ length: COUNT }, (_, id) => id).filter(among);
  return ids
    .map((id) => ({ id, d: distance(id) }))
    .sort((a, b) => a.d - b.d)
    .slice(0, limit)
    .map(({ id }) => id);
}

/** Share of the hits that two series of answers have in common. */
function same(a: [unknown, number][][], b: [unknown, number][][]): number {
  let common = 0;
  a.forEach((hits, i) => {
    for (const [id] of hits) if (b[i].some(([other]) => other === id)) common++;
  });
  return common / (a.length * a[0].length);
}

async function filesOf(folder: string, kind: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.startsWith(`${kind}-`))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function flip(path: string, share: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.floor(bytes.length * share)] ^= 0x10;
  await writeFile(path, bytes);
}

describe("answers", () => {
  test.each(["folder", ":memory:"])("exactly, with filters, deletions and vectors: in %s", async (kind) => {
    await withFolder(async (folder) => {
      const database = await open(kind === "folder" ? folder : kind);
      await create(database);
      await database.upsert("c", { points: points(0, COUNT) });
      await database.waitForIndex("c", { everything: true });
      const dead = Array.from({ length: 400 }, (_, i) => i * 3);
      await database.delete("c", { points: dead });
      const lives = (id: number) => id % 3 !== 0 || id >= 1200;
      const filter = { must: [{ key: "part", match: { value: 7 } }] };
      const params = { exact: true };
      for (const query of queries.slice(0, 10)) {
        const ids = async (more: object) =>
          (await database.query("c", { query, limit: 10, params, ...more })).points.map(({ id }) => id);
        expect(await ids({})).toEqual(truth(query, lives, 10));
        expect(await ids({ filter })).toEqual(truth(query, (id) => lives(id) && id % 10 === 7, 10));
        const near = truth(query, lives, 20);
        const found = await ids({ params: { effort: EFFORT } });
        expect(found.filter((id) => near.includes(Number(id))).length).toBeGreaterThan(8);
        expect(await ids({ filter, params: { effort: 1 } })).toHaveLength(10);
      }
      const few = { must: [{ has_id: [1, 2, 1999, 3999] }] };
      const { points: four } = await database.query("c", {
        query: queries[0],
        filter: few,
        params: { effort: 1 },
      });
      expect(four).toHaveLength(4);

      const read = await database.retrieve("c", { ids: [3999, 1, 2], with_vector: true });
      expect(read.map(({ id, vector }) => [id, [...(vector as Float32Array)]])).toEqual(
        [3999, 1, 2].map((id) => [id, vectors[id]]),
      );
      const { points: scrolled } = await database.scroll("c", { limit: 50, with_vector: true, filter });
      for (const { id, vector } of scrolled)
        expect([...(vector as Float32Array)]).toEqual(vectors[Number(id)]);
      const { points: near } = await database.query("c", {
        query: 2000,
        limit: 5,
        with_vector: true,
        params,
      });
      expect(near.map(({ id }) => id)).toEqual(truth(vectors[2000], (id) => lives(id) && id !== 2000, 5));
      expect([...(near[0].vector as Float32Array)]).toEqual(vectors[Number(near[0].id)]);
      await database.close();
    });
  });

  test("the same after reopening, merging and a change of the index", async () => {
    await withFolder(async (folder) => {
      let database = await open(folder);
      await create(database);
      await database.upsert("c", { points: points(0, 3000) });
      await database.waitForIndex("c");
      await database.upsert("c", { points: points(3000, COUNT) });
      await database.waitForIndex("c", { everything: true });
      const before = await snapshot(database);
      const search = async () => {
        const found = [];
        for (const query of queries)
          found.push((await database.query("c", { query, limit: 10, params: { effort: EFFORT } })).points);
        return found.map((hits) => hits.map(({ id, score }): [unknown, number] => [id, score]));
      };
      const answers = await search();
      await database.close();
      database = await open(folder);
      expect(await snapshot(database)).toEqual(before);
      expect(await search()).toEqual(answers);
      for (const type of ["hnsw", "flat", "postings"]) {
        await database.updateCollection("c", { vectors: { "": { index: { type } } } });
        await database.waitForIndex("c");
        expect(same(await search(), answers)).toBeGreaterThan(0.95);
        await database.close();
        database = await open(folder);
        expect(same(await search(), answers)).toBeGreaterThan(0.95);
      }
      await database.close();
    });
  });
});

test("no search fails or comes back short while segments are merged away", async () => {
  await withFolder(async (folder) => {
    const database = await open(folder);
    await create(database);
    await database.upsert("c", { points: points(0, 2000) });
    await database.waitForIndex("c", { everything: true });
    let changing = true;
    const changes = (async () => {
      for (let round = 0; round < 4; round++) {
        // The same points again: the old rows die, their segments are merged away.
        await database.upsert("c", { points: points(round * 500, round * 500 + 1500) });
        await database.waitForIndex("c", { everything: true });
      }
      changing = false;
    })();
    let asked = 0;
    const ask = async (q: number) => {
      while (changing) {
        const query = queries[q];
        const { points: found } = await database.query("c", {
          query,
          limit: 20,
          with_vector: true,
          params: q % 2 ? { exact: true } : { effort: 10 },
        });
        expect(new Set(found.map(({ id }) => id)).size).toBe(20);
        for (const { id, vector } of found)
          expect([...(vector as Float32Array)]).toEqual(vectors[Number(id)]);
        asked++;
        // What lies in memory is answered without a turn of the event loop, which the changes need.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    };
    await Promise.all([changes, ...[0, 1, 2, 3].map(ask)]);
    expect(asked).toBeGreaterThan(10);
    // Closed while searches are under way: they are answered.
    const last = queries.map((query) => database.query("c", { query, limit: 5 }));
    await database.close();
    for (const { points: found } of await Promise.all(last)) expect(found).toHaveLength(5);
  });
});

describe("damage", () => {
  async function filled(folder: string): Promise<void> {
    const database = await open(folder);
    await create(database);
    await database.upsert("c", { points: points(0, COUNT) });
    await database.waitForIndex("c", { everything: true });
    await database.close();
  }

  test.each(["index", "vector"])("of a file of kind %s is named when it is first read", async (kind) => {
    await withFolder(async (folder) => {
      await filled(folder);
      const files = await filesOf(folder, kind);
      expect(files).toHaveLength(1);
      // Postings are the last section of theirs, floats the first.
      await flip(files[0], kind === "index" ? 0.6 : 0.3);
      const database = await open(folder);
      const params = { effort: EFFORT, exact: kind === "vector" };
      const all = Promise.all(queries.map((query) => database.query("c", { query, params })));
      const { code, message } = await refusal(all);
      expect(code).toBe("CORRUPTION");
      expect(message).toContain(basename(files[0]));
      expect(message).toMatch(/at offset \d+/);
      await database.close();
    });
  });

  test.each([0, 0.01, 0.999])("of what an index has in memory makes it anew: byte at %f", async (share) => {
    await withFolder(async (folder) => {
      await filled(folder);
      const [file] = await filesOf(folder, "index");
      await flip(file, share);
      const database = await open(folder);
      await database.waitForIndex("c");
      const request = { query: queries[0], limit: 10, params: { effort: EFFORT, explain: true } };
      const { points: found, explain } = await database.query("c", request);
      expect(found[0].id).toBe(truth(queries[0], () => true, 1)[0]);
      expect(explain?.segments[0].path).toBe("index");
      await database.close();
    });
  });
});
