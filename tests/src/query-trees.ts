/** Random queries with prefetches, and what they answer by a plain reading of the rules: no index, no segments, no files. */

export interface Row {
  id: number;
  /** Compared by Euclid. */
  a: number[];
  /** Compared by Dot; some points have none. */
  b?: number[];
  number: number;
}

export interface Asked {
  prefetch?: Asked[];
  query?: unknown;
  using?: string;
  filter?: { must: { key: string; range: { lt?: number; gte?: number } }[] };
  score_threshold?: number;
  limit?: number;
  offset?: number;
  params?: { exact: boolean };
}

export interface Scored {
  id: number;
  score: number;
}

type Kind = "nearest" | "named" | "recommend" | "mmr" | "order_by" | "ids" | "rrf" | "weighted" | "dbsf";
const leaves: Kind[] = ["nearest", "nearest", "named", "recommend", "mmr", "order_by", "ids"];
const merges: Kind[] = ["nearest", "named", "mmr", "order_by", "rrf", "weighted", "dbsf", "rrf", "dbsf"];

/** @param unit Numbers in [0, 1). */
export function randomTree(rows: readonly Row[], unit: () => number, depth: number): Asked {
  const below = (end: number) => Math.floor(unit() * end);
  const sources = depth === 0 ? 0 : 1 + below(3);
  const kinds = sources === 0 ? leaves : merges;
  const asked: Asked = { ...queryOf(kinds[below(kinds.length)], rows, unit, sources), limit: 1 + below(25) };
  if (below(3) === 0) asked.filter = { must: [{ key: "number", range: { lt: 20 + below(80) } }] };
  if (sources > 0)
    asked.prefetch = Array.from({ length: sources }, () => randomTree(rows, unit, below(depth)));
  return asked;
}

function queryOf(kind: Kind, rows: readonly Row[], unit: () => number, sources: number): Asked {
  const below = (end: number) => Math.floor(unit() * end);
  const using = unit() < 0.5 ? "a" : "b";
  const vector = () => Array.from({ length: using === "a" ? 3 : 4 }, () => Math.fround(unit() - 0.3));
  const id = () => {
    const having = rows.filter((row) => row[using]);
    return having[below(having.length)].id;
  };
  const params = { exact: true };
  switch (kind) {
    case "nearest": {
      const threshold = using === "a" ? 0.5 + unit() : 0.1;
      return { query: vector(), using, params, ...(unit() < 0.2 ? { score_threshold: threshold } : {}) };
    }
    case "named":
      return { query: id(), using, params };
    case "recommend":
      return { query: { recommend: { positive: [id(), vector()], negative: [id()] } }, using, params };
    case "mmr": {
      const mmr = { diversity: Math.fround(unit()), candidates_limit: 1 + below(40) };
      return { query: { nearest: vector(), mmr }, using, params };
    }
    case "order_by":
      return { query: { order_by: { key: "number", direction: unit() < 0.5 ? "asc" : "desc" } } };
    case "ids":
      return {};
    case "rrf":
      return { query: { fusion: "rrf" }, ...(unit() < 0.2 ? { score_threshold: 0.25 } : {}) };
    case "weighted": {
      const weights = Array.from({ length: sources }, () => below(4));
      return { query: { rrf: { k: 1 + below(60), weights } } };
    }
    case "dbsf":
      return { query: { fusion: "dbsf" } };
  }
}

/** Squared distances negative, so that larger is nearer. */
function similarity(using: string, x: readonly number[], y: readonly number[]): number {
  return x.reduce((sum, value, i) => (using === "a" ? sum - (value - y[i]) ** 2 : sum + value * y[i]), 0);
}

/** What a tree answers. */
export function answerOf(rows: readonly Row[], root: Asked): Scored[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const named = new Set(idsIn(root));
  const find = (asked: Asked, among: readonly Row[], offset = 0): Scored[] => {
    const inner = among.filter((row) => passes(row, asked.filter));
    const lists = (asked.prefetch ?? []).map((source) => find(source, inner));
    const chosen = new Set(lists.flat().map(({ id }) => id));
    const left = asked.prefetch ? rows.filter(({ id }) => chosen.has(id)) : inner;
    const candidates = left.filter(({ id }) => !named.has(id));
    const limit = asked.limit ?? 10;
    return ranked(asked, candidates, lists, byId, offset + limit).slice(offset, offset + limit);
  };
  return find(root, rows, root.offset);
}

function passes({ number }: Row, filter: Asked["filter"]): boolean {
  return (filter?.must ?? []).every(
    ({ range: { lt = Number.POSITIVE_INFINITY, gte = Number.NEGATIVE_INFINITY } }) =>
      number < lt && number >= gte,
  );
}

function idsIn({ query, prefetch = [] }: Asked): number[] {
  const recommend = (query as { recommend?: { positive: unknown[]; negative: unknown[] } })?.recommend;
  const given = recommend ? [...recommend.positive, ...recommend.negative] : [query];
  return [...given.filter((one) => typeof one === "number"), ...prefetch.flatMap(idsIn)];
}

function ranked(
  asked: Asked,
  candidates: readonly Row[],
  lists: readonly Scored[][],
  byId: ReadonlyMap<number, Row>,
  wanted: number,
): Scored[] {
  const query = asked.query as Record<string, never> | undefined;
  if (query === undefined) return candidates.map(({ id }) => ({ id, score: 1 }));
  if (query.order_by) {
    const sign = (query.order_by as { direction: string }).direction === "asc" ? 1 : -1;
    const ordered = [...candidates].sort((x, y) => sign * (x.number - y.number) || x.id - y.id);
    return ordered.map(({ id }) => ({ id, score: 1 }));
  }
  if (query.fusion || query.rrf) {
    const { k = 2, weights = [] } = (query.rrf ?? {}) as { k?: number; weights?: number[] };
    const worth =
      query.fusion === "dbsf"
        ? lists.map(distribution)
        : lists.map((list, i) => {
            const weight = weights[i] ?? 1;
            return list.map((_, place) => (weight === 0 ? 0 : 1 / ((place + 1) / weight + k - 1)));
          });
    const scores = new Map<number, number>();
    lists.forEach((list, i) => {
      list.forEach(({ id }, place) => {
        scores.set(id, (scores.get(id) ?? 0) + worth[i][place]);
      });
    });
    const fused = [...scores].map(([id, score]) => ({ id, score })).sort((x, y) => y.score - x.score);
    return fused.filter(({ score }) => score >= (asked.score_threshold ?? Number.NEGATIVE_INFINITY));
  }
  return byVector(asked, candidates, byId, wanted);
}

function distribution(list: readonly Scored[]): number[] {
  const mean = list.reduce((sum, { score }) => sum + score, 0) / list.length;
  const squares = list.reduce((sum, { score }) => sum + (score - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (list.length - 1));
  return list.map(({ score }) => (deviation > 1e-12 ? (score - mean) / (6 * deviation) + 0.5 : 0.5));
}

function byVector(
  { query, using = "a", score_threshold: threshold }: Asked,
  candidates: readonly Row[],
  byId: ReadonlyMap<number, Row>,
  wanted: number,
): Scored[] {
  const name = using as "a" | "b";
  const of = (id: number) => (byId.get(id) as Row)[name] as number[];
  const given = (one: unknown) => (typeof one === "number" ? of(one) : (one as number[]));
  const { recommend, nearest, mmr } = query as {
    recommend?: { positive: unknown[]; negative: unknown[] };
    nearest?: number[];
    mmr?: { diversity: number; candidates_limit: number };
  };
  let target = given(nearest ?? query);
  if (recommend) {
    const positive = recommend.positive.map(given);
    const mean = positive[0].map((value, i) => (value + positive[1][i]) / 2);
    const negative = given(recommend.negative[0]);
    target = mean.map((value, i) => 2 * value - negative[i]);
  }
  const having = candidates.filter((row) => row[name]);
  const near = having
    .map(({ id }) => ({ id, likeness: similarity(using, of(id), target) }))
    .sort((x, y) => y.likeness - x.likeness)
    .map((found) => ({ ...found, score: using === "a" ? Math.sqrt(-found.likeness) : found.likeness }))
    .filter(
      ({ score }) => threshold === undefined || (using === "a" ? score < threshold : score > threshold),
    );
  if (!mmr) return near;
  const left = near.slice(0, mmr.candidates_limit);
  const chosen: typeof near = [];
  while (left.length > 0 && chosen.length < wanted) {
    const worth = left.map(({ id, likeness }) => {
      if (chosen.length === 0) return likeness;
      const most = Math.max(...chosen.map((other) => similarity(using, of(id), of(other.id))));
      return (1 - mmr.diversity) * likeness - mmr.diversity * most;
    });
    chosen.push(...left.splice(worth.indexOf(Math.max(...worth)), 1));
  }
  return chosen;
}
