/**
 * Strict mode: before an operation runs, its request is held against the limits that its collection was given. One table says
 * what of each operation is limited; collections without strict mode pay one look at their configuration.
 */
import type { Collections } from "../catalogue.js";
import type { RequestScope, ScopedEngine } from "../engine-api.js";
import { onceOpen } from "../lazy.js";
import type { StrictModeConfig } from "../schema/index.js";
import * as schema from "../schema/index.js";
import { checkExact, checkFieldIndexCount, checkLimit, checkMemory } from "./strict-checks.js";
import { conditionCount } from "./strict-filter.js";
import { DEFAULT_LIMIT, Guard } from "./strict-guard.js";

type Check = (guard: Guard, body: unknown) => void;

function reads<T>(form: { parse(body: unknown): T }, check: (guard: Guard, request: T) => void): Check {
  return (guard, body) => check(guard, form.parse(body));
}

/** @param check Gives the number of points that the request writes. */
function writes<T>(form: { parse(body: unknown): T }, check: (guard: Guard, request: T) => number): Check {
  return (guard, body) => guard.chargeWrite(check(guard, form.parse(body)));
}

const changes = (guard: Guard, request: schema.PointsSelector) => guard.change(request);

/** What is checked of each operation, by its name. Operations that are not here are not limited. */
const checks: Readonly<Record<string, Check>> = {
  upsert: writes(schema.pointInsertOperations, (guard, request) => guard.upsert(request)),
  delete: writes(schema.pointsSelector, changes),
  setPayload: writes(schema.setPayload, (guard, request) => guard.setPayload(request)),
  overwritePayload: writes(schema.setPayload, (guard, request) => guard.setPayload(request)),
  deletePayload: writes(schema.deletePayload, (guard, request) => guard.change(request)),
  clearPayload: writes(schema.pointsSelector, changes),
  updateVectors: writes(schema.updateVectors, (guard, request) => guard.updateVectors(request)),
  deleteVectors: writes(schema.deleteVectors, (guard, request) => guard.change(request)),
  batchUpdate: writes(schema.updateOperations, (guard, { operations }) =>
    operations.reduce((sum, operation) => sum + guard.operation(operation), 0),
  ),
  putBlob: (guard) => guard.chargeWrite(1),
  deleteBlob: (guard) => guard.chargeWrite(1),
  getBlob: (guard) => guard.chargeRead(() => 1),
  createPayloadIndex: writes(schema.createFieldIndex, (guard) => {
    checkFieldIndexCount(guard.state.config, guard.limits);
    return 1;
  }),

  retrieve: reads(schema.pointRequest, (guard, { ids }) => guard.chargeRead(() => ids.length)),
  scroll: reads(schema.scrollRequest, (guard, { filter, limit }) => {
    guard.scan(filter, limit);
    guard.chargeRead(() => 1 + conditionCount(filter));
  }),
  count: reads(schema.countRequest, (guard, { filter, exact }) => {
    guard.scan(filter);
    checkExact(exact ?? true, guard.limits);
    guard.chargeRead(() => 1 + conditionCount(filter));
  }),
  facet: reads(schema.facetRequest, (guard, { filter, limit, exact }) => {
    guard.scan(filter, limit ?? DEFAULT_LIMIT);
    checkExact(exact, guard.limits);
    guard.chargeRead(() => 1 + conditionCount(filter));
  }),
  query: reads(schema.queryRequest, (guard, request) => {
    guard.query(request);
    guard.chargeRead(() => guard.queryTokens(request));
  }),
  queryBatch: reads(schema.queryRequestBatch, (guard, { searches }) => guard.batch(searches)),
  queryGroups: reads(schema.queryGroupsRequest, (guard, request) => guard.groups(request)),
  searchMatrixPairs: reads(schema.searchMatrixRequest, (guard, request) => guard.matrix(request)),
  searchMatrixOffsets: reads(schema.searchMatrixRequest, (guard, request) => guard.matrix(request)),
};

/** Operations that take memory or disk; the others can always free it. */
const growing: ReadonlySet<string> = new Set([
  "createCollection",
  "upsert",
  "updateVectors",
  "setPayload",
  "overwritePayload",
  "batchUpdate",
  "putBlob",
  "createPayloadIndex",
  "createVectorName",
  "createSnapshot",
  "createFullSnapshot",
  "recoverSnapshot",
  "uploadSnapshot",
  "uploadFullSnapshot",
]);

function admit(check: Check | undefined, operation: string, home: Collections, values: unknown[]): void {
  const takesMore = growing.has(operation);
  if (takesMore) home.quotas.admit();
  if (!check) return;
  const [name, body] = values as [string, { timeout?: number } | undefined];
  const { state } = home.get(name);
  const limits = state.config.other.strict_mode_config as StrictModeConfig | undefined;
  if (limits?.enabled !== true) return;
  checkLimit(body?.timeout, limits.max_timeout, "timeout");
  if (takesMore) checkMemory(home.quotas.usage.memory, limits);
  check(new Guard(state, limits), body);
}

type Method = (...values: unknown[]) => unknown;

/** The engine, each of whose operations passes quotas and strict mode before it runs, on collections that are open. */
export function underStrictMode<E extends ScopedEngine>(engine: E, home: Collections): E {
  const methods = new Map<string | symbol, Method>();
  const guarded = (operation: string, method: Method): Method => {
    if (operation === "forRequest")
      return (scope) => {
        const scoped = engine.forRequest(scope as RequestScope) as ScopedEngine;
        return scoped === engine ? strict : underStrictMode(scoped, home);
      };
    const check = Object.hasOwn(checks, operation) ? checks[operation] : undefined;
    return (...values) =>
      onceOpen(() => {
        admit(check, operation, home, values);
        return method.apply(engine, values);
      });
  };
  const strict: E = new Proxy(engine, {
    get(_target, operation) {
      const known = methods.get(operation);
      if (known) return known;
      const member: unknown = Reflect.get(engine, operation, engine);
      if (typeof member !== "function") return member;
      const method = guarded(String(operation), member as Method);
      methods.set(operation, method);
      return method;
    },
  });
  return strict;
}
