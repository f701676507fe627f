/** Kills a writing process with SIGKILL, again and again, and checks that every acknowledged write is there. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "vicinal";
import { expect, test } from "vitest";
import { applyToModel, type Model, random, readAll } from "./kill-workload.js";

const KILLS = Number(process.env.VICINAL_KILLS ?? 50);
const writer = fileURLToPath(new URL("./kill-writer.js", import.meta.url));

/** Runs the writer until it is killed; resolves with the number of the last acknowledged operation, if any. */
function writeUntilKilled(folder: string, first: number, afterMs: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, folder, String(first)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.stdout.on("data", (chunk) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
      output += chunk;
    });
    child.on("close", (_code, signal) => {
      if (signal !== "SIGKILL") return reject(new Error(`The writer ended by itself: ${errors}`));
      const acks = [...output.matchAll(/ack (\d+)\n/g)];
      resolve(acks.length === 0 ? undefined : Number(acks[acks.length - 1][1]));
    });
  });
}

function same(a: Model, b: Model): boolean {
  const sorted = (model: Model) => JSON.stringify([...model].sort(([x], [y]) => x - y));
  return sorted(a) === sorted(b);
}

test(`killed ${KILLS} times, no acknowledged write is lost`, {
  timeout: 20_000 + KILLS * 3_000,
}, async () => {
  const seed = Number(process.env.VICINAL_SEED ?? 20261122);
  const next = random(seed);
  const folder = await mkdtemp(join(tmpdir(), "vicinal-kill-"));
  const model: Model = new Map();
  let done = -1;
  let inFlight = 0;
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const acked = (await writeUntilKilled(folder, done + 1, next() * 120)) ?? done;
      for (let n = done + 1; n <= acked; n++) applyToModel(model, n);
      done = acked;
      const database = await open(folder);
      try {
        const found = (await database.collectionExists("points")).exists
          ? await readAll(database)
          : new Map();
        if (!same(found, model)) {
          // The operation in flight may be there, whole.
          applyToModel(model, ++done);
          inFlight++;
          expect(same(found, model), `after kill ${kill} (seed ${seed}), operation ${done}`).toBe(true);
        }
      } finally {
        await database.close();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(
    `killed ${KILLS} times (seed ${seed}): ${done + 1} acknowledged writes checked, lost 0, in flight and kept ${inFlight}`,
  );
  expect(done).toBeGreaterThan(KILLS);
});
