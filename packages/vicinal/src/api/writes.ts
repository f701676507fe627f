/**
 * Writes: what each operation that changes points comes to. A write is prepared when it is asked for (its request checked, its
 * vectors and payloads brought to the form in which they are stored) and resolved in the writer's turn, where filters, conditions
 * and stored vectors are looked at; what comes out are effects that need neither.
 */
import { compileCheckedFilter } from "../payload/filter.js";
import type { PointId } from "../payload/id.js";
import { encodePayload } from "../payload/json.js";
import { parsePath } from "../payload/path.js";
import { matchingAmong, matchingInView } from "../query/matching.js";
import { after } from "../runtime/after.js";
import { VicinalError } from "../runtime/errors.js";
import type { CollectionConfig } from "../segment/config.js";
import { bytesOf, type Effect, type PayloadEffect, type StoredPoint } from "../segment/effects.js";
import type { WriteView } from "../segment/write-view.js";
import { expiring } from "./expiry.js";
import { pointIds, sparseVectorConfig, storedPoints, storedPointVectors, vectorConfig } from "./prepare.js";
import { pointNotFound } from "./queries/query-vectors.js";
import type * as schema from "./schema/index.js";
import { checkVersions } from "./versions.js";

type NamedVectors = StoredPoint["vectors"];

/** A write that is ready for its turn. */
export interface Write {
  /** Throws where the points are not as they must be; nothing has changed then. */
  resolve(view: WriteView): Effect[] | Promise<Effect[]>;
}

export function upsertWrite(config: CollectionConfig, request: schema.PointInsertOperations): Write {
  const points = storedPoints(config, request);
  const wanted = condition(request);
  const expire = expiring(request);
  return {
    resolve(view) {
      checkVersions(view, idsOf(points), request.if_version);
      expire(view, points);
      const written = wanted ? points.filter(wanted(view, points)) : points;
      return written.length === 0 ? [] : [{ kind: "upsert", points: written }];
    },
  };
}

type Wanted = (point: { id: PointId }) => boolean;

/** Which points an upsert writes as they are before it; undefined: all. */
function condition(
  request: schema.PointInsertOperations,
): ((view: WriteView, points: readonly StoredPoint[]) => Wanted) | undefined {
  const { update_filter: updateFilter, update_mode: mode } = request;
  const inserts = mode !== "update_only";
  if (mode === "insert_only")
    return (view, points) => {
      const existing = existingOf(view, points);
      return ({ id }) => !existing.has(id);
    };
  if (!updateFilter && inserts) return undefined;
  const matching = updateFilter && compileCheckedFilter(updateFilter);
  return (view, points) => {
    const existing = existingOf(view, points);
    const updated = matching ? new Set(matchingAmong(view, [...existing], matching)) : existing;
    return ({ id }) => (existing.has(id) ? updated.has(id) : inserts);
  };
}

function idsOf(points: readonly StoredPoint[]): PointId[] {
  return points.map(({ id }) => id);
}

function existingOf(view: WriteView, points: readonly { id: PointId }[]): Set<PointId> {
  return new Set(points.map(({ id }) => id).filter((id) => view.exists(id)));
}

export function deleteWrite(request: schema.PointsSelector): Write {
  const select = selector(request);
  return { resolve: (view) => [{ kind: "delete", ids: select(view) }] };
}

export function setPayloadWrite(request: schema.SetPayload): Write {
  const path = request.key ?? "";
  if (path !== "") parsePath(path, "key");
  return payloadWrite(request, { mode: "set", path, payload: encodePayload(request.payload), keys: [] });
}

export function overwritePayloadWrite(request: schema.SetPayload): Write {
  const payload = encodePayload(request.payload);
  return payloadWrite(request, { mode: "overwrite", path: "", payload, keys: [] });
}

export function deletePayloadWrite(request: schema.DeletePayload): Write {
  const { keys } = request;
  for (const [i, key] of keys.entries()) parsePath(key, `keys[${i}]`);
  return payloadWrite(request, { mode: "delete", path: "", payload: encodePayload({}), keys });
}

export function clearPayloadWrite(request: schema.PointsSelector): Write {
  return payloadWrite(request, { mode: "clear", path: "", payload: encodePayload({}), keys: [] });
}

function payloadWrite(request: Selecting, change: Omit<PayloadEffect, "kind" | "ids">): Write {
  const select = selector(request);
  return { resolve: (view) => [{ kind: "payload", ...change, ids: mustExist(view, select(view)) }] };
}

export function updateVectorsWrite(config: CollectionConfig, request: schema.UpdateVectors): Write {
  const given = new Map<PointId, NamedVectors>();
  for (const { id, vectors } of storedPointVectors(config, request.points))
    given.set(id, replaced(given.get(id) ?? [], vectors));
  const matching = request.update_filter && compileCheckedFilter(request.update_filter);
  return {
    resolve(view) {
      checkVersions(view, [...given.keys()], request.if_version);
      const ids = mustExist(view, [...given.keys()]);
      const changed = matching ? matchingAmong(view, ids, matching) : ids;
      return rewritten(view, changed, (vectors, id) => replaced(vectors, given.get(id) as NamedVectors));
    },
  };
}

export function deleteVectorsWrite(config: CollectionConfig, request: schema.DeleteVectors): Write {
  const gone = new Set(request.vector);
  for (const name of gone) if (!sparseVectorConfig(config, name)) vectorConfig(config, name);
  const select = selector(request);
  return {
    resolve: (view) =>
      rewritten(view, mustExist(view, select(view)), (vectors) =>
        vectors.filter(({ name }) => !gone.has(name)),
      ),
  };
}

/** Vectors do not change where they lie: the points are written anew, with their payloads and what is made of their vectors. */
function rewritten(
  view: WriteView,
  ids: readonly PointId[],
  change: (vectors: NamedVectors, id: PointId) => NamedVectors,
): Effect[] | Promise<Effect[]> {
  if (ids.length === 0) return [];
  // In this turn: while vectors are read from files, points may expire.
  const kept = ids.map((id) => ({
    id,
    payload: view.payload(id),
    expires: view.expires(id),
    blobs: view.blobs(id),
  }));
  return after(view.vectors(ids), (vectors) => [
    { kind: "upsert", points: kept.map((point, i) => ({ ...point, vectors: change(vectors[i], point.id) })) },
  ]);
}

function replaced(old: NamedVectors, given: NamedVectors): NamedVectors {
  return [...old.filter(({ name }) => !given.some((vector) => vector.name === name)), ...given];
}

/** Operations as one write: each sees those before it, and where one fails none has happened. */
export function operationsWrite(config: CollectionConfig, { operations }: schema.UpdateOperations): Write {
  const writes = operations.map((operation, index) =>
    ofOperation(index, () => operationWrite(config, operation)),
  );
  return {
    async resolve(view) {
      const branch = view.branch();
      const effects: Effect[] = [];
      for (const [index, write] of writes.entries()) {
        const made = await ofOperation(index, () => write.resolve(branch));
        branch.note(made);
        effects.push(...made);
      }
      return effects;
    },
  };
}

/** Says of an error which operation it is about. */
function ofOperation<T>(operation: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof VicinalError)) throw error;
    const { code, message, details } = error;
    throw new VicinalError(code, message, { ...details, operation }, { cause: error });
  }
}

function operationWrite(config: CollectionConfig, operation: schema.UpdateOperation): Write {
  if ("upsert" in operation) return upsertWrite(config, operation.upsert);
  if ("delete" in operation) return deleteWrite(operation.delete);
  if ("set_payload" in operation) return setPayloadWrite(operation.set_payload);
  if ("overwrite_payload" in operation) return overwritePayloadWrite(operation.overwrite_payload);
  if ("delete_payload" in operation) return deletePayloadWrite(operation.delete_payload);
  if ("clear_payload" in operation) return clearPayloadWrite(operation.clear_payload);
  if ("update_vectors" in operation) return updateVectorsWrite(config, operation.update_vectors);
  return deleteVectorsWrite(config, operation.delete_vectors);
}

/** Bytes of the vectors that effects write. */
export function vectorBytes(effects: readonly Effect[]): number {
  let bytes = 0;
  for (const effect of effects)
    if (effect.kind === "upsert")
      for (const { vectors } of effect.points) for (const { vector } of vectors) bytes += bytesOf(vector);
  return bytes;
}

interface Selecting {
  points?: readonly unknown[] | null;
  filter?: unknown;
  if_version?: number | null;
}

/** The points that a write is about: the listed ones, or else those that match when its turn comes. VERSION_CONFLICT */
function selector(request: Selecting): (view: WriteView) => PointId[] {
  const select = unchecked(request);
  return (view) => {
    const ids = select(view);
    checkVersions(view, ids, request.if_version);
    return ids;
  };
}

function unchecked(request: Selecting): (view: WriteView) => PointId[] {
  if (request.points) {
    const ids = [...new Set(pointIds(request.points))];
    return () => ids;
  }
  const filter = compileCheckedFilter(request.filter as schema.Filter);
  return (view) => matchingInView(view, filter);
}

function mustExist(view: WriteView, ids: PointId[]): PointId[] {
  for (const id of ids) if (!view.exists(id)) throw pointNotFound(id);
  return ids;
}
