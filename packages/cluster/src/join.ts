/** Joining a cluster: everything that a node needs, opened from addresses and put together. */
import { mkdir } from "node:fs/promises";
import { type Directory, type Hooks, openHome, readyHooks, VicinalError } from "vicinal/shard";
import { ClusterEngine } from "./engine/cluster-engine.js";
import type { EtcdOptions } from "./etcd/etcd.js";
import { ClusterNode, type ClusterNodeOptions } from "./node/cluster-node.js";
import { HttpTransport, NodeListener, type NodeTls } from "./node/wire.js";
import { ObjectCache } from "./store/object-cache.js";
import type { ObjectStore } from "./store/object-store.js";
import { openStore } from "./store/open-store.js";

export interface JoinOptions extends Omit<ClusterNodeOptions, "url" | "etcd" | "cache" | "folder" | "hooks"> {
  /** Or `etcd://host:port,host:port/name`, the cluster's name by default `default`. */
  etcd: EtcdOptions | string;
  /** Or its address, as of `openStore`: the same for all nodes. */
  store: ObjectStore | string;
  /** Models of your own, as of `open`: the same on all nodes. */
  hooks?: Hooks;
  /** The node's own folder: what it holds can be lost. */
  cache: {
    folder: string;
    /** Default 64 GiB. */
    bytes?: number;
    /** Puts another directory in the place of the folder's. */
    over?: (directory: Directory) => Directory;
  };
  /** Where the other nodes are answered. Default 127.0.0.1 and any free port. */
  listen?: { host?: string; port?: number };
  /** Where they reach it, if elsewhere. */
  advertise?: string;
  /** What all nodes must know. Default: who reaches the port may call. */
  secret?: string;
  /** Certificates of the calls between nodes. Default: they go in the clear. */
  tls?: NodeTls;
}

export interface JoinedNode {
  readonly node: ClusterNode;
  /** Answers for the whole cluster: what a server serves. */
  readonly engine: ClusterEngine;
  /** Where the others reach it. */
  readonly url: string;
  /** Hands over what it owns and leaves. */
  close(): Promise<void>;
}

const CACHE_BYTES = 64 * 2 ** 30;

/** BAD_REQUEST names a bad address; CLUSTER_UNAVAILABLE where etcd does not answer; ADDRESS_UNAVAILABLE. */
export async function joinCluster(options: JoinOptions): Promise<JoinedNode> {
  const { etcd, store: given, cache: place, listen = {}, advertise, secret, tls, hooks, ...rest } = options;
  const opened: (() => unknown)[] = [];
  const close = async () => {
    for (const end of opened.reverse().splice(0)) await end();
  };
  try {
    const store = typeof given === "string" ? openStore(given) : given;
    if (typeof given === "string") opened.push(() => store.close());
    await mkdir(place.folder, { recursive: true });
    const home = await openHome(place.folder);
    opened.push(() => home.close());
    const directory = place.over?.(home.directory) ?? home.directory;
    const cache = await ObjectCache.open(store, directory, place.bytes ?? CACHE_BYTES);
    let node: ClusterNode | undefined;
    const { host = "127.0.0.1", port = 0 } = listen;
    const listener = await NodeListener.listen(
      { host, port, secret, tls },
      async ({ target, operation, args, options }, signal) => {
        if (!node) throw new VicinalError("SHARD_UNAVAILABLE", `${rest.node} is not in the cluster yet`);
        return node.run(target, operation, args, { ...options, signal });
      },
    );
    opened.push(() => listener.close());
    const url = advertise ?? listener.url;
    const joined = await ClusterNode.start({
      ...rest,
      hooks: readyHooks(hooks),
      url,
      cache,
      folder: place.folder,
      etcd: typeof etcd === "string" ? etcdOptions(etcd) : etcd,
    });
    opened.push(() => joined.close());
    const transport = new HttpTransport((name) => joined.view.url(name), secret, tls);
    opened.push(() => transport.close());
    joined.transport = transport;
    node = joined;
    return { node: joined, engine: new ClusterEngine(joined), url, close };
  } catch (reason) {
    await close();
    throw reason;
  }
}

/** `etcd://host:port,host:port/name` */
export function etcdOptions(address: string): EtcdOptions {
  const [, hosts, name] = /^etcd:\/\/([^/]+)(?:\/([A-Za-z0-9._-]+))?\/?$/.exec(address) ?? [];
  if (hosts === undefined)
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad address ${address}: expected etcd://host:port,host:port/name`,
      { address },
    );
  return { hosts: hosts.split(","), name };
}
