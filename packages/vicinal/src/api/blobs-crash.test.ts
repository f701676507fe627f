/**
 * Originals stopped at every operation: what was acknowledged is there and whole, what was not is there or not, and what nobody
 * names goes. By default some stops of one seed; with
 * VICINAL_BLOB_SEEDS every stop of so many.
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

/** What is acknowledged, what the write under way would make of it, and what was acknowledged before. */
interface Known {
  now: Model;
  next: Model;
  before: Model[];
}

const nothing = (): Known => ({ now: new Map(), next: new Map(), before: [] });

/** Acknowledged when written, or before it is synced: then a loss of power takes the last writes with it. */
const durabilities = { synced: "sync", relaxed: { interval: 1_000_000 } } as const;
type Kind = keyof typeof durabilities;

/** Texts repeat, so that equal blobs go and come back. */
async function work(disk: SimulatedDisk, seed: number, kind: Kind, known: Known): Promise<void> {
  const random = randomFrom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const database = new Database(await Catalogue.open(disk, { durability: durabilities[kind] }));
  if (!(await database.collectionExists("c")).exists)
    await database.createCollection("c", { vectors: { size: 2, distance: "Dot" } });
  for (let step = 0; step < 30; step++) {
    const id = pick(4);
    const name = ["photo", "clip"][pick(2)];
    const text = `text ${pick(5)}`;
    const next = copyOf(known.now);
    known.next = next;
    const blobs = next.get(id);
    const action = pick(6);
    if (action < 2) {
      next.set(id, new Map([[name, text]]));
      await database.upsert("c", { points: [{ id, vector, blobs: { [name]: blobOf(text) } }] });
    } else if (action === 2 && blobs) {
      blobs.set(name, text);
      await database.putBlob("c", id, name, blobOf(text));
    } else if (action === 3 && blobs?.delete(name)) await database.deleteBlob("c", id, name);
    else if (action === 4) {
      next.delete(id);
      await database.delete("c", { points: [id] });
    } else if (action === 5) await database.waitForIndex("c", { everything: true });
    known.before.push(known.now);
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

async function check(disk: SimulatedDisk, { now, next, before }: Known, mayLose: boolean): Promise<void> {
  const database = new Database(await Catalogue.open(disk));
  if (!(await database.collectionExists("c")).exists) {
    if (!mayLose) expect(now.size).toBe(0);
    await database.close();
    return;
  }
  const there = await found(database);
  expect([now, next, ...(mayLose ? before : [])].map(shown)).toContain(shown(there));
  // Whatever part of a file a stop has left, what is stored is whole.
  for (let text = 0; text < 5; text++) {
    await database.upsert("c", { points: [{ id: 100, vector, blobs: { photo: blobOf(`text ${text}`) } }] });
    expect((await found(database)).get(100)).toEqual(new Map([["photo", `text ${text}`]]));
  }
  await database.delete("c", { points: [100] });
  await database.waitForIndex("c", { everything: true });
  await database.close();
  const texts = new Set([...there.values()].flatMap((blobs) => [...blobs.values()]));
  const digests = [...texts].map((text) => createHash("sha256").update(text).digest("hex"));
  const files = (await disk.list()).filter((path) => path.includes("/blobs/"));
  expect(files.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort()).toEqual(digests.sort());
}

const { VICINAL_BLOB_SEEDS: asked } = process.env;
const seeds = Number(asked ?? 1);

test.each([
  ["power", "synced", 4],
  ["power", "relaxed", 3],
  ["process", "synced", 6],
] as const)("after a loss of the %s, %s", { timeout: 600_000 }, async (lost, kind, usual) => {
  const stride = asked === undefined ? usual : 1;
  for (let seed = 1; seed <= seeds; seed++) {
    const whole = new SimulatedDisk(randomFrom(seed));
    await work(whole, seed, kind, nothing());
    for (let stopAt = 0; stopAt < whole.steps; stopAt += stride) {
      const disk = new SimulatedDisk(randomFrom(seed * 1000 + stopAt));
      disk.stopAt = stopAt;
      const known = nothing();
      await work(disk, seed, kind, known).catch((reason: unknown) => {
        if (!(reason instanceof Stopped) && !`${(reason as Error).message}`.includes("stopped")) throw reason;
      });
      try {
        await check(lost === "power" ? disk.afterCrash() : disk.afterKill(), known, kind === "relaxed");
      } catch (reason) {
        throw new Error(`seed ${seed}, stop at ${stopAt}: ${(reason as Error).message}`, { cause: reason });
      }
    }
  }
});
