/** Names of what the cluster keeps in etcd, below its prefix, and of the batch objects. A shard is `<collection's id>/<number>`. */

export const keys = {
  nodes: "nodes/",
  node: (node: string) => `nodes/${node}`,
  collections: "collections/",
  collection: (name: string) => `collections/${name}`,
  aliases: "aliases",
  /** How the points of a collection are spread; its last change is the routing's version. */
  routing: (collection: string) => `routing/${collection}`,
  routings: "routing/",
  /** Under the lease of the node that tidies up. */
  janitor: "janitor",
  shards: "shards/",
  /** All of one shard. */
  shard: (shard: string) => `shards/${shard}/`,
  /** Under the owner's lease; its creation is the fencing token. */
  owner: (shard: string) => `shards/${shard}/owner`,
  /** The last entry of the log, also when the log is empty. */
  head: (shard: string) => `shards/${shard}/head`,
  /** What the pointer of the shard's files holds. */
  manifest: (shard: string) => `shards/${shard}/manifest`,
  /** Under its node's lease: a replica that has caught up. */
  replicas: (shard: string) => `shards/${shard}/replica/`,
  replica: (shard: string, node: string) => `shards/${shard}/replica/${node}`,
  /** How far the shard is with a resharding. */
  resharding: (shard: string, step: string) => `shards/${shard}/resharding/${step}`,
  log: (shard: string) => `shards/${shard}/log/`,
  entry: (shard: string, first: number) => `shards/${shard}/log/${String(first).padStart(16, "0")}`,
} as const;

/** Batch objects of a node since it joined. */
export function batchPrefix(epoch: number): string {
  return `batches/${String(epoch).padStart(16, "0")}/`;
}

export function batchKey(epoch: number, number: number): string {
  return `${batchPrefix(epoch)}${String(number).padStart(10, "0")}`;
}
