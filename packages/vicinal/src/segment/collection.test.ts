/** A collection against a plain model: random writes, seals, merges and reopenings, in every order. */
import { expect, test } from "vitest";
import type { PointId } from "../payload/id.js";
import { decodePayload, encodePayload } from "../payload/json.js";
import type { Directory } from "../storage/directory.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { Collection } from "./collection.js";
import type { CollectionConfig } from "./config.js";
import type { Effect } from "./effects.js";

const config: CollectionConfig = {
  vectors: {
    "": { size: 3, distance: "Euclid", given: {} },
    extra: { size: 2, distance: "Cosine", given: {} },
  },
  hnsw: {},
  // every sealed segment wants an index
  optimizers: { indexing_threshold: 0.001 },
  other: {},
  fields: {},
};

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

type Model = Map<PointId, { payload: Record<string, unknown>; main: number[]; extra?: number[] }>;

function randomEffect(next: () => number, model: Model, n: number): Effect {
  const id = (): PointId => Math.floor(next() * 60);
  const roll = next();
  if (roll < 0.6) {
    const points = Array.from({ length: 1 + Math.floor(next() * 8) }, () => {
      const point = {
        main: [next(), next(), next()].map(Math.fround),
        extra: next() < 0.5 ? [1, 0] : undefined,
        payload: { n, part: Math.floor(next() * 3) },
      };
      const at = id();
      model.set(at, point);
      return {
        id: at,
        payload: encodePayload(point.payload),
        vectors: [
          { name: "", vector: { data: Float32Array.from(point.main), norm: 1 } },
          ...(point.extra
            ? [{ name: "extra", vector: { data: Float32Array.from(point.extra), norm: 7 } }]
            : []),
        ],
      };
    });
    return { kind: "upsert", points };
  }
  if (roll < 0.8) {
    const ids = [id(), id()];
    for (const one of ids) model.delete(one);
    return { kind: "delete", ids };
  }
  const ids = [...model.keys()].slice(0, 5);
  for (const one of ids) {
    const point = model.get(one);
    if (point) point.payload = { ...point.payload, patched: n };
  }
  return { kind: "payload", mode: "set", ids, path: "", payload: encodePayload({ patched: n }), keys: [] };
}

function expectSame(collection: Collection, model: Model, what: string): void {
  const { state } = collection;
  expect(state.pointCount, what).toBe(model.size);
  let live = 0;
  for (const segment of state.segments()) live += segment.liveCount;
  expect(live, what).toBe(model.size);
  for (const [id, { payload, main, extra }] of model) {
    const place = state.find(id);
    if (!place) throw new Error(`${what}: point ${id} is lost`);
    const { segment, row } = place;
    expect(segment.ids.get(row)).toBe(id);
    expect(segment.isLive(row)).toBe(true);
    expect(decodePayload(segment.payloads.bytes(row)), what).toEqual(payload);
    expect(Array.from(segment.vectors.get("")?.get(row)?.data ?? [])).toEqual(main);
    const found = segment.vectors.get("extra")?.get(row);
    expect(found && Array.from(found.data)).toEqual(extra);
    if (found) expect(found).toMatchObject({ norm: 7 });
    if (segment.fields.has("part")) expect(segment.fields.get("part")?.rowCount).toBe(segment.rowCount);
  }
}

test.each([1, 2, 3, 4])("agrees with a model (seed %d)", { timeout: 60_000 }, async (seed) => {
  const next = random(seed);
  const dir: Directory = MemoryDirectory.empty();
  const model: Model = new Map();
  let epoch = 1;
  let collection = await Collection.create(dir, config, { epoch });
  await collection.write({
    readsState: false,
    resolve: () => [{ kind: "field", path: "part", schema: encodePayload({ type: "integer" }) }],
  });
  let settled: Promise<void> = Promise.resolve();
  for (let n = 0; n < 400; n++) {
    const effects = [randomEffect(next, model, n)];
    const written = collection.write({ readsState: false, resolve: () => effects });
    if (next() < 0.5) await written;
    const roll = next();
    if (roll < 0.06) settled = collection.optimizer.settle({ everything: true });
    else if (roll < 0.09) await settled;
    else if (roll < 0.12) {
      await written;
      await collection.close();
      await settled.catch(() => {});
      collection = await Collection.open(dir, { epoch: ++epoch });
      expectSame(collection, model, `seed ${seed}, reopened at ${n}`);
    }
  }
  await settled;
  await collection.optimizer.settle({ everything: true });
  expectSame(collection, model, `seed ${seed}, at the end`);
  expect(collection.state.segments().length).toBeLessThanOrEqual(2);
  await collection.close();
  // what a kill would leave: the files as they are, without a closing checkpoint
  collection = await Collection.open(dir, { epoch: ++epoch });
  expectSame(collection, model, `seed ${seed}, reopened at the end`);
  await collection.close();
});
