/**
 * Resharding: one shard more, or one less, or a key's points to shards of their own, while the collection serves.
 *
 *   copy    up, promote: the owner of a shard that takes points copies those that will be its own, and follows the logs that they
 *           are in; nobody reads them there. down: nothing.
 *   cut     every operation waits. Who gives points says when what it had taken in is committed; then who gets them takes the rest
 *           of those logs, or on the way down the points themselves.
 *   clean   who gave points deletes them. Then the routing is the new one, and operations go on.
 *
 * Steps are done by the shards' owners, each of which says so in etcd; the janitor moves from stage to stage when all have. Every
 * stage is another version of the routing, so that no write is committed by a version that is over. An owner that dies leaves its
 * step to the next one, which begins it anew.
 */
import {
  type Collection,
  copyBlobs,
  decodeRecord,
  type Effect,
  liveIds,
  namedBlobs,
  type PointId,
  readStored,
  VicinalError,
} from "vicinal/shard";
import { type Etcd, pause } from "../etcd/etcd.js";
import { keys } from "../log/keys.js";
import { LogTail } from "../log/log-tail.js";
import type { LogEntry } from "../log/slices.js";
import { ringOf, shardOfPoint } from "../routing/ring.js";
import type { ObjectStore } from "../store/object-store.js";
import type { HeldShard, ShardReader } from "./held-shard.js";
import { matching, touchedBy } from "./promotion.js";
import type { ReshardingRecord, RoutingRecord } from "./records.js";
import { partsOf } from "./resharding-plan.js";

/** Points that are copied with one write. */
const BATCH = 256;
const LOOK_MS = 50;
/** Records that may be left to take while operations wait. */
const CAUGHT_UP = 100;

export interface ReshardingHome {
  etcd: Etcd;
  store: ObjectStore;
  routing(collection: string): RoutingRecord | undefined;
  log(message: string, details?: object): void;
}

/** What the owner of a shard does for a resharding; runs until that is done, or the shard or the resharding is given up. */
export class ReshardingTask {
  readonly #shard: HeldShard;
  readonly #home: ReshardingHome;
  readonly #id: string;
  readonly #number: number;
  readonly #tails = new Map<number, LogTail>();
  /** Of the shards that give points which a filter finds: as they are now. */
  readonly #readers = new Map<number, ShardReader>();
  #ended = false;

  constructor(shard: HeldShard, home: ReshardingHome, id: string) {
    this.#shard = shard;
    this.#home = home;
    this.#id = id;
    this.#number = Number(shard.shard.slice(shard.shard.indexOf("/") + 1));
  }

  end(): void {
    this.#ended = true;
  }

  async run(): Promise<void> {
    const record = this.#record();
    const { givers, takers } = partsOf(this.#routing(), record);
    const gives = givers.includes(this.#number);
    if (!gives && !takers.includes(this.#number)) return;
    const isDown = record.direction === "down";
    try {
      if (gives || isDown) await this.#until(() => this.#stage() !== "copy");
      else {
        await this.#copy();
        await this.#follow(() => this.#stage() === "cut");
      }
      if (!gives) return await this.#take(isDown);
      // What was taken in before is committed; nothing is taken in any more.
      await this.#shard.users.drained();
      await this.#say("frozen");
      if (isDown) return;
      await this.#until(() => this.#stage() === "clean");
      await this.#deleteGiven();
      await this.#say("cleaned");
    } finally {
      for (const reader of this.#readers.values()) await reader.close();
    }
  }

  #record(): ReshardingRecord {
    const record = this.#home.routing(this.#shard.collectionId)?.resharding;
    if (this.#ended || record?.id !== this.#id)
      throw new VicinalError("CANCELLED", `The resharding of ${this.#shard.shard} has ended`);
    return record;
  }

  #stage(): ReshardingRecord["stage"] {
    return this.#record().stage;
  }

  async #until(holds: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await holds())) {
      this.#record();
      await pause(LOOK_MS);
    }
  }

  async #say(step: string): Promise<void> {
    await this.#home.etcd.settle([], [{ put: keys.resharding(this.#shard.shard, step), value: this.#id }]);
  }

  #routing(): RoutingRecord {
    return this.#home.routing(this.#shard.collectionId) as RoutingRecord;
  }

  #givers(): number[] {
    return partsOf(this.#routing(), this.#record()).givers;
  }

  /** JSON, where points are promoted. */
  #filter(): string | undefined {
    const record = this.#record();
    return record.direction === "promote" ? record.filter : undefined;
  }

  #isMine = (ring: readonly number[]) => (id: PointId) => shardOfPoint(id, ring) === this.#number;

  #targetRing(): number[] {
    return ringOf(this.#routing(), this.#record().key, true);
  }

  /** What an owner before this one had copied may be out of date. */
  async #copy(): Promise<void> {
    await this.#delete(liveIds(this.#collection.state));
    for (const giver of this.#givers()) await this.#copyFrom(giver);
  }

  async #copyFrom(giver: number): Promise<void> {
    const source = `${this.#shard.collectionId}/${giver}`;
    const filter = this.#filter();
    const reader = await this.#shard.openReader(source);
    if (filter !== undefined) this.#readers.set(giver, reader);
    try {
      const { collection } = reader;
      const { state } = collection;
      const { sequence } = state;
      const found = filter === undefined ? liveIds(state) : await matching(collection, filter);
      const mine = found.filter(this.#isMine(this.#targetRing()));
      await this.#copyPoints(collection, mine);
      const { etcd, store } = this.#home;
      this.#tails.set(giver, new LogTail({ etcd, store, shard: source }, sequence));
      this.#home.log(`shard ${this.#shard.shard} has copied ${mine.length} points from ${source}`);
    } finally {
      if (filter === undefined) await reader.close();
    }
  }

  async #copyPoints(giver: Collection, ids: readonly PointId[]): Promise<void> {
    for (let from = 0; from < ids.length; from += BATCH) {
      this.#record();
      const points = await readStored(giver.state, ids.slice(from, from + BATCH));
      await this.#writeOf(giver, [{ kind: "upsert", points }]);
    }
  }

  /** Applies what the givers write, until it `isEnough`; says when it has caught up. */
  async #follow(isEnough: () => boolean): Promise<void> {
    let said = false;
    while (!isEnough()) {
      const read = await this.#tail();
      if (read <= CAUGHT_UP && !said) {
        await this.#say("copied");
        said = true;
      }
      if (read === 0) await pause(LOOK_MS);
    }
  }

  /** Returns how many records it read. */
  async #tail(): Promise<number> {
    const isMine = this.#isMine(this.#targetRing());
    let read = 0;
    for (const [giver, tail] of this.#tails) {
      const effects: Effect[][] = [];
      await tail.read(({ bytes }) => {
        read++;
        effects.push(only(decodeRecord(bytes, `log of shard ${giver}`).effects, isMine));
      });
      const filter = this.#filter();
      if (filter !== undefined) await this.#takeTouched(giver, tail.next - 1, effects.flat(), filter);
      else if (effects.some((some) => namedBlobs(some).length > 0)) {
        // Opened now: it has what the records that were just read name.
        const reader = await this.#shard.openReader(`${this.#shard.collectionId}/${giver}`);
        try {
          for (const some of effects) if (some.length > 0) await this.#writeOf(reader.collection, some);
        } finally {
          await reader.close();
        }
      } else for (const some of effects) if (some.length > 0) await this.#write(some);
    }
    return read;
  }

  /** A change may make the filter find a point, or find it no more: those that were touched are taken as they are by now. */
  async #takeTouched(giver: number, upTo: number, effects: Effect[], filter: string): Promise<void> {
    const touched = touchedBy(effects);
    if (touched.size === 0) return;
    const reader = this.#readers.get(giver) as ShardReader;
    await reader.reach(upTo);
    const found = await matching(reader.collection, filter, [...touched.values()]);
    await this.#copyPoints(reader.collection, found);
    for (const id of found) touched.delete(String(id));
    if (touched.size > 0) await this.#delete(await matching(this.#collection, "{}", [...touched.values()]));
  }

  /** All that the givers have committed, once they have said that no more comes. */
  async #take(isDown: boolean): Promise<void> {
    const { etcd } = this.#home;
    const givers = this.#givers();
    const collection = this.#shard.collectionId;
    await this.#until(async () => {
      const said = await Promise.all(
        givers.map((giver) => etcd.get(keys.resharding(`${collection}/${giver}`, "frozen"))),
      );
      return said.every((entry) => entry?.value === this.#id);
    });
    if (isDown) for (const giver of givers) await this.#copyFrom(giver);
    for (const giver of givers) {
      const head = await etcd.get(keys.head(`${collection}/${giver}`));
      const last = head ? (JSON.parse(head.value) as LogEntry).last : 0;
      const tail = this.#tails.get(giver) as LogTail;
      while (tail.next <= last) if ((await this.#tail()) === 0) await pause(LOOK_MS);
    }
    await this.#say("taken");
  }

  async #deleteGiven(): Promise<void> {
    const filter = this.#filter();
    const isMine = this.#isMine(this.#targetRing());
    const given =
      filter === undefined
        ? liveIds(this.#collection.state).filter((id) => !isMine(id))
        : await matching(this.#collection, filter);
    await this.#delete(given);
  }

  async #delete(ids: readonly PointId[]): Promise<void> {
    for (let from = 0; from < ids.length; from += 10_000)
      await this.#write([{ kind: "delete", ids: ids.slice(from, from + 10_000) }]);
  }

  get #collection(): Collection {
    return this.#shard.collection;
  }

  /** With the blobs that the effects name, which the giver has. */
  async #writeOf(giver: Collection, effects: Effect[]): Promise<void> {
    const release = await copyBlobs(giver, this.#collection, effects);
    try {
      await this.#write(effects);
    } finally {
      release();
    }
  }

  /** The routing may change while it waits: nothing was done then, and it counts the same. */
  async #write(effects: Effect[]): Promise<void> {
    for (;;)
      try {
        this.#shard.checkOwner();
        await this.#collection.write({ readsState: false, resolve: () => effects });
        return;
      } catch (reason) {
        if (!(reason instanceof VicinalError) || reason.code !== "ROUTING_CHANGED") throw reason;
        await pause(LOOK_MS);
      }
  }
}

/** What the effects do to points that are `mine`: configurations go another way. */
function only(effects: readonly Effect[], mine: (id: PointId) => boolean): Effect[] {
  const kept: Effect[] = [];
  for (const effect of effects) {
    if (effect.kind === "upsert") {
      const points = effect.points.filter(({ id }) => mine(id));
      if (points.length > 0) kept.push({ ...effect, points });
    } else if (effect.kind === "blob") {
      if (mine(effect.id)) kept.push(effect);
    } else if (effect.kind === "delete" || effect.kind === "payload") {
      const ids = effect.ids.filter(mine);
      if (ids.length > 0) kept.push({ ...effect, ids });
    }
  }
  return kept;
}
