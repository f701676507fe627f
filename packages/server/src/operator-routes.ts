/** Operations for those who run the server: what the optimizer does, shards and peers of one node, quotas. */
import {
  analysisJob,
  analysisJobs,
  analysisRequest,
  anyJson,
  anyObject,
  boolean,
  type ClusterApi,
  clusterOperation,
  collectionClusterInfo,
  createShardingKey,
  dropShardingKey,
  type EngineApi,
  object,
  optimizationsResponse,
  optional,
  quotaConfig,
  quotaStatus,
  removePeerParameters,
  shardKeysResponse,
  string,
  unsigned,
  VicinalError,
} from "vicinal/protocol";
import { issuesOf } from "./issues.js";
import { manageParameters } from "./parameters.js";
import { type HttpMethod, type Route, route } from "./route.js";

const collection = "/collections/{collection_name}";

/** One node is no cluster: what moves data between several is refused. */
async function clusterOf(engine: EngineApi, operation: string, collection = ""): Promise<ClusterApi> {
  if (engine.cluster) return engine.cluster;
  if (collection !== "") await engine.collectionClusterInfo(collection);
  throw new VicinalError("STANDALONE", `${operation}: Vicinal is running in standalone mode`, { operation });
}

/** As Qdrant tells of it, and beside it what it does not. */
async function clusterStatus({ cluster }: EngineApi): Promise<object> {
  if (!cluster) return { status: "disabled" };
  const { node, peer_id, peers, shards, etcd, problems } = await cluster.status();
  return {
    status: "enabled",
    peer_id,
    peers: Object.fromEntries(
      peers.map((peer) => [String(peer.peer_id), { uri: peer.uri, node: peer.node }]),
    ),
    raft_info: { term: 0, commit: 0, pending_operations: 0, leader: null, role: null, is_voter: true },
    consensus_thread_status: { consensus_thread_status: "working", last_update: new Date().toISOString() },
    message_send_failures: {},
    node,
    shards,
    etcd,
    problems,
  };
}

/** Qdrant's operations that have no sense where etcd orders. */
function unsupportedRoute(operation: string, method: HttpMethod, path: string, summary: string): Route {
  return route(operation, method, path, summary, {
    parameters: manageParameters,
    body: method === "GET" ? undefined : anyObject(),
    result: boolean(),
    run: async ({ engine }) => {
      await clusterOf(engine, summary);
      throw new VicinalError("UNSUPPORTED", `${summary}: nodes of Vicinal keep nothing to recover`, {
        operation,
      });
    },
  });
}

const analyses = `${collection}/analyses`;

export const operatorRoutes: readonly Route[] = [
  route("start_analysis", "POST", analyses, "Start an analysis of points", {
    body: analysisRequest,
    result: analysisJob,
    run: ({ engine, collection, body }) => engine.startAnalysis(collection, body),
  }),
  route("get_analyses", "GET", analyses, "List the analyses", {
    result: analysisJobs,
    run: ({ engine, collection }) => engine.getAnalyses(collection),
  }),
  route("get_analysis", "GET", `${analyses}/{id}`, "Tell what an analysis has come to", {
    result: analysisJob,
    run: ({ engine, collection, path }) => engine.getAnalysis(collection, path.id),
  }),
  route("delete_analysis", "DELETE", `${analyses}/{id}`, "Cancel an analysis and forget it", {
    result: boolean(),
    run: ({ engine, collection, path }) => engine.deleteAnalysis(collection, path.id),
  }),
  route("get_optimizations", "GET", `${collection}/optimizations`, "Tell what the optimizer does", {
    parameters: object({
      with: optional(string()).describe("Names separated by commas: queued, completed, idle_segments."),
      completed_limit: optional(unsigned()),
    }),
    result: optimizationsResponse,
    run: ({ engine, collection, parameters }) =>
      engine.getOptimizations(collection, { with: parameters.with ?? undefined }),
  }),
  route("collection_cluster_info", "GET", `${collection}/cluster`, "Tell where the shards are", {
    result: collectionClusterInfo,
    run: ({ engine, collection }) => engine.collectionClusterInfo(collection),
  }),
  route("update_collection_cluster", "POST", `${collection}/cluster`, "Move shards", {
    parameters: manageParameters,
    // What is wrong with it is said only where there is a cluster.
    body: anyObject(),
    result: boolean(),
    run: async ({ engine, collection, body }) => {
      const cluster = await clusterOf(engine, "Move shards", collection);
      return cluster.updateCollection(collection, clusterOperation.parse(body));
    },
  }),
  route("list_shard_keys", "GET", `${collection}/shards`, "List the keys of shards", {
    result: shardKeysResponse,
    run: ({ engine, collection }) => engine.listShardKeys(collection),
  }),
  route("create_shard_key", "PUT", `${collection}/shards`, "Create a shard key", {
    parameters: manageParameters,
    body: anyObject(),
    result: boolean(),
    run: async ({ engine, collection, body }) => {
      const cluster = await clusterOf(engine, "Create a shard key", collection);
      return cluster.createShardKey(collection, createShardingKey.parse(body));
    },
  }),
  route("delete_shard_key", "POST", `${collection}/shards/delete`, "Delete a shard key", {
    parameters: manageParameters,
    body: anyObject(),
    result: boolean(),
    run: async ({ engine, collection, body }) => {
      const cluster = await clusterOf(engine, "Delete a shard key", collection);
      return cluster.deleteShardKey(collection, dropShardingKey.parse(body));
    },
  }),

  route("cluster_status", "GET", "/cluster", "Describe the cluster", {
    result: anyObject(),
    run: ({ engine }) => clusterStatus(engine),
  }),
  unsupportedRoute("recover_current_peer", "POST", "/cluster/recover", "Recover the peer"),
  route("remove_peer", "DELETE", "/cluster/peer/{peer_id}", "Remove a peer", {
    parameters: removePeerParameters,
    result: boolean(),
    run: async ({ engine, path, parameters }) =>
      (await clusterOf(engine, "Remove a peer")).removePeer(Number(path.peer_id), parameters.force ?? false),
  }),
  unsupportedRoute("cluster_telemetry", "GET", "/cluster/telemetry", "Describe all peers"),

  route("get_quotas", "GET", "/quotas", "Tell quotas and use of the machine", {
    result: quotaStatus,
    run: ({ engine }) => engine.getQuotas(),
  }),
  route("update_quotas", "PUT", "/quotas", "Set the quotas", {
    body: quotaConfig,
    result: boolean(),
    run: ({ engine, body }) => engine.updateQuotas(body),
  }),

  route("explain_memory", "GET", "/memory", "Tell where the memory goes, as a tree", {
    result: anyJson(),
    run: ({ engine }) => engine.explainMemory(),
  }),

  route("get_issues", "GET", "/issues", "List problems", {
    result: object({ issues: anyJson() }),
    run: async ({ engine }) => ({ issues: await issuesOf(engine) }),
  }),
  route("clear_issues", "DELETE", "/issues", "Forget the problems; those that are left come back", {
    result: boolean(),
    run: async () => true,
  }),
];
