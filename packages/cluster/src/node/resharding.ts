/**
 * Resharding: one shard more, or one less, while the collection serves.
 *
 *   copy    up: the new shard's owner copies the points that will be its own, and follows the logs that they are in; nobody reads
 *           them there. down: nothing.
 *   cut     every operation waits. Who gives points says when what it had taken in is committed; then who gets them takes the rest
 *           of those logs, or on the way down the points themselves.
 *   clean   who gave points deletes them. Then the routing is the new one, and operations go on.
 *
 * Steps are done by the shards' owners, each of which says so in etcd; the janitor moves from stage to stage when all have. Every
 * stage is another version of the routing, so that no write is committed by a version that is over. An owner that dies leaves its
 * step to the next one, which begins it anew.
 */
import { randomBytes } from "node:crypto";
import {
  type Collection,
  decodeRecord,
  type Effect,
  liveIds,
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
import type { HeldShard } from "./held-shard.js";
import type { Resharding } from "./operations.js";
import { placed } from "./placement.js";
import type { ReshardingRecord, RoutingRecord } from "./records.js";

/** Points that are copied with one write. */
const BATCH = 256;
const LOOK_MS = 50;
/** Records that may be left to take while operations wait. */
const CAUGHT_UP = 100;

// ------------------------------------------------------------------------------------------------ the routing

/** BAD_REQUEST where it cannot begin, or there is none to abort. */
export function resharded(
  routing: RoutingRecord,
  operation: Resharding,
  { collection, nodes, load }: { collection: string; nodes: readonly string[]; load: Map<string, number> },
): RoutingRecord {
  if ("abort" in operation) return aborted(routing);
  const { start: direction, key } = operation;
  if (routing.resharding) throw wrong("Resharding is under way already");
  const ring = ringOf(routing, key);
  if (ring.length === 0)
    throw wrong(
      key === undefined ? "The collection has shard keys: say which" : `There is no shard key ${key}`,
    );
  const id = randomBytes(4).toString("hex");
  if (direction === "up") {
    const [made] = placed(collection, 1, routing.replicationFactor, nodes, load, routing.nextShard);
    return {
      ...routing,
      shards: [...routing.shards, { ...made, ...(key === undefined ? {} : { key }), change: "joining" }],
      nextShard: routing.nextShard + 1,
      resharding: { id, direction, shard: made.id, key, stage: "copy" },
    };
  }
  if (ring.length === 1) throw wrong("The last shard cannot go");
  const shard = ring[ring.length - 1];
  return {
    ...routing,
    shards: routing.shards.map((one) => (one.id === shard ? { ...one, change: "leaving" } : one)),
    resharding: { id, direction, shard, key, stage: "copy" },
  };
}

function aborted(routing: RoutingRecord): RoutingRecord {
  const { resharding, ...rest } = routing;
  if (!resharding) throw wrong("There is no resharding under way");
  if (resharding.stage !== "copy") throw wrong("The resharding is nearly done");
  return {
    ...rest,
    shards: routing.shards
      .filter(({ change }) => change !== "joining")
      .map(({ change: _, ...shard }) => shard),
  };
}

function wrong(message: string): VicinalError {
  return new VicinalError("BAD_REQUEST", message);
}

/** The steps of a stage, and what follows when all are done. */
export function stepsOf({ shards, resharding }: RoutingRecord): { step: string; shards: number[] }[] {
  if (!resharding) return [];
  const { direction, shard, key } = resharding;
  const others = shards.filter((one) => one.key === key && one.id !== shard).map(({ id }) => id);
  const [from, to] = direction === "up" ? [others, [shard]] : [[shard], others];
  if (resharding.stage === "copy") return direction === "up" ? [{ step: "copied", shards: to }] : [];
  if (resharding.stage === "cut")
    return [
      { step: "frozen", shards: from },
      { step: "taken", shards: to },
    ];
  return direction === "up" ? [{ step: "cleaned", shards: from }] : [];
}

export function nextStage(routing: RoutingRecord): RoutingRecord {
  const { resharding, ...rest } = routing;
  if (resharding?.stage === "copy") return { ...routing, resharding: { ...resharding, stage: "cut" } };
  if (resharding?.stage === "cut") return { ...routing, resharding: { ...resharding, stage: "clean" } };
  return {
    ...rest,
    shards: routing.shards
      .filter(({ change }) => change !== "leaving")
      .map(({ change: _, ...shard }) => shard),
  };
}

/** Whether every operation has to wait. */
export function isPaused({ resharding }: RoutingRecord): boolean {
  return resharding !== undefined && resharding.stage !== "copy";
}

// ------------------------------------------------------------------------------------------------ the steps

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
    const { direction, shard } = this.#record();
    const joins = direction === "up" && shard === this.#number;
    const gives = direction === "up" ? !joins : shard === this.#number;
    if (joins) {
      await this.#copy();
      await this.#follow(() => this.#stage() === "cut");
    } else await this.#until(() => this.#stage() !== "copy");
    if (gives) {
      // What was taken in before is committed; nothing is taken in any more.
      await this.#shard.users.drained();
      await this.#say("frozen");
    } else await this.#take(joins);
    if (!joins && direction === "up") {
      await this.#until(() => this.#stage() === "clean");
      await this.#deleteForeign();
      await this.#say("cleaned");
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

  /** Of the shards that give points, while this one gets some. */
  #givers(): number[] {
    const { direction, shard, key } = this.#record();
    return direction === "down" ? [shard] : ringOf(this.#routing(), key);
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
    const reader = await this.#shard.openReader(source);
    try {
      const { state } = reader.collection;
      const mine = liveIds(state).filter(this.#isMine(this.#targetRing()));
      for (let from = 0; from < mine.length; from += BATCH) {
        this.#record();
        const points = await readStored(state, mine.slice(from, from + BATCH));
        await this.#write([{ kind: "upsert", points }]);
      }
      const { etcd, store } = this.#home;
      this.#tails.set(giver, new LogTail({ etcd, store, shard: source }, state.sequence));
      this.#home.log(`shard ${this.#shard.shard} has copied ${mine.length} points from ${source}`);
    } finally {
      await reader.close();
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
      for (const some of effects) if (some.length > 0) await this.#write(some);
    }
    return read;
  }

  /** All that the givers have committed, once they have said that no more comes. */
  async #take(joins: boolean): Promise<void> {
    const { etcd } = this.#home;
    const givers = this.#givers();
    const collection = this.#shard.collectionId;
    await this.#until(async () => {
      const said = await Promise.all(
        givers.map((giver) => etcd.get(keys.resharding(`${collection}/${giver}`, "frozen"))),
      );
      return said.every((entry) => entry?.value === this.#id);
    });
    if (!joins) for (const giver of givers) await this.#copyFrom(giver);
    for (const giver of givers) {
      const head = await etcd.get(keys.head(`${collection}/${giver}`));
      const last = head ? (JSON.parse(head.value) as LogEntry).last : 0;
      const tail = this.#tails.get(giver) as LogTail;
      while (tail.next <= last) if ((await this.#tail()) === 0) await pause(LOOK_MS);
    }
    await this.#say("taken");
  }

  async #deleteForeign(): Promise<void> {
    const isMine = this.#isMine(this.#targetRing());
    await this.#delete(liveIds(this.#collection.state).filter((id) => !isMine(id)));
  }

  async #delete(ids: readonly PointId[]): Promise<void> {
    for (let from = 0; from < ids.length; from += 10_000)
      await this.#write([{ kind: "delete", ids: ids.slice(from, from + 10_000) }]);
  }

  get #collection(): Collection {
    return this.#shard.collection;
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
    } else if (effect.kind === "delete" || effect.kind === "payload") {
      const ids = effect.ids.filter(mine);
      if (ids.length > 0) kept.push({ ...effect, ids });
    }
  }
  return kept;
}
