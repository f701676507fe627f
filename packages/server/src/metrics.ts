/** `/metrics`: the node's numbers in the text format of Prometheus, by the names that dashboards for Qdrant expect. */
import type { CollectionReport, EngineApi, EtcdMemberStatus, HeldShardStatus } from "vicinal/protocol";
import type { Tallies, Tally } from "./tally.js";
import type { Doors } from "./telemetry.js";
import { productVersion } from "./version.js";

type Kind = "gauge" | "counter";
type Labels = Readonly<Record<string, string | number>>;

/** The lines of a family of samples. */
function family(name: string, kind: Kind, help: string, samples: Iterable<[Labels, number]>): string[] {
  const lines = [...samples].map(([labels, value]) => `${name}${labelText(labels)} ${value}`);
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** @param perCollection Whether requests are counted by collection in place of all together. */
export async function metrics(engine: EngineApi, doors: Doors, perCollection: boolean): Promise<string> {
  const { collectionCount, collections, damaged, quotas } = await engine.getNodeReport();
  const names = new Set(collections.map(({ name }) => name));
  for (const door of [doors.rest, doors.grpc]) door.keep(names);
  const { rss, heapUsed, external } = process.memoryUsage();
  const gauge = (name: string, help: string, value: number) => family(name, "gauge", help, [[{}, value]]);
  const lines = [
    ...family("app_info", "gauge", "What is running", [[{ name: "vicinal", version: productVersion }, 1]]),
    ...gauge("collections_total", "Number of collections", collectionCount),
    ...gauge("collections_damaged", "Number of collections that could not be opened", damaged.length),
    ...collectionFamilies(collections),
    ...gauge("cluster_enabled", "Whether the node is one of several", engine.cluster ? 1 : 0),
    ...shardFamilies((await engine.cluster?.held()) ?? []),
    ...etcdFamilies((await engine.cluster?.etcd()) ?? []),
    ...gauge("memory_resident_bytes", "Resident memory of the process", rss),
    ...gauge("memory_allocated_bytes", "Memory in use by JavaScript and what it holds", heapUsed + external),
    ...family("quota_exceeded", "gauge", "Whether writes are refused because of a quota", exceeded(quotas)),
    ...doorFamilies("rest", doors, perCollection),
    ...doorFamilies("grpc", doors, perCollection),
  ];
  return `${lines.join("\n")}\n`;
}

/** Of the shards that the node holds in a cluster. */
function shardFamilies(shards: readonly HeldShardStatus[]): string[] {
  const each = (name: string, help: string, read: (shard: HeldShardStatus) => number) =>
    family(
      name,
      "gauge",
      help,
      shards.map((shard) => [{ collection: shard.collection, shard: shard.shard_id }, read(shard)]),
    );
  return [
    ...each("cluster_shard_owner", "Whether the node takes the shard's writes", ({ role }) =>
      Number(role === "owner"),
    ),
    ...each("cluster_shard_stopped", "Whether the replica has stopped", ({ role }) =>
      Number(role === "stopped"),
    ),
    ...each("cluster_shard_epoch", "Number of the node's ownership, 0 for none", ({ epoch }) => epoch ?? 0),
    ...each("cluster_shard_sequence", "Last write that reads here see", ({ sequence }) => sequence),
    ...each("cluster_shard_lag", "Acknowledged writes that reads here do not see yet", ({ lag }) => lag),
  ];
}

/** Of the members of the etcd that orders a cluster's writes. */
function etcdFamilies(members: readonly EtcdMemberStatus[]): string[] {
  const each = (name: string, help: string, read: (member: EtcdMemberStatus) => number | undefined) =>
    family(
      name,
      "gauge",
      help,
      members.flatMap((member): [Labels, number][] => {
        const value = read(member);
        return value === undefined ? [] : [[{ member: member.host }, value]];
      }),
    );
  return [
    ...each("cluster_etcd_up", "Whether the member answers", ({ failure }) => Number(failure === undefined)),
    ...each("cluster_etcd_leader", "Whether the member leads", ({ leader }) =>
      leader === undefined ? undefined : Number(leader),
    ),
    ...each("cluster_etcd_bytes", "Size of the member's database file", ({ bytes }) => bytes),
    ...each("cluster_etcd_in_use_bytes", "What of it is in use", ({ bytes_in_use }) => bytes_in_use),
    ...each("cluster_etcd_alarms", "Alarms that the member has raised", ({ alarms }) => alarms.length),
  ];
}

function* exceeded({ exceeded }: { exceeded: Record<string, boolean | null> }): Iterable<[Labels, number]> {
  for (const [resource, isOver] of Object.entries(exceeded))
    if (isOver !== null) yield [{ resource }, isOver ? 1 : 0];
}

function collectionFamilies(collections: readonly CollectionReport[]): string[] {
  const each = (name: string, help: string, read: (collection: CollectionReport) => number) =>
    family(
      name,
      "gauge",
      help,
      collections.map((collection) => [{ id: collection.name }, read(collection)]),
    );
  const vectors = collections.flatMap(({ name, shard }) =>
    Object.entries(shard.vectorsByName).map(([vector, count]): [Labels, number] => [
      { collection: name, vector },
      count,
    ]),
  );
  const written = collections.flatMap(({ name, shard: { writes } }) =>
    (["log", "segments", "merges", "indexes", "manifests"] as const).map((kind): [Labels, number] => [
      { collection: name, kind },
      writes[kind],
    ]),
  );
  const all = vectors.reduce((sum, [, count]) => sum + count, 0);
  return [
    ...each("collection_points", "Number of points", ({ shard }) => shard.points),
    ...family("collection_vectors", "gauge", "Number of vectors", vectors),
    ...family("collections_vector_total", "gauge", "Number of vectors of all collections", [[{}, all]]),
    ...each(
      "collection_running_optimizations",
      "Tasks of the optimizer",
      ({ shard }) => shard.runningOptimizations,
    ),
    ...family(
      "collection_written_bytes_total",
      "counter",
      "Bytes written since the collection was opened",
      written,
    ),
    ...each(
      "collection_ingested_bytes_total",
      "Bytes of vectors and payloads that came in since the collection was opened",
      ({ shard }) => shard.writes.ingested,
    ),
    ...each("collection_update_queue_length", "Writes that wait", ({ shard }) => shard.queue.length),
  ];
}

function doorFamilies(door: "rest" | "grpc", doors: Doors, perCollection: boolean): string[] {
  const { all, byCollection } = doors[door];
  const tallies: [Labels, Tallies][] = perCollection
    ? [...byCollection].map(([collection, tallies]) => [{ collection }, tallies])
    : [[{}, all]];
  const samples = (sampleOf: (tally: Tally) => number) =>
    tallies.flatMap(([labels, byEndpoint]) =>
      [...byEndpoint].flatMap(([endpoint, byStatus]) =>
        [...byStatus].map(([status, tally]): [Labels, number] => [
          { ...endpointLabels(door, endpoint), ...labels, status },
          sampleOf(tally),
        ]),
      ),
    );
  const name = `${door}_responses`;
  const seconds = (ms: number) => ms / 1000;
  return [
    ...family(
      `${name}_total`,
      "counter",
      "Answers",
      samples(({ count }) => count),
    ),
    ...family(
      `${name}_avg_duration_seconds`,
      "gauge",
      "Mean time to an answer",
      samples(({ sumMs, count }) => seconds(sumMs / count)),
    ),
    ...family(
      `${name}_min_duration_seconds`,
      "gauge",
      "Shortest time to an answer",
      samples(({ leastMs }) => seconds(leastMs)),
    ),
    ...family(
      `${name}_max_duration_seconds`,
      "gauge",
      "Longest time to an answer",
      samples(({ mostMs }) => seconds(mostMs)),
    ),
    ...family(
      `${name}_duration_seconds_total`,
      "counter",
      "Sum of the times to an answer",
      samples(({ sumMs }) => seconds(sumMs)),
    ),
  ];
}

function endpointLabels(door: "rest" | "grpc", endpoint: string): Labels {
  if (door === "grpc") return { endpoint };
  const [method, path] = endpoint.split(" ");
  return { method, endpoint: path };
}
