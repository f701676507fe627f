/**
 * `npm run scale -w bench`: larger clusters than a machine can show, simulated with the costs that `npm run cluster -w bench` has
 * measured here and those that docs/scale.md assumes. Results: text and `bench/results/scale.json`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { machine } from "../report/machine.js";
import { type Cluster, type Costs, simulateQueries, simulateWrites } from "./model.js";

const results = new URL("../../results/", import.meta.url);
const measured = JSON.parse(readFileSync(new URL("cluster.json", results), "utf8")) as {
  etcd: { transactionMs: number; shardInTransactionMs: number };
  query: { localMs: { p50: number; p99: number } };
};
const costs: Costs = {
  // Assumed: an object store of a cloud, and a network within one of its zones.
  putMs: { p50: 30, p99: 150 },
  etcdTripMs: { p50: 3, p99: 15 },
  tripMs: { p50: 0.5, p99: 3 },
  // Measured.
  transactionMs: measured.etcd.transactionMs,
  shardInTransactionMs: measured.etcd.shardInTransactionMs,
  shardQueryMs: { p50: measured.query.localMs.p50, p99: measured.query.localMs.p99 },
};
/** US dollars for a million requests, and for a gigabyte and month. */
const prices = { putsPerMillion: 5, getsPerMillion: 0.4, gigabyteMonth: 0.023 };
const MONTH_SECONDS = 30 * 86_400;
const POINTS_PER_SHARD = 5e6;
const BYTES_PER_POINT = 768 * 4 * 1.3;
const REPLICAS = 2;
const BATCH = 100;
const seed = 7;
const round = (value: number, digits = 1) => Number(value.toFixed(digits));

const rows = [3, 10, 100, 1000].map((nodes) => {
  const shards = 2 * nodes;
  const cluster: Cluster = { nodes, shardsPerNode: shards / nodes, processorsPerNode: 16 };
  // 50 batches a second and node: 5,000 points each.
  const batches = 50 * nodes;
  const write = simulateWrites(cluster, costs, batches, seed);
  const perSecond = 100;
  const plain = simulateQueries(cluster, costs, { perSecond, fanOut: shards }, seed);
  const one = simulateQueries(cluster, costs, { perSecond, fanOut: 1 }, seed);
  const hedged = simulateQueries(
    cluster,
    costs,
    { perSecond, fanOut: shards, hedgeAfterMs: one.ms.p99 },
    seed,
  );
  // Each replica but the owner's reads each slice.
  const gets =
    write.putsPerSecond * (REPLICAS - 1) * Math.min(batches / write.putsPerSecond, cluster.shardsPerNode);
  const points = shards * POINTS_PER_SHARD;
  const dollars = {
    puts: (write.putsPerSecond * MONTH_SECONDS * prices.putsPerMillion) / 1e6,
    gets: (gets * MONTH_SECONDS * prices.getsPerMillion) / 1e6,
    bytes: ((points * BYTES_PER_POINT) / 1e9) * prices.gigabyteMonth,
  };
  return {
    nodes,
    points,
    shards,
    write: {
      pointsPerSecond: batches * BATCH,
      ackMs: { p50: round(write.ackMs.p50), p99: round(write.ackMs.p99) },
      transactionsPerSecond: round(write.transactionsPerSecond),
      etcdBusy: round(write.etcdBusy, 3),
      waiting: write.waiting,
    },
    query: {
      perSecond,
      plainMs: { p50: round(plain.ms.p50), p99: round(plain.ms.p99) },
      hedgedMs: { p50: round(hedged.ms.p50), p99: round(hedged.ms.p99) },
      callsHedged: round(hedged.calls / shards, 3),
      busy: round(plain.busy, 3),
    },
    dollarsPerMonth: {
      puts: Math.round(dollars.puts),
      gets: Math.round(dollars.gets),
      bytes: Math.round(dollars.bytes),
    },
  };
});

/** Most batches a second that a cluster acknowledges with etcd busy for 80 of 100. */
function mostBatches(nodes: number, shardsPerNode: number): number {
  let low = 1;
  let high = 1e6;
  while (high / low > 1.1) {
    const middle = Math.sqrt(low * high);
    const result = simulateWrites({ nodes, shardsPerNode, processorsPerNode: 16 }, costs, middle, seed);
    if (result.etcdBusy < 0.8 && result.waiting < middle * 5) low = middle;
    else high = middle;
  }
  return Math.round(low);
}
const limits = [100, 1000].map((nodes) => ({ nodes, batchesPerSecond: mostBatches(nodes, 2) }));

for (const { nodes, points, write, query, dollarsPerMonth } of rows) {
  console.log(
    [
      `${nodes} nodes, ${(points / 1e6).toLocaleString("en")} million points`,
      `writes: ${write.pointsPerSecond.toLocaleString("en")} points/s, acknowledged in ${write.ackMs.p50} ms (p99 ${write.ackMs.p99}); etcd ${write.transactionsPerSecond} transactions/s, busy ${write.etcdBusy}`,
      `queries: ${query.plainMs.p50} ms (p99 ${query.plainMs.p99}), hedged ${query.hedgedMs.p50} (p99 ${query.hedgedMs.p99}, ${query.callsHedged} calls per shard); processors busy ${query.busy}`,
      `a month: $${dollarsPerMonth.puts} puts, $${dollarsPerMonth.gets} gets, $${dollarsPerMonth.bytes} bytes`,
    ].join("\n  "),
  );
}
for (const { nodes, batchesPerSecond } of limits)
  console.log(
    `${nodes} nodes: etcd is full at ${batchesPerSecond} batches/s (${batchesPerSecond * BATCH} points/s)`,
  );
writeFileSync(
  new URL("scale.json", results),
  `${JSON.stringify({ machine: machine(), seed, costs, prices, rows, limits }, null, 2)}\n`,
);
