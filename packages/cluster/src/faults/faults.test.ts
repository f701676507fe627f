/**
 * Nothing that a cluster acknowledged is lost, done twice or read too old, whatever is killed, paused or fails under it. Clients
 * write all the while and compare what they read with what they know. The seed is printed; `VICINAL_SEED` repeats the same plan of
 * faults, `VICINAL_FAULTS` gives their number (default 12; each takes about two seconds).
 */
import { describe, expect, test } from "vitest";
import { pause } from "../etcd/etcd.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { keys } from "../log/keys.js";
import { seededRandom } from "../store/faulty-store.test.helper.js";
import { openStore } from "../store/open-store.js";
import { Client, difference, type Point } from "./client.test.helper.js";
import { LogWatch } from "./log-watch.test.helper.js";
import { TestCluster } from "./test-cluster.test.helper.js";

const seed = Number(process.env.VICINAL_SEED ?? Math.floor(Math.random() * 1e9));
const count = Number(process.env.VICINAL_FAULTS ?? 12);
const SHARDS = [0, 1, 2];
const NAMES = ["a", "b", "c"];

type Fault = (cluster: TestCluster, pick: (n: number) => number) => Promise<string>;

/** Each leaves the cluster whole again. */
const faults: Record<string, Fault> = {
  async "a node is killed"(cluster, pick) {
    const name = NAMES[pick(3)];
    await cluster.signal(name, "SIGKILL");
    await pause(500 + pick(2000));
    await cluster.launch(name);
    return name;
  },
  async "a node is paused"(cluster, pick) {
    const name = NAMES[pick(3)];
    await cluster.signal(name, "SIGSTOP");
    await pause(500 + pick(4000));
    await cluster.signal(name, "SIGCONT");
    return name;
  },
  async "a node is restarted in good order"(cluster, pick) {
    const name = NAMES[pick(3)];
    await cluster.signal(name, "SIGTERM");
    await cluster.launch(name);
    return name;
  },
  async "all nodes are killed"(cluster) {
    await Promise.all(NAMES.map((name) => cluster.signal(name, "SIGKILL")));
    await Promise.all(NAMES.map((name) => cluster.launch(name)));
    return NAMES.join();
  },
  async "a member of etcd is killed"(cluster, pick) {
    const i = pick(3);
    await cluster.members.signal(i, "SIGKILL");
    await pause(500 + pick(1500));
    cluster.members.launch(i);
    return String(i);
  },
  async "a member of etcd is paused"(cluster, pick) {
    const i = pick(3);
    await cluster.members.signal(i, "SIGSTOP");
    await pause(500 + pick(3000));
    await cluster.members.signal(i, "SIGCONT");
    return String(i);
  },
  async "most of etcd is away"(cluster, pick) {
    const i = pick(3);
    const two = [i, (i + 1) % 3];
    for (const member of two) await cluster.members.signal(member, "SIGKILL");
    await pause(1000 + pick(2000));
    for (const member of two) cluster.members.launch(member);
    return two.join();
  },
  async "all of etcd is killed"(cluster, pick) {
    for (const member of [0, 1, 2]) await cluster.members.signal(member, "SIGKILL");
    await pause(500 + pick(1500));
    for (const member of [0, 1, 2]) cluster.members.launch(member);
    return "";
  },
  async "a node is cut off"(cluster, pick) {
    const name = NAMES[pick(3)];
    const how = (["both", "deaf", "mute"] as const)[pick(3)];
    cluster.cut(name, how);
    await pause(1000 + pick(4000));
    cluster.cut(name, "none");
    return `${name} ${how}`;
  },
  async "a node's clock jumps"(cluster, pick) {
    const name = NAMES[pick(3)];
    const offsetMs = (pick(2) === 0 ? -1 : 1) * 3_600_000;
    cluster.setClock(name, offsetMs);
    await pause(1000 + pick(2000));
    cluster.setClock(name, 0);
    return `${name} ${offsetMs}`;
  },
  async "a node's disk is full"(cluster, pick) {
    const name = NAMES[pick(3)];
    cluster.setFull(name, true);
    await pause(1000 + pick(3000));
    cluster.setFull(name, false);
    return name;
  },
  async "the store fails and is slow"(cluster, pick) {
    cluster.setFaults({
      delayMs: 20,
      failBefore: 0.1,
      failAfter: 0.1,
      duplicate: 0.1,
      truncate: 0.02,
      stale: 0.3,
    });
    await pause(1000 + pick(2000));
    cluster.setFaults({});
    return "";
  },
};

describe.skipIf(!hasEtcd)("a cluster under faults", () => {
  test("loses nothing, does nothing twice and shows nothing old", {
    timeout: 60_000 + count * 20_000,
  }, async () => {
    console.log(`VICINAL_SEED=${seed} VICINAL_FAULTS=${count}`);
    const random = seededRandom(seed);
    const pick = (n: number) => Math.floor(random() * n);
    const cluster = await TestCluster.start(NAMES, seed);
    try {
      await cluster.metadata.createCollection("c", {
        vectors: { size: 4, distance: "Euclid" },
        shard_number: SHARDS.length,
        replication_factor: 3,
      });
      const collection = cluster.view.collections.get("c")?.record.id as string;
      const shards = SHARDS.map((shard) => `${collection}/${shard}`);
      const watch = new LogWatch({ etcd: cluster.etcd, store: openStore(cluster.storeUrl) }, shards);
      const clients = [0, 1, 2].map(
        (i) =>
          new Client(cluster, {
            collection,
            shards: SHARDS,
            name: `w${i}`,
            first: i * 1000,
            random: seededRandom(seed + i),
          }),
      );
      let going = true;
      const failures: unknown[] = [];
      const writing = clients.map(async (client) => {
        while (going && failures.length === 0) await client.step().catch((reason) => failures.push(reason));
      });
      const events: { name: string; ms: number }[] = [];
      const names = Object.keys(faults);
      await pause(500);
      // Each kind at least once, where there are as many.
      for (let i = 0; i < count && failures.length === 0; i++) {
        const name = i < names.length ? names[i] : names[pick(names.length)];
        const ms = performance.now();
        const what = await faults[name](cluster, pick);
        events.push({ name, ms });
        if (process.env.VICINAL_LOG) console.log(`${name} ${what}`);
        await pause(500 + pick(1000));
      }
      going = false;
      await Promise.all(writing);
      expect(failures).toEqual([]);
      const checked = await everywhere(cluster, collection, clients);
      await watch.end();
      const operations = clients.flatMap(({ operations }) => operations);
      const twice = [...watch.counts].filter(([, times]) => times > 1);
      const acknowledged = clients.flatMap(({ acknowledged }) => acknowledged);
      // From a fault to the first answer to a write that began after it, of each shard.
      const gaps = events
        .filter(({ name }) => name.startsWith("a node"))
        .flatMap(({ ms }) =>
          SHARDS.flatMap((shard) => {
            const next = acknowledged.find((one) => one.shard === shard && one.startedMs > ms);
            return next ? [(next.ms - ms) / 1000] : [];
          }),
        )
        .sort((a, b) => a - b);
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
      console.log(
        [
          `operations ${operations.length}, faults ${events.length}, acknowledged ${acknowledged.length}, checked on replicas ${checked}`,
          `reads ${sum(clients.map(({ reads }) => reads))}, sent again ${sum(clients.map(({ repeats }) => repeats))}, lost 0, duplicated ${twice.length}`,
          `seconds without writes to a shard after a node went: p50 ${gaps[gaps.length >> 1]?.toFixed(2)}, max ${gaps.at(-1)?.toFixed(2)}`,
        ].join("\n"),
      );
      expect(twice).toEqual([]);
      expect(acknowledged.length).toBe(operations.length);
      expect(acknowledged.length).toBeGreaterThan(count * 5);
      expect(watch.counts.size + watch.missed).toBeGreaterThanOrEqual(operations.length);
      // No two owners wrote: the chain of each log is one (the watch throws otherwise), and each owner's epoch was its own.
      for (const shard of shards) expect(await cluster.etcd.get(keys.owner(shard))).toBeDefined();
    } finally {
      await cluster.stop();
    }
  });
});

/** Every replica holds exactly what the clients know. */
async function everywhere(
  cluster: TestCluster,
  collection: string,
  clients: readonly Client[],
): Promise<number> {
  let checked = 0;
  for (const shard of SHARDS) {
    const expected = new Map<number, Point>();
    for (const client of clients)
      for (const [id, point] of client.points) if (client.shardOf(id) === shard) expected.set(id, point);
    for (const node of NAMES) {
      const { points } = await eventually(
        async () =>
          (await cluster.transport.call(
            node,
            { collection, shard },
            "scroll",
            [{ limit: 10_000, with_payload: true, with_vector: true }],
            { strong: true, timeoutMs: 5000 },
          )) as { points: (Point & { id: number })[] },
      );
      expect(points.map(({ id }) => id).sort((a, b) => a - b)).toEqual(
        [...expected.keys()].sort((a, b) => a - b),
      );
      for (const point of points) {
        expect(difference(expected.get(point.id), point)).toBeUndefined();
        checked++;
      }
    }
  }
  return checked;
}

async function eventually<T>(look: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 30_000; ; await pause(100))
    try {
      return await look();
    } catch (reason) {
      if (Date.now() > end) throw reason;
    }
}
