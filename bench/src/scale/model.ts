/** The two lives of a cluster: writes through store and etcd, queries over shards. See docs/scale.md for what is assumed. */
import { percentile } from "../measure/stats.js";
import { Clock, exponential, lognormal, Station, seeded } from "./events.js";

export interface Spread {
  p50: number;
  p99: number;
}

/** Milliseconds, and what a request of the store costs. */
export interface Costs {
  /** A put of a batch object. */
  putMs: Spread;
  /** etcd's work for a transaction, and for each shard in it. */
  transactionMs: number;
  shardInTransactionMs: number;
  /** The way to etcd and back, and its members' agreement. */
  etcdTripMs: Spread;
  /** A query on one shard: processor time of the node. */
  shardQueryMs: Spread;
  /** The way to a node and back. */
  tripMs: Spread;
}

export interface Cluster {
  nodes: number;
  /** Shards that each node owns. */
  shardsPerNode: number;
  processorsPerNode: number;
}

/** Shards of one transaction, as of the committer. */
const SHARDS_PER_TRANSACTION = 40;

export interface WriteResult {
  ackMs: { p50: number; p99: number };
  transactionsPerSecond: number;
  /** Share of the time in which etcd works. */
  etcdBusy: number;
  putsPerSecond: number;
  /** Batches that wait at the end: of a cluster that does not keep up they grow. */
  waiting: number;
}

/** @param batches That clients send per second, each to one shard. */
export function simulateWrites(
  { nodes, shardsPerNode }: Cluster,
  costs: Costs,
  batches: number,
  seed: number,
): WriteResult {
  const seconds = 20;
  const clock = new Clock();
  const random = seeded(seed);
  const put = lognormal(random, costs.putMs);
  const trip = lognormal(random, costs.etcdTripMs);
  const wait = exponential(random, 1000 / batches);
  const etcd = new Station(clock, 1);
  const latencies: number[] = [];
  let puts = 0;
  let transactions = 0;
  const queues: { arrived: number; shard: number }[][] = Array.from({ length: nodes }, () => []);
  const running = new Uint8Array(nodes);

  function commit(node: number): void {
    const queue = queues[node];
    if (running[node] || queue.length === 0) return;
    running[node] = 1;
    // What waits for one shard is one slice of it: the engine's writer gathers it.
    const shards = new Set<number>();
    let count = 0;
    for (; count < queue.length; count++) {
      shards.add(queue[count].shard);
      if (shards.size > SHARDS_PER_TRANSACTION) break;
    }
    const group = queue.splice(0, count);
    puts++;
    clock.after(put(), () => {
      transactions++;
      clock.after(trip(), () =>
        etcd.serve(costs.transactionMs + shards.size * costs.shardInTransactionMs, () => {
          for (const { arrived } of group) latencies.push(clock.now - arrived);
          running[node] = 0;
          commit(node);
        }),
      );
    });
  }

  function arrive(): void {
    const node = Math.floor(random() * nodes);
    queues[node].push({ arrived: clock.now, shard: Math.floor(random() * shardsPerNode) });
    commit(node);
    clock.after(wait(), arrive);
  }
  arrive();
  clock.run(seconds * 1000);
  return {
    ackMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
    transactionsPerSecond: transactions / seconds,
    etcdBusy: etcd.busyMs / (seconds * 1000),
    putsPerSecond: puts / seconds,
    waiting: queues.reduce((sum, queue) => sum + queue.length, 0) + etcd.waiting,
  };
}

export interface QueryResult {
  ms: { p50: number; p99: number };
  /** Share of the nodes' processors in use. */
  busy: number;
  /** Calls to shards per query, hedges included. */
  calls: number;
}

/**
 * @param fanOut Shards that a query asks; each has two replicas, on nodes next to each other.
 * @param hedgeAfterMs A second replica is asked after so long; undefined for never.
 */
export function simulateQueries(
  { nodes, processorsPerNode }: Cluster,
  costs: Costs,
  { perSecond, fanOut, hedgeAfterMs }: { perSecond: number; fanOut: number; hedgeAfterMs?: number },
  seed: number,
): QueryResult {
  // As many queries as give a p99, and not more work than a simulation is worth.
  const count = Math.max(500, Math.min(4000, Math.floor(1_500_000 / fanOut)));
  const clock = new Clock();
  const random = seeded(seed);
  const work = lognormal(random, costs.shardQueryMs);
  const trip = lognormal(random, costs.tripMs);
  const wait = exponential(random, 1000 / perSecond);
  const stations = Array.from({ length: nodes }, () => new Station(clock, processorsPerNode));
  const latencies: number[] = [];
  let calls = 0;
  let asked = 0;

  function ask(shard: number, replica: number, answer: () => void): void {
    calls++;
    const there = trip() / 2;
    clock.after(there, () =>
      stations[(shard + replica) % nodes].serve(work(), () => clock.after(there, answer)),
    );
  }

  function query(): void {
    const began = clock.now;
    let open = fanOut;
    for (let shard = 0; shard < fanOut; shard++) {
      let answered = false;
      const answer = () => {
        if (answered) return;
        answered = true;
        if (--open === 0) latencies.push(clock.now - began);
      };
      const first = random() < 0.5 ? 0 : 1;
      ask(shard, first, answer);
      if (hedgeAfterMs !== undefined)
        clock.after(hedgeAfterMs, () => {
          if (!answered) ask(shard, 1 - first, answer);
        });
    }
    if (++asked < count) clock.after(wait(), query);
  }
  query();
  clock.run(Number.MAX_SAFE_INTEGER);
  const lastMs = (count / perSecond) * 1000;
  const busyMs = stations.reduce((sum, station) => sum + station.busyMs, 0);
  return {
    ms: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) },
    busy: busyMs / (lastMs * nodes * processorsPerNode),
    calls: calls / count,
  };
}
