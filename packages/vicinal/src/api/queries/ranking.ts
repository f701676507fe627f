/** What every kind of query comes to: something that ranks points, with the points that it names known by their vectors. */
import type { PointId } from "../../payload/id.js";
import type { RowFilter } from "../../query/matching.js";
import type { RankedRow } from "../../query/ranked.js";
import type { RecallWatch } from "../../query/recall-watch.js";
import type { SegmentPlan } from "../../query/search.js";
import type { Collection } from "../../segment/collection.js";
import type { CollectionState } from "../../segment/state.js";
import type { ReadyHooks } from "../inference/hooks.js";
import type * as schema from "../schema/index.js";
import type { TermCounts } from "./idf.js";
import type { SharedFilters } from "./shared-filters.js";

export const DEFAULT_LIMIT = 10;

/** Where a query runs. */
export interface QueryScope {
  /** By which name it was asked for. */
  name: string;
  collection: Collection;
  state: CollectionState;
  watch: RecallWatch | undefined;
  /** Of another collection; COLLECTION_NOT_FOUND. */
  stateOf: (collection: string) => CollectionState;
  filters: SharedFilters;
  /** Models that rerank, by name. */
  rerankers: ReadyHooks["rerank"];
  /** Of who waits for the answer. */
  signal?: AbortSignal;
  /** What the terms of a sparse query are weighed by, where this is a part of a collection. */
  termCounts?: TermCounts;
}

/** The part of a query's request that decides which points are found. */
export type Asked = Pick<
  schema.QueryRequest,
  "query" | "using" | "params" | "score_threshold" | "lookup_from" | "prefetch"
>;

/** Which of them are wanted. */
export interface Window {
  limit: number;
  offset: number;
}

/** Among which points. */
export interface Choice extends Window {
  filter: RowFilter | undefined;
  /** Points that the query, or one before or after it, names: they are no answers. */
  except: readonly PointId[];
  /** The filter is what prefetches found: each of them is compared. */
  prefetched: boolean;
}

/** Ranked points, best first, and how they were found. */
export interface Ranking {
  rows: RankedRow[];
  found: Work;
}

/** What a search came to; nothing where nothing was searched by an index or a scan of vectors. */
export interface Work {
  plan: SegmentPlan[];
  mergeMs: number;
}

/** Takes a ranking while the segments of its rows cannot go. */
export type Read<R> = (ranking: Ranking) => R | Promise<R>;

/** A query that finds points among all of a choice. Promises only where something has to be read from files. */
export interface SearchQuery {
  /** What the query is called in an explanation. */
  readonly kind: string;
  /** Points of the searched collection that it names. */
  readonly named: readonly PointId[];
  search<R>(choice: Choice, read: Read<R>): R | Promise<R>;
}

/** A query that makes one ranking of those that its prefetches found, and finds none itself. */
export interface MergeQuery {
  readonly kind: string;
  /** As messages call it: `Fusion`. */
  readonly name: string;
  merge<R>(rankings: readonly RankedRow[][], window: Window, read: Read<R>): R | Promise<R>;
}

export type RankingQuery = SearchQuery | MergeQuery;

export const NOTHING_SEARCHED: Work = { plan: [], mergeMs: 0 };

/**
 * The window of merged rows, which come best first. Unlike the scores of searches theirs may be just as good as the threshold: so it
 * is in Qdrant.
 */
export function mergedRanking(
  rows: readonly RankedRow[],
  { score_threshold: threshold }: Asked,
  { limit, offset }: Window,
): Ranking {
  const least = typeof threshold === "number" ? Math.fround(threshold) : Number.NEGATIVE_INFINITY;
  const passing = rows.filter(({ score }) => Math.fround(score) >= least);
  return { rows: passing.slice(offset, offset + limit), found: NOTHING_SEARCHED };
}
