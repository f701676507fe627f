/** The store stopped at every operation of creating and deleting: what is listed afterwards is whole. */
import { expect, test } from "vitest";
import { encodePayload } from "../../payload/json.js";
import type { Effect } from "../../segment/effects.js";
import { randomFrom, SimulatedDisk, Stopped } from "../../storage/simulated-disk.test.helper.js";
import { Catalogue } from "../catalogue.js";
import { collectionConfig } from "../collections.js";
import { createCollection } from "../schema/index.js";
import { Snapshots } from "./snapshots.js";

const config = () => collectionConfig(createCollection.parse({ vectors: { size: 2, distance: "Dot" } }));

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.length;
  return size;
}

/** The configuration's key and a point, in one write; the first two writes are saved as segments, the third stays in the log. */
async function write(catalogue: Catalogue, key: string): Promise<void> {
  const collection = catalogue.get("films");
  const change = encodePayload({ other: { key } });
  const vectors = [{ name: "", vector: { data: Float32Array.of(1, 2), norm: 1 } }];
  const points = [{ id: collection.state.pointCount, payload: encodePayload({ key }), vectors }];
  const effects: Effect[] = [
    { kind: "configure", change },
    { kind: "upsert", points },
  ];
  await collection.write({ readsState: true, resolve: () => effects });
  if (key === "three") return;
  collection.state.seal();
  await collection.optimizer.settle();
}

interface Answered {
  made: string[];
  deleted: string[];
  isRestored: boolean;
}

const nothing = (): Answered => ({ made: [], deleted: [], isRestored: false });

/** Two snapshots, the first deleted, a third, and the second restored; notes what was answered. */
async function work(disk: SimulatedDisk, answered: Answered): Promise<void> {
  const catalogue = await Catalogue.open(disk);
  if (!catalogue.has("films")) await catalogue.create("films", config());
  const snapshots = new Snapshots(catalogue);
  await write(catalogue, "one");
  const first = await snapshots.create("films");
  answered.made.push(first.name);
  await write(catalogue, "two");
  const second = await snapshots.create("films");
  answered.made.push(second.name);
  await snapshots.delete("films", first.name);
  answered.deleted.push(first.name);
  await write(catalogue, "three");
  answered.made.push((await snapshots.createFull()).name);
  await snapshots.recover("films", { location: second.name });
  answered.isRestored = true;
  await snapshots.close();
  await catalogue.close();
}

/** By default every fourth stop of one seed; with VICINAL_SNAPSHOT_SEEDS every stop of so many. */
const seeds = Number(process.env.VICINAL_SNAPSHOT_SEEDS ?? 1);
const step = process.env.VICINAL_SNAPSHOT_SEEDS === undefined ? 4 : 1;

test.each(["power", "process"])(
  "after a loss of the %s at any operation",
  { timeout: 600_000 },
  async (lost) => {
    const whole = new SimulatedDisk(randomFrom(1));
    await work(whole, nothing());
    for (let seed = 1; seed <= seeds; seed++) {
      for (let stopAt = 0; stopAt < whole.steps; stopAt += step) {
        const disk = new SimulatedDisk(randomFrom(seed * 1000 + stopAt));
        disk.stopAt = stopAt;
        const answered = nothing();
        await work(disk, answered).catch((reason: unknown) => {
          if (!(reason instanceof Stopped) && !`${(reason as Error).message}`.includes("stopped"))
            throw reason;
        });
        const next = lost === "power" ? disk.afterCrash() : disk.afterKill();
        const label = `seed ${seed}, stopped at ${stopAt}`;
        const catalogue = await Catalogue.open(next);
        const snapshots = new Snapshots(catalogue);
        if (answered.made.length > 0) {
          // Whole, be it the old one or the restored one.
          const { config, pointCount } = catalogue.get("films").state;
          expect(config.other.key, label).toBe(["one", "two", "three"][pointCount - 1]);
          if (answered.isRestored) expect(pointCount, label).toBe(2);
        }
        const listed = catalogue.has("films") ? await snapshots.list("films") : [];
        const full = await snapshots.listFull();
        const names = [...listed, ...full].map(({ name }) => name);
        for (const name of answered.made)
          if (!answered.deleted.includes(name) && name !== answered.made[0])
            expect(names, label).toContain(name);
        for (const name of answered.deleted) expect(names, label).not.toContain(name);
        for (const { name, size } of listed)
          expect(await bytesOf(await snapshots.download("films", name)), label).toBe(size);
        for (const { name, size } of full)
          expect(await bytesOf(await snapshots.downloadFull(name)), label).toBe(size);
        if (listed.length > 0) {
          await snapshots.recover("films", { location: listed[0].name });
          expect(catalogue.get("films").state.config.other, label).toHaveProperty("key");
        }
        // Nothing of what was stopped is left once all is deleted, after the next start.
        for (const { name } of listed) await snapshots.delete("films", name);
        for (const { name } of full) await snapshots.deleteFull(name);
        const last = await Catalogue.open(next);
        const store = new Snapshots(last);
        if (!last.has("films")) await last.create("films", config());
        const only = await store.create("films");
        const left = (await next.list()).filter((path) => /^snapshots\/(full|collections)/.test(path));
        expect(
          left.every((path) => path.includes(only.name)),
          `${label}: ${left}`,
        ).toBe(true);
      }
    }
    expect(whole.steps).toBeGreaterThan(90);
    expect(
      (await whole.list()).filter((path) => path.startsWith("snapshots/objects/")).length,
    ).toBeGreaterThan(2);
  },
);
