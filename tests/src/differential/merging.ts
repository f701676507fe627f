/** The reference's reading of queries over prefetches: fusions and formulas. */
import type { Filter } from "../../../packages/vicinal/dist/payload/filter.js";
import {
  plain,
  Refusal,
} from "../../../packages/vicinal/dist/query/formula/formula-reference.test.helper.js";
import type { Model, Scored } from "./model.js";
import { largerIsBetter, namedBy, Refused, scored } from "./ranking.js";
import type { Merge, Source } from "./requests.js";

/** Scores nearer to each other than this may stand in another order, since they are sums of 32-bit floats. */
const GAP_MIN = 1e-3;

/**
 * What each source finds, best first. Undefined where the order, or who is the last, hangs on less than rounding.
 * @throws Refused
 */
export function sourceLists(
  model: Model,
  filter: Filter | undefined,
  sources: readonly Source[],
): Scored[][] | undefined {
  const named = sources.flatMap((source) => namedBy(model, source, source.rank));
  const among = new Set(model.matching(filter).map(({ id }) => String(id)));
  for (const { id } of model.points) if (named.includes(String(id))) among.delete(String(id));
  const lists = sources.map((source) => {
    const sign = largerIsBetter(model, source, source.rank) ? 1 : -1;
    const all = scored(model, source, source.rank).filter(({ id }) => among.has(String(id)));
    all.sort((a, b) => sign * (b.score - a.score));
    const isClear = all.slice(0, source.limit).every(({ score }, i) => {
      const next = all[i + 1];
      return !next || Math.abs(score - next.score) > GAP_MIN * (1 + Math.abs(score));
    });
    return isClear ? all.slice(0, source.limit) : undefined;
  });
  return lists.every((list) => list !== undefined) ? lists : undefined;
}

/** @throws Refused where a formula has no score for a point. */
export function merged(model: Model, how: Merge["how"], lists: readonly Scored[][]): Scored[] {
  const ids = new Map(lists.flat().map(({ id }) => [String(id), id]));
  const worth = worthBy(model, how, lists);
  return [...ids.values()].map((id) => ({ id, score: worth(id) }));
}

function worthBy(model: Model, how: Merge["how"], lists: readonly Scored[][]): (id: Scored["id"]) => number {
  const places = lists.map((list) => new Map(list.map(({ id }, place) => [String(id), place])));
  const sumOf = (give: (list: number, place: number) => number) => (id: Scored["id"]) => {
    const given = places.map((of, list) => {
      const place = of.get(String(id));
      return place === undefined ? 0 : give(list, place);
    });
    return given.reduce((a, b) => a + b, 0);
  };
  if ("rrf" in how) {
    const { k, weights } = how.rrf;
    return sumOf((list, place) => {
      const weight = weights ? weights[list] : 1;
      return weight === 0 ? 0 : 1 / ((place + 1) / weight + k - 1);
    });
  }
  if ("fusion" in how) {
    const normal = lists.map((list) => normalised(list.map(({ score }) => score)));
    return sumOf((list, place) => normal[list][place]);
  }
  return (id) => {
    const point = model.find(id);
    if (!point) throw new Error("a found point is in the model");
    const { payload, vectors } = point;
    const scores = lists.map((list) => list.find((one) => String(one.id) === String(id))?.score);
    try {
      return plain(how.formula, {
        payload,
        id,
        vectors: Object.keys(vectors),
        scores,
        defaults: how.defaults,
      });
    } catch (reason) {
      if (reason instanceof Refusal) throw new Refused("a formula without a score for a point");
      throw reason;
    }
  };
}

/** The mean less three standard deviations is 0, the mean plus three 1. */
function normalised(scores: readonly number[]): number[] {
  const count = scores.length;
  const mean = scores.reduce((a, b) => a + b, 0) / count;
  const deviation = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (count - 1));
  return scores.map((score) => (count > 1 ? (score - mean) / (6 * deviation) + 0.5 : 0.5));
}
