/** Operations that newer clients ask for by queries: search, recommend and discover, each as the query that it stands for. */
import {
  array,
  discoverRequest,
  discoverRequestBatch,
  groupsResult,
  type QueryGroupsRequest,
  type QueryRequest,
  queryOfDiscover,
  queryOfRecommend,
  queryOfSearch,
  recommendGroupsRequest,
  recommendRequest,
  recommendRequestBatch,
  type Schema,
  scoredPoint,
  searchGroupsRequest,
  searchRequest,
  searchRequestBatch,
} from "vicinal/protocol";
import { writeGroups, writeSearchResponse, writeSearchResponses } from "./answer.js";
import { readParameters } from "./parameters.js";
import { type Route, route } from "./route.js";

const points = "/collections/{collection_name}/points";

function one<B>(
  operation: string,
  path: string,
  summary: string,
  body: Schema<B>,
  queryOf: (body: B) => QueryRequest,
): Route {
  return route(operation, "POST", `${points}/${path}`, summary, {
    parameters: readParameters,
    body,
    result: array(scoredPoint),
    write: writeSearchResponse,
    run: ({ engine, collection, body: given }) => engine.query(collection, queryOf(body.parse(given))),
  });
}

function batch<B>(
  operation: string,
  path: string,
  summary: string,
  body: Schema<{ searches: B[] }>,
  queryOf: (body: B) => QueryRequest,
): Route {
  return route(operation, "POST", `${points}/${path}/batch`, summary, {
    parameters: readParameters,
    body,
    result: array(array(scoredPoint)),
    write: writeSearchResponses,
    run: ({ engine, collection, body: given }) =>
      engine.queryBatch(collection, { searches: body.parse(given).searches.map(queryOf) }),
  });
}

function groups<B>(
  operation: string,
  path: string,
  summary: string,
  body: Schema<B>,
  queryOf: (body: B) => QueryGroupsRequest,
): Route {
  return route(operation, "POST", `${points}/${path}/groups`, summary, {
    parameters: readParameters,
    body,
    result: groupsResult,
    write: writeGroups,
    run: ({ engine, collection, body: given }) => engine.queryGroups(collection, queryOf(body.parse(given))),
  });
}

export const olderRoutes: readonly Route[] = [
  one("search_points", "search", "Search, in the older form", searchRequest, queryOfSearch),
  batch(
    "search_batch_points",
    "search",
    "Search several times, in the older form",
    searchRequestBatch,
    queryOfSearch,
  ),
  groups(
    "search_point_groups",
    "search",
    "Search by groups, in the older form",
    searchGroupsRequest,
    queryOfSearch,
  ),
  one("recommend_points", "recommend", "Recommend, in the older form", recommendRequest, queryOfRecommend),
  batch(
    "recommend_batch_points",
    "recommend",
    "Recommend several times, in the older form",
    recommendRequestBatch,
    queryOfRecommend,
  ),
  groups(
    "recommend_point_groups",
    "recommend",
    "Recommend by groups, in the older form",
    recommendGroupsRequest,
    queryOfRecommend,
  ),
  one("discover_points", "discover", "Discover, in the older form", discoverRequest, queryOfDiscover),
  batch(
    "discover_batch_points",
    "discover",
    "Discover several times, in the older form",
    discoverRequestBatch,
    queryOfDiscover,
  ),
];
