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

type Operation =
  | { kind: "upsert"; points: ({ id: number } & ModelPoint)[] }
  | { kind: "delete"; ids: number[] }
  | { kind: "setPayload"; rank: number; payload: Record<string, unknown> };

export function operation(n: number): Operation {
  const next = random(n * 7919 + 1);
  const id = () => Math.floor(next() * IDS);
  const choice = next();
  if (choice < 0.6) {
    const points = Array.from({ length: 1 + Math.floor(next() * 12) }, () => ({
      id: id(),
      vector: Array.from({ length: DIMENSIONS }, () => Math.fround(next() - 0.5)),
      words: { indices: [n % 50, 50 + Math.floor(next() * 1000)], values: [n, 1] },
      payload: { n, rank: Math.floor(next() * 10) },
    }));
    return { kind: "upsert", points };
  }
  if (choice < 0.75) return { kind: "delete", ids: Array.from({ length: 3 }, id) };
  return { kind: "setPayload", rank: Math.floor(next() * 10), payload: { patched: n } };
}

export function applyToModel(model: Model, n: number): void {
  const op = operation(n);
  if (op.kind === "upsert") for (const { id, ...point } of op.points) model.set(id, point);
  else if (op.kind === "delete") for (const id of op.ids) model.delete(id);
  else
    for (const point of model.values())
      if (point.payload.rank === op.rank) point.payload = { ...point.payload, ...op.payload };
}

export async function applyToDatabase(database: Database, n: number): Promise<void> {
  const op = operation(n);
  if (op.kind === "upsert") {
    const points = op.points.map(({ id, vector, words, payload }) => ({
      id,
      payload,
      vector: { "": vector, words },
    }));
    await database.upsert(COLLECTION, { points });
  } else if (op.kind === "delete") await database.delete(COLLECTION, { points: op.ids });
  else
    await database.setPayload(COLLECTION, {
      payload: op.payload,
      filter: { must: [{ key: "rank", match: { value: op.rank } }] },
    });
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
