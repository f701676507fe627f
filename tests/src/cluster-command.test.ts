/** `vicinal cluster start` and `status`: a cluster on one machine by one command, which ends with all of its processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { hasEtcd } from "./cluster-home.js";

const bin = join(dirname(createRequire(import.meta.url).resolve("@vicinal/cli")), "../bin/vicinal.js");

function run(...args: string[]) {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes) => {
      text += bytes;
    });
  return { child, text: () => text, ended: once(child, "exit").then(([code]) => code as number | null) };
}

test.skipIf(!hasEtcd)("starts, says how it is, serves, and ends", { timeout: 90_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "vicinal-"));
  // Its own ports follow from the first one; connections that go out get higher ones.
  const port = 10_000 + Math.floor(Math.random() * 20_000);
  const url = `http://127.0.0.1:${port}`;
  const started = run("cluster", "start", "--nodes", "2", "--data", folder, "--port", String(port));
  try {
    await expect
      .poll(started.text, { timeout: 40_000 })
      .toMatch(/node-1 at .*[\s\S]*node-2 at |node-2 at .*[\s\S]*node-1 at /);
    const made = await fetch(`${url}/collections/films`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ vectors: { size: 2, distance: "Dot" }, shard_number: 2, replication_factor: 2 }),
    });
    expect(made.status).toBe(200);
    const status = () => run("cluster", "status", "--url", url);
    await expect
      .poll(
        async () => {
          const asked = status();
          await asked.ended;
          return asked.text();
        },
        { timeout: 15_000, interval: 500 },
      )
      .toMatch(/2 nodes: [\s\S]*films +0 +node-\d[\s\S]*films +1 +node-\d[\s\S]*All is well\./);
    const refused = run("serve", "--cluster", "etcd://127.0.0.1:1", "--port", "0");
    expect(await refused.ended).toBe(1);
    expect(refused.text()).toContain("--cluster needs --store");
    const half = run(
      "serve",
      "--cluster",
      "etcd://127.0.0.1:1",
      "--store",
      "dir:x",
      "--cluster-tls-ca",
      "ca.pem",
    );
    expect(await half.ended).toBe(1);
    expect(half.text()).toContain("--cluster-tls-key go together");
  } finally {
    started.child.kill("SIGINT");
    expect(await started.ended).toBe(0);
    await rm(folder, { recursive: true, force: true });
  }
  await expect(fetch(url)).rejects.toThrow();
});
