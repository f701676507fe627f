/** Queries that compare with vectors: the nearest to one, and what examples say of each point. */
import { rankByExamples } from "../../query/by-examples.js";
import type { Objective } from "../../query/objectives.js";
import { isSparse, type QueryVector, queryVectorOf } from "../../query/query-vector.js";
import type { RankedRow } from "../../query/ranked.js";
import { DEFAULT_RECALL, type Hit, largerIsNearer, nearest, scoreOf } from "../../query/search.js";
import { after } from "../../runtime/after.js";
import type { Place } from "../../segment/state.js";
import { metricOf, storedVector } from "../prepare.js";
import type { QueryInterface, SupportedVectorInput } from "../schema/index.js";
import { type ExampleQuery, exampleQuery } from "./example-queries.js";
import { checkIdf, weighted } from "./idf.js";
import {
  type Comparison,
  type Example,
  type ExampleVector,
  exampleVector,
  exampleVectors,
  lookupPlace,
  placesOf,
} from "./query-vectors.js";
import {
  type Asked,
  type Choice,
  NOTHING_SEARCHED,
  type QueryScope,
  type Read,
  type SearchQuery,
  type Window,
} from "./ranking.js";

/** A vector, or the id of a point. */
export function isExample(query: QueryInterface): query is SupportedVectorInput {
  return typeof query !== "object" || Array.isArray(query) || ArrayBuffer.isView(query) || "indices" in query;
}

/** @param at Where the query stands in the request, for messages. */
export function nearestQuery(
  scope: QueryScope,
  asked: Asked,
  given: Example,
  at: string,
): SearchQuery | Promise<SearchQuery> {
  const comparison = comparisonOf(scope, asked, at);
  return after(exampleVector(scope.state, comparison, given), (example) => ({
    kind: "nearest",
    named: namedBy([example]),
    search: (choice, read) => searchBy(scope, asked, example.query, choice, read),
  }));
}

/** Undefined for queries without examples. */
export function queryByExamples(
  scope: QueryScope,
  asked: Asked,
  query: QueryInterface,
  at: string,
): SearchQuery | Promise<SearchQuery> | undefined {
  const given = exampleQuery(query, at);
  if (!given) return undefined;
  const comparison = comparisonOf(scope, asked, given.at);
  return after(exampleVectors(scope.state, comparison, given.examples), (examples) => ({
    kind: given.kind,
    named: namedBy(examples),
    search: exampleSearch(scope, asked, given, examples),
  }));
}

function exampleSearch(
  scope: QueryScope,
  asked: Asked,
  { at, meaning }: ExampleQuery,
  examples: readonly ExampleVector[],
): SearchQuery["search"] {
  if (typeof meaning !== "function")
    return (choice, read) => searchByObjective(scope, asked, meaning, examples, choice, read);
  const query = queryVectorOf(storedVector(scope.state.config, asked.using ?? "", meaning(examples), at));
  return (choice, read) => searchBy(scope, asked, query, choice, read);
}

function namedBy(examples: readonly ExampleVector[]) {
  return examples.flatMap(({ id }) => (id === undefined ? [] : [id]));
}

/** What examples are compared with. UNKNOWN_VECTOR, COLLECTION_NOT_FOUND. */
function comparisonOf({ state, stateOf }: QueryScope, asked: Asked, at: string): Comparison {
  const using = asked.using ?? "";
  metricOf(state.config, using);
  checkIdf(state.config, asked, at);
  return { using, lookup: lookupPlace(asked.lookup_from, using, stateOf), at };
}

function searchBy<R>(
  { state, watch, filters, signal, termCounts }: QueryScope,
  asked: Asked,
  query: QueryVector,
  choice: Choice,
  read: Read<R>,
): R | Promise<R> {
  const using = asked.using ?? "";
  const distance = metricOf(state.config, using);
  const params = asked.params ?? {};
  const except = placesOf(state, choice.except);
  const k = choice.offset + choice.limit + except.length;
  const wish = {
    using,
    query: isSparse(query) ? weighted(state, using, query, params.idf, filters, termCounts) : query,
    k: Math.ceil(k * (params.quantization?.oversampling ?? 1)),
    filter: choice.filter,
    exact: choice.prefetched || (params.exact ?? false),
    effort: params.effort ?? undefined,
    ef: params.hnsw_ef ?? undefined,
    recall: params.recall ?? DEFAULT_RECALL,
    watch,
    explain: params.explain ?? false,
    signal,
  };
  const passes = betterThan(asked.score_threshold, largerIsNearer(distance));
  return nearest(state, wish, (found) => {
    const score = (hit: Hit) => scoreOf(distance, hit.distance);
    return read({ rows: windowOf(found.hits, score, choice, except, passes), found });
  });
}

function searchByObjective<R>(
  { state }: QueryScope,
  asked: Asked,
  objective: Objective,
  examples: readonly ExampleVector[],
  choice: Choice,
  read: Read<R>,
): R | Promise<R> {
  const using = asked.using ?? "";
  const wish = {
    using,
    metric: metricOf(state.config, using),
    examples: examples.map(({ query }) => query),
    objective,
    filter: choice.filter,
    except: placesOf(state, choice.except),
    limit: choice.offset + choice.limit,
  };
  const passes = betterThan(asked.score_threshold, true);
  return rankByExamples(state, wish, (ranked) => {
    const rows = ranked.slice(choice.offset).filter(({ score }) => passes(score));
    return read({ rows, found: NOTHING_SEARCHED });
  });
}

/** The hits within the window with their scores; they come best first. */
function windowOf(
  hits: readonly Hit[],
  scoreOfHit: (hit: Hit) => number,
  { limit, offset }: Window,
  except: readonly Place[],
  passes: (score: number) => boolean,
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
