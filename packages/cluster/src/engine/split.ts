/** Which part of a write concerns which shard. A part has the form of the whole; shards that it does not concern get none. */
import type { PointId } from "vicinal/shard";
import { shardOfPoint } from "../routing/ring.js";

type Body = Record<string, unknown>;

/** Bodies by shard. */
export type Parts = Map<number, Body>;

/** Splits a request of the operation; the body has passed its schema. */
export function split(operation: string, body: Body, ring: readonly number[]): Parts {
  if (operation === "upsert" || operation === "updateVectors")
    return "batch" in body ? columns(body, ring) : points(body, ring);
  return Array.isArray(body.points) ? ids(body, ring) : everywhere(body, ring);
}

/** By a filter: every shard finds its own. */
function everywhere(body: Body, ring: readonly number[]): Parts {
  return new Map(ring.map((shard) => [shard, body]));
}

function ids(body: Body, ring: readonly number[]): Parts {
  const places = grouped(body.points as PointId[], (id) => shardOfPoint(id, ring));
  return new Map([...places].map(([shard, found]) => [shard, { ...body, points: found }]));
}

function points(body: Body, ring: readonly number[]): Parts {
  const places = grouped(body.points as { id: PointId }[], ({ id }) => shardOfPoint(id, ring));
  return new Map([...places].map(([shard, found]) => [shard, { ...body, points: found }]));
}

/** Points column by column: every column is taken at the same places. */
function columns(body: Body, ring: readonly number[]): Parts {
  const batch = body.batch as { ids: PointId[] } & Body;
  const rows = grouped(
    batch.ids.map((_, i) => i),
    (i) => shardOfPoint(batch.ids[i], ring),
  );
  return new Map(
    [...rows].map(([shard, found]) => {
      const taken = Object.entries(batch).map(([name, column]) => [name, at(column, found)]);
      return [shard, { ...body, batch: Object.fromEntries(taken) }];
    }),
  );
}

/** A column, or columns by name, at some rows. */
function at(column: unknown, rows: readonly number[]): unknown {
  if (Array.isArray(column)) return rows.map((row) => column[row]);
  if (column === null || typeof column !== "object") return column;
  return Object.fromEntries(Object.entries(column).map(([name, one]) => [name, at(one, rows)]));
}

function grouped<T>(values: readonly T[], key: (value: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const value of values) {
    const of = key(value);
    const group = groups.get(of);
    if (group) group.push(value);
    else groups.set(of, [value]);
  }
  return groups;
}

/** The operation of the engine that a step of a batch is. */
export const steps: Readonly<Record<string, string>> = {
  upsert: "upsert",
  delete: "delete",
  set_payload: "setPayload",
  overwrite_payload: "overwritePayload",
  delete_payload: "deletePayload",
  clear_payload: "clearPayload",
  update_vectors: "updateVectors",
  delete_vectors: "deleteVectors",
};

/** Steps that happen in their order, in each shard those that concern it. @param ringOf Shards by the shard key of a step. */
export function splitBatch(operations: readonly Body[], ringOf: (key: unknown) => readonly number[]): Parts {
  const parts = new Map<number, Body[]>();
  for (const step of operations) {
    const [[name, body]] = Object.entries(step) as [string, Body][];
    const { shard_key: key, ...rest } = body;
    for (const [shard, part] of split(steps[name], rest, ringOf(key))) {
      const list = parts.get(shard) ?? [];
      parts.set(shard, list);
      list.push({ [name]: part });
    }
  }
  return new Map([...parts].map(([shard, list]) => [shard, { operations: list }]));
}
