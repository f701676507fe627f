/** `vicinal serve --cluster`: a node of a cluster, with a server in front of all of it. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { Hooks } from "vicinal";
import { UserError } from "../errors.js";
import { type ServeOptions, stopSignal } from "./serve.js";

export interface NodeOptions extends ServeOptions {
  /** `etcd://host:port,host:port/name` */
  cluster: string;
  /** `s3://bucket/prefix?...` or `dir:/path` */
  store?: string;
  /** Default: the machine's name and the port. */
  node?: string;
  /** Where the other nodes are answered. */
  clusterHost: string;
  clusterPort: number;
  /** Where they reach it, if elsewhere. */
  advertise?: string;
  /** Files: all three or none. */
  clusterTlsCa?: string;
  clusterTlsCert?: string;
  clusterTlsKey?: string;
  verbose?: boolean;
}

/** What the nodes of a cluster know: not on the command line, which everybody on the machine can read. */
const secretVariable = "VICINAL_CLUSTER_SECRET";

/** What the nodes of a cluster do not do. */
const ofFolders = {
  readOnly: "--read-only",
  snapshots: "--snapshots",
  memoryBudget: "--memory-budget",
} as const satisfies Partial<Record<keyof NodeOptions, string>>;

export async function serveNode(options: NodeOptions, hooks: Hooks): Promise<void> {
  const { host, port, grpcPort, data, cluster, store, advertise, clusterHost, clusterPort } = options;
  for (const [name, flag] of Object.entries(ofFolders))
    if (options[name as keyof typeof ofFolders]) throw new UserError(`${flag} does not go with --cluster`);
  if (typeof options.durability === "object")
    throw new UserError(
      "--durability interval does not go with --cluster: a write is acknowledged when it is committed",
    );
  if (store === undefined)
    throw new UserError(
      "--cluster needs --store: s3://bucket/prefix, or dir:/path for a folder that all nodes share",
    );
  const tls = await tlsOf(options);
  const node = options.node ?? `${hostname()}-${port}`;
  const { joinCluster } = await import("@vicinal/cluster");
  const { createServer } = await import("@vicinal/server");
  const stop = stopSignal();
  const joined = await joinCluster({
    node,
    etcd: cluster,
    store,
    cache: { folder: data },
    listen: { host: clusterHost, port: clusterPort },
    advertise,
    secret: process.env[secretVariable],
    tls,
    hooks,
    log: options.verbose ? (message, details) => console.error(message, line(details)) : undefined,
  });
  try {
    const server = createServer({ database: { engine: joined.engine } });
    try {
      const address = await server.listen({ host, port, grpcPort });
      const grpc = address.grpcPort === undefined ? "" : `, gRPC at port ${address.grpcPort}`;
      console.log(`Vicinal serves ${cluster} as node ${node} at ${address.url}${grpc}`);
      await stop;
    } finally {
      await server.close();
    }
  } finally {
    await joined.close();
  }
}

async function tlsOf({ clusterTlsCa: ca, clusterTlsCert: cert, clusterTlsKey: key }: NodeOptions) {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined || cert === undefined || key === undefined)
    throw new UserError("--cluster-tls-ca, --cluster-tls-cert and --cluster-tls-key go together");
  const read = (file: string) =>
    readFile(file).catch((cause: Error) => {
      throw new UserError(`Cannot read ${file}: ${cause.message}`, { cause });
    });
  const [caPem, certPem, keyPem] = await Promise.all([ca, cert, key].map(read));
  return { ca: caPem, cert: certPem, key: keyPem };
}

function line(details: object | undefined): string {
  const shown = Object.entries(details ?? {}).map(
    ([name, value]) => `${name}=${value instanceof Error ? value.message : value}`,
  );
  return shown.join(" ");
}
