/**
 * HeldShard: one shard on this node. It follows the shard's owner, applying what the log gains; where there is no owner, it
 * becomes one, with what it has in memory. An owner that is replaced, or does not know what came of a write, goes back to following.
 *
 *   opening -> replica <-> owner          stopped: its log is another than the owner wrote, or its files are damaged
 */
import {
  Collection,
  type CollectionConfig,
  CollectionFollower,
  type CollectionOptions,
  type Directory,
  type OpenLog,
  Readers,
  type Resources,
  VicinalError,
} from "vicinal/shard";
import { type Etcd, pause } from "../etcd/etcd.js";
import type { Claim, Committer } from "../log/committer.js";
import { keys } from "../log/keys.js";
import { LogTail } from "../log/log-tail.js";
import { ShardLog } from "../log/shard-log.js";
import type { LogEntry } from "../log/slices.js";
import { collectGarbage } from "../store/garbage.js";
import type { ObjectCache } from "../store/object-cache.js";
import { ShardDirectory } from "../store/shard-directory.js";
import { EtcdPointer } from "./etcd-pointer.js";

export type Role = "opening" | "replica" | "owner" | "stopped";

/** What a shard needs of its node. */
export interface ShardHost {
  readonly node: string;
  readonly etcd: Etcd;
  readonly committer: Committer;
  readonly resources: Resources;
  /** Of the node: what is put under it goes with it. */
  readonly lease: string;
  readonly cache: ObjectCache;
  /** As of the last look. Undefined where the collection has gone. */
  routing(collection: string): { changed: number; nodes(shard: string): readonly string[] } | undefined;
  config(collection: string): CollectionConfig | undefined;
  isAlive(node: string): boolean;
  /** Others read the logs of its shards from where they began: nothing is cut off. */
  isResharding(collection: string): boolean;
  /** Called when this node has become the shard's owner, before it takes writes. */
  onOwner(shard: HeldShard): Promise<void>;
  log(message: string, details?: object): void;
}

/** A shard of another owner, read from the store. One reader uses it at a time. */
export interface ShardReader {
  readonly collection: Collection;
  /** Resolves once the collection has the write of that number, which is committed. It may be another object then. */
  reach(sequence: number): Promise<void>;
  close(): Promise<void>;
}

interface Owned {
  collection: Collection;
  directory: ShardDirectory;
  log: ShardLog;
  key: number;
  /** Of the follower that it was: it reads there what it had opened. */
  followed: ShardDirectory | undefined;
}

/** How much longer each further replica waits before it takes a shard without an owner. */
const RANK_MS = 300;
/** A change may be told of late or not at all; so often a shard looks by itself. */
const LOOK_MS = 1000;
/** After a failure. */
const RETRY_MS = 500;

export class HeldShard {
  readonly shard: string;
  /** The collection's id. */
  readonly collectionId: string;
  /** Who uses the collection now: what takes its place waits for them before it is closed. */
  readonly users = new Readers();
  readonly #host: ShardHost;
  role: Role = "opening";
  /** What stopped it, or keeps it from opening. */
  failure: unknown;
  #follower: CollectionFollower | undefined;
  /** The follower's files. */
  #followed: ShardDirectory | undefined;
  #tail: LogTail | undefined;
  #owned: Owned | undefined;
  #isPresent = false;
  #stopWatch: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isPoked = false;
  #closed = false;
  #waiting: { sequence: number; done(): void }[] = [];
  #endings: Promise<unknown> = Promise.resolve();

  constructor(shard: string, host: ShardHost) {
    this.shard = shard;
    this.collectionId = shard.slice(0, shard.indexOf("/"));
    this.#host = host;
  }

  /** Begins; what goes wrong is tried again, and told by `failure`. */
  start(): void {
    this.#stopWatch = this.#host.etcd.watch(keys.shard(this.shard), (change) => {
      if (change && change.key !== keys.owner(this.shard) && !change.key.startsWith(keys.log(this.shard)))
        return;
      if (this.#owned && change?.key.startsWith(keys.log(this.shard))) return;
      this.poke();
    });
    this.poke();
  }

  get isReadable(): boolean {
    return this.#owned !== undefined || this.#follower !== undefined;
  }

  /** SHARD_UNAVAILABLE while it is opened. */
  get collection(): Collection {
    const collection = this.#owned?.collection ?? this.#follower?.collection;
    if (collection) return collection;
    const why = this.failure instanceof Error ? `: ${this.failure.message}` : "";
    throw new VicinalError(
      "SHARD_UNAVAILABLE",
      `Shard ${this.shard} is not open on ${this.#host.node} yet${why}`,
      {
        shard: this.shard,
      },
    );
  }

  /** Of this ownership; undefined where another owns the shard. */
  get epoch(): number | undefined {
    return this.#owned?.key;
  }

  /** Number of the last write that reads here see; 0 while it is opened. */
  get sequence(): number {
    return this.isReadable ? this.collection.state.sequence : 0;
  }

  /** Hash of the log's chain up to there, as far as it is known. */
  get hash(): string | undefined {
    return this.#owned?.log.hash ?? this.#tail?.hash;
  }

  /** NOT_OWNER where another node takes the writes. */
  checkOwner(): void {
    if (this.#owned) return;
    throw new VicinalError("NOT_OWNER", `${this.#host.node} does not own shard ${this.shard}`, {
      shard: this.shard,
    });
  }

  /** Resolves once reads here see the write of that number. */
  async reach(sequence: number, signal?: AbortSignal): Promise<void> {
    if (this.sequence >= sequence) return;
    this.poke();
    await new Promise<void>((resolve, reject) => {
      const waiting = { sequence, done: resolve };
      this.#waiting.push(waiting);
      signal?.addEventListener(
        "abort",
        () => {
          this.#waiting = this.#waiting.filter((one) => one !== waiting);
          reject(
            new VicinalError(
              "SHARD_UNAVAILABLE",
              `${this.#host.node} has write ${this.sequence} of shard ${this.shard}, not yet ${sequence}`,
              {
                shard: this.shard,
                sequence: this.sequence,
              },
            ),
          );
        },
        { once: true },
      );
    });
  }

  /** Number of the last write that was acknowledged by anybody: a linearizable read. */
  async head(): Promise<number> {
    const head = await this.#host.etcd.get(keys.head(this.shard));
    return head ? (JSON.parse(head.value) as LogEntry).last : 0;
  }

  /** A shard of the same collection as it is now, read from the store; to be closed. */
  async openReader(shard: string): Promise<ShardReader> {
    const { etcd, cache } = this.#host;
    const directory = await ShardDirectory.open({ cache, pointer: new EtcdPointer(etcd, shard), shard });
    try {
      const source = { etcd, store: cache.store, shard };
      const follower = await CollectionFollower.open(directory, {
        readLog: (after) => new LogTail(source, after),
      });
      return {
        get collection() {
          return follower.collection;
        },
        reach: async (sequence) => {
          while (follower.collection.state.sequence < sequence) {
            await directory.refresh();
            const replaced = await follower.refresh(false);
            await replaced?.close();
          }
        },
        close: () => this.#close(follower.collection, directory),
      };
    } catch (reason) {
      await directory.close();
      throw reason;
    }
  }

  /** Something may have changed: looks at it soon. */
  poke(): void {
    if (this.#isPoked || this.#closed) return;
    this.#isPoked = true;
    const turn = this.#turn.then(async () => {
      this.#isPoked = false;
      clearTimeout(this.#timer);
      let again = LOOK_MS;
      try {
        if (!this.#closed) await this.#look();
      } catch (reason) {
        this.failure = reason;
        again = RETRY_MS;
      }
      if (this.#closed) return;
      this.#timer = setTimeout(() => this.poke(), again);
      this.#timer.unref();
    });
    this.#turn = turn;
  }

  async #look(): Promise<void> {
    if (this.role === "stopped") return;
    if (this.#owned) {
      const owner = await this.#host.etcd.get(keys.owner(this.shard));
      if (owner?.created !== this.#owned.key) await this.#stepDown();
      else if (!this.#isAssigned()) await this.#handOver();
      else return;
    }
    if (!this.#isAssigned()) return;
    const owner = await this.#host.etcd.get(keys.owner(this.shard));
    if (!owner) await this.#takeOver();
    if (!this.#owned) await this.#follow();
  }

  #isAssigned(): boolean {
    return this.#host.routing(this.collectionId)?.nodes(this.shard).includes(this.#host.node) ?? false;
  }

  // ---------------------------------------------------------------------------------------------- following

  async #follow(): Promise<void> {
    if (this.role === "stopped") return;
    try {
      if (this.#follower) await this.#catchUp(this.#follower);
      else {
        const { etcd, cache } = this.#host;
        this.#followed ??= await this.#openDirectory();
        const directory = this.#followed;
        // Its owner has yet to make it.
        if (!(await hasManifest(directory))) return;
        this.#follower = await CollectionFollower.open(directory, {
          readLog: (after) => {
            this.#tail = new LogTail({ etcd, store: cache.store, shard: this.shard }, after);
            return this.#tail;
          },
        });
        this.role = "replica";
      }
      this.failure = undefined;
    } catch (reason) {
      return this.#stopIfDiverged(reason);
    }
    this.#reached();
    await this.#join();
  }

  async #catchUp(follower: CollectionFollower): Promise<void> {
    await this.#followed?.refresh();
    const replaced = await follower.refresh(false);
    if (replaced) this.#end(replaced);
  }

  /** What this replica has applied is another log than the owners': nobody may read it. Throws what is no such thing. */
  async #stopIfDiverged(reason: unknown): Promise<void> {
    const diverged = reason instanceof VicinalError && reason.code === "DIVERGED";
    if (!diverged) throw reason;
    this.role = "stopped";
    this.failure = reason;
    this.#host.log(`shard ${this.shard} is stopped`, { reason });
    this.#stopFollowing();
    await this.#leave();
  }

  #openDirectory(owner?: number): Promise<ShardDirectory> {
    const { cache, etcd } = this.#host;
    const pointer = new EtcdPointer(etcd, this.shard, owner);
    return ShardDirectory.open({ cache, pointer, shard: this.shard, epoch: owner });
  }

  #stopFollowing(): void {
    const follower = this.#follower;
    const directory = this.#followed;
    this.#follower = undefined;
    this.#followed = undefined;
    this.#tail = undefined;
    if (directory) this.#end(follower?.collection, directory);
  }

  #reached(): void {
    const { sequence } = this;
    const reached = this.#waiting.filter((one) => one.sequence <= sequence);
    this.#waiting = this.#waiting.filter((one) => one.sequence > sequence);
    for (const { done } of reached) done();
  }

  /** Says that it can be read here. */
  async #join(): Promise<void> {
    if (this.#isPresent) return;
    const { etcd, lease, node } = this.#host;
    await etcd.settle([], [{ put: keys.replica(this.shard, node), value: "", lease }]);
    this.#isPresent = true;
  }

  async #leave(): Promise<void> {
    if (!this.#isPresent) return;
    this.#isPresent = false;
    await this.#host.etcd.settle([], [{ delete: keys.replica(this.shard, this.#host.node) }]).catch(() => {});
  }

  // ---------------------------------------------------------------------------------------------- owning

  /** Earlier replicas that live come first. */
  async #takeOver(): Promise<void> {
    const { etcd, lease, node, isAlive } = this.#host;
    const routing = this.#host.routing(this.collectionId);
    if (!routing) return;
    const nodes = routing.nodes(this.shard);
    const rank = nodes.slice(0, nodes.indexOf(node)).filter((other) => isAlive(other)).length;
    if (rank > 0) {
      await pause(rank * RANK_MS);
      if (await etcd.get(keys.owner(this.shard))) return;
    }
    const answer = await etcd.settle(
      [
        { key: keys.owner(this.shard), absent: true },
        { key: keys.routing(this.collectionId), changed: routing.changed },
      ],
      [{ put: keys.owner(this.shard), value: node, lease }],
      [keys.owner(this.shard)],
    );
    let key: number;
    if (answer.done) key = answer.revision;
    // Of a first try whose answer was lost.
    else if (answer.found[0]?.value === node) key = answer.found[0].created;
    else return;
    try {
      await this.#own(key);
    } catch (reason) {
      await this.#disown(key);
      await this.#stopIfDiverged(reason);
    }
  }

  async #own(key: number): Promise<void> {
    const startedMs = performance.now();
    const directory = await this.#openDirectory(key);
    let log: ShardLog | undefined;
    /** Where the follower's reading of the log has come to. */
    let following: LogTail | undefined;
    const openLog: OpenLog = async (from, onRecord) => {
      const { etcd, cache, committer } = this.#host;
      const { store } = cache;
      log = await ShardLog.open(
        {
          etcd,
          store,
          committer,
          claim: () => this.#claim(key),
          onFailure: (reason) => this.#failed(key, reason),
          mayTruncate: () => !this.#host.isResharding(this.collectionId),
        },
        from,
        onRecord,
        following,
      );
      return log;
    };
    const options = { epoch: key, openLog, resources: this.#host.resources };
    let collection: Collection;
    let followed: ShardDirectory | undefined;
    try {
      if (this.#follower) await this.#catchUp(this.#follower);
      following = this.#tail;
      const promoted = await this.#follower?.promote(directory, options);
      following = undefined;
      if (promoted) {
        followed = this.#followed;
        this.#followed = undefined;
      }
      collection = promoted ?? (await this.#openOrCreate(directory, options));
    } catch (reason) {
      await directory.close();
      throw reason;
    }
    this.#owned = { collection, directory, log: log as unknown as ShardLog, key, followed };
    this.role = "owner";
    this.failure = undefined;
    this.#stopFollowing();
    await this.#host.onOwner(this);
    this.#reached();
    await this.#join();
    this.#endings = Promise.all([this.#endings, this.#collectGarbage(key).catch(() => {})]);
    const ms = Math.round(performance.now() - startedMs);
    const from = followed ? "memory" : "files";
    this.#host.log(`owns shard ${this.shard}`, { sequence: this.sequence, from, ms });
  }

  async #openOrCreate(directory: ShardDirectory, options: CollectionOptions): Promise<Collection> {
    if (await hasManifest(directory)) return Collection.open(directory, options);
    const config = this.#host.config(this.collectionId);
    if (config) return Collection.create(directory, config, options);
    throw new VicinalError("COLLECTION_NOT_FOUND", `There is no collection ${this.collectionId}`);
  }

  /** Files that earlier owners have left behind. */
  async #collectGarbage(key: number): Promise<void> {
    const { etcd, cache } = this.#host;
    const { deleted } = await collectGarbage({
      store: cache.store,
      pointer: new EtcdPointer(etcd, this.shard, key),
      shard: this.shard,
      epoch: key,
      isOwner: async () => (await etcd.get(keys.owner(this.shard)))?.created === key,
    });
    if (deleted > 0)
      this.#host.log(`deleted ${deleted} files that earlier owners of shard ${this.shard} had left`);
  }

  #claim(key: number): Claim {
    const routing = this.#host.routing(this.collectionId)?.changed ?? 0;
    return { shard: this.shard, collection: this.collectionId, owner: key, routing };
  }

  #failed(key: number, reason: unknown): void {
    this.#host.log(`cannot write to shard ${this.shard}`, { reason });
    this.#owned?.collection.refuseWrites(reason as VicinalError);
    // What came of the last write is found by opening anew.
    const stepDown = async () => {
      if (this.#owned?.key === key) await this.#stepDown();
    };
    this.#turn = this.#turn.then(stepDown).catch(() => {});
    this.poke();
  }

  /** Another may own it: nothing is written any more. */
  async #stepDown(): Promise<void> {
    const owned = this.#owned;
    if (!owned) return;
    this.#owned = undefined;
    this.role = "opening";
    this.#end(owned.collection, owned.directory, owned.followed);
    await this.#disown(owned.key);
  }

  /** Leaves a shard in good order: what is written lies in its files before the next owner opens it. */
  async #handOver(): Promise<void> {
    const owned = this.#owned;
    if (!owned) return;
    this.#owned = undefined;
    this.role = "opening";
    await this.#close(owned.collection, owned.directory, owned.followed);
    await this.#leave();
    await this.#disown(owned.key);
  }

  async #disown(key: number): Promise<void> {
    const name = keys.owner(this.shard);
    await this.#host.etcd.settle([{ key: name, created: key }], [{ delete: name }]).catch(() => {});
  }

  #end(collection: Collection | undefined, ...directories: (ShardDirectory | undefined)[]): void {
    this.#endings = Promise.all([this.#endings, this.#close(collection, ...directories)]);
  }

  /** What it could not save, the log holds. */
  async #close(
    collection: Collection | undefined,
    ...directories: (ShardDirectory | undefined)[]
  ): Promise<void> {
    await this.users.left();
    await collection?.close().catch(() => {});
    for (const directory of directories) await directory?.close().catch(() => {});
  }

  /** Leaves the shard to others. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stopWatch();
    await this.#turn;
    this.#stopFollowing();
    await this.#handOver();
    await this.#leave();
    await this.#endings;
  }
}

async function hasManifest(directory: Directory): Promise<boolean> {
  return (await directory.list()).some((path) => path.startsWith("manifest-"));
}
