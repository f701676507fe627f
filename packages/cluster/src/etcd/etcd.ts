/**
 * Etcd: the few calls that the cluster makes, below one prefix of keys. Reads are linearizable and tried again; a transaction
 * is sent once, and where its answer does not come, its outcome is UNKNOWN: whoever sends it makes it so that sending it again
 * does no harm.
 */

import { noop } from "cockatiel";
import { Etcd3, type ICompare, type IKeyValue, type IRequestOp } from "etcd3";
import { VicinalError } from "vicinal/shard";

export interface EtcdOptions {
  /** `127.0.0.1:2379`, ... */
  hosts: readonly string[];
  /** Name of the cluster: all of its keys lie below `vicinal/<name>/`. Default `default`. */
  name?: string;
  auth?: { username: string; password: string };
  /** PEM. */
  tls?: { ca: Buffer; key?: Buffer; cert?: Buffer };
  /** Of one call. Default 2000. */
  timeoutMs?: number;
  /** `--quota-backend-bytes` of the members, which do not tell it; for warnings. Default 2 GiB, as theirs. */
  quotaBytes?: number;
}

export interface Entry {
  key: string;
  value: string;
  /** Revisions of the key's creation and of its last change. */
  created: number;
  changed: number;
}

/** What must hold of a key for a transaction to be done. */
export type Condition =
  | { key: string; created: number }
  | { key: string; changed: number }
  | { key: string; absent: true };

export type Change =
  | { put: string; value: string; lease?: string }
  /** One key, or all from it up to `to`, which stays. */
  | { delete: string; to?: string };

/** An answer that did not come: the transaction may have been done. */
export class OutcomeUnknown extends Error {}

export const TIMEOUT_MS = 2000;
const ATTEMPTS = 4;

export class Etcd {
  readonly client: Etcd3;
  readonly #prefix: string;
  readonly #timeoutMs: number;

  constructor(options: EtcdOptions) {
    const { hosts, name = "default", timeoutMs = TIMEOUT_MS } = options;
    this.client = connect(options);
    this.#prefix = `vicinal/${name}/`;
    this.#timeoutMs = timeoutMs;
    this.location = `etcd://${hosts.join(",")}/${this.#prefix}`;
  }

  /** For messages. */
  readonly location: string;

  async get(key: string): Promise<Entry | undefined> {
    const [entry] = await this.#range({ key: this.#bytes(key), limit: 1 });
    return entry;
  }

  /** All whose keys begin with `prefix`, from the key `from` on, in order. */
  async list(prefix: string, { from = prefix, limit = 0 } = {}): Promise<Entry[]> {
    const entries: Entry[] = [];
    const page = 1000;
    for (let start = from; ; ) {
      const wanted = limit === 0 ? page : Math.min(page, limit - entries.length);
      const found = await this.#range({
        key: this.#bytes(start),
        range_end: this.#end(prefix),
        limit: wanted,
      });
      entries.push(...found);
      if (found.length < wanted || entries.length === limit) return entries;
      start = `${(found.at(-1) as Entry).key}\0`;
    }
  }

  async #range(request: { key: Buffer; range_end?: Buffer; limit: number }): Promise<Entry[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { kvs } = await this.client.kv.range(request, this.#deadline());
        return kvs.map((kv) => this.#entry(kv));
      } catch (reason) {
        if (attempt === ATTEMPTS) throw unavailable(this.location, reason);
        await pause(20 * attempt);
      }
    }
  }

  /**
   * Does all of `changes` where all of the conditions hold, else none; then `look` tells what the keys named there hold.
   * @throws OutcomeUnknown
   */
  async transact(
    conditions: readonly Condition[],
    changes: readonly Change[],
    look: readonly string[] = [],
  ): Promise<{ done: true; revision: number } | { done: false; found: (Entry | undefined)[] }> {
    try {
      const answer = await this.client.kv.txn(
        {
          compare: conditions.map((condition) => this.#compare(condition)),
          success: changes.map((change) => this.#change(change)),
          failure: look.map((key) => ({ request_range: { key: this.#bytes(key) } })),
        },
        this.#deadline(),
      );
      if (answer.succeeded) return { done: true, revision: Number(answer.header.revision) };
      const found = answer.responses.map(({ response_range }) => {
        const [kv] = response_range.kvs;
        return kv && this.#entry(kv);
      });
      return { done: false, found };
    } catch (cause) {
      throw new OutcomeUnknown(`${this.location}: ${(cause as Error).message}`, { cause });
    }
  }

  /** `transact` until its outcome is known; for what may be sent twice. CLUSTER_UNAVAILABLE after `timeoutMs`. */
  async settle(
    conditions: readonly Condition[],
    changes: readonly Change[],
    look: readonly string[] = [],
    timeoutMs = 10_000,
  ): ReturnType<Etcd["transact"]> {
    const end = performance.now() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.transact(conditions, changes, look);
      } catch (reason) {
        if (!(reason instanceof OutcomeUnknown) || performance.now() > end)
          throw unavailable(this.location, reason);
        await pause(Math.min(20 * attempt, 200));
      }
    }
  }

  /**
   * Tells of changes below a prefix: a hint to look, since some may be missed while a connection is renewed; `onChange` is
   * then called without an entry, and so it is when the watch begins. That may be late, since it waits for no deadline: nobody
   * may depend on it. Returns what ends it.
   */
  watch(prefix: string, onChange: (change?: { key: string; value?: string }) => void): () => void {
    const name = (kv: IKeyValue) => kv.key.toString().slice(this.#prefix.length);
    let stopped = false;
    const begin = () => {
      const begun = this.client
        .watch()
        .prefix(this.#prefix + prefix)
        .create()
        .then((watcher) => {
          if (stopped) return watcher;
          watcher.on("put", (kv) => onChange({ key: name(kv), value: kv.value.toString() }));
          watcher.on("delete", (kv) => onChange({ key: name(kv) }));
          watcher.on("connected", () => onChange());
          // etcd has ended it, mostly since what it would go on from is compacted: another one begins with what comes now.
          watcher.on("error", () => {
            if (!stopped) created = begin();
          });
          onChange();
          return watcher;
        });
      begun.catch(() => {});
      return begun;
    };
    let created = begin();
    return () => {
      stopped = true;
      created.then((watcher) => watcher.cancel()).catch(() => {});
    };
  }

  close(): void {
    this.client.close();
  }

  #bytes(key: string): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  /** Just above all keys with that prefix. Keys are ASCII. */
  #end(prefix: string): Buffer {
    const bytes = this.#bytes(prefix);
    bytes[bytes.length - 1]++;
    return bytes;
  }

  #entry(kv: IKeyValue): Entry {
    return {
      key: kv.key.toString().slice(this.#prefix.length),
      value: kv.value.toString(),
      created: Number(kv.create_revision),
      changed: Number(kv.mod_revision),
    };
  }

  #compare(condition: Condition): ICompare {
    const key = this.#bytes(condition.key);
    if ("absent" in condition) return { key, result: "Equal", target: "Version", version: 0 };
    if ("created" in condition)
      return { key, result: "Equal", target: "Create", create_revision: condition.created };
    return { key, result: "Equal", target: "Mod", mod_revision: condition.changed };
  }

  #change(change: Change): IRequestOp {
    if ("put" in change) {
      const { put, value, lease } = change;
      return { request_put: { key: this.#bytes(put), value: Buffer.from(value), lease } };
    }
    const range_end = change.to === undefined ? undefined : this.#bytes(change.to);
    return { request_delete_range: { key: this.#bytes(change.delete), range_end } };
  }

  #deadline(): { deadline: number } {
    return { deadline: Date.now() + this.#timeoutMs };
  }
}

/** Without the client's circuit breaker, which keeps a member that came back out for seconds, and without its own retries. */
export function connect({ hosts, auth, tls }: EtcdOptions): Etcd3 {
  return new Etcd3({
    hosts: [...hosts],
    auth,
    credentials: tls && { rootCertificate: tls.ca, privateKey: tls.key, certChain: tls.cert },
    // A member that hangs keeps its connections: pings find it out. Not more often than etcd permits.
    grpcOptions: {
      "grpc.keepalive_time_ms": 5000,
      "grpc.keepalive_timeout_ms": 2000,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
    },
    faultHandling: { global: noop, host: () => noop },
  });
}

export function unavailable(location: string, cause: unknown): VicinalError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VicinalError(
    "CLUSTER_UNAVAILABLE",
    `The cluster does not answer (${location}): ${reason}`,
    {},
    { cause },
  );
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
