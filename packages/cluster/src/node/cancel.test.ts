/** Who leaves ends what was asked for in his name, also where it runs on another node. */
import { type Directory, MemoryDirectory } from "vicinal/shard";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClusterEngine } from "../engine/cluster-engine.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { ObjectCache } from "../store/object-cache.js";
import { ClusterNode } from "./cluster-node.js";
import { HttpTransport, NodeListener } from "./wire.js";

const SIZE = 1024;
const COUNT = 1280;
/** Of one read of a scan. */
const READ_BYTES = 2 ** 20;

/** Reads of vectors wait for `go`. */
class Gate {
  reads = 0;
  go: Promise<void> = Promise.resolve();
  onRead: () => void = () => {};

  over(inner: Directory): Directory {
    return new Proxy(inner, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        if (name !== "readInto") return member.bind(target);
        return async (path: string, offset: number, bytes: Uint8Array) => {
          if (bytes.length >= READ_BYTES / 2) {
            this.reads++;
            this.onRead();
            await this.go;
          }
          return target.readInto(path, offset, bytes);
        };
      },
    });
  }
}

describe.skipIf(!hasEtcd)("who leaves", () => {
  let processes: LocalEtcd;
  const gate = new Gate();
  const nodes: ClusterNode[] = [];
  const closes: (() => unknown)[] = [];

  async function join(name: string, cache: Directory): Promise<ClusterNode> {
    let node: ClusterNode | undefined;
    const listener = await NodeListener.listen(
      { host: "127.0.0.1", port: 0 },
      async ({ target, operation, args, options }, signal) => {
        asked.set(operation, signal);
        return (node as ClusterNode).run(target, operation, args, { ...options, signal });
      },
    );
    node = await ClusterNode.start({
      node: name,
      url: listener.url,
      etcd: { hosts: processes.hosts },
      recallCheckShare: 0,
      janitor: { rebalance: 0 },
      cache: await ObjectCache.open(store, cache, 2 ** 30),
    });
    const transport = new HttpTransport((other) => (node as ClusterNode).view.url(other));
    node.transport = transport;
    nodes.push(node);
    closes.push(
      () => transport.close(),
      () => listener.close(),
    );
    return node;
  }
  const store = new MemoryStore();
  /** By operation: that of the last call between nodes. */
  const asked = new Map<string, AbortSignal>();

  beforeAll(async () => {
    processes = await LocalEtcd.start();
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    for (const close of closes) await close();
    await processes.stop();
  });

  test("ends the scan on another node between two reads", { timeout: 30_000 }, async () => {
    const b = await join("b", gate.over(MemoryDirectory.empty()));
    await b.metadata.createCollection("c", {
      vectors: { size: SIZE, distance: "Dot", index: { type: "postings" } },
      optimizers_config: { indexing_threshold: 1 },
      shard_number: 1,
    });
    const a = await join("a", MemoryDirectory.empty());
    const engine = new ClusterEngine(a);
    for (let from = 0; from < COUNT; from += 256)
      await engine.upsert("c", {
        points: Array.from({ length: 256 }, (_, i) => ({
          id: from + i,
          vector: Float32Array.from({ length: SIZE }, (_, d) => Math.sin((from + i) * (d + 1))),
        })),
      });
    const [held] = b.shards.values();
    await held.collection.optimizer.settle({ everything: true });
    const request = { query: new Array(SIZE).fill(1), limit: 3, params: { exact: true } };

    gate.reads = 0;
    expect((await engine.query("c", request)).points).toHaveLength(3);
    const whole = gate.reads;
    expect(whole, "reads of a scan").toBeGreaterThan(3);

    gate.reads = 0;
    let open = () => {};
    gate.go = new Promise((resolve) => {
      open = resolve;
    });
    const reading = new Promise<void>((resolve) => {
      gate.onRead = resolve;
    });
    const client = new AbortController();
    const answer = engine.forRequest({ signal: client.signal }).query("c", request);
    await reading;
    client.abort();
    await expect(answer).rejects.toMatchObject({ code: "CANCELLED" });
    await expect.poll(() => asked.get("query")?.aborted).toBe(true);
    expect(gate.reads).toBe(1);
    open();
    gate.go = Promise.resolve();
    await engine.query("c", request);
    expect(gate.reads - 1, "reads of the second scan alone").toBe(whole);
  });

  test("ends the wait for a write that does not come", async () => {
    const a = nodes.find(({ name }) => name === "a") as ClusterNode;
    const target = { collection: (await a.view.find("c")).collection.record.id, shard: 0 };
    const client = new AbortController();
    const count = a.ask("b", target, "count", [{}], { minSequence: 1e6, signal: client.signal });
    client.abort();
    await expect(count).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
