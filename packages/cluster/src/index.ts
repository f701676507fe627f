/** `@vicinal/cluster`: shards and replicas on etcd, which orders and fences, and an object store, which keeps the bytes. */

export { ClusterEngine } from "./engine/cluster-engine.js";
export { Etcd, type EtcdOptions } from "./etcd/etcd.js";
export { etcdOptions, type JoinedNode, type JoinOptions, joinCluster } from "./join.js";
export { isEtcdInstalled, LocalEtcd } from "./local/local-etcd.js";
export { keys } from "./log/keys.js";
export { LogTail } from "./log/log-tail.js";
export { ClusterNode, type ClusterNodeOptions, peerOf } from "./node/cluster-node.js";
export { ClusterView } from "./node/cluster-view.js";
export { Metadata } from "./node/metadata.js";
export { ClusterOperations } from "./node/operations.js";
export type { CallOptions, Transport } from "./node/transport.js";
export { HttpTransport, type NodeTls } from "./node/wire.js";
export { hashOf, placeOf } from "./routing/points.js";
export type { ObjectStore } from "./store/object-store.js";
export { openStore } from "./store/open-store.js";
export type { Pointer } from "./store/pointer.js";
