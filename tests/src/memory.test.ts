/** Memory as the process has it: what explainMemory tells is what was taken, and closing gives it back. */
import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { open } from "vicinal";
import { describe, expect, test } from "vitest";
import { withFolder } from "./homes.js";

const run = promisify(execFile);
const engine = import.meta.resolve("vicinal");

/** What a process of its own prints last, as JSON. */
async function inChild(code: string, folder: string): Promise<Record<string, number>> {
  const head = `
    const { open } = await import(${JSON.stringify(engine)});
    const resident = () => { for (let i = 0; i < 4; i++) gc(); return process.memoryUsage.rss(); };
    const folder = process.argv[1];
    const rows = (from, count, size) => Array.from({ length: count }, (_, i) => ({
      id: from + i,
      vector: Array(size).fill(0.5).fill(from + i, 0, 1 + (i % size)),
      payload: { n: from + i, name: "point " + (from + i) },
    }));`;
  const args = ["--expose-gc", "--input-type=module", "-e", head + code, folder];
  const { stdout } = await run(process.execPath, args, { timeout: 120_000 });
  return JSON.parse(stdout.trim().split("\n").at(-1) as string);
}

describe("explainMemory", () => {
  test("tells as much as the process grows by opening a collection", { timeout: 120_000 }, async () => {
    const { told, grown } = await withFolder(async (folder) => {
      const config = '{ vectors: { size: 1024, distance: "Euclid" }, hnsw_config: { m: 0 } }';
      // Another process writes: what an allocator keeps after writing is in no tree.
      await inChild(
        `
        const database = await open(folder, { durability: { interval: 1000 } });
        await database.createCollection("c", ${config});
        for (let i = 0; i < 50000; i += 500) await database.upsert("c", { points: rows(i, 500, 1024) });
        await database.waitForIndex("c");
        await database.close();
        console.log("{}");
        process.exit(0);`,
        folder,
      );
      return inChild(
        `
        const before = resident();
        const database = await open(folder);
        await database.query("c", { query: 5, limit: 1 });
        const told = (await database.explainMemory()).bytes;
        console.log(JSON.stringify({ told, grown: resident() - before }));
        process.exit(0);`,
        folder,
      );
    });
    expect(told).toBeGreaterThan(200e6);
    expect(told / grown).toBeGreaterThan(0.9);
    expect(told / grown).toBeLessThan(1.1);
  });
});

describe("closing", () => {
  test("gives back what opening took, again and again", { timeout: 120_000 }, async () => {
    const cycles = Number(process.env.VICINAL_OPEN_CYCLES ?? 40);
    const { settled, after, used } = await withFolder((folder) =>
      inChild(
        `
      const { memoryStats } = await import(new URL("./runtime/memory.js", ${JSON.stringify(engine)}).href);
      const made = await open(folder);
      await made.createCollection("c", { vectors: { size: 64, distance: "Cosine" } });
      await made.upsert("c", { points: rows(0, 3000, 64) });
      await made.close();
      const cycle = async (count) => {
        for (let i = 0; i < count; i++) {
          const database = await open(folder);
          const { points } = await database.query("c", { query: 5, limit: 1 });
          if (points.length !== 1) throw new Error("no answer");
          await database.close();
        }
      };
      await cycle(20);
      const settled = resident();
      await cycle(${cycles});
      console.log(JSON.stringify({ settled, after: resident(), used: memoryStats().used }));
      process.exit(0);`,
        folder,
      ),
    );
    expect(used).toBe(0);
    // Vectors and payloads of one cycle alone are 1 MB; the heap settles within some.
    expect(after - settled).toBeLessThan(16 * 2 ** 20);
  });
});

describe("a lazy database", () => {
  test("opens a collection when it is needed", async () => {
    await withFolder(async (home) => {
      const made = await open(home);
      for (const name of ["a", "b", "c"]) {
        await made.createCollection(name, { vectors: { size: 2, distance: "Dot" } });
        await made.upsert(name, { points: [{ id: 1, vector: [1, 2] }] });
      }
      await made.close();
      const database = await open(home, { lazy: true });
      const opened = async () =>
        ((await database.explainMemory()).parts ?? [])
          .map(({ what }) => what)
          .filter((what) => what !== "memories kept for reuse");
      expect((await database.getCollections()).collections.map(({ name }) => name)).toEqual(["a", "b", "c"]);
      expect(await database.deleteCollection("c")).toBe(true);
      expect(await opened()).toEqual([]);
      expect(await database.engine.getNodeReport()).toMatchObject({ collections: [], damaged: [] });
      // Both need the same opening.
      const [found, counted] = await Promise.all([
        database.query("b", { query: [1, 1], limit: 1 }),
        database.count("b", {}),
      ]);
      expect([found.points[0].id, counted.count]).toEqual([1, 1]);
      expect(await opened()).toEqual(["collection b"]);
      await database.upsert("a", { points: [{ id: 2, vector: [2, 2] }] });
      await expect(database.getCollection("c")).rejects.toMatchObject({ code: "COLLECTION_NOT_FOUND" });
      await database.close();
      const again = await open(home, { lazy: true });
      expect((await again.count("a", {})).count).toBe(2);
      await again.close();
      // Closing while a collection is opened waits for it.
      const hurried = await open(home, { lazy: true });
      const asked = hurried.count("a", {}).catch(({ code }) => code);
      await hurried.close();
      expect([{ count: 2 }, "CLOSED"]).toContainEqual(await asked);
      const last = await open(home);
      expect((await last.count("b", {})).count).toBe(1);
      await last.close();
    });
  });

  test("says what is damaged when it is needed", async () => {
    await withFolder(async (home) => {
      const made = await open(home);
      for (const name of ["whole", "damaged"])
        await made.createCollection(name, { vectors: { size: 2, distance: "Dot" } });
      await made.close();
      const folder = join(home, "collections/2");
      for (const file of await readdir(folder))
        if (file.startsWith("manifest-")) await writeFile(join(folder, file), "nothing");
      const database = await open(home, { lazy: true });
      for (let i = 0; i < 2; i++)
        await expect(database.count("damaged", {})).rejects.toMatchObject({ code: "CORRUPTION" });
      expect((await database.count("whole", {})).count).toBe(0);
      await database.close();
    });
  });

  test("refuses what is neither true nor false", async () => {
    await expect(open(":memory:", { lazy: 1 as never })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(open("unused", { lazy: true, readOnly: true })).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
  });
});
