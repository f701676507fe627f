/** Nodes with certificates: only those that the same authority has signed talk to each other. */
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { joinCluster } from "../join.js";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { LocalEtcd } from "../local/local-etcd.js";
import { MemoryStore } from "../store/memory-store.js";
import { Authority } from "./certificates.test.helper.js";
import { HttpTransport, NodeListener, type NodeTls } from "./wire.js";

const authority = new Authority();
const target = { collection: "c", shard: 0 };
const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

async function listen(tls: NodeTls | undefined): Promise<NodeListener> {
  const listener = await NodeListener.listen({ host: "127.0.0.1", port: 0, tls }, async ({ args }) => args);
  closes.push(() => listener.close());
  return listener;
}

function caller(url: string, tls: NodeTls | undefined): Promise<unknown> {
  const transport = new HttpTransport(() => url, undefined, tls);
  closes.push(() => transport.close());
  return transport.call("a", target, "echo", [1n, "x"]);
}

test("nodes of one authority understand each other", async () => {
  const { url } = await listen(authority.signed());
  expect(url).toMatch(/^https:/);
  expect(await caller(url, authority.signed())).toEqual([1n, "x"]);
});

test("who shows no certificate, or one of another authority, is not answered", async () => {
  const { url } = await listen(authority.signed());
  const { cert, key } = new Authority().signed();
  const other = caller(url, { ca: authority.ca, cert, key });
  await expect(other).rejects.toMatchObject({ code: "SHARD_UNAVAILABLE" });
  const nobody = new Promise((resolve, reject) => {
    const sent = request(`${url}/cluster/call`, { ca: authority.ca, method: "POST" }, resolve);
    sent.on("error", reject).end();
  });
  await expect(nobody).rejects.toThrow(/certificate required|alert|reset|hang up/i);
});

test("a node that another authority has signed, or for another address, is not called", async () => {
  const strange = await listen(new Authority("authority").signed());
  await expect(caller(strange.url, authority.signed())).rejects.toThrow(/does not answer/);
  const moved = await listen(authority.signed("127.0.0.9"));
  await expect(caller(moved.url, authority.signed())).rejects.toThrow(/altnames|IP/);
});

test("with and without TLS do not go together, either way", async () => {
  const safe = await listen(authority.signed());
  await expect(caller(safe.url, undefined)).rejects.toThrow(/wants TLS/);
  const open = await listen(undefined);
  await expect(caller(open.url, authority.signed())).rejects.toThrow(/without TLS/);
});

test("nothing goes in the clear", async () => {
  const { url } = await listen(authority.signed());
  const { port } = new URL(url);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write("POST /cluster/call HTTP/1.1\r\nhost: x\r\n\r\n"),
    );
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.on("error", () => {});
  });
  expect(answer).not.toContain("HTTP/1.1");
});

test("certificates that are none are refused at the start", async () => {
  const { ca, cert } = authority.signed();
  const { key } = authority.signed();
  for (const tls of [
    { ca, cert: "x", key },
    { ca, cert, key },
  ])
    await expect(listen(tls)).rejects.toMatchObject({ code: "BAD_REQUEST", details: { field: "tls" } });
});

test.skipIf(!hasEtcd)("a cluster with certificates", { timeout: 30_000 }, async () => {
  const processes = await LocalEtcd.start();
  closes.push(() => processes.stop());
  const store = new MemoryStore();
  const nodes = await Promise.all(
    ["a", "b"].map(async (node) => {
      const folder = await mkdtemp(join(tmpdir(), "vicinal-"));
      const joined = await joinCluster({
        node,
        store,
        etcd: { hosts: processes.hosts },
        cache: { folder },
        tls: authority.signed(),
        janitor: { rebalance: 0 },
      });
      closes.unshift(async () => {
        await joined.close();
        await rm(folder, { recursive: true });
      });
      return joined;
    }),
  );
  for (const { url } of nodes) expect(url).toMatch(/^https:/);
  await nodes[0].engine.createCollection("c", { vectors: { size: 1, distance: "Dot" }, shard_number: 2 });
  const points = Array.from({ length: 20 }, (_, id) => ({ id, vector: [id] }));
  // Two shards on two nodes: each asks the other.
  await nodes[0].engine.upsert("c", { points });
  for (const { engine } of nodes) expect(await engine.count("c", {})).toEqual({ count: 20 });
});
