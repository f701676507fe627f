/** Answering queries: what is asked for is ranked by `query/`, the rows become points of the answer. */
import { type CompiledFilter, compileCheckedFilter } from "../payload/filter.js";
import { rankByExamples } from "../query/by-examples.js";
import { pointsInOrder } from "../query/matching.js";
import { orderedByField } from "../query/order.js";
import { type RankedRow, UNCOMPARED_SCORE } from "../query/ranked.js";
import type { RecallWatch } from "../query/recall-watch.js";
import { sampledRows } from "../query/sample.js";
import {
  DEFAULT_RECALL,
  type Hit,
  largerIsNearer,
  type NearestResult,
  nearest,
  scoreOf,
} from "../query/search.js";
import { after } from "../runtime/after.js";
import { VicinalError } from "../runtime/errors.js";
import type { CollectionState, Place } from "../segment/state.js";
import { type ExampleQuery, exampleQuery } from "./example-queries.js";
import { explanation } from "./explain.js";
import { fieldOrder } from "./field-order.js";
import { PointReader } from "./points.js";
import { storedVector, vectorConfig } from "./prepare.js";
import {
  type Comparison,
  type Example,
  exampleVector,
  exampleVectors,
  lookupPlace,
  placesOf,
} from "./query-vectors.js";
import type * as schema from "./schema/index.js";
import type { RawJson } from "./schema/index.js";

export const DEFAULT_LIMIT = 10;

/** Where a query runs. */
export interface QueryScope {
  state: CollectionState;
  watch: RecallWatch | undefined;
  /** Of another collection; COLLECTION_NOT_FOUND. */
  stateOf: (collection: string) => CollectionState;
}

/** The part of a query's request that decides which points are found. */
export type Asked = Pick<
  schema.QueryRequest,
  "query" | "using" | "params" | "score_threshold" | "lookup_from"
>;

/** Which of them are wanted. */
export interface Window {
  filter: CompiledFilter | undefined;
  limit: number;
  offset: number;
}

export interface Ranking {
  rows: RankedRow[];
  found: Pick<NearestResult, "plan" | "mergeMs">;
}

export function compiled(filter: schema.Filter | null | undefined): CompiledFilter | undefined {
  const checked = filter ? compileCheckedFilter(filter) : undefined;
  return checked?.isEmpty ? undefined : checked;
}

/** A promise only where something has to be read from files. */
export function answerQuery(
  scope: QueryScope,
  request: schema.QueryRequest,
): schema.QueryResponse<RawJson> | Promise<schema.QueryResponse<RawJson>> {
  const began = performance.now();
  const reader = new PointReader(request.with_payload, request.with_vector, false);
  const window = {
    filter: compiled(request.filter),
    limit: request.limit ?? DEFAULT_LIMIT,
    offset: request.offset ?? 0,
  };
  const read = ({ rows, found }: Ranking) => {
    const reading = performance.now();
    return { points: rows.map((row) => reader.readRanked(row)), found, reading };
  };
  return after(rank(scope, request, window, read), ({ points, found, reading }) =>
    after(reader.complete(), () => {
      if (!request.params?.explain) return { points };
      return { points, explain: explanation(found, { began, reading, ended: performance.now() }) };
    }),
  );
}

/**
 * Hands the rows that answer a query to `read`, best first, while their segments cannot go. A promise only where something has to
 * be read from files.
 */
export function rank<R>(
  scope: QueryScope,
  asked: Asked,
  window: Window,
  read: (ranking: Ranking) => R,
): R | Promise<R> {
  const { state } = scope;
  const query = asked.query ?? undefined;
  checkThreshold(asked);
  if (query === undefined) return read(uncompared(window, (wanted) => rowsInOrder(state, wanted)));
  if (isExample(query)) return rankNearest(scope, asked, query, window, read);
  if ("nearest" in query) return rankNearest(scope, asked, query.nearest as Example, window, read);
  const byExamples = exampleQuery(query);
  if (byExamples) return rankExamples(scope, asked, byExamples, window, read);
  if ("order_by" in query) {
    const order = fieldOrder(state, query.order_by, "query.order_by");
    return read(uncompared(window, (wanted) => orderedByField(state, order, wanted)));
  }
  return read(uncompared(window, (wanted) => sampledRows(state, wanted)));
}

/** A vector, or the id of a point. */
function isExample(query: NonNullable<Asked["query"]>): query is schema.SupportedVectorInput {
  return typeof query !== "object" || Array.isArray(query) || ArrayBuffer.isView(query);
}

/** Where points are not scored, a threshold would mean nothing. */
function checkThreshold({ query, score_threshold: threshold }: Asked): void {
  if (typeof threshold !== "number") return;
  const given = query ?? undefined;
  const refuse = (why: string) => {
    throw new VicinalError("BAD_REQUEST", `Bad request: ${why}`, { field: "score_threshold" });
  };
  if (given === undefined) refuse("A query is needed to use the score_threshold.");
  if (typeof given === "object" && "order_by" in given)
    refuse("Can't use score_threshold with an order_by query.");
}

type Wanted = Omit<Window, "offset">;

/** Points that are found without being compared with anything. */
function uncompared(
  { filter, limit, offset }: Window,
  find: (wanted: Wanted) => readonly RankedRow[],
): Ranking {
  return { rows: find({ filter, limit: offset + limit }).slice(offset), found: { plan: [], mergeMs: 0 } };
}

function rowsInOrder(state: CollectionState, wanted: Wanted): RankedRow[] {
  return pointsInOrder(state, wanted).map(({ segment, row }) => ({ segment, row, score: UNCOMPARED_SCORE }));
}

function rankNearest<R>(
  scope: QueryScope,
  asked: Asked,
  given: Example,
  window: Window,
  read: (ranking: Ranking) => R,
): R | Promise<R> {
  const comparison = comparisonOf(scope, asked, "query");
  return after(exampleVector(scope.state, comparison, given), (example) =>
    searchBy(scope, asked, example.query, { ...window, except: placesOf(scope.state, [example]) }, read),
  );
}

/** What examples are compared with. UNKNOWN_VECTOR, COLLECTION_NOT_FOUND. */
function comparisonOf({ state, stateOf }: QueryScope, asked: Asked, at: string): Comparison {
  const using = asked.using ?? "";
  vectorConfig(state.config, using);
  return { using, lookup: lookupPlace(asked.lookup_from, stateOf), at };
}

/** The window, without some points. */
interface Choice extends Window {
  except: readonly Place[];
}

function searchBy<R>(
  { state, watch }: QueryScope,
  asked: Asked,
  query: Float32Array,
  choice: Choice,
  read: (ranking: Ranking) => R,
): R | Promise<R> {
  const using = asked.using ?? "";
  const { distance } = vectorConfig(state.config, using);
  const params = asked.params ?? {};
  const k = choice.offset + choice.limit + choice.except.length;
  const wish = {
    using,
    query,
    k: Math.ceil(k * (params.quantization?.oversampling ?? 1)),
    filter: choice.filter,
    exact: params.exact ?? false,
    effort: params.effort ?? undefined,
    ef: params.hnsw_ef ?? undefined,
    recall: params.recall ?? DEFAULT_RECALL,
    watch,
    explain: params.explain ?? false,
  };
  const passes = betterThan(asked.score_threshold, largerIsNearer(distance));
  return nearest(state, wish, (found) => {
    const score = (hit: Hit) => scoreOf(distance, hit.distance);
    return read({ rows: windowOf(found.hits, score, { ...choice, passes }), found });
  });
}

function rankExamples<R>(
  scope: QueryScope,
  asked: Asked,
  { at, examples: given, meaning }: ExampleQuery,
  window: Window,
  read: (ranking: Ranking) => R,
): R | Promise<R> {
  const { state } = scope;
  const comparison = comparisonOf(scope, asked, at);
  const { using } = comparison;
  return after(exampleVectors(state, comparison, given), (examples) => {
    const except = placesOf(state, examples);
    if (typeof meaning === "function") {
      const { data } = storedVector(state.config, using, meaning(examples), at);
      return searchBy(scope, asked, data, { ...window, except }, read);
    }
    const wish = {
      using,
      metric: vectorConfig(state.config, using).distance,
      examples: examples.map(({ query }) => query),
      objective: meaning,
      filter: window.filter,
      except,
      limit: window.offset + window.limit,
    };
    const passes = betterThan(asked.score_threshold, true);
    return rankByExamples(state, wish, (ranked) => {
      const rows = ranked.slice(window.offset).filter(({ score }) => passes(score));
      return read({ rows, found: { plan: [], mergeMs: 0 } });
    });
  });
}

interface Choosing extends Choice {
  passes: (score: number) => boolean;
}

/** The hits within the window with their scores; they come best first. */
function windowOf(
  hits: readonly Hit[],
  scoreOfHit: (hit: Hit) => number,
  { limit, offset, passes, except }: Choosing,
): RankedRow[] {
  const rows: RankedRow[] = [];
  let skipped = 0;
  for (const hit of hits) {
    const { segment, row } = hit;
    if (except.some((place) => place.segment === segment && place.row === row)) continue;
    const score = scoreOfHit(hit);
    if (rows.length === limit || !passes(score)) break;
    if (skipped++ < offset) continue;
    rows.push({ segment, row, score });
  }
  return rows;
}

/** Whether a score is better than the threshold, and not just as good: both as the 32-bit floats that answers show. */
function betterThan(
  threshold: number | null | undefined,
  largerIsBetter: boolean,
): (score: number) => boolean {
  if (typeof threshold !== "number") return () => true;
  const bound = Math.fround(threshold);
  return largerIsBetter ? (score) => Math.fround(score) > bound : (score) => Math.fround(score) < bound;
}
