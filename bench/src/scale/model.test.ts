import { expect, test } from "vitest";
import { percentile } from "../measure/stats.js";
import { Clock, exponential, lognormal, Station, seeded } from "./events.js";
import { type Costs, simulateQueries, simulateWrites } from "./model.js";

const costs: Costs = {
  putMs: { p50: 20, p99: 100 },
  transactionMs: 0.5,
  shardInTransactionMs: 0.05,
  etcdTripMs: { p50: 2, p99: 10 },
  shardQueryMs: { p50: 1, p99: 4 },
  tripMs: { p50: 0.5, p99: 3 },
};

test("events happen in the order of their times", () => {
  const clock = new Clock();
  const seen: number[] = [];
  const random = seeded(1);
  for (let i = 0; i < 1000; i++) {
    const at = random() * 100;
    clock.after(at, () => seen.push(at));
  }
  clock.run(100);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen).toHaveLength(1000);
});

test("a lognormal distribution has the percentiles that it was given", () => {
  const draw = lognormal(seeded(2), { p50: 10, p99: 80 });
  const values = Array.from({ length: 100_000 }, draw);
  expect(percentile(values, 0.5) / 10).toBeCloseTo(1, 1);
  expect(percentile(values, 0.99) / 80).toBeCloseTo(1, 1);
});

test("a queue with one server waits as the formula of Pollaczek and Khinchine says", () => {
  const clock = new Clock();
  const random = seeded(3);
  const wait = exponential(random, 1);
  const work = exponential(random, 0.7);
  const station = new Station(clock, 1);
  let total = 0;
  let count = 0;
  const arrive = () => {
    const began = clock.now;
    station.serve(work(), () => {
      total += clock.now - began;
      count++;
    });
    clock.after(wait(), arrive);
  };
  arrive();
  clock.run(200_000);
  // M/M/1: the mean time in the system is the work divided by the share of idle time.
  expect(total / count / (0.7 / 0.3)).toBeGreaterThan(0.9);
  expect(total / count / (0.7 / 0.3)).toBeLessThan(1.1);
});

test("an idle cluster acknowledges after one put and one transaction; one that is asked too much falls behind", () => {
  const cluster = { nodes: 10, shardsPerNode: 10, processorsPerNode: 8 };
  const idle = simulateWrites(cluster, costs, 20, 4);
  expect(idle.ackMs.p50).toBeGreaterThan(costs.putMs.p50);
  expect(idle.ackMs.p50).toBeLessThan(2 * costs.putMs.p50);
  expect(idle.waiting).toBeLessThan(10);
  const large = { ...cluster, nodes: 2000 };
  const busy = simulateWrites(large, { ...costs, transactionMs: 5 }, 20_000, 4);
  expect(busy.etcdBusy).toBeGreaterThan(0.95);
  expect(busy.ackMs.p99).toBeGreaterThan(10 * idle.ackMs.p99);
});

test("a query waits for its slowest shard, and less so when it asks twice", () => {
  const cluster = { nodes: 100, shardsPerNode: 1, processorsPerNode: 8 };
  const one = simulateQueries(cluster, costs, { perSecond: 50, fanOut: 1 }, 5);
  const all = simulateQueries(cluster, costs, { perSecond: 50, fanOut: 100 }, 5);
  const hedged = simulateQueries(cluster, costs, { perSecond: 50, fanOut: 100, hedgeAfterMs: 4 }, 5);
  expect(all.ms.p50).toBeGreaterThan(one.ms.p99 * 0.8);
  expect(hedged.ms.p99).toBeLessThan(all.ms.p99);
  expect(hedged.calls).toBeLessThan(110);
});
