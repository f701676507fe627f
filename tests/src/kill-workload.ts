/** The workload of the kill test: operation number `n` is a function of `n` alone, so parent and child agree on it. */
import type { Database } from "vicinal";

export const COLLECTION = "points";
export const DIMENSIONS = 16;
const IDS = 400;

interface Words {
  indices: number[];
  values: number[];
}

export interface ModelPoint {
  vector: number[];
  words: Words;
  payload: Record<string, unknown>;
}
export type Model = Map<number, ModelPoint>;

/** A small generator of repeatable numbers (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Point extends ModelPoint {
  id: number;
}

type Dense = Pick<Point, "id" | "vector">;

type Operation =
  | { kind: "upsert"; points: Point[] }
  /** Points that exist are written over where their rank is low. */
  | { kind: "condition"; points: Point[] }
  | { kind: "vectors"; points: Dense[] }
  /** Points are written, their vectors are replaced, and all that have a rank are deleted: as one. */
  | { kind: "batch"; points: Point[]; vectors: Dense[]; rank: number }
  | { kind: "delete"; ids: number[] }
  | { kind: "setPayload"; rank: number; payload: Record<string, unknown> };

/** Points that no operation deletes, written by the first. */
const KEPT = { from: IDS, count: 50 };
const LOW_RANK = 5;

export function operation(n: number): Operation {
  const next = random(n * 7919 + 1);
  const id = () => Math.floor(next() * IDS);
  const rank = () => Math.floor(next() * 10);
  const vector = () => Array.from({ length: DIMENSIONS }, () => Math.fround(next() - 0.5));
  const words = () => ({ indices: [n % 50, 50 + Math.floor(next() * 1000)], values: [n, 1] });
  if (n === 0) {
    const kept = Array.from({ length: KEPT.count }, (_, i) => KEPT.from + i);
    const points = kept.map((id) => ({ id, vector: vector(), words: words(), payload: { kept: id } }));
    return { kind: "upsert", points };
  }
  const choice = next();
  const some = () => 1 + Math.floor(next() * 12);
  const points = () =>
    Array.from({ length: some() }, () => ({
      id: id(),
      vector: vector(),
      words: words(),
      payload: { n, rank: rank() },
    }));
  if (choice < 0.4) return { kind: "upsert", points: points() };
  if (choice < 0.47) return { kind: "condition", points: points() };
  if (choice < 0.54) {
    const kept = () => KEPT.from + Math.floor(next() * KEPT.count);
    return {
      kind: "vectors",
      points: Array.from({ length: some() }, () => ({ id: kept(), vector: vector() })),
    };
  }
  if (choice < 0.61) {
    const written = points();
    const vectors = written.slice(0, 3).map(({ id }) => ({ id, vector: vector() }));
    return { kind: "batch", points: written, vectors, rank: rank() };
  }
  if (choice < 0.75) return { kind: "delete", ids: Array.from({ length: 3 }, id) };
  return { kind: "setPayload", rank: rank(), payload: { patched: n } };
}

export function applyToModel(model: Model, n: number): void {
  const op = operation(n);
  switch (op.kind) {
    case "upsert":
      put(model, op.points);
      return;
    case "condition": {
      const before = new Map(model);
      const low = ({ id }: Point) => {
        const old = before.get(id);
        return old === undefined || (old.payload.rank as number) < LOW_RANK;
      };
      put(model, op.points.filter(low));
      return;
    }
    case "vectors":
      replaceVectors(model, op.points);
      return;
    case "batch":
      put(model, op.points);
      replaceVectors(model, op.vectors);
      for (const [id, { payload }] of [...model]) if (payload.rank === op.rank) model.delete(id);
      return;
    case "delete":
      for (const id of op.ids) model.delete(id);
      return;
    case "setPayload":
      for (const point of model.values())
        if (point.payload.rank === op.rank) point.payload = { ...point.payload, ...op.payload };
  }
}

function put(model: Model, points: readonly Point[]): void {
  for (const { id, ...point } of points) model.set(id, point);
}

function replaceVectors(model: Model, points: readonly Dense[]): void {
  for (const { id, vector } of points) model.set(id, { ...(model.get(id) as ModelPoint), vector });
}

const ranked = (value: number) => ({ must: [{ key: "rank", match: { value } }] });

const asWritten = ({ id, vector, words, payload }: Point) => ({
  id,
  payload,
  vector: { "": vector, words },
});

export async function applyToDatabase(database: Database, n: number): Promise<void> {
  const op = operation(n);
  switch (op.kind) {
    case "upsert":
      await database.upsert(COLLECTION, { points: op.points.map(asWritten) });
      break;
    case "condition": {
      const update_filter = { must: [{ key: "rank", range: { lt: LOW_RANK } }] };
      await database.upsert(COLLECTION, { points: op.points.map(asWritten), update_filter });
      break;
    }
    case "vectors":
      await database.updateVectors(COLLECTION, { points: op.points });
      break;
    case "batch":
      await database.batchUpdate(COLLECTION, {
        operations: [
          { upsert: { points: op.points.map(asWritten) } },
          { update_vectors: { points: op.vectors } },
          { delete: { filter: ranked(op.rank) } },
        ],
      });
      break;
    case "delete":
      await database.delete(COLLECTION, { points: op.ids });
      break;
    case "setPayload":
      await database.setPayload(COLLECTION, { payload: op.payload, filter: ranked(op.rank) });
  }
}

/** What the database holds, in the model's form. */
export async function readAll(database: Database): Promise<Model> {
  const model: Model = new Map();
  let offset: unknown;
  do {
    const page = await database.scroll(COLLECTION, {
      limit: 100,
      with_vector: true,
      offset: offset as number | undefined,
    });
    for (const { id, vector, payload } of page.points) {
      const { "": dense, words } = vector as unknown as { "": Float32Array; words: Words };
      const { indices, values } = words;
      model.set(Number(id), {
        vector: Array.from(dense),
        words: { indices: Array.from(indices), values: Array.from(values) },
        payload: payload ?? {},
      });
    }
    offset = page.next_page_offset;
  } while (offset !== null && offset !== undefined);
  return model;
}
