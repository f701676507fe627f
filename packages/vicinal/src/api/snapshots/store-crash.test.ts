/** The store stopped at every operation of creating and deleting: what is listed afterwards is whole. */
import { expect, test } from "vitest";
import { CrashDisk, randomFrom, Stopped } from "../../storage/crash-disk.test.helper.js";
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

async function write(catalogue: Catalogue, key: string): Promise<void> {
  const change = new TextEncoder().encode(JSON.stringify({ other: { key } }));
  await catalogue.get("films").write({ readsState: true, resolve: () => [{ kind: "configure", change }] });
}

/** Two snapshots, the first deleted, a third; returns those whose creation or deletion was answered. */
async function work(disk: CrashDisk, answered: { made: string[]; deleted: string[] }): Promise<void> {
  const catalogue = await Catalogue.open(disk);
  if (!catalogue.has("films")) await catalogue.create("films", config());
  const snapshots = new Snapshots(catalogue);
  await write(catalogue, "one");
  const first = await snapshots.create("films");
  answered.made.push(first.name);
  await write(catalogue, "two");
  answered.made.push((await snapshots.create("films")).name);
  await snapshots.delete("films", first.name);
  answered.deleted.push(first.name);
  await write(catalogue, "three");
  answered.made.push((await snapshots.createFull()).name);
  await snapshots.close();
  await catalogue.close();
}

const seeds = Number(process.env.VICINAL_SNAPSHOT_SEEDS ?? 3);

test.each(["power", "process"])(
  "after a loss of the %s at any operation",
  { timeout: 600_000 },
  async (lost) => {
    const whole = new CrashDisk(randomFrom(1));
    await work(whole, { made: [], deleted: [] });
    for (let seed = 1; seed <= seeds; seed++) {
      for (let stopAt = 0; stopAt < whole.operations; stopAt++) {
        const disk = new CrashDisk(randomFrom(seed * 1000 + stopAt));
        disk.stopAt = stopAt;
        const answered = { made: [] as string[], deleted: [] as string[] };
        await work(disk, answered).catch((reason: unknown) => {
          if (!(reason instanceof Stopped) && !`${(reason as Error).message}`.includes("stopped"))
            throw reason;
        });
        const next = lost === "power" ? disk.afterCrash() : disk.afterKill();
        const label = `seed ${seed}, stopped at ${stopAt}`;
        const catalogue = await Catalogue.open(next);
        const snapshots = new Snapshots(catalogue);
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
    expect(whole.operations).toBeGreaterThan(40);
  },
);
