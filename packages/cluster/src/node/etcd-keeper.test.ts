/** etcd as it comes to its bounds: what is told of it, and that it is brought back. */
import { MemoryDirectory } from "vicinal/shard";
import { afterEach, describe, expect, test } from "vitest";
import { Etcd } from "../etcd/etcd.js";
import { EtcdMembers } from "../etcd/members.js";
import { Link } from "../faults/link.test.helper.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode } from "./cluster-node.js";
import { EtcdKeeper, type EtcdKeeperOptions, problemsOfEtcd } from "./etcd-keeper.js";
import { ClusterOperations } from "./operations.js";

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.reverse().splice(0)) await close();
});

async function start(count: 1 | 3, ...flags: string[]): Promise<LocalEtcd> {
  const processes = await LocalEtcd.start(count, undefined, flags);
  closes.push(() => processes.stop());
  return processes;
}

function keeperOf(members: EtcdMembers, options: EtcdKeeperOptions): EtcdKeeper {
  const view = { nodes: new Map() } as never;
  const keeper = new EtcdKeeper({ node: "a", members, view, log: () => {} }, options);
  closes.push(() => keeper.close());
  return keeper;
}

describe.skipIf(!hasEtcd)("etcd", () => {
  test("without room: status says so, and a round of care lets writes go on", {
    timeout: 30_000,
  }, async () => {
    const { hosts } = await start(1, "--quota-backend-bytes", String(2 ** 20));
    const node = await ClusterNode.start({
      node: "a",
      url: "http://a",
      etcd: { hosts },
      recallCheckShare: 0,
      // By hand.
      etcdKeeper: { everyMs: 1e9 },
      cache: await ObjectCache.open(new MemoryStore(), MemoryDirectory.empty(), 2 ** 30),
    });
    closes.push(() => node.close());
    const operations = new ClusterOperations(node);
    expect((await operations.status()).problems).toEqual([]);

    // Somebody writes a lot to the same etcd, all of it old but for the last.
    const value = "x".repeat(100_000);
    const write = (etcd: Etcd) => etcd.transact([], [{ put: "large", value }]);
    const other = new Etcd({ hosts, name: "other" });
    closes.push(() => other.close());
    let written = 0;
    await expect(async () => {
      for (; written < 100; written++) await write(other);
    }).rejects.toThrow(/space exceeded/);
    const { etcd, problems } = await operations.status();
    expect(etcd).toMatchObject([{ host: hosts[0], leader: true, alarms: ["NOSPACE"] }]);
    expect(problems).toEqual([expect.stringMatching(/no room left \(alarm NOSPACE.*--quota-backend-bytes/)]);
    const body = { vectors: { size: 2, distance: "Dot" } };
    await expect(node.etcd.transact([], [{ put: "mine", value: "1" }])).rejects.toThrow(/space exceeded/);

    const keeper = keeperOf(node.members, {});
    await keeper.care();
    const after = await operations.status();
    expect(after.problems).toEqual([]);
    expect(after.etcd[0].bytes).toBeLessThan(etcd[0].bytes as number);
    await node.metadata.createCollection("c", body);
    await write(other);
  });

  test("forgets what is old, and gives room back: followers first, one in each round", {
    timeout: 30_000,
  }, async () => {
    const { hosts } = await start(3);
    const members = new EtcdMembers({ hosts });
    const etcd = new Etcd({ hosts });
    closes.push(
      () => members.close(),
      () => etcd.close(),
    );
    for (let i = 0; i < 40; i++) await etcd.settle([], [{ put: "large", value: "x".repeat(100_000) }]);
    const keeper = keeperOf(members, { keepMs: 0, defragmentBytes: 2 ** 20, defragmentBelow: 0.5 });
    const leader = (await members.look()).find(({ isLeader }) => isLeader)?.host;
    const order: string[] = [];
    const { defragment } = members;
    members.defragment = async (host) => {
      order.push(host);
      await defragment.call(members, host);
    };
    // What is compacted becomes free when something else is written.
    await expect
      .poll(
        async () => {
          await etcd.settle([], [{ put: "small", value: "x" }]);
          const before = order.length;
          await keeper.care();
          expect(order.length - before).toBeLessThanOrEqual(1);
          return order.length;
        },
        { timeout: 10_000, interval: 100 },
      )
      .toBe(3);
    expect(new Set(order).size).toBe(3);
    expect(order[2]).toBe(leader);
    for (const { bytes } of await members.look()) expect(bytes).toBeLessThan(2 ** 20);
    expect((await etcd.get("large"))?.value.length).toBe(100_000);
  });

  test("a member that is away is told of, and the others are left alone", { timeout: 30_000 }, async () => {
    const processes = await start(3);
    const members = new EtcdMembers({ hosts: processes.hosts, timeoutMs: 1000 });
    closes.push(() => members.close());
    const leader = (await members.look()).findIndex(({ isLeader }) => isLeader);
    const away = (leader + 1) % 3;
    await processes.signal(away, "SIGKILL");
    const found = await members.look();
    expect(problemsOfEtcd(found)).toEqual([
      expect.stringContaining(`member ${processes.hosts[away]} does not answer`),
    ]);
    members.defragment = async (host) => expect.fail(`${host} was defragmented`);
    await keeperOf(members, { defragmentBytes: 0, defragmentBelow: 2 }).care();
  });

  test("a watch goes on after what it would go on from was forgotten", { timeout: 30_000 }, async () => {
    const processes = await start(1);
    const [host] = processes.hosts;
    const link = await Link.open(Number(host.split(":")[1]));
    const watching = new Etcd({ hosts: [`127.0.0.1:${link.port}`] });
    const [etcd, members] = [new Etcd({ hosts: [host] }), new EtcdMembers({ hosts: [host] })];
    const seen: (string | undefined)[] = [];
    const stop = watching.watch("k", (change) => seen.push(change?.value));
    closes.push(
      () => link.close(),
      () => members.close(),
      () => etcd.close(),
      () => watching.close(),
      stop,
    );
    const put = (value: string) => etcd.settle([], [{ put: "k", value }]);
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await put("1");
    await expect.poll(() => seen).toContain("1");
    link.cut = "both";
    link.drop();
    for (const value of ["2", "3", "4"]) await put(value);
    const [{ revision }] = await members.look();
    await members.compact(host, revision as number);
    const before = seen.length;
    link.cut = "none";
    await expect.poll(() => seen.slice(before), { timeout: 10_000 }).toContain(undefined);
    await expect
      .poll(
        async () => {
          await put("5");
          return seen;
        },
        { timeout: 10_000 },
      )
      .toContain("5");
  });
});

test("problems of members that raise alarms, have no leader, or are nearly full", () => {
  const member = { host: "m", isLeader: true, hasLeader: true, bytes: 100, bytesInUse: 100, alarms: [] };
  expect(problemsOfEtcd([member])).toEqual([]);
  expect(problemsOfEtcd([{ ...member, alarms: ["CORRUPT"] }])).toEqual([
    expect.stringMatching(/m holds other data.*etcdctl/),
  ]);
  expect(problemsOfEtcd([{ ...member, isLeader: false, hasLeader: false }])).toEqual([
    expect.stringContaining("no leader"),
  ]);
  expect(problemsOfEtcd([member], 110)).toEqual([expect.stringContaining("nearly full")]);
});
