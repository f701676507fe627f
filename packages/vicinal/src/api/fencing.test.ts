/** Two writers on one folder, as when one slipped past the lock. */
import { beforeEach, expect, test } from "vitest";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { randomFrom } from "../storage/simulated-file.test.helper.js";
import { Catalogue } from "./catalogue.js";
import { Database } from "./database.js";

const vectors = { size: 2, distance: "Dot" as const };
let home: MemoryDirectory;
beforeEach(() => {
  home = MemoryDirectory.empty();
});

const opened = async () => new Database(await Catalogue.open(home));
const point = (id: number) => ({ id, vector: [id, 1], payload: { id } });
const write = (database: Database, ids: number[]) => database.upsert("c", { points: ids.map(point) });
const ids = async (database: Database) =>
  (await database.scroll("c", { limit: 10_000 })).points.map(({ id }) => id);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    ({ code }) => code as string,
  );

test("the older one is fenced at its next write, and keeps what it had acknowledged", async () => {
  const old = await opened();
  await old.createCollection("c", { vectors });
  await write(old, [1, 2]);
  const current = await opened();
  expect(await ids(current)).toEqual([1, 2]);
  expect(await codeOf(write(old, [3]))).toBe("FENCED");
  expect(await codeOf(write(old, [4]))).toBe("WRITES_REFUSED");
  expect(await codeOf(old.createCollection("d", { vectors }))).toBe("FENCED");
  expect(await codeOf(old.deleteCollection("c"))).toBe("FENCED");
  expect(await codeOf(old.updateCollectionAliases({ actions: [] }))).toBe("FENCED");
  await write(current, [5]);
  await old.close().catch(() => {});
  await write(current, [6]);
  expect(await ids(current)).toEqual([1, 2, 5, 6]);
  await current.close();
  const last = await opened();
  expect(await ids(last)).toEqual([1, 2, 5, 6]);
  await last.close();
});

const seed = Number(process.env.VICINAL_SEED ?? 20261123);
test(`whatever the older one still tries, the newer one's data stay (seed ${seed})`, async () => {
  const random = randomFrom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  for (let round = 0; round < 30; round++) {
    home = MemoryDirectory.empty();
    const old = await opened();
    await old.createCollection("c", { vectors });
    const acknowledged = new Set<number>();
    const unsure = new Set<number>();
    const writing = async (database: Database, ids: number[]) => {
      for (const id of ids) unsure.add(id);
      await write(database, ids);
      for (const id of ids) acknowledged.add(id);
    };
    const batch = () => Array.from({ length: 30 }, () => pick(100_000));
    const steps = [
      () => writing(old, batch()),
      () => old.waitForIndex("c", { everything: true }),
      () => old.createCollection("d", { vectors }),
      () => old.deleteCollection("d"),
    ];
    for (let i = pick(4); i > 0; i--) await steps[pick(2)]();
    // The older one goes on while the newer one opens, and after.
    const background = (async () => {
      for (let i = 0; i < 12; i++) await steps[pick(steps.length)]().catch(() => {});
    })();
    for (let i = pick(30); i > 0; i--) await Promise.resolve();
    let current = await opened();
    const more = [
      () => writing(current, batch()),
      () => current.waitForIndex("c", { everything: true }).catch(() => {}),
      async () => {
        if (!(await current.collectionExists("d")).exists) await current.createCollection("d", { vectors });
      },
    ];
    for (let i = 0; i < 6; i++) await more[pick(more.length)]();
    await background;
    await old.close().catch(() => {});
    await writing(current, batch());
    await current.waitForIndex("c", { everything: true }).catch(() => {});
    const shown = await ids(current);
    await current.close();
    current = await opened();
    expect(await ids(current), `round ${round}`).toEqual(shown);
    for (const id of acknowledged) expect(shown, `round ${round}`).toContain(id);
    for (const id of shown) expect(unsure, `round ${round}`).toContain(id as number);
    await current.close();
  }
});
