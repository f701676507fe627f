/** The engine's collections with their bytes in an object store: moved, fought over and failed at every step. */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CollectionFollower, type Directory, MemoryDirectory, openHome } from "vicinal/shard";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../../../vicinal/dist/runtime/pool.js";
import { FaultyStore, MemoryPointer, seededRandom } from "./faulty-store.test.helper.js";
import { collectGarbage } from "./garbage.js";
import { MemoryStore } from "./memory-store.js";
import { ObjectCache } from "./object-cache.js";
import type { ObjectStore } from "./object-store.js";
import { keysOf } from "./object-store-conformance.test.helper.js";
import { openStore } from "./open-store.js";
import { type S3Server, startS3 } from "./s3-server.test.helper.js";
import {
  expectSame,
  type Model,
  type Opened,
  openCollection,
  range,
  remove,
  SharedLog,
  shard,
  upsert,
} from "./shard-collection.test.helper.js";
import { ShardDirectory } from "./shard-directory.js";
import { readTable } from "./table.js";

const root = fs.mkdtempSync(join(tmpdir(), "vicinal-shard-"));
let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3(join(root, "s3"));
});
afterAll(async () => {
  await s3.close();
  await endIdleWorkers();
  fs.rmSync(root, { recursive: true, force: true });
});

async function close({ collection, directory }: Opened): Promise<void> {
  await collection.close();
  await directory.close();
}

/** Everything the engine does to files: seals, indexes, patches, deletes, merges. */
async function work({ collection }: Opened, model: Model): Promise<void> {
  const settle = () => collection.optimizer.settle({ everything: true }).catch(() => {});
  await upsert(collection, model, range(0, 40), 1);
  collection.state.seal();
  await settle();
  await remove(collection, model, range(5, 10));
  await upsert(collection, model, range(30, 60), 2);
  collection.state.seal();
  await settle();
  await upsert(collection, model, range(0, 3), 3);
}

/** Objects that neither count nor are named by what counts. */
async function strays(store: ObjectStore, pointer: MemoryPointer): Promise<string[]> {
  const counting = await readTable(store, pointer);
  const named = new Set([...(counting?.table.files.values() ?? [])].map(({ key }) => key));
  return (await keysOf(store)).filter((key) => !named.has(key) && key !== counting?.ref.key);
}

describe.each([
  ["memory", () => new MemoryStore()],
  ["a shared folder", () => openStore(`dir:${root}/store`)],
  ["S3", () => openStore(s3.url("shard"))],
] as const)("over %s", (_, make) => {
  test("a collection moves to where nothing of it is, with its indexes", async () => {
    const store = make();
    const [pointer, log, model] = [new MemoryPointer(), new SharedLog(), new Map<number, number>()];
    const first = await openCollection({ store, pointer, log, epoch: 1 });
    await work(first, model);
    await close(first);
    expect(log.records.length).toBeLessThan(log.last);
    const home = await openHome(join(root, `cache-${store.location.replace(/\W+/g, "-")}`));
    const cache = await ObjectCache.open(store, home.directory, 2 ** 30);
    const second = await openCollection({ store, pointer, log, epoch: 2, cache });
    expectSame(second.collection, model, "elsewhere");
    expect(second.collection.state.sealedSegments()[0].vectors.get("")?.index.family).toBe("hnsw");
    await upsert(second.collection, model, range(50, 70), 4);
    await close(second);
    await home.close();
    const third = await openCollection({ store, pointer, log, epoch: 3 });
    expectSame(third.collection, model, "back again");
    await close(third);
    await store.close();
  });
});

test("a restart reads from its own disk what it has there", async () => {
  const store = new FaultyStore(new MemoryStore());
  const [pointer, log, model] = [new MemoryPointer(), new SharedLog(), new Map<number, number>()];
  const directory: Directory = MemoryDirectory.empty();
  const open = async (epoch: number) =>
    openCollection({ store, pointer, log, epoch, cache: await ObjectCache.open(store, directory, 2 ** 30) });
  const first = await open(1);
  await work(first, model);
  await close(first);
  const gets: string[] = [];
  const get = store.get.bind(store);
  store.get = (key, range) => {
    gets.push(key);
    return get(key, range);
  };
  const second = await open(2);
  expectSame(second.collection, model, "restarted");
  expect(gets).toHaveLength(1);
  expect(gets[0]).toMatch(/manifest-\d+$/);
  await close(second);
});

test.each(process.env.VICINAL_LONG ? range(1, 30) : [1, 2])(
  "a reader that follows sees every state as it was (seed %d)",
  async (seed) => {
    const next = seededRandom(seed);
    const store = new MemoryStore();
    const [pointer, log, model] = [new MemoryPointer(), new SharedLog(), new Map<number, number>()];
    const owner = await openCollection({ store, pointer, log, epoch: 1 });
    const states = new Map<number, Model>([[log.last, new Map()]]);
    const cache = await ObjectCache.open(store, MemoryDirectory.empty(), 20_000);
    const dir = await ShardDirectory.open({ cache, pointer: pointer.another(), shard });
    const follower = await CollectionFollower.open(dir, { readLog: (after) => log.follow(after) });
    let isWriting = true;
    let seen = 0;
    const reading = (async () => {
      do {
        const replaced = await follower.refresh(false);
        await replaced?.close();
        const { collection } = follower;
        const { sequence } = collection.state;
        expectSame(collection, states.get(sequence) as Model, `seed ${seed}, write ${sequence}`);
        seen++;
        await new Promise((resolve) => setTimeout(resolve, 1));
      } while (isWriting);
    })();
    for (let n = 1; n <= 60; n++) {
      const from = Math.floor(next() * 50);
      if (next() < 0.7) await upsert(owner.collection, model, range(from, from + 8), n);
      else await remove(owner.collection, model, range(from, from + 4));
      states.set(log.last, new Map(model));
      if (next() < 0.4) {
        owner.collection.state.seal();
        await owner.collection.optimizer.settle({ everything: true });
      }
    }
    isWriting = false;
    await reading;
    expect(seen).toBeGreaterThan(5);
    await follower.refresh(false).then((replaced) => replaced?.close());
    expectSame(follower.collection, model, `seed ${seed}, at the end`);
    await follower.collection.close();
    await close(owner);
  },
);

test("of two writers the older is FENCED, and what it acknowledged is the younger's", async () => {
  const store = new MemoryStore();
  const [pointer, log, model] = [new MemoryPointer(), new SharedLog(), new Map<number, number>()];
  const old = await openCollection({ store, pointer, log, epoch: 1 });
  await work(old, model);
  const young = await openCollection({ store, pointer: pointer.another(), log, epoch: 2 });
  expectSame(young.collection, model, "taken over");
  const lost = upsert(old.collection, new Map(), range(0, 5), 9);
  await expect(lost).rejects.toMatchObject({ code: "FENCED" });
  old.collection.state.seal();
  await expect(old.collection.optimizer.settle({ everything: true })).rejects.toMatchObject({
    code: "FENCED",
  });
  await expect(old.collection.close()).rejects.toMatchObject({ code: "FENCED" });
  await upsert(young.collection, model, range(100, 110), 5);
  await close(young);
  const last = await openCollection({ store, pointer, log, epoch: 3 });
  expectSame(last.collection, model, "after both");
  await close(last);
});

describe.each(["before", "after"] as const)("a failure %s its effect", (when) => {
  /** Runs everything with one call failing; resolves to how many calls there were. */
  async function run(call: number, which: "store" | "pointer"): Promise<number> {
    const what = `${which} call ${call} failed ${when}`;
    const store = new FaultyStore(new MemoryStore());
    const pointer = new MemoryPointer();
    const [log, model] = [new SharedLog(), new Map<number, number>()];
    const at = which === "store" ? store : pointer;
    at.failAt = { call, when };
    const first = await openCollection({ store, pointer, log, epoch: 1 }).catch(() => undefined);
    if (first) {
      await work(first, model);
      await close(first).catch(() => {});
    }
    const { calls } = at;
    at.failAt = undefined;
    for (const epoch of [2, 3]) {
      const place = { store, pointer, log, epoch };
      const next = await openCollection(place);
      expectSame(next.collection, model, `${what}, opened with epoch ${epoch}`);
      await collectGarbage({ ...place, shard, isOwner: async () => true });
      await close(next);
    }
    await collectGarbage({ store, pointer, shard, epoch: 4, isOwner: async () => true });
    expect(await strays(store, pointer), what).toEqual([]);
    return calls;
  }

  test.each(["store", "pointer"] as const)(
    "of any call to the %s loses nothing that was acknowledged, and leaves nothing for good",
    { timeout: 60_000 },
    async (which) => {
      const total = await run(0, which);
      expect(total).toBeGreaterThan(which === "store" ? 30 : 4);
      // Every fourth call of the store by default.
      const step = process.env.VICINAL_LONG || which === "pointer" ? 1 : 4;
      for (let call = when === "before" ? 1 : 3; call <= total; call += step) await run(call, which);
    },
  );
});

test.each(process.env.VICINAL_LONG ? range(1, 60) : [1, 2])(
  "owners that follow one another over a bad network (seed %d)",
  { timeout: 120_000 },
  async (seed) => {
    const next = seededRandom(seed);
    const inner = new MemoryStore();
    const store = new FaultyStore(inner, {}, next);
    const [log, model] = [new SharedLog(), new Map<number, number>()];
    let pointer = new MemoryPointer(next);
    const bad = () => {
      store.faults = {
        delayMs: 2,
        failBefore: 0.02,
        failAfter: 0.02,
        duplicate: 0.1,
        truncate: 0.02,
        stale: 0.5,
      };
      pointer.faults = { failBefore: 0.1, failAfter: 0.1 };
    };
    const deposed: Opened[] = [];
    const leaving: Promise<unknown>[] = [];
    let owner: Opened | undefined;
    let epoch = 0;
    for (let n = 1; n <= 60; n++) {
      if (!owner || next() < 0.15) {
        if (owner) {
          // It does not know yet, and goes on.
          owner.collection.state.seal();
          leaving.push(owner.collection.optimizer.settle({ everything: true }).catch(() => {}));
          deposed.push(owner);
        }
        pointer.mayWrite = false;
        pointer = pointer.another();
        bad();
        epoch++;
        owner = await openCollection({ store, pointer, log, epoch }).catch(() => undefined);
        if (!owner) continue;
        expectSame(owner.collection, model, `seed ${seed}, epoch ${epoch} of step ${n}`);
      }
      const { collection } = owner;
      const from = Math.floor(next() * 50);
      if (next() < 0.7) await upsert(collection, model, range(from, from + 8), n);
      else await remove(collection, model, range(from, from + 4));
      const roll = next();
      if (roll < 0.3) {
        collection.state.seal();
        await collection.optimizer.settle({ everything: true }).catch(() => {});
      } else if (roll < 0.5) {
        const mine = epoch;
        const isOwner = async () => epoch === mine;
        await collectGarbage({ store, pointer, shard, epoch, isOwner }).catch(() => {});
      }
    }
    await Promise.all(leaving);
    for (const one of owner ? [...deposed, owner] : deposed) await close(one).catch(() => {});
    store.faults = {};
    await store.settle();
    pointer = pointer.another();
    const last = await openCollection({ store, pointer, log, epoch: ++epoch });
    expectSame(last.collection, model, `seed ${seed}, at the end`);
    await close(last);
    await collectGarbage({ store, pointer, shard, epoch: ++epoch, isOwner: async () => true });
    expect(await strays(store, pointer), `seed ${seed}`).toEqual([]);
  },
);
