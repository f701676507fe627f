/** `vicinal cluster status` and `vicinal cluster start`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import type { ClusterStatus } from "vicinal/protocol";
import { UserError } from "../errors.js";
import { table } from "../report/table.js";
import { stopSignal } from "./serve.js";

/** What `GET /cluster` answers. */
type Answer =
  | { status: "disabled" }
  | ({ status: "enabled" } & Pick<ClusterStatus, "node" | "shards" | "etcd" | "problems"> & {
        peers: Record<string, { uri: string; node: string }>;
      });

/** Resolves to the exit code: 2 where something is wrong. */
export async function clusterStatus({ url, json }: { url: string; json?: boolean }): Promise<number> {
  const response = await fetch(new URL("/cluster", url)).catch((cause: unknown) => {
    throw new UserError(`${url} does not answer`, { cause });
  });
  const { result } = (await response.json()) as { result: Answer };
  if (json) console.log(JSON.stringify(result, null, 2));
  if (result.status === "disabled") {
    if (!json) console.log(`${url} is a server with one node, no cluster`);
    return 0;
  }
  if (!json) console.log(statusText(result));
  return result.problems.length > 0 ? 2 : 0;
}

export function statusText({
  peers,
  shards,
  etcd,
  problems,
}: Exclude<Answer, { status: "disabled" }>): string {
  const nodes = Object.values(peers).map(({ node, uri }) => `${node} (${uri})`);
  const rows = shards.map(({ collection, shard_id, shard_key, owner, epoch, sequence, replicas }) => [
    collection,
    shard_key === undefined ? String(shard_id) : `${shard_id} (${shard_key})`,
    owner ?? "nobody",
    String(epoch ?? ""),
    String(sequence),
    replicas
      .map(({ node, state, lag }) => (state === "owner" ? node : `${node} ${state}${lag ? ` -${lag}` : ""}`))
      .join(", "),
  ]);
  const lines = [`${nodes.length} nodes: ${nodes.join(", ")}`];
  if (rows.length > 0)
    lines.push("", table(["collection", "shard", "owner", "epoch", "writes", "replicas"], rows));
  lines.push("", etcdText(etcd));
  lines.push("", ...(problems.length > 0 ? problems.map((problem) => `! ${problem}`) : ["All is well."]));
  return lines.join("\n");
}

function etcdText(members: ClusterStatus["etcd"]): string {
  const shown = members.map(({ host, failure, leader, bytes = 0, bytes_in_use = 0 }) => {
    if (failure !== undefined) return `${host} does not answer`;
    return `${host}${leader ? " leads" : ""} ${mebibytes(bytes)} (${mebibytes(bytes_in_use)} in use)`;
  });
  return `etcd: ${shown.join(", ")}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

export interface StartOptions {
  nodes: number;
  data: string;
  port: number;
}

/** Three members of etcd and some nodes on this machine, with a folder for a store; until it is told to stop. */
export async function startCluster({ nodes, data, port }: StartOptions): Promise<void> {
  const { LocalEtcd } = await import("@vicinal/cluster");
  const stop = stopSignal();
  const folder = resolve(data);
  const etcd = await LocalEtcd.start(3, { folder: join(folder, "etcd"), port: port + 1000 });
  const children: ChildProcess[] = [];
  try {
    for (let i = 0; i < nodes; i++) {
      const args = [
        ["serve", "--cluster", `etcd://${etcd.hosts.join(",")}`],
        ["--store", `dir:${join(folder, "store")}`],
        ["--node", `node-${i + 1}`],
        ["--data", join(folder, `node-${i + 1}`)],
        ["--port", String(port + 10 * i)],
      ].flat();
      children.push(spawn(process.execPath, [process.argv[1], ...args], { stdio: "inherit" }));
    }
    console.log(
      `A cluster of ${nodes} nodes begins in ${folder}. \`vicinal cluster status --url http://127.0.0.1:${port}\` tells of it; Ctrl-C ends it.`,
    );
    await Promise.race([stop, ...children.map((child) => once(child, "exit"))]);
  } finally {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGTERM");
        await once(child, "exit");
      }),
    );
    await etcd.stop();
  }
}
