/** From `query` of a request to what ranks points: one line for each kind of query. */
import { after } from "../../runtime/after.js";
import { diverseQuery } from "./diverse-queries.js";
import { fieldOrder } from "./field-order.js";
import { formulaRanking } from "./formula-queries.js";
import { fusionQuery } from "./fusion-queries.js";
import type { Example } from "./query-vectors.js";
import type { Asked, QueryScope, RankingQuery } from "./ranking.js";
import { rerankRanking } from "./rerank-queries.js";
import { inOrderOfField, inOrderOfIds, sampled } from "./uncompared-queries.js";
import { isExample, nearestQuery, queryByExamples } from "./vector-queries.js";

/**
 * @param at Where the query stands in the request, for messages.
 * @throws POINT_NOT_FOUND, COLLECTION_NOT_FOUND, UNKNOWN_VECTOR, WRONG_DIMENSION, BAD_REQUEST
 */
export function rankingQuery(
  scope: QueryScope,
  asked: Asked,
  at: string,
): RankingQuery | Promise<RankingQuery> {
  const { state } = scope;
  const query = asked.query ?? undefined;
  if (query === undefined) return inOrderOfIds(state);
  if (isExample(query)) return nearestQuery(scope, asked, query, at);
  if ("nearest" in query) {
    const { mmr } = query;
    const nearest = nearestQuery(scope, asked, query.nearest as Example, at);
    return mmr ? after(nearest, (found) => diverseQuery(scope, asked, found, mmr)) : nearest;
  }
  if ("order_by" in query) return inOrderOfField(state, fieldOrder(state, query.order_by, `${at}.order_by`));
  if ("sample" in query) return sampled(state);
  if ("formula" in query) return formulaRanking(scope, asked, query, at);
  if ("rerank" in query) return rerankRanking(scope, asked, query.rerank, at);
  const found = fusionQuery(query, asked, at) ?? queryByExamples(scope, asked, query, at);
  if (found) return found;
  throw new Error("a query that passed its schema is of a known kind");
}
