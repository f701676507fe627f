import type { LogRecord } from "vicinal/shard";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Etcd } from "../etcd/etcd.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { type Claim, Committer } from "./committer.js";
import { keys } from "./keys.js";
import { LogTail } from "./log-tail.js";
import { ShardLog } from "./shard-log.js";

describe.skipIf(!hasEtcd)("the log of a shard", () => {
  let processes: LocalEtcd;
  let etcd: Etcd;
  let store: MemoryStore;
  let committer: Committer;
  let collection = 0;
  let shard: string;
  beforeAll(async () => {
    processes = await LocalEtcd.start();
    etcd = new Etcd({ hosts: processes.hosts });
  });
  afterAll(async () => {
    etcd.close();
    await processes.stop();
  });
  beforeEach(async () => {
    store = new MemoryStore();
    committer = new Committer({ etcd, store, epoch: 1 });
    shard = `c${++collection}/0`;
    await etcd.settle([], [{ put: keys.routing(`c${collection}`), value: "{}" }]);
  });

  /** What commits depend on, after becoming the owner. */
  async function claim(): Promise<Claim> {
    await etcd.settle([], [{ delete: keys.owner(shard) }]);
    const owner = await etcd.settle([], [{ put: keys.owner(shard), value: "me" }]);
    const routing = await etcd.get(keys.routing(`c${collection}`));
    return {
      shard,
      collection: `c${collection}`,
      owner: (owner as { revision: number }).revision,
      routing: routing?.changed as number,
    };
  }

  const failures: unknown[] = [];
  const openLog = (mine: Claim, after = 0, onRecord: (record: LogRecord) => void = () => {}) =>
    ShardLog.open(
      {
        etcd,
        store,
        committer,
        claim: () => mine,
        onFailure: (reason) => failures.push(reason),
        mayTruncate: () => true,
      },
      { after, synced: 0 },
      onRecord,
    );

  const record = (text: string) => new TextEncoder().encode(text);
  const texts = (tail: LogTail) => {
    const seen: string[] = [];
    return tail
      .read(({ sequence, bytes }) => seen.push(`${sequence} ${new TextDecoder().decode(bytes)}`))
      .then(() => seen);
  };

  test("hands out what was appended, to replicas and to the next owner", async () => {
    const log = await openLog(await claim());
    expect(await log.append([record("a"), record("b")])).toBe(1);
    const tail = new LogTail({ etcd, store, shard }, 0);
    expect(await texts(tail)).toEqual(["1 a", "2 b"]);
    expect(await log.append([record("c")])).toBe(3);
    expect(await texts(tail)).toEqual(["3 c"]);
    expect(await texts(tail)).toEqual([]);
    expect(tail.hash).toBe(log.hash);
    const seen: number[] = [];
    const next = await openLog(await claim(), 1, ({ sequence }) => seen.push(sequence));
    expect(seen).toEqual([2, 3]);
    expect(await next.append([record("d")])).toBe(4);
  });

  test("refuses a replaced owner, and says so once", async () => {
    const old = await openLog(await claim());
    await old.append([record("a")]);
    const next = await openLog(await claim());
    failures.length = 0;
    await expect(old.append([record("lost")])).rejects.toMatchObject({ code: "FENCED" });
    await expect(old.append([record("lost")])).rejects.toMatchObject({ code: "FENCED" });
    expect(failures).toHaveLength(1);
    await next.append([record("b")]);
    expect(await texts(new LogTail({ etcd, store, shard }, 0))).toEqual(["1 a", "2 b"]);
  });

  test("refuses what was routed by an older version, and goes on with the newer", async () => {
    const mine = await claim();
    const log = await openLog(mine);
    await etcd.settle([], [{ put: keys.routing(mine.collection), value: "changed" }]);
    await expect(log.append([record("a")])).rejects.toMatchObject({ code: "ROUTING_CHANGED" });
    mine.routing = (await etcd.get(keys.routing(mine.collection)))?.changed as number;
    expect(await log.append([record("b")])).toBe(1);
  });

  test("commits many shards in one transaction; one that is refused keeps none of the others", async () => {
    const claims: Claim[] = [];
    for (let i = 0; i < 10; i++) {
      shard = `c${collection}/${i}`;
      claims.push(await claim());
    }
    const logs = await Promise.all(claims.map((mine) => openLog(mine)));
    await etcd.settle([], [{ delete: keys.owner(claims[3].shard) }]);
    const before = committer.counts.objects;
    const answers = await Promise.allSettled(logs.map((log) => log.append([record("x")])));
    expect(committer.counts.objects - before).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual(
      claims.map((_, i) => (i === 3 ? "rejected" : "fulfilled")),
    );
  });

  test("is cut behind a checkpoint; objects that nobody needs go, and a late reader is told", async () => {
    const log = await openLog(await claim());
    for (const text of ["a", "b", "c"]) await log.append([record(text)]);
    expect(store.objects.size).toBe(3);
    await log.truncate(2);
    expect(store.objects.size).toBe(1);
    await expect(texts(new LogTail({ etcd, store, shard }, 0))).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
    expect(await texts(new LogTail({ etcd, store, shard }, 2))).toEqual(["3 c"]);
    await log.truncate(3);
    await expect(texts(new LogTail({ etcd, store, shard }, 2))).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
    const next = await openLog(await claim(), 3);
    expect(next.hash).toBe(log.hash);
    expect(await next.append([record("d")])).toBe(4);
  });

  test("a slice that is another than was written is damage; a chain that was rewritten is a divergence", async () => {
    const log = await openLog(await claim());
    await log.append([record("a")]);
    const tail = new LogTail({ etcd, store, shard }, 0);
    await texts(tail);
    await log.append([record("b")]);
    const entries = await etcd.list(keys.log(shard));
    const second = JSON.parse(entries[1].value);
    const bytes = store.objects.get(second.object) as Uint8Array;
    bytes[bytes.length - 1] ^= 1;
    await expect(texts(tail)).rejects.toMatchObject({ code: "CORRUPTION" });
    bytes[bytes.length - 1] ^= 1;
    await etcd.settle(
      [],
      [{ put: entries[1].key, value: JSON.stringify({ ...second, before: "f".repeat(32) }) }],
    );
    await expect(texts(tail)).rejects.toMatchObject({ code: "DIVERGED" });
  });

  test("an answer that is lost is settled by sending the same again", async () => {
    const log = await openLog(await claim());
    const transact = etcd.transact.bind(etcd);
    let lost = 0;
    etcd.transact = async (...args) => {
      const answer = await transact(...args);
      if (lost++ < 2) throw new (await import("../etcd/etcd.js")).OutcomeUnknown("lost");
      return answer;
    };
    try {
      expect(await log.append([record("a")])).toBe(1);
    } finally {
      etcd.transact = transact;
    }
    expect(lost).toBe(3);
    expect(await texts(new LogTail({ etcd, store, shard }, 0))).toEqual(["1 a"]);
  });
});
