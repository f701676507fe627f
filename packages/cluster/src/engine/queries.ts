/**
 * Queries over shards. A query is answered from its leaves: each shard gives its best, the best of all go on. What chooses among
 * the points that prefetches found sees those of all shards together, as it would in one collection:
 *
 *   fusion                        here, by the engine's own code, from the merged rankings
 *   MMR                           here, in a small collection of the candidates
 *   anything else                 on the shards, among the points that were found
 *
 * Points that a query names are looked up first: their shard is one, those that are searched are all.
 */
import type { Filter, Prefetch, QueryGroupsRequest, QueryRequest } from "vicinal/protocol";
import {
  Collection,
  type CollectionConfig,
  Engine,
  fusedByRank,
  fusedByScore,
  type PointId,
  parsePointId,
  type RankedRow,
  RRF_K,
  type TermCounts,
  VicinalError,
} from "vicinal/shard";
import { SingleCatalogue } from "../node/single-catalogue.js";
import {
  best,
  byField,
  byScore,
  type Hit,
  inOrderOfField,
  inOrderOfIds,
  type Row,
  revived,
  sampled,
} from "./merge.js";

type Body = Record<string, unknown>;

/** A collection as queries see it. */
export interface Shards {
  readonly name: string;
  readonly config: CollectionConfig;
  /** Asks every shard that the request concerns. */
  all(operation: string, body: Body, counts?: TermCounts): Promise<unknown[]>;
  /** How often terms are in the vectors of all these shards. */
  termCounts(using: string, terms: readonly number[], idf: unknown): Promise<TermCounts>;
  /** The points of these ids, of whatever shard. */
  points(ids: readonly PointId[], body: Body): Promise<Row[]>;
  /** Another collection of the cluster. */
  other(name: string): Promise<Shards>;
}

const DEFAULT_LIMIT = 10;
/** As the engine scores what it does not compare. */
const UNCOMPARED_SCORE = 1;

interface Window {
  limit: number;
  offset: number;
  filter: Filter | undefined;
  with_payload?: unknown;
  with_vector?: unknown;
  with_blobs?: unknown;
  /** Whether it chooses among what prefetches found. */
  isAmongFound?: boolean;
}

export async function answerQuery(shards: Shards, request: QueryRequest): Promise<Hit[]> {
  const { asked, filter } = await resolved(shards, request);
  // A tree is taken apart below: what is wrong with the whole of it, an empty collection says.
  if (asked.prefetch)
    await amongThese(shards.config, [], (engine) => engine.query("c", asked as QueryRequest));
  return ranked(shards, asked, {
    limit: Number(request.limit ?? DEFAULT_LIMIT),
    offset: Number(request.offset ?? 0),
    filter,
    with_payload: request.with_payload,
    with_vector: request.with_vector,
    with_blobs: request.with_blobs,
  });
}

/** @param asked Names no points. */
async function ranked(shards: Shards, asked: Prefetch, window: Window): Promise<Hit[]> {
  const { query } = asked;
  const prefetches = [asked.prefetch ?? []].flat();
  const { filter } = window;
  if (prefetches.length === 0)
    return isMmr(query) ? diverse(shards, asked, window) : leaf(shards, asked, window);
  const rankings = await Promise.all(
    prefetches.map((one) =>
      ranked(shards, one, {
        limit: Number(one.limit ?? DEFAULT_LIMIT),
        offset: 0,
        filter: both(filter, one.filter ?? undefined),
      }),
    ),
  );
  const fused = fusion(query, rankings);
  if (fused) return shown(shards, passing(fused, asked.score_threshold), window);
  const found = [...new Set(rankings.flat().map(({ id }) => id as PointId))];
  const among = {
    ...window,
    filter: both(filter, { must: [{ has_id: found }] } as Filter),
    isAmongFound: true,
  };
  if (isMmr(query)) return diverse(shards, asked, among);
  // It may speak of the scores that its prefetches gave, in all shards.
  const prefetch =
    isObject(query) && ("formula" in query || "rerank" in query) ? rankings.map(carrier) : undefined;
  return leaf(shards, { ...asked, prefetch }, among);
}

/** A query that finds exactly these points with exactly these scores, whichever of them a shard has. */
function carrier(ranking: readonly Hit[]): Prefetch {
  const limit = Math.max(1, ranking.length);
  const filter = { must: [{ has_id: ranking.map(({ id }) => id) }] };
  const sum = ranking.map(({ id, score }) => ({ mult: [score, { has_id: [id] }] }));
  return { prefetch: { filter, limit }, query: { formula: { sum } }, limit } as unknown as Prefetch;
}

/** One query without others before it, or with such as every shard answers for itself. */
async function leaf(shards: Shards, asked: Prefetch, window: Window): Promise<Hit[]> {
  const { query, using, params, score_threshold, prefetch } = asked;
  const { limit, offset, filter, with_payload, with_vector, with_blobs } = window;
  const wanted = Math.min(offset + limit, Number.MAX_SAFE_INTEGER);
  if (query === undefined || query === null) {
    const body = {
      filter,
      limit: wanted,
      with_payload: with_payload ?? false,
      with_vector,
      with_blobs,
      with_version: true,
    };
    const answers = (await shards.all("scroll", body)) as { points: Row[] }[];
    return inOrderOfIds(
      answers.map(({ points }) => revived(points)),
      wanted,
    )
      .slice(offset)
      .map(scored);
  }
  if (isObject(query) && "order_by" in query && !prefetch) {
    const order = query.order_by as string | { direction?: string };
    const body = {
      filter,
      limit: wanted,
      order_by: order,
      with_payload: with_payload ?? false,
      with_vector,
      with_blobs,
      with_version: true,
    };
    const answers = (await shards.all("scroll", body)) as { points: Row[] }[];
    const descending = typeof order === "object" && order.direction === "desc";
    return inOrderOfField(
      answers.map(({ points }) => revived(points)),
      wanted,
      descending,
    )
      .slice(offset)
      .map(scored);
  }
  const body = {
    query,
    using,
    filter,
    params,
    score_threshold,
    prefetch,
    limit: wanted,
    with_payload,
    with_vector,
    with_blobs,
  };
  if (isObject(query) && "sample" in query) {
    const [answers, counts] = await Promise.all([
      shards.all("query", body) as Promise<{ points: Hit[] }[]>,
      shards.all("count", { filter }) as Promise<{ count: number }[]>,
    ]);
    return sampled(
      answers.map(({ points }) => revived(points)),
      counts.map(({ count }) => count),
      window.isAmongFound ? wanted : limit,
    ).slice(window.isAmongFound ? offset : 0);
  }
  const counts = await countsFor(shards, asked);
  const answers = (await shards.all("query", body, counts)) as { points: Hit[] }[];
  const hits = answers.map(({ points }) => revived(points));
  return best(hits, wanted, isDistance(shards.config, query, using)).slice(offset);
}

/** What a sparse query's terms are weighed by in all shards; undefined where they are not weighed. */
async function countsFor(
  shards: Shards,
  { query, using, params }: Prefetch,
): Promise<TermCounts | undefined> {
  const name = using ?? "";
  if (shards.config.sparse?.[name]?.modifier !== "idf") return undefined;
  const vector = isObject(query) && "nearest" in query ? query.nearest : query;
  if (!isObject(vector) || !("indices" in vector)) return undefined;
  return shards.termCounts(name, [...(vector.indices as Iterable<number>)], params?.idf);
}

/** A record as an answer to a query that compares nothing. */
function scored({ version, ...row }: Row): Hit {
  return { ...row, score: UNCOMPARED_SCORE, version: version ?? 0 };
}

/** Whether the smaller score is the better one. */
function isDistance(config: CollectionConfig, query: unknown, using: string | null | undefined): boolean {
  const distance = config.vectors[using ?? ""]?.distance;
  if (distance !== "Euclid" && distance !== "Manhattan") return false;
  if (!isObject(query) || ArrayBuffer.isView(query) || Array.isArray(query)) return true;
  if ("recommend" in query) {
    const { strategy } = query.recommend as { strategy?: string };
    return strategy === undefined || strategy === null || strategy === "average_vector";
  }
  return !["discover", "context", "formula", "rerank", "relevance_feedback", "sample"].some(
    (kind) => kind in query,
  );
}

// ------------------------------------------------------------------------------------------------ fusion, MMR

/** Undefined where the query is no fusion. */
function fusion(query: unknown, rankings: readonly Hit[][]): { id: PointId; score: number }[] | undefined {
  if (!isObject(query)) return undefined;
  const isRanks = "rrf" in query || query.fusion === "rrf";
  if (!isRanks && query.fusion !== "dbsf") return undefined;
  const ids: PointId[] = [];
  const rows = new Map<PointId, number>();
  // The engine fuses rows of segments: here all are of one.
  const segment = {} as RankedRow["segment"];
  const rowsOf = rankings.map((ranking) =>
    ranking.map(({ id, score }): RankedRow => {
      const known = rows.get(id as PointId);
      const row = known ?? ids.push(id as PointId) - 1;
      if (known === undefined) rows.set(id as PointId, row);
      return { segment, row, score };
    }),
  );
  const { k = RRF_K, weights } = (query.rrf ?? {}) as { k?: number; weights?: number[] };
  const fused = isRanks ? fusedByRank(rowsOf, { k, weights }) : fusedByScore(rowsOf);
  return fused.map(({ row, score }) => ({ id: ids[row], score }));
}

function passing(hits: { id: PointId; score: number }[], threshold: number | null | undefined) {
  return threshold === undefined || threshold === null
    ? hits
    : hits.filter(({ score }) => score >= threshold);
}

/** Points of which only the scores are known, with what is to be shown of them. */
async function shown(
  shards: Shards,
  hits: readonly { id: PointId; score: number }[],
  window: Window,
): Promise<Hit[]> {
  const { offset, limit, with_payload = false, with_vector = false, with_blobs } = window;
  const page = hits.slice(offset, offset + limit);
  const rows = await shards.points(
    page.map(({ id }) => id),
    { with_payload: with_payload ?? false, with_vector, with_blobs, with_version: true },
  );
  const byId = new Map(rows.map((row) => [row.id as PointId, row]));
  // One that has gone meanwhile is no answer.
  return page.flatMap(({ id, score }) => {
    const row = byId.get(id);
    return row ? [{ ...scored(row), score }] : [];
  });
}

function isMmr(query: unknown): query is { nearest: unknown; mmr: { candidates_limit?: number | null } } {
  return isObject(query) && "mmr" in query && query.mmr !== null && query.mmr !== undefined;
}

/** The best of all shards, put into a collection of their own, where they are compared with each other. */
async function diverse(shards: Shards, asked: Prefetch, window: Window): Promise<Hit[]> {
  const query = asked.query as unknown as { nearest: unknown; mmr: { candidates_limit?: number | null } };
  const using = asked.using ?? "";
  const candidates = Math.max(Number(query.mmr.candidates_limit ?? 0), window.offset + window.limit);
  const among = await leaf(
    shards,
    { ...asked, query: { nearest: query.nearest } as Prefetch["query"], prefetch: undefined },
    {
      ...window,
      offset: 0,
      limit: candidates,
      with_payload: false,
      with_vector: using === "" ? true : [using],
    },
  );
  if (among.length === 0) return [];
  const chosen = await amongThese(shards.config, among, async (engine) => {
    const { points } = await engine.query("c", {
      query: asked.query,
      using: asked.using,
      limit: window.limit,
      offset: window.offset,
      params: { exact: true },
    } as QueryRequest);
    return points;
  });
  return shown(
    shards,
    chosen.map(({ id, score }) => ({ id: id as PointId, score })),
    { ...window, offset: 0 },
  );
}

/** Asks a collection of these points alone. */
export async function amongThese<T>(
  config: CollectionConfig,
  points: readonly Row[],
  ask: (engine: Engine) => Promise<T>,
): Promise<T> {
  const collection = await Collection.create(undefined, structuredClone(config), { epoch: 1 });
  try {
    const engine = new Engine(new SingleCatalogue(collection));
    if (points.length > 0)
      await engine.upsert("c", {
        points: points.map(({ id, vector }) => ({ id, vector: asGiven(vector) })),
      } as Parameters<Engine["upsert"]>[1]);
    return await ask(engine);
  } finally {
    await collection.close();
  }
}

// ------------------------------------------------------------------------------------------------ named points

/** The request with vectors in the place of points that it names, and a filter without those: they are no answers to themselves. */
async function resolved(
  shards: Shards,
  request: Prefetch,
): Promise<{ asked: Prefetch; filter: Filter | undefined }> {
  const named = new Set<PointId>();
  const asked = await withVectors(shards, request, named);
  const filter = request.filter ?? undefined;
  return { asked, filter: named.size > 0 ? without(filter, [...named]) : filter };
}

/** @param named Gains the points of the searched collection that were named, here or in what goes before. */
async function withVectors(shards: Shards, asked: Prefetch, named: Set<PointId>): Promise<Prefetch> {
  const { query, using, lookup_from: lookup, prefetch } = asked;
  const before = [prefetch ?? []].flat();
  const trees = await Promise.all(before.map((one) => withVectors(shards, one, named)));
  const rest = { ...asked, lookup_from: undefined, prefetch: trees.length > 0 ? trees : undefined };
  // Whether it is needed or not: what does not exist is said.
  const from = lookup ? await shards.other(lookup.collection) : shards;
  const ids = new Set<PointId>();
  if (query !== undefined && query !== null)
    walk(query, (value) => {
      if (isId(value)) ids.add(value);
    });
  if (ids.size === 0) return rest;
  const vector = lookup?.vector ?? using ?? "";
  const rows = await from.points([...ids], {
    with_payload: false,
    with_vector: vector === "" ? true : [vector],
  });
  const vectors = new Map<PointId, unknown>();
  for (const { id, vector: found } of rows) {
    const isNamed =
      isObject(found) && !ArrayBuffer.isView(found) && !Array.isArray(found) && !("indices" in found);
    const one = isNamed ? (found as Body)[vector] : found;
    if (one !== undefined && one !== null) vectors.set(parsePointId(id), asGiven(one));
  }
  if (!lookup || from.name === shards.name) for (const id of ids) named.add(id);
  const made = walk(query, (value) => {
    if (!isId(value)) return value;
    const found = vectors.get(parsePointId(value));
    if (found !== undefined) return found;
    throw new VicinalError("POINT_NOT_FOUND", `Not found: No point with id ${value} found`, {
      id: String(value),
    });
  });
  return { ...rest, query: made as Prefetch["query"] };
}

/** Goes through the places of a query where a point may be named. */
function walk(query: unknown, each: (value: unknown) => unknown): unknown {
  if (!isObject(query) || ArrayBuffer.isView(query) || Array.isArray(query)) return each(query) ?? query;
  const list = (values: unknown) =>
    Array.isArray(values) ? values.map((value) => each(value) ?? value) : values;
  const pair = (value: unknown) => {
    const { positive, negative } = value as Body;
    return { positive: each(positive) ?? positive, negative: each(negative) ?? negative };
  };
  const pairs = (value: unknown) =>
    Array.isArray(value) ? value.map(pair) : isObject(value) ? pair(value) : value;
  if ("nearest" in query) return { ...query, nearest: each(query.nearest) ?? query.nearest };
  if ("recommend" in query) {
    const given = query.recommend as Body;
    return { recommend: { ...given, positive: list(given.positive), negative: list(given.negative) } };
  }
  if ("discover" in query) {
    const { target, context } = query.discover as Body;
    return { discover: { target: each(target) ?? target, context: pairs(context) } };
  }
  if ("context" in query) return { context: pairs(query.context) };
  if ("relevance_feedback" in query) {
    const given = query.relevance_feedback as Body & { feedback: Body[] };
    const feedback = given.feedback.map((item) => ({ ...item, example: each(item.example) ?? item.example }));
    return { relevance_feedback: { ...given, target: each(given.target) ?? given.target, feedback } };
  }
  return query;
}

/** A vector of an answer as a request takes it: sparse ones as plain arrays. */
function asGiven(vector: unknown): unknown {
  if (!isObject(vector) || ArrayBuffer.isView(vector) || Array.isArray(vector)) return vector;
  const { indices, values } = vector as { indices?: Iterable<number>; values?: Iterable<number> };
  if (indices && values) return { indices: [...indices], values: [...values] };
  return Object.fromEntries(Object.entries(vector).map(([name, one]) => [name, asGiven(one)]));
}

function isId(value: unknown): value is PointId {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "string";
}

function isObject(value: unknown): value is Body {
  return typeof value === "object" && value !== null;
}

export function both(a: Filter | undefined, b: Filter | undefined): Filter | undefined {
  if (!a || !b) return a ?? b;
  return { must: [a, b] } as Filter;
}

function without(filter: Filter | undefined, ids: readonly PointId[]): Filter {
  return both(filter, { must_not: [{ has_id: [...ids] }] } as Filter) as Filter;
}

// ------------------------------------------------------------------------------------------------ groups

type Group = { id: unknown; hits: Hit[]; lookup?: unknown };

const GROUP_SIZE = 3;

/**
 * First every shard's best groups, of which the best of all are chosen; then the points of these groups, of all shards: one that is
 * among the best may have more points in a shard where others are better. With prefetches a shard's groups are of what it found.
 */
export async function answerGroups(shards: Shards, request: QueryGroupsRequest): Promise<Group[]> {
  const { asked, filter } = await resolved(shards, request as Prefetch);
  const size = request.group_size ?? GROUP_SIZE;
  const limit = request.limit ?? DEFAULT_LIMIT;
  const body = { ...request, ...asked, filter, with_lookup: undefined, group_size: size, limit };
  const lookup =
    typeof request.with_lookup === "string" ? { collection: request.with_lookup } : request.with_lookup;
  const order = isObject(asked.query) && "order_by" in asked.query ? asked.query.order_by : undefined;
  const compare = order
    ? byField(isObject(order) && order.direction === "desc")
    : byScore(isDistance(shards.config, asked.query, request.using));
  const join = (answers: { groups: Group[] }[]): Group[] => {
    const groups = new Map<unknown, Hit[][]>();
    for (const { groups: some } of answers)
      for (const { id, hits } of some) groups.set(id, [...(groups.get(id) ?? []), revived(hits)]);
    const joined = [...groups].map(([id, hits]) => ({ id, hits: hits.flat().sort(compare).slice(0, size) }));
    return joined.sort((a, b) => compare(a.hits[0], b.hits[0])).slice(0, limit);
  };
  if (lookup) await shards.other((lookup as Body & { collection: string }).collection);
  const counts = await countsFor(shards, asked);
  const first = join((await shards.all("queryGroups", body, counts)) as { groups: Group[] }[]);
  if (first.length === 0) return [];
  const should = first.map(({ id }) => inGroup(request.group_by, id));
  const among = both(filter, { should } as Filter);
  const again = { ...body, filter: among };
  const second = join((await shards.all("queryGroups", again, counts)) as { groups: Group[] }[]);
  const chosen = new Map(second.map((group) => [group.id, group]));
  const groups = first.map((group) => chosen.get(group.id) ?? group);
  if (lookup) {
    const { collection, with_payload, with_vectors, with_vector } = lookup as Body & { collection: string };
    const other = await shards.other(collection);
    const ids = groups.map(({ id }) => id).filter((id) => typeof id === "number" || isUuid(id)) as PointId[];
    const rows = await other.points(ids, {
      with_payload: with_payload ?? true,
      with_vector: with_vectors ?? with_vector ?? false,
    });
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const group of groups) {
      const row = byId.get(group.id as PointId);
      if (row) group.lookup = row;
    }
  }
  return groups;
}

/** Numbers may be larger than integers of requests. */
function inGroup(key: string, id: unknown): object {
  if (typeof id === "string") return { key, match: { value: id } };
  return { key, range: { gte: id, lte: id } };
}

function isUuid(id: unknown): boolean {
  return typeof id === "string" && /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i.test(id);
}
