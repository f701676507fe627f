/**
 * A client that writes points of its own, checks what it reads, and sends a write until it is answered: under one name, so that it
 * is done once. What it was answered is what must be there in the end.
 */
import { VicinalError } from "vicinal/shard";
import { pause } from "../etcd/etcd.js";
import { keys } from "../log/keys.js";
import { hashOf, placeOf } from "../routing/points.js";
import type { TestCluster } from "./test-cluster.test.helper.js";

/** Answers after which a write is sent again. */
const passing = new Set([
  "NOT_OWNER",
  "SHARD_UNAVAILABLE",
  "FENCED",
  "ROUTING_CHANGED",
  "UNKNOWN_OUTCOME",
  "CLUSTER_UNAVAILABLE",
  "CLOSED",
  "WRITES_REFUSED",
  "COLLECTION_NOT_FOUND",
  "IO",
  "CANCELLED",
]);

export interface Point {
  vector: number[];
  payload: Record<string, unknown>;
}

export interface Acknowledged {
  shard: number;
  startedMs: number;
  ms: number;
}

const CALL_MS = 4000;

export class Client {
  readonly #cluster: TestCluster;
  readonly #collection: string;
  readonly #shards: readonly number[];
  readonly #name: string;
  readonly #first: number;
  readonly #random: () => number;
  /** What must be there. */
  readonly points = new Map<number, Point>();
  readonly acknowledged: Acknowledged[] = [];
  readonly operations: string[] = [];
  reads = 0;
  /** Retries of writes. */
  repeats = 0;
  #sequences = new Map<number, number>();

  constructor(
    cluster: TestCluster,
    {
      collection,
      shards,
      name,
      first,
      random,
    }: { collection: string; shards: readonly number[]; name: string; first: number; random: () => number },
  ) {
    this.#cluster = cluster;
    this.#collection = collection;
    this.#shards = shards;
    this.#name = name;
    this.#first = first;
    this.#random = random;
  }

  shardOf(id: number): number {
    return this.#shards[placeOf(hashOf(id), this.#shards)];
  }

  /** One write, sent until it is answered. @param mayEnd Gives up then, when it was never answered. */
  async step(): Promise<void> {
    const id = this.#first + Math.floor(this.#random() * 60);
    const known = this.points.get(id);
    const choice = this.#random();
    const n = this.operations.length;
    if (!known || choice < 0.6) {
      const vector = Array.from({ length: 4 }, () => Math.round(this.#random() * 1000) / 8);
      const point = { vector, payload: { n, by: this.#name } };
      await this.#write(id, "upsert", [{ points: [{ id, ...point }] }]);
      this.points.set(id, point);
    } else if (choice < 0.8) {
      await this.#write(id, "setPayload", [{ payload: { n, patched: true }, points: [id] }]);
      known.payload = { ...known.payload, n, patched: true };
    } else {
      await this.#write(id, "delete", [{ points: [id] }]);
      this.points.delete(id);
    }
    if (this.#random() < 0.5) await this.#check(this.#first + Math.floor(this.#random() * 60));
  }

  async #write(id: number, operation: string, args: unknown[]): Promise<void> {
    const operationId = `${this.#name}-${this.operations.length}`;
    this.operations.push(operationId);
    const shard = this.shardOf(id);
    const startedMs = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        const target = { collection: this.#collection, shard };
        const owner = await this.#cluster.etcd.get(keys.owner(`${this.#collection}/${shard}`));
        if (!owner) throw new VicinalError("NOT_OWNER", "nobody owns it");
        const options = { operationId, timeoutMs: CALL_MS };
        const result = await this.#cluster.transport.call(owner.value, target, operation, args, options);
        this.#sequences.set(shard, (result as { operation_id: number }).operation_id);
        this.acknowledged.push({ shard, startedMs, ms: performance.now() });
        return;
      } catch (reason) {
        if (!(reason instanceof VicinalError) || !passing.has(reason.code)) throw reason;
        this.repeats++;
        await pause(Math.min(attempt * 20, 200));
      }
    }
  }

  /** Reads a point from any of its nodes: as of all that was acknowledged, or of this client's last write. */
  async #check(id: number): Promise<void> {
    const shard = this.shardOf(id);
    const expected = this.points.get(id);
    const node = this.#cluster.names[Math.floor(this.#random() * this.#cluster.names.length)];
    const options =
      this.#random() < 0.5 ? { strong: true } : { minSequence: this.#sequences.get(shard) ?? 0 };
    let found: Point[];
    try {
      found = (await this.#cluster.transport.call(
        node,
        { collection: this.#collection, shard },
        "retrieve",
        [{ ids: [id], with_payload: true, with_vector: true }],
        { ...options, timeoutMs: 1000 },
      )) as Point[];
    } catch (reason) {
      // No answer is no wrong answer.
      if (reason instanceof VicinalError && passing.has(reason.code)) return;
      throw reason;
    }
    this.reads++;
    const wrong = difference(expected, found[0]);
    if (wrong)
      throw new Error(`point ${id} of shard ${shard} on ${node} by ${JSON.stringify(options)}: ${wrong}`);
  }
}

/** Undefined where what was found is what is expected. */
export function difference(expected: Point | undefined, found: Point | undefined): string | undefined {
  const shown = (point: Point | undefined) =>
    point && JSON.stringify([plain(point.vector), plain(point.payload)]);
  if (shown(expected) === shown(found)) return undefined;
  return `expected ${shown(expected)}, found ${shown(found)}`;
}

/** Payloads come as bytes of JSON, vectors as typed arrays. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array)) return [...(value as Float32Array)];
  if (value instanceof Uint8Array) return sorted(JSON.parse(new TextDecoder().decode(value)));
  if (Array.isArray(value)) return value;
  const json = (value as { json?: unknown; bytes?: Uint8Array } | undefined)?.bytes;
  return json ? plain(json) : sorted(value as Record<string, unknown>);
}

function sorted(object: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(object ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}
