/** ClusterOperations: what operators ask of the cluster; see ClusterApi. */
import type {
  ClusterApi,
  ClusterOperation,
  ClusterShardStatus,
  ClusterStatus,
  CreateShardingKey,
  DropShardingKey,
  EtcdMemberStatus,
  HeldShardStatus,
} from "vicinal/protocol";
import { stringifyJson } from "vicinal/protocol";
import { VicinalError } from "vicinal/shard";
import type { EtcdMember } from "../etcd/members.js";
import { keys } from "../log/keys.js";
import type { LogEntry } from "../log/slices.js";
import { type ClusterNode, peerOf } from "./cluster-node.js";
import { loadOf } from "./janitor.js";
import { chosen, placed } from "./placement.js";
import type { RoutingRecord, ShardRecord } from "./records.js";
import { type Resharding, resharded } from "./resharding-plan.js";
import { aborted, shardOf, withoutReplica, withTransfer } from "./transfers.js";

const STATUS_MS = 1000;
/** Writes that a healthy replica may be behind while it is being written to. */
const LAG_MAX = 1000;

export class ClusterOperations implements ClusterApi {
  readonly #node: ClusterNode;

  constructor(node: ClusterNode) {
    this.#node = node;
  }

  async status(): Promise<ClusterStatus> {
    const { view, name } = this.#node;
    const etcd = await this.#node.lookAtEtcd();
    await view.refresh();
    const peers = [...view.nodes].map(([node, { url, peer }]) => ({ node, peer_id: peer, uri: url }));
    const shards = await Promise.all(
      [...view.collections].flatMap(([collection, { record }]) =>
        (view.routings.get(record.id)?.record.shards ?? []).map((shard) =>
          this.#shard(collection, record.id, shard),
        ),
      ),
    );
    return {
      node: name,
      peer_id: peerOf(name),
      peers,
      shards,
      etcd: etcd.members.map(described),
      problems: [...etcd.problems, ...problemsOf(shards, new Set(view.nodes.keys()))],
    };
  }

  async etcd(): Promise<EtcdMemberStatus[]> {
    return (await this.#node.lookAtEtcd()).members.map(described);
  }

  async held(): Promise<HeldShardStatus[]> {
    const { shards, view } = this.#node;
    const names = new Map([...view.collections].map(([name, { record }]) => [record.id, name]));
    return Promise.all(
      [...shards.values()].map(async (shard) => {
        const head = await shard.head().catch(() => shard.sequence);
        return {
          collection: names.get(shard.collectionId) ?? shard.collectionId,
          shard_id: Number(shard.shard.slice(shard.shard.indexOf("/") + 1)),
          role: shard.role,
          ...(shard.epoch === undefined ? {} : { epoch: shard.epoch }),
          sequence: shard.sequence,
          lag: Math.max(0, head - shard.sequence),
        };
      }),
    );
  }

  async #shard(
    collection: string,
    id: string,
    { id: shard_id, key, nodes }: ShardRecord,
  ): Promise<ClusterShardStatus> {
    const { etcd } = this.#node;
    const shard = `${id}/${shard_id}`;
    const [owner, head] = await Promise.all([etcd.get(keys.owner(shard)), etcd.get(keys.head(shard))]);
    const sequence = head ? (JSON.parse(head.value) as LogEntry).last : 0;
    const replicas = await Promise.all(nodes.map((node) => this.#replica(node, id, shard_id, sequence)));
    return {
      collection,
      shard_id,
      ...(key === undefined ? {} : { shard_key: key }),
      ...(owner ? { owner: owner.value, epoch: owner.created } : {}),
      sequence,
      replicas,
    };
  }

  async #replica(
    node: string,
    collection: string,
    shard: number,
    head: number,
  ): Promise<ClusterShardStatus["replicas"][0]> {
    type Status = Pick<HeldShardStatus, "role" | "sequence"> & { failure?: string; full?: string };
    const asked = this.#node.ask(node, { collection, shard }, "status", [], { timeoutMs: STATUS_MS });
    const status = (await asked.catch(() => undefined)) as Status | undefined;
    if (!status) return { node, state: "unreachable" };
    const { role, sequence, failure, full } = status;
    return { node, state: role, lag: Math.max(0, head - sequence), failure, disk_full: full };
  }

  async updateCollection(name: string, body: ClusterOperation): Promise<boolean> {
    const { metadata } = this.#node;
    if ("move_shard" in body || "replicate_shard" in body) {
      const keep = "replicate_shard" in body;
      const { shard_id, from_peer_id, to_peer_id } = keep ? body.replicate_shard : body.move_shard;
      const transfer = {
        shard: shard_id,
        from: this.#peer(from_peer_id, true),
        to: this.#peer(to_peer_id),
        keep,
      };
      await metadata.reroute(name, (routing) => withTransfer(routing, transfer));
    } else if ("abort_transfer" in body) {
      const { shard_id, to_peer_id } = body.abort_transfer;
      await metadata.reroute(name, (routing) => aborted(routing, shard_id, this.#peer(to_peer_id, true)));
    } else if ("drop_replica" in body) {
      const { shard_id, peer_id } = body.drop_replica;
      await metadata.reroute(name, (routing) => withoutReplica(routing, shard_id, this.#peer(peer_id, true)));
    } else if ("create_sharding_key" in body) return this.createShardKey(name, body.create_sharding_key);
    else if ("drop_sharding_key" in body) return this.deleteShardKey(name, body.drop_sharding_key);
    else {
      const { view } = this.#node;
      const { collection } = await view.find(name);
      const operation = reshardingOf(body);
      const nodes = [...view.nodes.keys()].sort();
      const home = { collection: collection.record.id, nodes, load: loadOf(view) };
      await metadata.reroute(name, (routing) => resharded(routing, operation, home));
    }
    return true;
  }

  /** A node by its number. @param gone Whether it may have left. */
  #peer(number: number, gone = false): string {
    const { nodes, routings } = this.#node.view;
    const known = new Set(nodes.keys());
    if (gone)
      for (const { record } of routings.values())
        for (const { nodes } of record.shards) for (const node of nodes) known.add(node);
    const found = [...known].find((node) => peerOf(node) === number);
    if (found) return found;
    throw new VicinalError("BAD_REQUEST", `There is no peer ${number}`, { peer_id: number });
  }

  async createShardKey(name: string, body: CreateShardingKey): Promise<boolean> {
    const { view, metadata } = this.#node;
    const key = plain(body.shard_key) as string | number;
    const { collection } = await view.find(name);
    // Its points come by `replicate_points`; until then they go to the fallback.
    const change = body.initial_state === "Partial" ? { change: "joining" as const } : {};
    const given = (body.placement ?? []).map((peer) => this.#peer(peer));
    await metadata.reroute(name, (routing) => {
      mustBeCustom(routing);
      if (routing.shards.some((shard) => shard.key === key))
        throw new VicinalError("BAD_REQUEST", `Sharding key ${key} already exists for collection ${name}`, {
          shard_key: key,
        });
      const nodes = given.length > 0 ? given : [...view.nodes.keys()].sort();
      const factor = body.replication_factor ?? routing.replicationFactor;
      const made = placed(
        collection.record.id,
        body.shards_number ?? 1,
        factor,
        nodes,
        loadOf(view),
        routing.nextShard,
      );
      return {
        ...routing,
        nextShard: routing.nextShard + made.length,
        shards: [...routing.shards, ...made.map((shard) => ({ ...shard, key, ...change }))],
      };
    });
    return true;
  }

  async deleteShardKey(name: string, body: DropShardingKey): Promise<boolean> {
    const key = plain(body.shard_key);
    await this.#node.metadata.reroute(name, (routing) => {
      mustBeCustom(routing);
      const shards = routing.shards.filter((shard) => shard.key !== key);
      if (shards.length === routing.shards.length)
        throw new VicinalError("BAD_REQUEST", `Sharding key ${key} does not exist for collection ${name}`, {
          shard_key: key,
        });
      return { ...routing, shards };
    });
    return true;
  }

  async removePeer(peer: number, force: boolean): Promise<boolean> {
    const { view, metadata } = this.#node;
    await view.refresh();
    const node = this.#peer(peer, true);
    for (const [name, { record }] of view.collections)
      for (const { id, nodes } of view.routings.get(record.id)?.record.shards ?? []) {
        if (!nodes.includes(node)) continue;
        const others = [...view.nodes.keys()].filter((other) => other !== node && !nodes.includes(other));
        const [to] = chosen(`${record.id}/${id}`, 1, others, loadOf(view));
        if (nodes.length === 1 && to === undefined && !force)
          throw new VicinalError(
            "BAD_REQUEST",
            `Node ${node} holds the only replica of shard ${id} of ${name}`,
            { peer_id: peer },
          );
        await metadata.reroute(name, (routing) => {
          const moved =
            to === undefined ? routing : withTransfer(routing, { shard: id, from: node, to, keep: true });
          return shardOf(moved, id).nodes.length === 1 ? moved : withoutReplica(moved, id, node);
        });
      }
    return true;
  }
}

function reshardingOf(body: ClusterOperation): Resharding {
  if ("start_resharding" in body) {
    const { direction, shard_key } = body.start_resharding;
    return { start: direction, key: plain(shard_key) };
  }
  if (!("replicate_points" in body)) return { abort: true };
  const { from_shard_key, to_shard_key, filter } = body.replicate_points;
  const [from, to] = [plain(from_shard_key), plain(to_shard_key)] as [string | number, string | number];
  return { promote: { from, to, filter: stringifyJson(filter ?? {}) } };
}

/** JSON's numbers; keys are small. */
function plain(key: unknown): string | number | undefined {
  if (key === undefined || key === null) return undefined;
  return typeof key === "string" ? key : Number(key);
}

function mustBeCustom({ custom }: RoutingRecord): void {
  if (!custom)
    throw new VicinalError("BAD_REQUEST", "Shard keys need a collection with sharding_method custom", {
      field: "sharding_method",
    });
}

function described({ host, failure, isLeader, bytes, bytesInUse, alarms }: EtcdMember): EtcdMemberStatus {
  return { host, failure, leader: isLeader, bytes, bytes_in_use: bytesInUse, alarms };
}

function problemsOf(shards: readonly ClusterShardStatus[], alive: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const gone = new Set<string>();
  const full = new Map<string, string>();
  for (const { collection, shard_id, owner, replicas } of shards) {
    const shard = `shard ${shard_id} of ${collection}`;
    if (owner === undefined)
      problems.push(
        `${shard} takes no writes: none of its nodes (${replicas.map(({ node }) => node).join(", ")}) owns it. Start one of them.`,
      );
    for (const { node, state, lag, failure, disk_full } of replicas) {
      if (disk_full) full.set(node, disk_full);
      if (!alive.has(node)) gone.add(node);
      else if (state === "stopped")
        problems.push(
          `The replica of ${shard} on ${node} is stopped: ${failure ?? "unknown"}. Drop it and make another.`,
        );
      else if (state === "opening" && failure)
        problems.push(`${shard} cannot be opened on ${node}: ${failure}`);
      else if ((lag ?? 0) > LAG_MAX)
        problems.push(`The replica of ${shard} on ${node} is ${lag} writes behind.`);
    }
  }
  for (const [node, why] of full)
    problems.push(
      `The disk of node ${node} is full (${why}): it reads from the object store what its cache has no room for, which is slow. Nothing is lost. Make room on it.`,
    );
  for (const node of gone)
    problems.unshift(
      `Node ${node} is gone. Start it again, or its replicas are made elsewhere after a while.`,
    );
  return problems;
}
