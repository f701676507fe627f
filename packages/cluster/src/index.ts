/** `@vicinal/cluster`: shards and replicas on etcd, which orders and fences, and an object store, which keeps the bytes. */
export type { CallOptions, Routing, Shard, Topology, Transport } from "./coordinator/topology.js";
export type { ObjectStore } from "./store/object-store.js";
export { openStore } from "./store/open-store.js";
export type { Pointer } from "./store/pointer.js";
