/** A cluster of three nodes on this machine, one etcd, a folder for a store: each node with a server before it. */
import { join } from "node:path";
import { isEtcdInstalled, type JoinedNode, joinCluster, LocalEtcd } from "@vicinal/cluster";
import { createServer, type Server } from "@vicinal/server";

/** Tests of clusters are left out where etcd is not installed; CI has it. */
export const hasEtcd = process.env.CI === "true" || isEtcdInstalled();

export interface LocalCluster {
  etcd: LocalEtcd;
  nodes: JoinedNode[];
  /** Of the REST API of each node. */
  urls: string[];
  grpcPorts: number[];
  /** As it was at the start. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCluster(folder: string, names = ["a", "b", "c"]): Promise<LocalCluster> {
  const etcd = await LocalEtcd.start(1);
  const nodes: JoinedNode[] = [];
  const servers: Server[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.close()));
    await Promise.all(nodes.map((node) => node.close()));
    await etcd.stop();
  };
  try {
    const joinAs = (node: string) =>
      joinCluster({
        node,
        etcd: { hosts: etcd.hosts },
        store: `dir:${join(folder, "store")}`,
        cache: { folder: join(folder, node) },
        secret: "only for this test",
        janitor: { roundMs: 100, rebalance: 0 },
      });
    nodes.push(...(await Promise.all(names.map(joinAs))));
    const urls: string[] = [];
    const grpcPorts: number[] = [];
    for (const { engine } of nodes) {
      const server = createServer({ database: { engine } });
      servers.push(server);
      const { url, grpcPort } = await server.listen({ port: 0 });
      urls.push(url);
      grpcPorts.push(grpcPort as number);
    }
    const [{ engine }] = nodes;
    const clear = async () => {
      for (const { name } of (await engine.getCollections()).collections) await engine.deleteCollection(name);
    };
    return { etcd, nodes, urls, grpcPorts, clear, stop };
  } catch (reason) {
    await stop();
    throw reason;
  }
}
