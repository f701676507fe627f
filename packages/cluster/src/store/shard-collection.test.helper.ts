/** Collections of the engine over a shard's directory, and a model of what they must hold. */
import {
  Collection,
  type CollectionConfig,
  type decodeRecord,
  type FollowedLog,
  type Log,
  MemoryDirectory,
  type OpenLog,
  VicinalError,
} from "vicinal/shard";
import { expect } from "vitest";
import type { MemoryPointer } from "./faulty-store.test.helper.js";
import { ObjectCache } from "./object-cache.js";
import type { ObjectStore } from "./object-store.js";
import { ShardDirectory } from "./shard-directory.js";

export const shard = "films/0";

const config: CollectionConfig = {
  vectors: { "": { size: 4, distance: "Euclid", given: {} } },
  hnsw: {},
  // Every sealed segment wants an index.
  optimizers: { indexing_threshold: 0.001 },
  other: {},
  fields: { part: { type: "integer" } },
};

/** A log that never fails and lets nobody write but who opened it last. */
export class SharedLog {
  epoch = 0;
  readonly records: { sequence: number; bytes: Uint8Array }[] = [];
  last = 0;

  open(epoch: number): OpenLog {
    return async ({ after, synced }, onRecord) => {
      if (epoch < this.epoch) throw fenced();
      this.epoch = epoch;
      if (this.last < synced)
        throw new VicinalError("CORRUPTION", `The log ends at ${this.last}, not ${synced}`);
      const first = this.records[0]?.sequence ?? this.last + 1;
      if (first > after + 1)
        throw new VicinalError("CORRUPTION", `The log begins at ${first}, not ${after + 1}`);
      for (const record of this.records) if (record.sequence > after) onRecord(record);
      return this.#over(epoch);
    };
  }

  /** For a reader; each call hands out what was added since the call before. */
  follow(after: number): FollowedLog {
    let last = after;
    return {
      read: async (onRecord) => {
        const first = this.records[0]?.sequence ?? this.last + 1;
        if (first > last + 1) throw new VicinalError("FILE_NOT_FOUND", `The log begins at ${first}`);
        for (const record of this.records) {
          if (record.sequence <= last) continue;
          onRecord(record);
          last = record.sequence;
        }
      },
    };
  }

  #over(epoch: number): Log {
    const log = this;
    return {
      get next() {
        return log.last + 1;
      },
      get synced() {
        return log.last;
      },
      bytes: 0,
      async append(records) {
        if (epoch !== log.epoch) throw fenced();
        const first = log.last + 1;
        for (const bytes of records) log.records.push({ sequence: ++log.last, bytes: bytes.slice() });
        return first;
      },
      async rotate() {},
      async truncate(upTo) {
        if (epoch !== log.epoch) return;
        while (log.records.length > 0 && log.records[0].sequence <= upTo) log.records.shift();
      },
      async hold() {
        throw new VicinalError("UNSUPPORTED", "Nothing to hold");
      },
      async close() {},
    };
  }
}

function fenced(): VicinalError {
  return new VicinalError("FENCED", "Another writer has opened the log");
}

export interface Opened {
  collection: Collection;
  directory: ShardDirectory;
}

export interface Place {
  store: ObjectStore;
  pointer: MemoryPointer;
  log: SharedLog;
  epoch: number;
  /** Default: empty, and as large as is needed. */
  cache?: ObjectCache;
}

/** A node that has nothing yet takes the shard over, or makes its collection where there is none. */
export async function openCollection({ store, pointer, log, epoch, cache }: Place): Promise<Opened> {
  const directory = await ShardDirectory.open({
    cache: cache ?? (await ObjectCache.open(store, MemoryDirectory.empty(), 2 ** 30)),
    pointer,
    shard,
    epoch,
    delayMs: 1,
  });
  const options = { epoch, openLog: log.open(epoch) };
  const isThere = (await directory.list()).some((path) => path.startsWith("manifest-"));
  const collection = isThere
    ? await Collection.open(directory, options)
    : await Collection.create(directory, config, options);
  return { collection, directory };
}

/** Points by id: what number they were last written with. */
export type Model = Map<number, number>;

export const vectorOf = (id: number, n: number) => [
  id,
  n,
  Math.fround(Math.sin(id)),
  Math.fround(Math.cos(n)),
];

type Effects = ReturnType<typeof decodeRecord>["effects"];

async function write(collection: Collection, effects: Effects): Promise<void> {
  await collection.write({ readsState: false, resolve: () => effects });
}

export async function upsert(collection: Collection, model: Model, ids: number[], n: number): Promise<void> {
  const points = ids.map((id) => ({
    id,
    payload: new TextEncoder().encode(JSON.stringify({ n, part: id % 3 })),
    vectors: [{ name: "", vector: { data: Float32Array.from(vectorOf(id, n)), norm: 1 } }],
  }));
  await write(collection, [{ kind: "upsert", points }]);
  for (const id of ids) model.set(id, n);
}

export async function remove(collection: Collection, model: Model, ids: number[]): Promise<void> {
  await write(collection, [{ kind: "delete", ids }]);
  for (const id of ids) model.delete(id);
}

export function expectSame({ state }: Collection, model: Model, what: string): void {
  expect(state.pointCount, what).toBe(model.size);
  for (const [id, n] of model) {
    const place = state.find(id);
    if (!place) throw new Error(`${what}: point ${id} is lost`);
    const { segment, row } = place;
    expect(JSON.parse(new TextDecoder().decode(segment.payloads.bytes(row))), what).toEqual({
      n,
      part: id % 3,
    });
    expect(Array.from(segment.vectors.get("")?.get(row)?.data ?? []), what).toEqual(vectorOf(id, n));
  }
}

export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
