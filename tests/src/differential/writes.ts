/** Writes of a story: what the reference makes of each, and how it is asked for. */
import type { Database } from "vicinal";
import type { Filter } from "../../../packages/vicinal/dist/payload/filter.js";
import type { JsonObject } from "../../../packages/vicinal/dist/payload/json.js";
import type { Id, Model, Point } from "./model.js";
import { Refused } from "./ranking.js";
import { type PointWrite, type Selector, vectorNames } from "./requests.js";

function selected(model: Model, selector: Selector): Id[] {
  if ("filter" in selector) return model.matching(selector.filter).map(({ id }) => id);
  return selector.points;
}

export function writeModel(model: Model, write: PointWrite): void {
  switch (write.kind) {
    case "upsert":
      upsertModel(model, write);
      return;
    case "vectors": {
      const matching = matchingIds(model, write.filter);
      for (const point of existing(
        model,
        write.points.map(({ id }) => id),
      )) {
        const given = write.points.filter(({ id }) => String(id) === String(point.id));
        const vectors = Object.assign({}, point.vectors, ...given.map((one) => one.vectors));
        if (matching(point.id)) model.put({ ...point, vectors });
      }
      return;
    }
    case "delete":
      for (const id of selected(model, write.selector)) model.delete(id);
      return;
    case "unvector":
      for (const point of existing(model, selected(model, write.selector))) {
        const kept = Object.entries(point.vectors).filter(([name]) => !write.names.includes(name as never));
        model.put({ ...point, vectors: Object.fromEntries(kept) });
      }
      return;
    default:
      for (const point of existing(model, selected(model, write.selector)))
        model.put({ ...point, payload: changed(point.payload, write) });
  }
}

/** All of them, or none where one is refused. */
export function writeModelTogether(model: Model, writes: readonly PointWrite[]): void {
  const before = model.copy();
  try {
    for (const write of writes) writeModel(model, write);
  } catch (reason) {
    model.restore(before);
    throw reason;
  }
}

function upsertModel(model: Model, { points, mode, filter }: Extract<PointWrite, { kind: "upsert" }>): void {
  const matching = matchingIds(model, filter);
  const before = model.copy();
  for (const point of points) {
    const there = before.has(String(point.id));
    if (there ? mode !== "insert_only" && matching(point.id) : mode !== "update_only") model.put(point);
  }
}

function matchingIds(model: Model, filter: Filter | undefined): (id: Id) => boolean {
  const ids = new Set(model.matching(filter).map(({ id }) => String(id)));
  return (id) => ids.has(String(id));
}

/** Each point once. */
function existing(model: Model, ids: readonly Id[]): Point[] {
  return [...new Map(ids.map((id) => [String(id), id])).values()].map((id) => {
    const point = model.find(id);
    if (!point) throw new Refused(`no point ${id}`);
    return point;
  });
}

type PayloadWrite = Extract<PointWrite, { kind: "set" | "overwrite" | "drop" | "clear" }>;

function changed(payload: JsonObject, write: PayloadWrite): JsonObject {
  switch (write.kind) {
    case "overwrite":
      return write.payload;
    case "clear":
      return {};
    case "drop":
      return Object.fromEntries(Object.entries(payload).filter(([key]) => !write.keys.includes(key)));
    case "set":
      return Object.fromEntries(
        Object.entries({ ...payload, ...write.payload }).filter(
          ([key, value]) => !(value === null && Object.hasOwn(write.payload, key)),
        ),
      );
  }
}

interface Request {
  /** As an operation of a batch is called. */
  operation: string;
  method: keyof Database;
  body: object;
}

function requestOf(write: PointWrite): Request {
  switch (write.kind) {
    case "upsert": {
      const conditions = { update_mode: write.mode, update_filter: write.filter };
      const body = { ...(write.columns ? asColumns(write.points) : asList(write.points)), ...conditions };
      return { operation: "upsert", method: "upsert", body };
    }
    case "vectors":
      return {
        operation: "update_vectors",
        method: "updateVectors",
        body: { ...asList(write.points), update_filter: write.filter },
      };
    case "unvector":
      return {
        operation: "delete_vectors",
        method: "deleteVectors",
        body: { ...write.selector, vector: write.names },
      };
    case "delete":
      return { operation: "delete", method: "delete", body: write.selector };
    case "set":
      return {
        operation: "set_payload",
        method: "setPayload",
        body: { ...write.selector, payload: write.payload },
      };
    case "overwrite":
      return {
        operation: "overwrite_payload",
        method: "overwritePayload",
        body: { ...write.selector, payload: write.payload },
      };
    case "drop":
      return {
        operation: "delete_payload",
        method: "deletePayload",
        body: { ...write.selector, keys: write.keys },
      };
    case "clear":
      return { operation: "clear_payload", method: "clearPayload", body: write.selector };
  }
}

export function writeDatabase(database: Database, name: string, write: PointWrite): Promise<unknown> {
  const { method, body } = requestOf(write);
  return (database[method] as (name: string, body: object) => Promise<unknown>)(name, body);
}

export function batchDatabase(
  database: Database,
  name: string,
  writes: readonly PointWrite[],
): Promise<unknown> {
  const operations = writes.map(requestOf).map(({ operation, body }) => ({ [operation]: body }));
  return database.batchUpdate(name, { operations } as never);
}

type Given = Pick<Point, "id" | "vectors"> & { payload?: JsonObject };

const asList = (points: readonly Given[]) => ({
  points: points.map(({ id, vectors, payload }) => ({ id, vector: vectors, payload })),
});

/** Columns have no gaps, so points of which one lacks a vector are listed. */
function asColumns(points: readonly Point[]): object {
  const names = vectorNames.filter((name) => points.every(({ vectors }) => vectors[name]));
  const complete = points.every(({ vectors }) => Object.keys(vectors).length === names.length);
  if (!complete) return asList(points);
  const vectors = Object.fromEntries(names.map((name) => [name, points.map((point) => point.vectors[name])]));
  return {
    batch: { ids: points.map(({ id }) => id), vectors, payloads: points.map(({ payload }) => payload) },
  };
}
