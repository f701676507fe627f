/** Kills a process while it changes the family of an index: the choice holds, and no query after it goes wrong. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Database, open } from "vicinal";
import { expect, test } from "vitest";
import { clustered } from "./clustered.js";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";

const KILLS = 6;
const DIMENSIONS = 32;
const COUNT = 6000;
const QUERIES = 200;
const families = ["ivf", "hnsw", "kmeans-tree"];
const writer = fileURLToPath(new URL("./index-change-writer.js", import.meta.url));

/** Lets the child change the family and kills it some time after that was acknowledged. */
function changeUntilKilled(folder: string, family: string, afterMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, folder, family], { stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), afterMs));
    child.on("close", (_code, signal) =>
      signal === "SIGKILL" ? resolve() : reject(new Error(`The writer ended by itself: ${errors}`)),
    );
  });
}

async function recall(database: Database, queries: number[][]): Promise<{ recall: number; family: string }> {
  let hits = 0;
  let family = "";
  for (const query of queries) {
    const truth = await database.query("c", { query, limit: 10, params: { exact: true } });
    const params = { recall: 0.95, explain: true };
    const { points, explain } = await database.query("c", { query, limit: 10, params });
    expect(points).toHaveLength(10);
    hits += points.filter(({ score }) => score >= truth.points[9].score - 1e-6).length;
    family = explain?.segments.map((segment) => segment.family).join() ?? "";
  }
  return { recall: hits / (10 * queries.length), family };
}

test(`an index is changed although the process is killed ${KILLS} times`, { timeout: 60_000 }, async () => {
  const next = random(Number(process.env.VICINAL_SEED ?? 20261122));
  await withFolder(async (folder) => {
    const vector = clustered(DIMENSIONS, 17);
    let database = await open(folder);
    await database.createCollection("c", {
      vectors: { size: DIMENSIONS, distance: "Cosine" },
      optimizers_config: { indexing_threshold: 1 },
    });
    await database.upsert("c", {
      points: Array.from({ length: COUNT }, (_, id) => ({ id, vector: vector() })),
    });
    await database.waitForIndex("c", { everything: true });
    await database.close();
    const queries = Array.from({ length: QUERIES }, vector);
    for (let kill = 0; kill < KILLS; kill++) {
      const type = families[kill % families.length];
      await changeUntilKilled(folder, type, next() * 500);
      database = await open(folder);
      const info = await database.getCollection("c");
      expect(info.points_count).toBe(COUNT);
      expect(info.config.params.vectors).toMatchObject({ index: { type } });
      const at = await recall(database, queries);
      expect(at.recall).toBeGreaterThanOrEqual(0.94);
      expect(at.family).not.toBe("flat");
      await database.waitForIndex("c");
      const then = await recall(database, queries);
      expect(then.family).toBe(type);
      expect(then.recall).toBeGreaterThanOrEqual(0.94);
      await database.close();
    }
  });
});
