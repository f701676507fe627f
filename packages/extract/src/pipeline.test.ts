/** The pipeline from items to points: what is stored, what is passed over, what fails, and a run that is killed again and again. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lessMean, meanVector } from "./centred.js";
import { createFor, fill, idOf, type SourceItem } from "./pipeline.js";
import { stubModel, stubVector, textItems } from "./stub.test.helper.js";

describe("fill", () => {
  let database: Database;

  beforeEach(async () => {
    database = await open(":memory:");
    await createFor(database, "texts", stubModel(), { metric: "Euclid" });
  });
  afterEach(() => database.close());

  it("stores each item under an id of its key", async () => {
    const report = await fill(database, "texts", textItems(100), stubModel());
    expect(report).toMatchObject({ seen: 100, stored: 100, unchanged: 0, failed: [], pruned: 0 });
    const [point] = await database.retrieve("texts", { ids: [await idOf("text/42")], with_vector: true });
    expect(Array.from(point.vector as Float32Array)).toEqual(stubVector("text 42 of 1"));
    expect(point.payload).toEqual({ number: 42, key: "text/42", version: "1", model: "stub-1" });
  });

  it("embeds again what has changed, and nothing else", async () => {
    await fill(database, "texts", textItems(50), stubModel());
    const embedded: string[] = [];
    const items = [...textItems(60)].map((item, i) => (i < 5 ? { ...item, version: "2" } : item));
    const report = await fill(
      database,
      "texts",
      items,
      stubModel((texts) => embedded.push(...texts)),
    );
    expect(report).toMatchObject({ seen: 60, stored: 15, unchanged: 45 });
    expect(embedded).toHaveLength(15);
    expect((await database.count("texts", { exact: true })).count).toBe(60);
  });

  it("embeds all again for another model", async () => {
    await fill(database, "texts", textItems(20), stubModel());
    const other = { ...stubModel(), id: "stub-2" };
    expect(await fill(database, "texts", textItems(20), other)).toMatchObject({ stored: 20, unchanged: 0 });
  });

  it("lists what cannot be read or embedded, and goes on", async () => {
    const items: SourceItem<string>[] = [...textItems(10)];
    items[3] = { ...items[3], load: () => Promise.reject(new Error("unreadable")) };
    items[7] = { ...items[7], load: async () => "bad text" };
    const report = await fill(database, "texts", items, stubModel(), { batchSize: 4 });
    expect(report.stored).toBe(8);
    expect(report.failed.map(({ key, error }) => [key, error.message])).toEqual([
      ["text/3", "unreadable"],
      ["text/7", "bad text is no text"],
    ]);
    // They are tried again.
    expect(await fill(database, "texts", textItems(10), stubModel())).toMatchObject({
      stored: 2,
      unchanged: 8,
    });
  });

  it("deletes what the source has lost, if it is asked to", async () => {
    await fill(database, "texts", textItems(3000), stubModel());
    const fewer = await fill(database, "texts", textItems(1000), stubModel());
    expect(fewer.pruned).toBe(0);
    const report = await fill(database, "texts", textItems(1000), stubModel(), { prune: true });
    expect(report).toMatchObject({ pruned: 2000, unchanged: 1000 });
    expect((await database.count("texts", { exact: true })).count).toBe(1000);
  });

  it("stops between two batches", async () => {
    const abort = new AbortController();
    const filling = fill(database, "texts", textItems(1000), stubModel(), {
      signal: abort.signal,
      onProgress: ({ stored }) => stored >= 96 && abort.abort(),
    });
    await expect(filling).rejects.toThrow();
    expect((await database.count("texts", { exact: true })).count).toBe(96);
  });
});

describe("the mean", () => {
  it("is that of items spread evenly, without those that cannot be read", async () => {
    const items: SourceItem<string>[] = [...textItems(90)];
    items[0] = { ...items[0], load: () => Promise.reject(new Error("unreadable")) };
    items[30] = { ...items[30], load: async () => "bad text" };
    const mean = await meanVector(items, stubModel(), { of: 3 });
    expect(Array.from(mean)).toEqual(stubVector("text 60 of 1"));
    const one = await lessMean(stubModel(), mean).embed(["text 60 of 1", "bad text"]);
    expect(Array.from(one.vectors[0] ?? [])).toEqual([0, 0, 0, 0]);
    expect(one.vectors[1]).toBeUndefined();
    await expect(meanVector([], stubModel())).rejects.toThrow("none of the items");
  });
});

describe("killed", () => {
  it("loses and doubles nothing", async () => {
    const count = 10_000;
    const folder = await mkdtemp(join(tmpdir(), "vicinal-fill-"));
    try {
      let runs = 0;
      while (!(await runUntil(folder, count, 1000 + 700 * runs))) runs++;
      console.log(`10,000 items, killed ${runs} times`);
      expect(runs).toBeGreaterThanOrEqual(3);
      const database = await open(folder);
      try {
        const numbers = new Set<number>();
        let offset: unknown;
        let points = 0;
        do {
          const page = await database.scroll("texts", {
            limit: 2000,
            ...(offset ? { offset: offset as string } : {}),
          });
          points += page.points.length;
          for (const { payload } of page.points) numbers.add(Number(payload?.number));
          offset = page.next_page_offset;
        } while (offset);
        expect([points, numbers.size]).toEqual([count, count]);
      } finally {
        await database.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);
});

/** Runs the pipeline until it has stored so many items, and kills it; true when it ended by itself. */
function runUntil(folder: string, count: number, killAt: number): Promise<boolean> {
  const path = fileURLToPath(new URL("./fill-killed.test.helper.js", import.meta.url));
  const child = spawn(process.execPath, [path, folder, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
    const stored = [...output.matchAll(/stored (\d+)\n/g)].at(-1);
    if (stored && Number(stored[1]) >= killAt && !output.includes("done")) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(false);
      else if (code === 0) resolve(true);
      else reject(new Error(`The pipeline ended with ${code}`));
    });
  });
}
