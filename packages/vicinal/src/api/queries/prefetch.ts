/**
 * The tree of a query and its prefetches. All names are resolved first, from the root on; then each query is checked; then the leaves
 * search among all points that pass the filters on their way to the root, and each query above them ranks what those below found.
 *
 * As Qdrant documents it (Hybrid and multi-stage queries): a query by vectors compares exactly with the candidates of its prefetches,
 * each of them once; a point that any query of the tree names is no answer of any; offsets and payloads belong to the root alone.
 */
import type { PointId } from "../../payload/id.js";
import { amongRows, relocated } from "../../query/candidates.js";
import type { RankedRow } from "../../query/ranked.js";
import { whenDone } from "../../query/search.js";
import { after, afterEach } from "../../runtime/after.js";
import { assert } from "../../runtime/assert.js";
import { VicinalError } from "../../runtime/errors.js";
import type { CollectionState } from "../../segment/state.js";
import type { Filter, Prefetch } from "../schema/index.js";
import {
  type Asked,
  DEFAULT_LIMIT,
  type QueryScope,
  type Ranking,
  type RankingQuery,
  type SearchQuery,
  type Window,
  type Work,
} from "./ranking.js";
import { rankingQuery } from "./ranking-query.js";
import { bothFilters } from "./shared-filters.js";

/** A query with its names resolved, and those that go before it. */
export interface QueryTree {
  query: RankingQuery;
  asked: Asked & Partial<Pick<Prefetch, "filter" | "limit">>;
  before: QueryTree[];
}

/** How a query of the tree was answered. */
export interface Stage extends Work {
  kind: string;
  /** Points that it found. */
  count: number;
  /** Of the clock, those before it included. */
  ms: number;
  before: Stage[];
}

/** What a query of the tree found, while the segments of the rows cannot go. */
export interface StageRanking {
  rows: RankedRow[];
  stage: Stage;
}

/** Which points the tree is asked for. */
export interface TreeWindow extends Window {
  filter: Filter | null | undefined;
}

/**
 * Hands the rows that answer the root to `read`, best first. A promise only where something has to be read from files.
 * @throws what any query of the tree is refused for, before anything is searched.
 */
export function rankTree<R>(
  scope: QueryScope,
  asked: Asked,
  window: TreeWindow,
  read: (found: StageRanking) => R | Promise<R>,
): R | Promise<R> {
  return after(queryTree(scope, asked, ""), (tree) => {
    check(tree, "");
    return new TreeRun(scope, namedIn(tree)).rank(tree, window, read);
  });
}

function queryTree(scope: QueryScope, asked: QueryTree["asked"], at: string): QueryTree | Promise<QueryTree> {
  return after(rankingQuery(scope, asked, `${at}query`), (query) => {
    const before = afterEach(prefetches(asked), (given, i) => queryTree(scope, given, placeOf(at, i)));
    return after(before, (trees) => ({ query, asked, before: trees }));
  });
}

/** Each explains itself where the query above it does. */
function prefetches({ prefetch, params }: Asked): Prefetch[] {
  const given = [prefetch ?? []].flat();
  return params?.explain ? given.map((one) => ({ ...one, params: { ...one.params, explain: true } })) : given;
}

function placeOf(at: string, prefetch: number): string {
  return `${at}prefetch[${prefetch}].`;
}

/** Texts as in Qdrant, whose clients know them. */
function check({ query, asked, before }: QueryTree, at: string): void {
  const refuse = (field: string, why: string) => {
    throw new VicinalError("BAD_REQUEST", why, { field: `${at}${field}` });
  };
  const isAbsent = query.kind === "ids";
  if (before.length > 0 && isAbsent)
    refuse(
      "query",
      "Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query.",
    );
  if (typeof asked.score_threshold === "number") {
    if (isAbsent)
      refuse(
        "score_threshold",
        "Bad request: A query is needed to use the score_threshold. Can't have score_threshold without defining a query.",
      );
    if (query.kind === "order_by")
      refuse("score_threshold", "Bad request: Can't use score_threshold with an order_by query.");
  }
  if ("merge" in query) {
    if (query.name === "Fusion" && (asked.using ?? "") !== "")
      refuse("using", "Bad request: Fusion queries cannot be combined with the 'using' field.");
    if (before.length === 0) refuse("prefetch", `Wrong input: cannot apply ${query.name} without prefetches`);
  }
  before.forEach((tree, i) => {
    check(tree, placeOf(at, i));
  });
}

function namedIn({ query, before }: QueryTree): PointId[] {
  return [...("named" in query ? query.named : []), ...before.flatMap(namedIn)];
}

class TreeRun {
  readonly #scope: QueryScope;
  /** Points that are no answers. */
  readonly #except: readonly PointId[];

  constructor(scope: QueryScope, except: readonly PointId[]) {
    this.#scope = scope;
    this.#except = except;
  }

  rank<R>(
    { query, before }: QueryTree,
    { filter, limit, offset }: TreeWindow,
    read: (found: StageRanking) => R | Promise<R>,
  ): R | Promise<R> {
    const began = performance.now();
    const except = this.#except;
    const done = (stages: Stage[]) => {
      return ({ rows, found: { plan, mergeMs } }: Ranking) => {
        const { kind } = query;
        const ms = performance.now() - began;
        return read({ rows, stage: { kind, count: rows.length, plan, mergeMs, ms, before: stages } });
      };
    };
    if (before.length === 0) {
      const among = this.#scope.filters.compiled(filter);
      return leaf(query).search({ filter: among, limit, offset, except, prefetched: false }, done([]));
    }
    const found = afterEach(before, (tree) => this.rank(tree, prefetchWindow(tree, filter), (one) => one));
    return settled(this.#scope.state, found, (rankings) => {
      const lists = rankings.map(({ rows }) => rows);
      const stages = rankings.map(({ stage }) => stage);
      if ("merge" in query) return query.merge(lists, { limit, offset }, done(stages));
      const among = amongRows(lists);
      return query.search({ filter: among, limit, offset, except, prefetched: true }, done(stages));
    });
  }
}

/** The filter of a query holds for all that goes before it. */
function prefetchWindow({ asked }: QueryTree, filter: TreeWindow["filter"]): TreeWindow {
  return {
    filter: bothFilters(filter, asked.filter),
    limit: Number(asked.limit ?? DEFAULT_LIMIT),
    offset: 0,
  };
}

function leaf(query: RankingQuery): SearchQuery {
  assert("search" in query, "a query without prefetches searches");
  return query;
}

/** While some are still being read from files, points may move or go: the rest is asked where they lie afterwards. */
function settled<R>(
  state: CollectionState,
  rankings: StageRanking[] | Promise<StageRanking[]>,
  next: (rankings: StageRanking[]) => R | Promise<R>,
): R | Promise<R> {
  if (!(rankings instanceof Promise)) return next(rankings);
  return whenDone([rankings], state.segments(), async () =>
    next((await rankings).map(({ rows, stage }) => ({ rows: relocated(state, rows), stage }))),
  );
}
