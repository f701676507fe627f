/**
 * Originals stopped at every operation: what was acknowledged is there and whole, what was not is there or not, and what nobody
 * names goes. With VICINAL_BLOB_SEEDS so many seeds, every stop of each.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { randomFrom, SimulatedDisk, Stopped } from "../storage/simulated-disk.test.helper.js";
import { Catalogue } from "./catalogue.js";
import { Database } from "./database.js";

/** By point and name of the blob, the text. */
type Model = Map<number, Map<string, string>>;

const vector = [1, 0];
const blobOf = (text: string) => ({ type: "text/plain", bytes: new TextEncoder().encode(text) });
const copyOf = (model: Model): Model => new Map([...model].map(([id, blobs]) => [id, new Map(blobs)]));

/** What is acknowledged, and what the write under way would make of it. */
interface Known {
  now: Model;
  next: Model;
}

/** Texts repeat, so that equal blobs go and come back. */
async function work(disk: SimulatedDisk, seed: number, known: Known): Promise<void> {
  const random = randomFrom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const database = new Database(await Catalogue.open(disk));
  if (!(await database.collectionExists("c")).exists)
    await database.createCollection("c", { vectors: { size: 2, distance: "Dot" } });
  for (let step = 0; step < 30; step++) {
    const id = pick(4);
    const name = ["photo", "clip"][pick(2)];
    const text = `text ${pick(5)}`;
    const next = copyOf(known.now);
    known.next = next;
    const blobs = next.get(id);
    const kind = pick(6);
    if (kind < 2) {
      next.set(id, new Map([[name, text]]));
      await database.upsert("c", { points: [{ id, vector, blobs: { [name]: blobOf(text) } }] });
    } else if (kind === 2 && blobs) {
      blobs.set(name, text);
      await database.putBlob("c", id, name, blobOf(text));
    } else if (kind === 3 && blobs?.delete(name)) await database.deleteBlob("c", id, name);
    else if (kind === 4) {
      next.delete(id);
      await database.delete("c", { points: [id] });
    } else if (kind === 5) await database.waitForIndex("c", { everything: true });
    known.now = next;
  }
  await database.close();
}

async function found(database: Database): Promise<Model> {
  const model: Model = new Map();
  const { points } = await database.scroll("c", { with_blobs: true });
  for (const { id, blobs } of points) {
    const texts = new Map<string, string>();
    for (const name of Object.keys(blobs ?? {})) {
      const parts: Uint8Array[] = [];
      for await (const part of (await database.getBlob("c", id, name)).bytes) parts.push(part);
      texts.set(name, Buffer.concat(parts).toString());
    }
    model.set(Number(id), texts);
  }
  return model;
}

const shown = (model: Model) =>
  JSON.stringify([...model].sort(([a], [b]) => a - b).map(([id, blobs]) => [id, [...blobs].sort()]));

async function check(disk: SimulatedDisk, { now, next }: Known): Promise<void> {
  const database = new Database(await Catalogue.open(disk));
  if (!(await database.collectionExists("c")).exists) {
    expect(now.size).toBe(0);
    await database.close();
    return;
  }
  const there = await found(database);
  expect([shown(now), shown(next)]).toContain(shown(there));
  await database.waitForIndex("c", { everything: true });
  await database.close();
  const texts = new Set([...there.values()].flatMap((blobs) => [...blobs.values()]));
  const digests = [...texts].map((text) => createHash("sha256").update(text).digest("hex"));
  const files = (await disk.list()).filter((path) => path.includes("/blobs/"));
  expect(files.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort()).toEqual(digests.sort());
}

const seeds = Number(process.env.VICINAL_BLOB_SEEDS ?? 2);
const stride = process.env.VICINAL_BLOB_SEEDS === undefined ? 7 : 1;

test.each(["power", "process"])("after a loss of the %s", { timeout: 600_000 }, async (lost) => {
  for (let seed = 1; seed <= seeds; seed++) {
    const whole = new SimulatedDisk(randomFrom(seed));
    await work(whole, seed, { now: new Map(), next: new Map() });
    for (let stopAt = seed % stride; stopAt < whole.steps; stopAt += stride) {
      const disk = new SimulatedDisk(randomFrom(seed * 1000 + stopAt));
      disk.stopAt = stopAt;
      const known: Known = { now: new Map(), next: new Map() };
      await work(disk, seed, known).catch((reason: unknown) => {
        if (!(reason instanceof Stopped) && !`${(reason as Error).message}`.includes("stopped")) throw reason;
      });
      try {
        await check(lost === "power" ? disk.afterCrash() : disk.afterKill(), known);
      } catch (reason) {
        throw new Error(`seed ${seed}, stop at ${stopAt}: ${(reason as Error).message}`, { cause: reason });
      }
    }
  }
});
