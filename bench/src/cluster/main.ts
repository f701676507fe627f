/**
 * `npm run cluster -w bench`: what a cluster costs. Three members of etcd, three nodes and the clients share the machine, so the
 * figures are those of everything together. Results: text and `bench/results/cluster.json`, from which the simulation of larger
 * clusters takes its costs (`npm run scale -w bench`).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { keys, LogTail, openStore } from "@vicinal/cluster";
import { open } from "vicinal";
import { percentile } from "../measure/stats.js";
import { machine } from "../report/machine.js";
import { BenchCluster } from "./bench-cluster.js";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "64" },
    seconds: { type: "string", default: "10" },
    dimensions: { type: "string", default: "768" },
    shards: { type: "string", default: "6" },
  },
});
const clients = Number(values.clients);
const seconds = Number(values.seconds);
const dimensions = Number(values.dimensions);
const shardCount = Number(values.shards);
const BATCH = 100;

const round = (value: number, digits = 2) => Number(value.toFixed(digits));
const spread = (values: readonly number[]) => ({
  p50: round(percentile(values, 0.5)),
  p95: round(percentile(values, 0.95)),
  p99: round(percentile(values, 0.99)),
});

function vectorOf(seed: number): Float32Array {
  let state = (seed * 2654435761) >>> 0;
  return Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}

/** Batches of one shard each, as a coordinator would have split them. */
async function writes(cluster: BenchCluster, collection: string, shards: readonly number[]) {
  const latencies: number[] = [];
  const before = await cluster.counts();
  const beganMs = performance.now();
  const end = beganMs + seconds * 1000;
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const shard = shards[client % shards.length];
      const owner = await cluster.owner(collection, shard);
      while (performance.now() < end) {
        const points = Array.from({ length: BATCH }, () => {
          const id = next++;
          return { id, vector: vectorOf(id), payload: { n: id } };
        });
        const started = performance.now();
        await cluster.transport.call(owner, { collection, shard }, "upsert", [{ points }]);
        latencies.push(performance.now() - started);
      }
    }),
  );
  const wallSeconds = (performance.now() - beganMs) / 1000;
  const after = await cluster.counts();
  const sum = (pick: (one: (typeof after)[0]) => number) =>
    after.reduce((total, one) => total + pick(one), 0) - before.reduce((total, one) => total + pick(one), 0);
  const batches = latencies.length;
  return {
    batches,
    pointsPerSecond: Math.round((batches * BATCH) / wallSeconds),
    ackMs: spread(latencies),
    transactionsPerSecond: round(sum(({ counts }) => counts.transactions) / wallSeconds),
    batchesPerTransaction: round(batches / sum(({ counts }) => counts.transactions)),
    objectBytesPerSecond: Math.round(sum(({ counts }) => counts.bytes) / wallSeconds),
    nodesCpuSeconds: round(sum(({ cpuSeconds }) => cpuSeconds)),
    wallSeconds: round(wallSeconds),
  };
}

/** etcd's own work: full of transactions of one shard and of forty, none of which waits for another. */
async function etcdWork({ etcd }: BenchCluster) {
  const perSecond = async (shards: number) => {
    const end = performance.now() + 3000;
    const began = performance.now();
    let count = 0;
    await Promise.all(
      Array.from({ length: 32 }, async (_, worker) => {
        for (let n = 0; performance.now() < end; n++) {
          const names = Array.from({ length: shards }, (_, i) => `bench/${shards}/${worker}/${i}`);
          const value = JSON.stringify({
            first: n,
            last: n,
            object: "batches/0000000000000001/0000000001",
            offset: 64,
            length: 4096,
            before: "0".repeat(32),
            hash: "0".repeat(32),
          });
          await etcd.settle(
            names.flatMap((name) => [
              { key: `${name}/owner`, absent: true },
              { key: `${name}/routing`, absent: true },
              { key: `${name}/log/${n}`, absent: true },
            ]),
            names.flatMap((name) => [
              { put: `${name}/log/${n}`, value },
              { put: `${name}/head`, value },
            ]),
          );
          count++;
        }
      }),
    );
    return (count / (performance.now() - began)) * 1000;
  };
  const [one, forty] = [await perSecond(1), await perSecond(40)];
  const shardInTransactionMs = (1000 / forty - 1000 / one) / 39;
  return {
    perSecondOfOneShard: Math.round(one),
    perSecondOfFortyShards: Math.round(forty),
    transactionMs: round(1000 / one - shardInTransactionMs, 4),
    shardInTransactionMs: round(shardInTransactionMs, 4),
  };
}

/** One client, one small write at a time, on an otherwise idle cluster: what an acknowledgement costs at least. */
async function idleAck(cluster: BenchCluster, collection: string, shard: number) {
  const owner = await cluster.owner(collection, shard);
  const latencies: number[] = [];
  for (let i = 0; i < 100; i++) {
    const started = performance.now();
    const points = [{ id: 1e9 + i, vector: vectorOf(i) }];
    await cluster.transport.call(owner, { collection, shard }, "upsert", [{ points }]);
    latencies.push(performance.now() - started);
  }
  return spread(latencies);
}

/** A query over the network against the same one in the process, in turns. */
async function queries(cluster: BenchCluster) {
  const count = 10_000;
  const { id: collection } = await cluster.create("queries", {
    vectors: { size: dimensions, distance: "Cosine" },
    shard_number: 1,
  });
  const local = await open(":memory:");
  await local.createCollection("queries", { vectors: { size: dimensions, distance: "Cosine" } });
  const owner = await cluster.owner(collection, 0);
  for (let from = 0; from < count; from += 500) {
    const points = Array.from({ length: 500 }, (_, i) => ({ id: from + i, vector: vectorOf(from + i) }));
    await cluster.transport.call(owner, { collection, shard: 0 }, "upsert", [{ points }]);
    await local.upsert("queries", { points });
  }
  await local.waitForIndex("queries");
  // Neither is being indexed any more.
  for (;;) {
    const info = await cluster.transport.call(owner, { collection, shard: 0 }, "getCollection", []);
    if ((info as { status: string }).status === "green") break;
    await sleep(100);
  }
  const here: number[] = [];
  const there: number[] = [];
  for (let i = 0; i < 300; i++) {
    const body = { query: vectorOf(1e6 + i), limit: 10 };
    let started = performance.now();
    await local.engine.query("queries", body);
    here.push(performance.now() - started);
    started = performance.now();
    await cluster.transport.call(owner, { collection, shard: 0 }, "query", [body]);
    there.push(performance.now() - started);
  }
  await local.close();
  return { points: count, localMs: spread(here), routedMs: spread(there) };
}

/** A node that has nothing takes a replica of every shard. */
async function rebuild(cluster: BenchCluster, name: string, collection: string, shards: readonly number[]) {
  const store = openStore(`dir:${cluster.folder}/store`);
  let bytes = 0;
  for await (const { size } of store.list(`shards/${collection}/`)) bytes += size;
  for (const shard of shards)
    await new LogTail({ etcd: cluster.etcd, store, shard: `${collection}/${shard}` }, 0)
      .read(({ bytes: { length } }) => {
        bytes += length;
      })
      .catch(() => {});
  await store.close();
  await cluster.launch("late");
  const started = performance.now();
  await cluster.metadata.reroute(name, (routing) => ({
    ...routing,
    shards: routing.shards.map((shard) => ({ ...shard, nodes: [...shard.nodes, "late"] })),
  }));
  for (const shard of shards)
    while (!(await cluster.etcd.get(keys.replica(`${collection}/${shard}`, "late")))) await sleep(10);
  const wallSeconds = (performance.now() - started) / 1000;
  return { bytes, wallSeconds: round(wallSeconds), bytesPerSecond: Math.round(bytes / wallSeconds) };
}

/** From the death of a shard's owner to the next acknowledged write. */
async function failover(cluster: BenchCluster, collection: string, shards: readonly number[]) {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const shard = shards[i % shards.length];
    const owner = await cluster.owner(collection, shard);
    const started = performance.now();
    await cluster.kill(owner);
    for (;;) {
      const next = await cluster.owner(collection, shard);
      const points = [{ id: 2e9 + i, vector: vectorOf(i) }];
      const options = { timeoutMs: 1000 };
      const done = await cluster.transport
        .call(next, { collection, shard }, "upsert", [{ points }], options)
        .then(
          () => true,
          () => false,
        );
      if (done) break;
      await sleep(20);
    }
    times.push((performance.now() - started) / 1000);
    await cluster.launch(owner);
    await sleep(1500);
  }
  return { seconds: spread(times), times: times.map((time) => round(time)) };
}

/** All nodes go and come back with empty caches, until every shard answers. */
async function coldStart(cluster: BenchCluster, collection: string, shards: readonly number[]) {
  const names = cluster.names;
  await Promise.all(names.map((name) => cluster.kill(name)));
  // Their keys are to be gone: what is measured is the start, not the leases.
  await sleep(4000);
  const started = performance.now();
  await Promise.all(names.map((name) => cluster.launch(name)));
  for (const shard of shards)
    for (;;) {
      const owner = await cluster.owner(collection, shard);
      const answer = cluster.transport.call(owner, { collection, shard }, "count", [{}], {
        timeoutMs: 60_000,
      });
      if (
        await answer.then(
          () => true,
          () => false,
        )
      )
        break;
      await sleep(20);
    }
  return { seconds: round((performance.now() - started) / 1000) };
}

const cluster = await BenchCluster.start(["a", "b", "c"]);
try {
  const body = {
    vectors: { size: dimensions, distance: "Cosine" },
    shard_number: shardCount,
    replication_factor: 2,
  };
  const { id, shards } = await cluster.create("writes", body);
  const query = await queries(cluster);
  console.log(`a query: ${query.localMs.p50} ms here, ${query.routedMs.p50} ms over the network`);
  const idle = await idleAck(cluster, id, shards[0]);
  console.log(`an idle cluster acknowledges a write in ${idle.p50} ms (p95 ${idle.p95})`);
  const etcd = await etcdWork(cluster);
  console.log(
    `etcd: ${etcd.perSecondOfOneShard} transactions/s of one shard, ${etcd.perSecondOfFortyShards} of forty`,
  );
  const writing = await writes(cluster, id, shards);
  console.log(
    `${clients} clients, batches of ${BATCH} x ${dimensions}: ${writing.pointsPerSecond.toLocaleString("en")} points/s, acknowledged in ${writing.ackMs.p50} ms (p99 ${writing.ackMs.p99}), ${writing.transactionsPerSecond} transactions/s of ${writing.batchesPerTransaction} batches`,
  );
  const rebuilding = await rebuild(cluster, "writes", id, shards);
  console.log(
    `a node takes ${Math.round(rebuilding.bytes / 1e6)} MB of replicas in ${rebuilding.wallSeconds} s`,
  );
  const failing = await failover(cluster, id, shards);
  console.log(
    `writes go on ${failing.seconds.p50} s after an owner's death (at most ${Math.max(...failing.times)})`,
  );
  const cold = await coldStart(cluster, id, shards);
  console.log(`all nodes start from nothing and serve after ${cold.seconds} s`);
  const folder = new URL("../../results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const report = {
    machine: machine(),
    clients,
    batch: BATCH,
    dimensions,
    shards: shardCount,
    idleAckMs: idle,
    etcd,
    writing,
    query,
    rebuilding,
    failing,
    cold,
  };
  writeFileSync(new URL("cluster.json", folder), `${JSON.stringify(report, null, 2)}\n`);
} finally {
  await cluster.stop();
}
