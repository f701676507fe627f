/**
 * What a collection must hold: a map of points that only a loop ever touches. States are never changed, so that "before" and
 * "after" of an operation can be compared with what a crash left.
 */
export interface Words {
  indices: number[];
  values: number[];
}
export type Vector = number[] | Words;
export type Id = number | string;
export type Payload = Record<string, unknown>;

export interface Point {
  id: Id;
  vectors: Record<string, Vector>;
  payload: Payload;
  /** Seconds to live, as an upsert says. */
  ttl?: number;
}

/** A point that is there. */
export interface StoredPoint extends Omit<Point, "ttl"> {
  /** From when on it is not there any more, milliseconds since 1970. */
  expires?: number;
  /** Number of the write that made it so; absent where nobody has said it: then it is one that was never seen before. */
  version?: number;
}

/** When an operation happened, and its number, where it was told. */
export interface Moment {
  now: number;
  version?: number;
}

export interface Contents {
  points: ReadonlyMap<string, StoredPoint>;
  /** Paths of the field indexes. */
  fields: ReadonlySet<string>;
  /** Names of the vectors. */
  vectors: ReadonlySet<string>;
}

export type Change =
  | { kind: "upsert"; points: Point[]; ifVersion?: number }
  /** Points that are there are written over where their rank is low. */
  | { kind: "condition"; points: Point[] }
  | { kind: "delete"; ids: Id[]; ifVersion?: number }
  | { kind: "deleteRank"; rank: number }
  | { kind: "setPayload" | "overwritePayload"; rank: number; payload: Payload }
  | { kind: "setPayloadOf"; ids: Id[]; payload: Payload; ifVersion?: number }
  | { kind: "deletePayload"; rank: number; keys: string[] }
  | { kind: "clearPayload"; rank: number }
  | { kind: "updateVectors"; ids: Id[]; name: string; vectors: Vector[]; ifVersion?: number }
  | { kind: "deleteVector"; rank: number; name: string };

export type DataOperation =
  | Change
  /** All of them or none. */
  | { kind: "batch"; changes: Change[] }
  | { kind: "createField" | "dropField"; path: string }
  | { kind: "createVector" | "dropVector"; name: string };

/** Ranks below this are low. */
export const LOW_RANK = 3;

/** The state after the operation; undefined where it must be refused. */
export function applied(before: Contents, operation: DataOperation, moment: Moment): Contents | undefined {
  const state = alive(before, moment.now);
  switch (operation.kind) {
    case "batch": {
      let after: Contents | undefined = state;
      for (const change of operation.changes) after = after && applied(after, change, moment);
      return after;
    }
    case "createField":
      return { ...state, fields: new Set([...state.fields, operation.path]) };
    case "dropField":
      return { ...state, fields: new Set([...state.fields].filter((path) => path !== operation.path)) };
    case "createVector": {
      if (state.vectors.has(operation.name)) return undefined;
      return { ...state, vectors: new Set([...state.vectors, operation.name]) };
    }
    case "dropVector": {
      if (!state.vectors.has(operation.name)) return undefined;
      const vectors = new Set([...state.vectors].filter((name) => name !== operation.name));
      const points = new Map<string, StoredPoint>();
      for (const [key, point] of state.points)
        points.set(key, { ...point, vectors: without(point.vectors, [operation.name]) });
      return { ...state, vectors, points };
    }
    default: {
      const points = new Map(state.points);
      return change(points, operation, moment) ? { ...state, points } : undefined;
    }
  }
}

/** Without the points that have expired. */
export function alive(state: Contents, now: number): Contents {
  const isGone = ({ expires }: StoredPoint) => expires !== undefined && expires <= now;
  if (![...state.points.values()].some(isGone)) return state;
  return { ...state, points: new Map([...state.points].filter(([, point]) => !isGone(point))) };
}

function versionsAre(points: ReadonlyMap<string, StoredPoint>, operation: Change): boolean {
  if (!("ifVersion" in operation) || operation.ifVersion === undefined) return true;
  const ids = "ids" in operation ? operation.ids : operation.points.map(({ id }) => id);
  const versionOf = (point: StoredPoint | undefined) => (point === undefined ? 0 : point.version);
  return ids.every((id) => versionOf(points.get(String(id))) === operation.ifVersion);
}

/** False where it must be refused. */
function change(points: Map<string, StoredPoint>, operation: Change, { now, version }: Moment): boolean {
  if (!versionsAre(points, operation)) return false;
  const put = (point: StoredPoint) => points.set(String(point.id), { ...point, version });
  const write = ({ ttl, ...point }: Point) =>
    put(ttl === undefined ? point : { ...point, expires: now + ttl * 1000 });
  const ranked = (rank: number) => [...points.values()].filter(({ payload }) => payload.rank === rank);
  switch (operation.kind) {
    case "upsert":
      operation.points.forEach(write);
      return true;
    case "condition": {
      const before = new Map(points);
      for (const point of operation.points) {
        const old = before.get(String(point.id));
        if (old === undefined || (old.payload.rank as number) < LOW_RANK) write(point);
      }
      return true;
    }
    case "delete":
      for (const id of operation.ids) points.delete(String(id));
      return true;
    case "deleteRank":
      for (const { id } of ranked(operation.rank)) points.delete(String(id));
      return true;
    case "setPayload":
      for (const point of ranked(operation.rank))
        put({ ...point, payload: { ...point.payload, ...operation.payload } });
      return true;
    case "overwritePayload":
      for (const point of ranked(operation.rank)) put({ ...point, payload: operation.payload });
      return true;
    case "setPayloadOf": {
      const found = operation.ids.map((id) => points.get(String(id)));
      for (const point of found)
        if (point) put({ ...point, payload: { ...point.payload, ...operation.payload } });
      return found.every((point) => point !== undefined);
    }
    case "deletePayload":
      for (const point of ranked(operation.rank))
        put({ ...point, payload: without(point.payload, operation.keys) });
      return true;
    case "clearPayload":
      for (const point of ranked(operation.rank)) put({ ...point, payload: {} });
      return true;
    case "updateVectors": {
      const found = operation.ids.map((id) => points.get(String(id)));
      found.forEach((point, i) => {
        const vector = operation.vectors[i];
        if (point) put({ ...point, vectors: { ...point.vectors, [operation.name]: vector } });
      });
      return found.every((point) => point !== undefined);
    }
    case "deleteVector":
      for (const point of ranked(operation.rank))
        put({ ...point, vectors: without(point.vectors, [operation.name]) });
      return true;
  }
}

function without<T>(values: Record<string, T>, names: string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

export function areEqual(a: Contents, b: Contents): boolean {
  if (a.points.size !== b.points.size || settingsOf(a) !== settingsOf(b)) return false;
  for (const [key, point] of a.points) if (!isFound(point, b.points.get(key))) return false;
  return true;
}

/** Whether what was read is the point, of which nobody reads when it expires. */
export function isFound(expected: StoredPoint | undefined, found: StoredPoint | undefined): boolean {
  if (!expected || !found) return expected === found;
  const { expires: _, version = found.version, ...point } = expected;
  return areSame({ ...point, version }, found);
}

/** The state with the versions that were read, where it was found. */
export function withVersions(state: Contents, { points }: Contents): Contents {
  const seen = [...state.points].map(
    ([key, point]) => [key, { ...point, version: points.get(key)?.version }] as const,
  );
  return { ...state, points: new Map(seen) };
}

/** By their JSON, in whatever order the keys stand. */
export function areSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => key in b && areSame((a as Payload)[key], (b as Payload)[key]));
}

export function settingsOf({ fields, vectors }: Contents): string {
  return JSON.stringify({ fields: [...fields].sort(), vectors: [...vectors].sort() });
}
